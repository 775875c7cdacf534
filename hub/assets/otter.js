// What pages need beyond HTML: passkeys, and hearing that something changed. Nothing here decides: the hub checks each touch.

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const toldNear = (element) => element.closest("section, main")?.querySelector("[data-told]") ?? document.getElementById("told");
const tell = (element, words, bad = false) => {
  const told = toldNear(element);
  told.textContent = words;
  told.classList.toggle("bad", bad);
};

async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401) {
    location.assign(`/login?next=${location.pathname}`);
    throw new Error("you are not logged in any more");
  }
  if (!answer.ok) throw new Error(said.detail ?? `the hub answered ${answer.status}`);
  return said;
}

async function touch({ challenge, rp_id, credentials = [] }) {
  const made = await navigator.credentials.get({ publicKey: {
    rpId: rp_id,
    challenge: bytes(challenge),
    allowCredentials: credentials.map((id) => ({ type: "public-key", id: bytes(id) })),
    userVerification: "required",
  } });
  return {
    credential: text(made.rawId),
    authenticator_data: text(made.response.authenticatorData),
    client_data: text(made.response.clientDataJSON),
    signature: text(made.response.signature),
  };
}

const deeds = {
  async login(button) {
    tell(button, "Waiting for your device…");
    const asked = await ask("/login/challenge", {});
    await ask("/login", { nonce: asked.nonce, assertion: await touch(asked) });
    location.assign(button.dataset.next);
  },

  async logout() {
    await ask("/logout", {});
    location.assign("/login");
  },

  async decide(button) {
    const open = button.closest("[data-decide]");
    const why = open.querySelector("textarea").value.trim();
    const verdict = button.dataset.verdict;
    if (verdict === "no" && !why) {
      open.querySelector("textarea").focus();
      throw new Error("say why: whoever is told no should be told the reason");
    }
    tell(button, "Waiting for your device…");
    const path = about(open);
    const { challenge } = await posed(open);
    const asked = await ask(`${path}/text`, { challenge, verdict, ...(why && { rationale: why }) });
    const assertion = await touch(asked);
    const { state, may_land } = await ask("/decisions", { decision: asked.decision, assertion });
    // What is told of it from now on is told to who has decided.
    open.dataset.decided = "";
    tell(button, may_land ? `May it land: ${may_land}.` : `It is ${state}.`);
    await refresh();
  },

  async revoke(button) {
    await ask(`/delegations/${button.dataset.id}/revocation`, {});
    tell(button, "Revoked. It holds from the agent's next call on.");
    await refresh();
  },

  async make(button) {
    const enrol = button.closest("[data-enrol]");
    const email = enrol.querySelector("#email");
    if (!email.reportValidity()) return;
    tell(button, "Waiting for your device…");
    const made = await navigator.credentials.create({ publicKey: {
      rp: { id: enrol.dataset.host, name: "Audit Otter" },
      user: { id: crypto.getRandomValues(new Uint8Array(16)), name: email.value, displayName: email.value },
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -8 }],
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
    } });
    const key = made.response.getPublicKey();
    if (!key) throw new Error("this device made a key of a sort that cannot be used here");
    const passkey = { id: text(made.rawId), public_key: text(key), rp_id: enrol.dataset.host };
    const said = text(new TextEncoder().encode(JSON.stringify({ workspace: enrol.dataset.workspace, passkey })));
    enrol.querySelector("[data-command]").textContent = `auditotter passkey sign ${said}`;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", key));
    const code = [...digest.slice(0, 10)].map((byte) => byte.toString(16).padStart(2, "0")).join("").match(/.{4}/g).join("-");
    tell(button, `Made. It counts once you have signed it. The terminal has to show the code ${code}`);
  },

  async enrol(button) {
    let signed;
    try {
      signed = JSON.parse(button.closest("[data-enrol]").querySelector("#signed").value);
    } catch {
      throw new Error("that is not the line which the command printed");
    }
    await ask("/passkeys", signed);
    tell(button, "Taken up. Log in with it.");
    location.assign("/login");
  },
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-do]");
  if (!button || button.disabled) return;
  button.disabled = true;
  try {
    await deeds[button.dataset.do](button);
  } catch (error) {
    tell(button, `Nothing was done: ${error.message}`, true);
  } finally {
    button.disabled = Boolean(button.closest("[data-decide]")?.querySelector("[data-outdated]"));
  }
});

// From when somebody begins to look, until they decide: the challenge is posed once for what this page shows.
const asked = new Map();
// What a decision is on: a work item, or a change that is to land for it, of which the page says as whom one would decide.
const about = ({ dataset }) => `/w/${dataset.decide}${dataset.saidAs ? "/landing" : ""}`;
const shown = ({ dataset }) => `${dataset.decide} ${dataset.digest} ${dataset.saidAs ?? ""}`;
function posed(open) {
  const { digest, saidAs } = open.dataset;
  const key = shown(open);
  if (!asked.has(key)) {
    const asking = ask(`${about(open)}/challenge`, { digest, ...(saidAs && { said_as: saidAs }) });
    asking.catch(() => asked.delete(key));
    asked.set(key, asking);
    // It is spent or over by then.
    setTimeout(() => asked.delete(key), 14 * 60 * 1000);
  }
  return asked.get(key);
}
const look = () => document.querySelectorAll("[data-decide]").forEach((open) => posed(open).catch(() => {}));

// Fetches this page anew and takes over what is live of it, but never under the hands of somebody who is about to decide: what a
// touch signs is what they read. If that changed, the page says so, and waits until they look at it again.
let asking = 0;
async function refresh() {
  if (!document.querySelector("[data-live]")) return;
  const own = ++asking;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  // What was asked for later shows more, also where it was answered before.
  if (own !== asking) return;
  const old = document.querySelector("[data-live]");
  // Whoever asks, and however late: what was decided is shown.
  const decided = [...old.querySelectorAll("[data-decided]")].map((one) => one.dataset.digest);
  const open = [...old.querySelectorAll("[data-decide]:not([data-decided])")];
  const fresh = page.querySelector("[data-live]");
  if (!fresh) return location.reload();
  const still = [...fresh.querySelectorAll("[data-decide]")];
  if (open.length && still.length && !decided.length) {
    const same = open.map(shown).join() === still.map(shown).join();
    if (!same) return open.forEach(outdated);
    if (open.some((one) => one.querySelector("textarea")?.value)) return;
  }
  const known = new Set([...old.querySelectorAll("a.title")].map((link) => link.pathname));
  const said = [...old.querySelectorAll("[data-told]")].filter((told) => told.textContent);
  const focused = document.activeElement;
  if (open.length) still.filter((one) => !decided.includes(one.dataset.digest)).forEach((one) => takeOver(one, open));
  old.replaceWith(fresh);
  for (const link of fresh.querySelectorAll("a.title")) {
    if (!known.has(link.pathname)) link.closest(".item")?.classList.add("new");
  }
  // What was said of one question is said of no other.
  for (const told of said) {
    const about = told.closest("[data-decide]");
    const place = about ? still.find((one) => one.dataset.digest === about.dataset.digest) : fresh;
    (place?.querySelector("[data-told]") ?? document.getElementById("told")).textContent = told.textContent;
  }
  focusAgain(focused, still);
  look();
}

// What stands beside the question that was just decided: what was written there stays, and what is another question now says so.
function takeOver(fresh, open) {
  const same = open.find((one) => shown(one) === shown(fresh));
  const [written, place] = [same?.querySelector("textarea")?.value, fresh.querySelector("textarea")];
  if (written && place) place.value = written;
  if (same && !same.querySelector("[data-otherwise]")) return;
  const told = document.createElement("p");
  told.className = "notice";
  told.dataset.otherwise = "";
  told.setAttribute("role", "alert");
  told.textContent = "This is not what stood here before. Read it, then decide.";
  fresh.querySelector("h2, h3").after(told);
}

// Who writes goes on writing about the same: where it stands among others may be another place now.
function focusAgain(before, still) {
  const about = before?.closest?.("[data-decide]");
  if (!about) return before?.id && document.getElementById(before.id)?.focus();
  const what = before.matches("textarea") ? "textarea" : `[data-verdict="${before.dataset.verdict}"]`;
  const place = still.find((one) => shown(one) === shown(about))?.querySelector(what);
  place?.focus();
  if (place && what === "textarea") place.setSelectionRange(before.selectionStart, before.selectionEnd);
}

function outdated(open) {
  if (open.querySelector("[data-outdated]")) return;
  for (const button of open.querySelectorAll("[data-do=decide]")) button.disabled = true;
  const told = document.createElement("p");
  told.className = "notice";
  told.dataset.outdated = "";
  told.setAttribute("role", "alert");
  const again = document.createElement("a");
  again.href = location.pathname;
  again.textContent = "Look at it again";
  told.append("This changed since you opened it. ", again, ", then decide.");
  open.querySelector("h2, h3").after(told);
}

if (document.querySelector("[data-live]")) {
  look();
  const events = new EventSource("/events");
  events.addEventListener("changed", () => refresh().catch(() => {}));
  // What changed while nobody told us.
  events.addEventListener("open", () => refresh().catch(() => {}));
}
