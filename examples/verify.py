#!/usr/bin/env python3
"""Verifies an Audit Otter trace export, offline, with nothing but the file and this script.

    python3 verify.py EXPORT.jsonl [--hub-key HEX]

Written from docs/TRACE-FORMAT.md and sharing no code with the program that writes exports. It needs Python 3.9
and the `blake3` package (pip install blake3); everything else, Ed25519 included, is below.

Exit status: 0 the export holds, 1 it does not hold (the first broken position is printed), 2 it cannot be read.
"""

import base64
import datetime
import hashlib
import json
import re
import sys

from blake3 import blake3

MAX_LINE = 64 << 20
MAX_ENTRY = 64 << 10
MAX_INTEGER = (1 << 53) - 1


class Unreadable(Exception):
    """The file is not an export, or not all of one."""


class DoesNotHold(Exception):
    """The file is an export, and what it says is not true."""


# --- Ed25519, RFC 8032 section 5.1 (verification only: nothing here is secret, so it need not be fast) -------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    """Adds two points in extended coordinates (X, Y, Z, T)."""
    aa, bb = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    cc, dd = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = bb - aa, dd - cc, dd + cc, bb + aa
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_decompress(data):
    """The point of 32 bytes, or None when they are none or not in their one form."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point_decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_small_order(point):
    return point_equal(point_mul(8, point), (0, 1, 1, 0))


def ed25519_verify(public_key, message, signature):
    a, r = point_decompress(public_key), point_decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER or is_small_order(a) or is_small_order(r):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    return point_equal(point_mul(s, BASE), point_add(r, point_mul(k, a)))


# --- ECDSA over P-256 with SHA-256, FIPS 186-5 section 6.4.2 and SP 800-186 section 3.2.1.3 (verification only) ------

P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def p256_add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P256_P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], P256_P - 2, P256_P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], P256_P - 2, P256_P)
    x = (slope * slope - a[0] - b[0]) % P256_P
    return x, (slope * (a[0] - x) - a[1]) % P256_P


def p256_mul(factor, point):
    product = None
    while factor:
        if factor & 1:
            product = p256_add(product, point)
        point, factor = p256_add(point, point), factor >> 1
    return product


def der_integers(data):
    """The two integers of an ECDSA signature in DER, or None."""
    def integer(rest):
        if len(rest) < 3 or rest[0] != 2 or not 1 <= rest[1] <= 33 or len(rest) < 2 + rest[1]:
            return None
        value, rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
        minimal = value[0] < 0x80 and (len(value) == 1 or value[0] or value[1] >= 0x80)
        return (int.from_bytes(value, "big"), rest) if minimal else None

    if len(data) < 2 or data[0] != 0x30 or data[1] != len(data) - 2:
        return None
    first = integer(data[2:])
    second = first and integer(first[1])
    return (first[0], second[0]) if second and not second[1] else None


def p256_point(point):
    """Whether these are the 65 bytes of a point, uncompressed."""
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    on_curve = max(x, y) < P256_P and (y * y - x * x * x + 3 * x - P256_B) % P256_P == 0
    return len(point) == 65 and point[0] == 4 and on_curve


def p256_verify(point, message, pair):
    """`pair`: the two integers of the signature, or None."""
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    if not p256_point(point) or pair is None or not all(0 < value < P256_N for value in pair):
        return False
    r, s = pair
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, P256_N - 2, P256_N)
    reached = p256_add(p256_mul(digest * inverse % P256_N, P256_G), p256_mul(r * inverse % P256_N, (x, y)))
    return reached is not None and reached[0] % P256_N == r


# --- Signed notes and checkpoints, https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint ----------------


def open_note(note, name, public_key):
    """The text of a signed note, once a signature by this name and key on it holds."""
    if any(character < " " and character != "\n" for character in note):
        raise DoesNotHold("the note holds a control character")
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise DoesNotHold("it is not a signed note")
    text += "\n"
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public_key).digest()[:4]
    signed = False
    for line in signatures[:-1].split("\n"):
        match = re.fullmatch("\u2014 (\\S+) (\\S+)", line)
        signature = match and from_base64(match[2])
        if not match or signature is None or len(signature) < 4:
            raise DoesNotHold("a malformed signature line")
        if match[1] != name or signature[:4] != key_id:
            continue  # somebody else's signature, a witness's perhaps
        if len(signature) != 68 or not ed25519_verify(public_key, text.encode(), signature[4:]):
            raise DoesNotHold("the signature does not verify")
        signed = True
    if not signed:
        raise DoesNotHold("there is no signature by the hub's key")
    return text


def open_checkpoint(note, name, public_key):
    """Size and root of the ledger that a checkpoint is over."""
    lines = open_note(note, name, public_key).split("\n")
    if lines[0] != name:
        raise DoesNotHold("the checkpoint is of another ledger")
    if len(lines) < 4 or not re.fullmatch("0|[1-9][0-9]{0,19}", lines[1]):
        raise DoesNotHold("the checkpoint has no size")
    root = from_base64(lines[2])
    if root is None or len(root) != 32:
        raise DoesNotHold("the checkpoint has no root")
    return int(lines[1]), root


# --- The Merkle tree, RFC 6962 hashing, proofs as in RFC 9162 section 2.1.3.2 ---------------------------------------


def verify_inclusion(entry_hash, index, size, proof, root):
    if index >= size:
        raise DoesNotHold(f"it is entry {index} of a ledger that has {size}")
    this, last = index, size - 1
    reached = hashlib.sha256(b"\0" + entry_hash).digest()
    for sibling in proof:
        if last == 0:
            raise DoesNotHold("the inclusion proof is too long")
        if this & 1 or this == last:
            reached = hashlib.sha256(b"\1" + sibling + reached).digest()
            while not this & 1 and this:
                this, last = this >> 1, last >> 1
        else:
            reached = hashlib.sha256(b"\1" + reached + sibling).digest()
        this, last = this >> 1, last >> 1
    if last != 0:
        raise DoesNotHold("the inclusion proof is too short")
    if reached != root:
        raise DoesNotHold("it is not in the signed ledger: its proof leads to another root")


def verify_consistency(old, old_root, new, new_root, proof):
    """RFC 9162 section 2.1.4.2: the ledger of `new` entries begins with the one of `old`."""
    if old > new:
        raise DoesNotHold(f"a ledger of {new} entries cannot begin with {old}")
    if old == 0 or old == new:
        if proof or old_root != (hashlib.sha256().digest() if old == 0 else new_root):
            raise DoesNotHold("an earlier state of the ledger is not one of it")
        return
    if old & (old - 1) == 0:
        proof = [old_root] + proof
    if not proof:
        raise DoesNotHold("the consistency proof is too short")
    this, last = old - 1, new - 1
    while this & 1:
        this, last = this >> 1, last >> 1
    from_old = from_new = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            raise DoesNotHold("the consistency proof is too long")
        if this & 1 or this == last:
            from_old = hashlib.sha256(b"\1" + sibling + from_old).digest()
            from_new = hashlib.sha256(b"\1" + sibling + from_new).digest()
            while not this & 1 and this:
                this, last = this >> 1, last >> 1
        else:
            from_new = hashlib.sha256(b"\1" + from_new + sibling).digest()
        this, last = this >> 1, last >> 1
    if last != 0 or from_old != old_root or from_new != new_root:
        raise DoesNotHold("an earlier state of the ledger is not one of it")


# --- Entries --------------------------------------------------------------------------------------------------------

ID = "[0-7][0-9a-hjkmnp-tv-z]{25}"
FIELDS = {
    "at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
    "chain": f"(tr|ws)_{ID}",
    "delegation": f"dl_{ID}",
    "kind": r"(?=.{1,64}$)[a-z][a-z_]*(\.[a-z][a-z_]*)*",
    "on_behalf_of": f"me_{ID}",
    "prev": "[0-9a-f]{64}",
}
REQUIRED = {"v", "chain", "seq", "prev", "at", "kind"}
ALLOWED = REQUIRED | {"body", "delegation", "on_behalf_of", "refs", "via"}


def is_integer(value):
    return type(value) is int and 0 <= value <= MAX_INTEGER


def is_text(value, longest, shortest=0):
    return isinstance(value, str) and shortest <= len(value.encode()) <= longest


def is_time(text):
    """Whether a text of the right form is a real moment between 1970 and 9999."""
    year, month, day, hour, minute, second = map(int, re.split("[-T:.Z]", text)[:6])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return year >= 1970 and 1 <= month <= 12 and 1 <= day <= days[month - 1] and hour < 24 and minute < 60 and second < 60


def parse_entry(text):
    """The fields of an entry, whose text must be in its one form."""
    data = text.encode()
    if len(data) > MAX_ENTRY:
        raise DoesNotHold("the entry is larger than 64 KiB")
    try:
        entry = json.loads(text)
        # RFC 8785 for objects whose names are ASCII and whose numbers are integers is what this writes.
        canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise DoesNotHold(f"the entry is not JSON: {error}")
    if not isinstance(entry, dict) or canonical != text:
        raise DoesNotHold("the entry is not in canonical form")
    if not REQUIRED <= entry.keys() <= ALLOWED or entry["v"] != 1 or not is_integer(entry["v"]):
        raise DoesNotHold("the entry has other members than version 1 has")
    for name, form in FIELDS.items():
        value = entry.get(name)
        if name in entry and not (isinstance(value, str) and re.fullmatch(form, value, re.ASCII)):
            raise DoesNotHold(f"the entry's {name} is malformed")
    if not is_integer(entry["seq"]) or not is_time(entry["at"]):
        raise DoesNotHold("the entry's seq or at is malformed")
    body, refs, via = entry.get("body"), entry.get("refs"), entry.get("via")
    if "body" in entry and not (
        isinstance(body, dict)
        and body.keys() == {"commitment", "size"}
        and isinstance(body["commitment"], str)
        and re.fullmatch("[0-9a-f]{64}", body["commitment"])
        and is_integer(body["size"])
    ):
        raise DoesNotHold("the entry's body is malformed")
    if "refs" in entry and not (
        isinstance(refs, dict)
        and 1 <= len(refs) <= 16
        and all(re.fullmatch("[a-z_]{1,64}", name) and is_text(value, 256) for name, value in refs.items())
    ):
        raise DoesNotHold("the entry's refs are malformed")
    if "via" in entry and not (
        isinstance(via, dict)
        and {"agent"} <= via.keys() <= {"agent", "instance", "version"}
        and all(is_text(value, 128, 1) for value in via.values())
    ):
        raise DoesNotHold("the entry's via is malformed")
    return entry


def verify_body(entry, body):
    """Whether there is a body: one that is there opens the entry's commitment."""
    claim = entry.get("body")
    if (claim is None) != (body is None):
        raise DoesNotHold("the entry and its line disagree on whether it has a body")
    if claim is None:
        return "none"
    if body == {"erased": True} and body["erased"] is True:
        return "erased"
    if not isinstance(body, dict) or body.keys() != {"salt", "bytes"}:
        raise Unreadable("a malformed body")
    salt, data = from_base64(body["salt"]), from_base64(body["bytes"])
    if salt is None or len(salt) != 32 or data is None:
        raise Unreadable("a malformed body")
    if len(data) != claim["size"] or blake3(data, key=salt).hexdigest() != claim["commitment"]:
        raise DoesNotHold("its body is not the one it commits to")
    return "present"


# --- What people decided --------------------------------------------------------------------------------------------

HEX32, HEX16 = "[0-9a-f]{64}", "[0-9a-f]{32}"
DECISION = {
    "at": FIELDS["at"],
    "challenge": HEX16,
    "ledger_root": HEX32,
    "member": f"me_{ID}",
    "subject": f"(wi|me)_{ID}|wi_{ID}@([0-9a-f]{{40}}|[0-9a-f]{{64}})|tr_{ID}#(0|[1-9][0-9]*)",
    "subject_digest": HEX32,
    "tier": "T0|T1",
    "verb": "approve|reject|attest_deploy|grant_access|revoke_member|erase_body",
    "workspace": f"ws_{ID}",
}
OF_WORK = {"policy_digest": HEX32, "risk": "low|medium|high|critical"}
KINDS = {"approve": "wi_", "reject": "wi_", "attest_deploy": "wi_", "grant_access": "me_", "revoke_member": "me_", "erase_body": "tr_"}
CLAIMS = {"member.added", "member.revoked", "work_item.proposed", "decision.made", "body.erased"}
CLAIMS |= {"delegation.granted", "delegation.revoked", "passkey.enrolled", "passkey.removed", "work_item.evidence"}
CLAIMS |= {"work_item.reported", "work_item.expired", "change.decided"}
CLAIMS |= {"touch_key.enrolled", "touch_key.removed"}
FINDING = {"kind": "review|test|lint|scan|build", "outcome": "passed|failed"}
OBJECT = "[0-9a-f]{40}|[0-9a-f]{64}"
CHANGE = {"work_item", "tree", "head", "base", "commits", "committers"}
REVIEW_DUE_AFTER = 7 * 24 * 3600 * 10**6
# What an agent may say of work, and from where.
REPORTS = {"in_progress": {"approved"}, "in_review": {"in_progress"}, "withdrawn": {"proposed", "approved", "in_progress", "in_review"}}
CLOSED, UNDECIDED_FOR = {"rejected", "withdrawn", "expired"}, 14 * 24 * 3600 * 10**6
OF_A_REPORT = {"digest": HEX32, "commit": "[0-9a-f]{40}|[0-9a-f]{64}", "tree": "[0-9a-f]{40}|[0-9a-f]{64}"}
# The rules by which risk was ever judged. What they say of a proposal this script does not ask again.
POLICIES = {"af56c1f206a72b96e43ce5680bc298ae2072d7dba3fe287fc2922ab1969a744e"}
CHALLENGE_TTL, CLOCK_TOLERANCE = 15 * 60 * 10**6, 2 * 60 * 10**6


def canonical_json(value):
    """RFC 8785, for objects whose names are ASCII and whose numbers are integers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def ascii_lower(text):
    return "".join(c.lower() if c.isascii() else c for c in text)


def misleads(c):
    """Characters that make a text read as another: docs/TRACE-FORMAT.md does not need them, and texts must not have them."""
    code = ord(c)
    hidden = {0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x200B, 0x200E, 0x200F, 0x2800, 0x3164, 0xFEFF, 0xFFA0}
    ranges = [(0, 0x1F), (0x7F, 0x9F), (0x180B, 0x180F), (0x2028, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0D)]
    ranges += [(0xFFF9, 0xFFFB), (0x1D173, 0x1D17A), (0xE0000, 0xE007F), (0xE0100, 0xE01EF)]
    return code in hidden or any(low <= code <= high for low, high in ranges)


def micros(text):
    """A moment in microseconds since 1970."""
    if not isinstance(text, str) or not re.fullmatch(FIELDS["at"], text, re.ASCII) or not is_time(text):
        raise DoesNotHold("a malformed time")
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)


def signed_by(member, context, text, signature):
    if not re.fullmatch(HEX32, member["decision_key"]) or not re.fullmatch("[0-9a-f]{128}", signature):
        raise DoesNotHold("a malformed key or signature")
    key = bytes.fromhex(member["decision_key"])
    return ed25519_verify(key, context.encode() + b"\0" + text.encode(), bytes.fromhex(signature))


P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")


def from_base64url(text):
    """The bytes of base64url without padding in its one form; at most 4 KiB."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(data) > 4096 or base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        raise DoesNotHold("malformed base64url")
    return data


def touched(passkey, assertion, text):
    """Web Authentication Level 3, section 7.2: a verified user's touch, whose challenge is this decision."""
    if not isinstance(assertion, dict) or assertion.keys() != {"credential", "authenticator_data", "client_data", "signature"}:
        return False
    device, client = from_base64url(assertion["authenticator_data"]), from_base64url(assertion["client_data"])
    signature, host = from_base64url(assertion["signature"]), passkey["rp_id"]
    said = json.loads(client.decode("utf-8"), object_pairs_hook=no_duplicates)
    challenge = hashlib.sha256(b"auditotter 2026 decision v1\0" + text.encode()).digest()
    secure = "https?" if host == "localhost" else "https"
    made_there = (
        said["type"] == "webauthn.get"
        and said["challenge"] == base64.urlsafe_b64encode(challenge).decode().rstrip("=")
        and said.get("crossOrigin", False) is False
        and said.get("topOrigin") is None
        and re.fullmatch(f"{secure}://{re.escape(host)}(:[0-9]+)?", said["origin"], re.ASCII)
    )
    by_user = len(device) >= 37 and device[:32] == hashlib.sha256(host.encode()).digest() and device[32] & 5 == 5 and device[32] & 24 != 16
    message, key = device + hashlib.sha256(client).digest(), from_base64url(passkey["public_key"])
    if key.startswith(P256_SPKI) and len(key) == len(P256_SPKI) + 65:
        signed = p256_verify(key[len(P256_SPKI) :], message, der_integers(signature))
    elif key.startswith(ED25519_SPKI) and len(key) == len(ED25519_SPKI) + 32 and len(signature) == 64:
        signed = ed25519_verify(key[len(ED25519_SPKI) :], message, signature)
    else:
        signed = False
    return bool(made_there and by_user and signed)


# --- OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f: what `ssh-keygen -Y sign` writes with a security key ----------------

SK_ED25519, SK_P256 = "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"
NAMESPACE = b"auditotter-decision-v1@auditotter.invalid"


class Wire:
    """SSH's wire format (RFC 4251, section 5), read strictly from the front."""

    def __init__(self, data):
        self.rest = data

    def take(self, count):
        if len(self.rest) < count:
            raise DoesNotHold("a key or signature of ssh-keygen's is cut short")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def string(self):
        return self.take(int.from_bytes(self.take(4), "big"))

    def integer(self):
        """An integer that is not negative, in its one form, of at most 256 bits."""
        data = self.string()
        value = int.from_bytes(data, "big", signed=True)
        shortest = value.to_bytes(value.bit_length() // 8 + 1, "big") if value > 0 else b""
        if data != shortest or value >> 256:
            raise DoesNotHold("an integer of ssh-keygen's is not in its one form")
        return value

    def end(self):
        if self.rest:
            raise DoesNotHold("a key or signature of ssh-keygen's goes on after its end")


def touch_key(blob):
    """Kind, public key and application of a touch key (PROTOCOL.u2f, "SSH U2F Key formats")."""
    wire = Wire(blob)
    kind = wire.string().decode("ascii", "replace")
    if kind == SK_ED25519:
        key = wire.string()
        point = point_decompress(key) if len(key) == 32 else None
        good = point is not None and not is_small_order(point) and point_equal(point_mul(ORDER, point), (0, 1, 1, 0))
    elif kind == SK_P256:
        good, key = wire.string() == b"nistp256", wire.string()
        good = good and p256_point(key)
    else:
        raise DoesNotHold("the key is held by no security key")
    application = wire.string()
    wire.end()
    if not good or not re.fullmatch(rb"ssh:[!-~]{0,251}", application):
        raise DoesNotHold("the touch key is none that is used here")
    return kind, key, application


def fingerprint(line):
    """As `ssh-keygen -l` shows it."""
    digest = hashlib.sha256(from_base64(line.partition(" ")[2])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def touched_by_key(lines, signature, text):
    """Whether one of these touch keys signed this decision, with a verified user's touch."""
    if not isinstance(signature, dict) or signature.keys() != {"ssh_signature"}:
        return False
    begin, end, armour = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----", signature["ssh_signature"]
    blob = from_base64("".join(armour.split("\n")[1:-2]))
    if blob is None or len(armour) > 8192:
        raise DoesNotHold("the signature's armour is broken")
    encoded = base64.b64encode(blob).decode()
    armoured = [begin, *(encoded[at : at + 70] for at in range(0, len(encoded), 70)), end, ""]
    if "\n".join(armoured) != armour:
        raise DoesNotHold("the signature's armour is broken")
    wire = Wire(blob)
    if wire.take(10) != b"SSHSIG\0\0\0\1":
        raise DoesNotHold("the signature is of another version")
    own, namespace, reserved, digest, inner = (wire.string() for _ in range(5))
    wire.end()
    kind, key, application = touch_key(own)
    if f"{kind} {base64.b64encode(own).decode()}" not in lines:
        raise DoesNotHold("the decision is signed by a touch key that is none of the member's")
    if (namespace, reserved, digest) != (NAMESPACE, b"", b"sha512"):
        raise DoesNotHold("what the touch key signed was not made to decide anything")
    wire = Wire(inner)
    signed_as, raw, flags, counter = wire.string(), wire.string(), wire.take(1), wire.take(4)
    wire.end()
    if flags[0] & 1 == 0:
        raise DoesNotHold("nobody was present when the touch key signed")
    if flags[0] & 4 == 0:
        raise DoesNotHold("the touch key's device did not verify who touched it")
    string = lambda data: len(data).to_bytes(4, "big") + data
    parts = [namespace, reserved, digest, hashlib.sha512(text.encode()).digest()]
    inner_message = b"SSHSIG" + b"".join(map(string, parts))
    message = hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(inner_message).digest()
    if signed_as != kind.encode():
        return False
    if kind == SK_ED25519:
        return len(raw) == 64 and ed25519_verify(key, message, raw)
    pair = Wire(raw)
    r, s = pair.integer(), pair.integer()
    pair.end()
    return p256_verify(key, message, (r, s))


def subject_digest(data):
    return blake3(data, derive_key_context="auditotter 2026 decision subject v1").hexdigest()


def with_evidence(digest, evidence):
    """The digest of a subject that had the first, with a piece of evidence that has the second."""
    both = bytes.fromhex(digest) + bytes.fromhex(evidence)
    return blake3(both, derive_key_context="auditotter 2026 decision subject with evidence v1").hexdigest()


def check_finding(finding):
    """The form of what somebody says was run on a change; whether it was, nobody can check."""
    texts = {"kind", "outcome", "tool", "summary"}
    good = isinstance(finding, dict) and texts <= finding.keys() <= texts | OF_A_REPORT.keys() | {"changed_lines"}
    for name, form in (FINDING | OF_A_REPORT).items():
        good = good and (name not in finding or (isinstance(finding[name], str) and re.fullmatch(form, finding[name])))
    good = good and is_text(finding["tool"], 400, 1) and is_text(finding["summary"], 2000, 1)
    lines = finding.get("changed_lines", 0) if good else None
    if not good or not is_integer(lines) or lines >= 1 << 32:
        raise DoesNotHold("the evidence is malformed")


def parse_decision(text):
    """The members of a decision, whose text must be in its one form."""
    said = json.loads(text, object_pairs_hook=no_duplicates)
    if not isinstance(said, dict) or canonical_json(said) != text:
        raise DoesNotHold("the decision is not in its canonical form")
    names = DECISION.keys() | {"version", "ledger_size"}
    if said.get("verb") in ("approve", "reject", "attest_deploy"):
        names |= OF_WORK.keys()
    if not names <= said.keys() <= names | {"rationale"} or said["version"] != 1 or not is_integer(said["version"]):
        raise DoesNotHold("the decision has other members than version 1 has")
    for name, form in (DECISION | OF_WORK).items():
        if name in names and not (isinstance(said[name], str) and re.fullmatch(form, said[name], re.ASCII)):
            raise DoesNotHold(f"the decision's {name} is malformed, or not known to this script")
    kind = KINDS[said["verb"]]
    why = said.get("rationale", "-")
    if not is_integer(said["ledger_size"]) or not is_time(said["at"]) or not said["subject"].startswith(kind):
        raise DoesNotHold("the decision's ledger_size, at or subject is malformed")
    if "@" in said["subject"] and said["verb"] not in ("approve", "reject"):
        raise DoesNotHold("a change is approved or rejected, and nothing else")
    if not isinstance(why, str) or why != why.strip() or not 1 <= len(why) <= 2000 or any(c != "\n" and misleads(c) for c in why):
        raise DoesNotHold("the decision's rationale is malformed")
    return said


class Decisions:
    """Checks each decision against the entries before it: who the members are, and what was proposed."""

    def __init__(self, workspace, history):
        self.workspace, self.history = workspace, history
        self.members, self.passkeys, self.touch_keys, self.proposals = {}, {}, {}, {}
        self.former, self.lent, self.taken_back, self.challenges = {}, set(), set(), set()
        self.gone, self.explained = {}, set()  # the trace's entries whose bodies are erased, and those with a decision
        self.once_enrolled, self.count = set(), 0
        self.landed, self.exceptions = 0, 0  # decisions on changes that were to land, and how many were exceptions

    def take(self, entry, index, data):
        kind = entry["kind"]
        if kind not in CLAIMS:
            return
        if entry["chain"] != self.workspace:
            raise DoesNotHold("it belongs into the workspace's own chain")
        if "body" not in entry:
            return  # it never said anything, so nothing rests on it
        if data is None:
            raise DoesNotHold("what it said is gone, and nobody can erase that")
        try:
            if kind == "member.added":
                self.member(entry, index, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates))
            elif kind == "work_item.proposed":
                self.proposal(entry, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates), data)
            elif kind == "work_item.evidence":
                self.evidence(entry, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates), data)
            elif kind == "work_item.reported":
                self.report(entry, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates))
            elif kind == "work_item.expired":
                self.expiry(entry, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates))
            elif kind == "change.decided":
                self.landing(entry, index, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates))
            elif kind == "delegation.granted":
                if "delegation" not in entry or "on_behalf_of" not in entry or entry["delegation"] in self.lent:
                    raise DoesNotHold("it says not what was lent, or that was lent before")
                self.lent.add(entry["delegation"])
            elif kind == "delegation.revoked":
                self.taken_back.add(json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates)["delegation"])
            elif kind == "member.revoked":
                self.departure(entry, index, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates))
            elif kind == "body.erased":
                self.erasure(entry, index, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates))
            elif kind == "passkey.enrolled":
                self.enrol(entry, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates)["signed"])
            elif kind == "passkey.removed":
                self.passkeys.pop(json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates)["credential"], None)
            elif kind == "touch_key.enrolled":
                self.enrol_touch_key(entry, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates)["signed"])
            elif kind == "touch_key.removed":
                removed = json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates)["fingerprint"]
                if not re.fullmatch("SHA256:[A-Za-z0-9+/]{43}", removed, re.ASCII):
                    raise DoesNotHold("it removes what is no touch key")
                self.touch_keys = {line: owner for line, owner in self.touch_keys.items() if fingerprint(line) != removed}
            elif kind == "decision.made":
                self.decision(entry, index, json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DoesNotHold(f"the body is not that of a {kind} entry: {error!r}")

    def member(self, entry, index, body):
        registration = body["registration"]
        member, granted = registration["member"], body.get("granted")
        if granted is None:
            if entry["seq"] != 1 or body["root_key_id"] != 0:
                raise DoesNotHold("it adds a member beside the founder, whom nobody let in")
        else:
            said = self.signed(granted, entry, index)
            self.by_passphrase(said)
            digest = subject_digest(canonical_json(registration).encode())
            if (said["verb"], said["subject"], said["subject_digest"]) != ("grant_access", member["id"], digest):
                raise DoesNotHold("the decision is to let in somebody else, or something else")
        text = canonical_json({"workspace": self.workspace, "member": member})
        if not signed_by(member, "auditotter 2026 member registration v1", text, registration["signature"]):
            raise DoesNotHold("the registration is not signed by the key it names")
        for known in [*self.members.values(), *self.former.values()]:
            same = {name for name in ("id", "decision_key", "delegation_key") if known[name] == member[name]}
            if same or ascii_lower(known["email"]) == ascii_lower(member["email"]):
                raise DoesNotHold("it adds a member who is one already")
        self.members[member["id"]] = member

    def by_passphrase(self, said):
        if said["tier"] != "T0":
            raise DoesNotHold(f"to {said['verb']} takes the passphrase, not a touch")

    def departure(self, entry, index, body):
        said = self.signed(body, entry, index)
        self.by_passphrase(said)
        member = self.members.get(said["subject"])
        if said["verb"] != "revoke_member" or member is None or len(self.members) == 1 or "rationale" not in said:
            raise DoesNotHold("nobody can be let go of so")
        if said["subject_digest"] != subject_digest(canonical_json(member).encode()):
            raise DoesNotHold("the decision is to let go of somebody else")
        self.former[said["subject"]] = self.members.pop(said["subject"])
        self.passkeys = {id: owned for id, owned in self.passkeys.items() if owned[0] != said["subject"]}
        self.touch_keys = {line: owner for line, owner in self.touch_keys.items() if owner != said["subject"]}

    def erasure(self, entry, index, body):
        said = self.signed(body, entry, index)
        self.by_passphrase(said)
        refs = entry.get("refs", {})
        if said["verb"] != "erase_body" or said["subject"] != f"{refs.get('trace')}#{refs.get('seq')}" or "rationale" not in said:
            raise DoesNotHold("nothing can be erased so")
        if said["subject"] not in self.gone or self.gone[said["subject"]] != said["subject_digest"]:
            raise DoesNotHold("it erases something else than what is erased here")
        self.explained.add(said["subject"])

    def enrolment(self, entry, signed, name, context):
        """What a member said of a credential that is called so, by their own key."""
        text = signed["enrolment"]
        said = json.loads(text, object_pairs_hook=no_duplicates)
        named = said.keys() == {"version", "workspace", "member", name, "at"}
        whole = canonical_json(said) == text and is_integer(said["version"]) and said["version"] == 1
        if not named or not whole or said["workspace"] != self.workspace:
            raise DoesNotHold("the enrolment is malformed, or of another workspace")
        member = self.members.get(said["member"])
        if member is None or not signed_by(member, context, text, signed["signature"]):
            raise DoesNotHold("the enrolment is not signed by the member whose it is to be")
        if abs(micros(said["at"]) - micros(entry["at"])) > CHALLENGE_TTL:
            raise DoesNotHold("it was enrolled at another time than it says")
        return said

    def enrol(self, entry, signed):
        said = self.enrolment(entry, signed, "passkey", "auditotter 2026 passkey enrolment v1")
        passkey = said["passkey"]
        if passkey.keys() != {"id", "public_key", "rp_id"} or not re.fullmatch("[a-z0-9.-]{1,253}", passkey["rp_id"], re.ASCII):
            raise DoesNotHold("the passkey is malformed, or its host is none")
        from_base64url(passkey["id"])
        key = from_base64url(passkey["public_key"])
        edwards = key[len(ED25519_SPKI) :]
        if key.startswith(P256_SPKI):
            good = p256_point(key[len(P256_SPKI) :])
        else:
            good = key.startswith(ED25519_SPKI) and len(edwards) == 32 and point_decompress(edwards) is not None
        if not good:
            raise DoesNotHold("the passkey's key is none that is used here")
        if passkey["id"] in self.once_enrolled:
            raise DoesNotHold("the passkey was enrolled before")
        self.once_enrolled.add(passkey["id"])
        self.passkeys[passkey["id"]] = (said["member"], passkey)

    def enrol_touch_key(self, entry, signed):
        said = self.enrolment(entry, signed, "touch_key", "auditotter 2026 touch key enrolment v1")
        line = said["touch_key"]
        kind, _, encoded = line.partition(" ")
        blob = from_base64(encoded)
        if blob is None or len(line) > 2048 or touch_key(blob)[0] != kind:
            raise DoesNotHold("the touch key is malformed")
        if line in self.once_enrolled:
            raise DoesNotHold("the touch key was enrolled before")
        self.once_enrolled.add(line)
        self.touch_keys[line] = said["member"]

    def proposal(self, entry, body, data):
        if body["id"] in self.proposals:
            raise DoesNotHold("it was proposed before")
        named = (body["on_behalf_of"], body["delegation"], body["proposed_at"])
        if named != (entry.get("on_behalf_of"), entry.get("delegation"), entry["at"]):
            raise DoesNotHold("the proposal is not recorded as that of those whom it names")
        if "via" not in entry or body["via"] not in ("", entry["via"]["agent"]):
            raise DoesNotHold("the proposal is not recorded as that of those whom it names")
        self.proposals[body["id"]] = {"body": body, "digest": subject_digest(data), "known": subject_digest(data),
                                      "state": "proposed", "evidence": [], "landings": []}

    def evidence(self, entry, body, data):
        """What somebody's agent said; that it was lent to do so stands in a Biscuit, which this script does not read."""
        if body.keys() != {"work_item", "finding", "on_behalf_of", "via", "delegation", "trace", "recorded_at"}:
            raise DoesNotHold("the evidence has other members than it has")
        check_finding(body["finding"])
        item = self.proposals.get(body["work_item"])
        if item is None or item["state"] in CLOSED:
            raise DoesNotHold("nothing in the file can have this evidence recorded on it")
        self.said(entry, body, body["recorded_at"], item)
        if sum(found["on_behalf_of"] == body["on_behalf_of"] for found in item["evidence"]) >= 64:
            raise DoesNotHold("it is more evidence than is taken")
        if item["state"] == "proposed":
            item["digest"] = with_evidence(item["digest"], subject_digest(data))
        item["known"] = with_evidence(item["known"], subject_digest(data))
        item["evidence"].append(body)

    def said(self, entry, body, at, item):
        """Whether an agent's word is recorded as that of those whom it names, where it is looked for."""
        named = (body["on_behalf_of"], body["delegation"], at)
        if named != (entry.get("on_behalf_of"), entry.get("delegation"), entry["at"]):
            raise DoesNotHold("what was said is not recorded as that of those whom it names")
        if "via" not in entry or body["via"] not in ("", entry["via"]["agent"]):
            raise DoesNotHold("what was said is not recorded as that of those whom it names")
        self.on(entry, item)
        if body["on_behalf_of"] not in self.members or body["delegation"] not in self.lent - self.taken_back:
            raise DoesNotHold("it was said under what nobody lent then")

    def on(self, entry, item):
        refs = entry.get("refs", {})
        if (refs.get("work_item"), refs.get("trace")) != (item["body"]["id"], item["body"]["trace"]):
            raise DoesNotHold("it is not recorded where it is looked for")

    def report(self, entry, body):
        if body.keys() != {"work_item", "report", "on_behalf_of", "via", "delegation", "trace", "reported_at"}:
            raise DoesNotHold("the report has other members than it has")
        report, item = body["report"], self.proposals.get(body["work_item"])
        if item is None or not {"state"} <= report.keys() <= {"state", "pull_request", "why"}:
            raise DoesNotHold("the report is malformed, or on nothing in the file")
        if item["body"]["on_behalf_of"] != body["on_behalf_of"]:
            raise DoesNotHold("only agents of the human for whom it was proposed report on it")
        if item["state"] not in REPORTS.get(report["state"], ()):
            raise DoesNotHold(f"what is {item['state']} does not become {report['state']} by an agent's word")
        self.said(entry, body, body["reported_at"], item)
        item["state"] = report["state"]

    def expiry(self, entry, body):
        item = self.proposals.get(body["work_item"]) if body.keys() == {"work_item"} else None
        if item is None or entry.keys() & {"on_behalf_of", "via", "delegation"}:
            raise DoesNotHold("that it ended undecided is the hub's to say, of what is in the file")
        self.on(entry, item)
        if item["state"] != "proposed" or micros(entry["at"]) < micros(item["body"]["proposed_at"]) + UNDECIDED_FOR:
            raise DoesNotHold("it cannot have ended undecided then")
        item["state"] = "expired"

    def landing(self, entry, index, body):
        """May this change land: never by who made it, or had it made, alone, where somebody else was a member then."""
        if not {"made", "change", "members"} <= body.keys() <= {"made", "change", "members", "review_due"}:
            raise DoesNotHold("the decision has other members than it has")
        change, made = body["change"], body["made"]
        said = self.signed(made, entry, index)
        self.check_change(change)
        item, tree = self.proposals.get(change["work_item"]), change["tree"]
        if item is None or said["subject"] != f"{change['work_item']}@{tree}":
            raise DoesNotHold("the decision is on another change than it comes with")
        self.on(entry, item)
        if entry["refs"].get("tree") != tree:
            raise DoesNotHold("it is not recorded where it is looked for")
        before = [landed for landed in item["landings"] if landed["tree"] == tree]
        waits, lands = any(landed["waits"] for landed in before), item["state"] in ("approved", "in_progress", "in_review")
        if not waits and not lands:
            raise DoesNotHold("whether a change lands is decided of work that was approved and has not landed")
        digest = with_evidence(subject_digest(canonical_json(change).encode()), item["known"])
        self.check_landing(said, made, change, item, digest)
        if body["members"] != sorted(self.members):
            raise DoesNotHold("it names others as members then than are in the file")

        def others(counts):
            """Who neither made it nor had it made, by what this decision and those before say that count for them."""
            made = lambda id: [change["committers"]] + [landed["committers"] for landed in before if counts(landed, id)]
            is_free = lambda id: all(ascii_lower(self.members[id]["email"]) not in named for named in made(id))
            return {id for id in self.members if id != item["body"]["on_behalf_of"] and is_free(id)}

        # Whom somebody else named of this tree is a committer. Who says no names nobody but others by it, and that only such
        # lists leave nobody excepts nobody.
        able = others(lambda landed, id: landed["lets"] or landed["by"] != id)
        could = others(lambda landed, id: landed["lets"])
        approves, independent = said["verb"] == "approve", said["member"] in able
        exception = approves and not independent
        if exception and (able or could or not lands):
            raise DoesNotHold("who made a change, or had it made, decided on it though that is for others")
        due = micros(entry["at"]) + REVIEW_DUE_AFTER if exception else None
        if (micros(body["review_due"]) if "review_due" in body else None) != due:
            raise DoesNotHold("an exception has to say that it is one, and until when it is to be reviewed")
        for landed in before:
            landed["waits"] = landed["waits"] and not (approves and independent)
        item["landings"].append(
            {"tree": tree, "by": said["member"], "digest": digest, "committers": change["committers"], "waits": exception, "lets": approves}
        )
        self.landed += 1
        self.exceptions += exception

    def check_landing(self, said, made, change, item, digest):
        proposed, evidence = item["body"], item["evidence"]
        judged = (proposed["assessment"]["policy_digest"], proposed["assessment"]["risk"])
        if said["subject_digest"] != digest or (said["policy_digest"], said["risk"]) != judged:
            raise DoesNotHold("the decision is on something else than what was known of the change")
        if any((landed["by"], landed["digest"]) == (said["member"], digest) for landed in item["landings"]):
            raise DoesNotHold("the same member decided on exactly this before")
        if evidence and micros(made["posed_at"]) < micros(evidence[-1]["recorded_at"]):
            raise DoesNotHold("it was shown before the evidence on it was recorded")
        if made.get("changed_lines") != change.get("changed_lines"):
            raise DoesNotHold("it says another number of changed lines than the change has")
        if said["verb"] == "approve":
            if said["policy_digest"] not in POLICIES:
                raise DoesNotHold("it was judged by rules that this script does not know")
            exactly = lambda found: found.get("tree") == change["tree"] or found.get("commit") == change["head"]
            self.check_high_risk(said, proposed, [found for found in evidence if exactly(found["finding"])])
        elif "rationale" not in said:
            raise DoesNotHold("a rejection says why")

    def check_change(self, change):
        """The form of a change; whether git says so, whoever has the repository can check by its head and base."""
        good = isinstance(change, dict) and CHANGE <= change.keys() <= CHANGE | {"changed_lines"}
        for name in ("tree", "head", "base"):
            good = good and isinstance(change[name], str) and re.fullmatch(OBJECT, change[name])
        numbers = (change["commits"], change.get("changed_lines", 0)) if good else ()
        good = good and all(is_integer(number) and number < 1 << 32 for number in numbers)
        good = good and change["commits"] > 0 and change["base"] != change["head"]
        makers = change["committers"] if good else None
        good = good and isinstance(makers, list) and 1 <= len(makers) <= 100 and all(is_text(m, 254, 1) for m in makers)
        if not good or makers != sorted({ascii_lower(m.strip()) for m in makers}) or any(misleads(c) for m in makers for c in m):
            raise DoesNotHold("the change is malformed")

    def check_high_risk(self, said, proposed, evidence):
        """What an approval of high or critical risk takes, on this evidence."""
        if said["risk"] in ("low", "medium"):
            return
        why = [word for word in said.get("rationale", "").split() if any(c.isalnum() or not c.isascii() for c in word)]
        looked = [(found["finding"]["kind"], found["finding"]["outcome"]) for found in evidence]
        if ("review", "passed") not in looked or len(why) < 5:
            raise DoesNotHold("high risk takes a machine's review that passed, and a rationale of five words")
        if said["tier"] != "T1" or said["member"] == proposed["on_behalf_of"]:
            raise DoesNotHold("high risk takes a touch, of another human than the one for whom it was proposed")

    def signed(self, made, entry, index):
        """What a member signed: in time, and vouching for the ledger before the entry with this index."""
        text, signature = made["signed"]["decision"], made["signed"]["signature"]
        said = parse_decision(text)
        if said["workspace"] != self.workspace:
            raise DoesNotHold("the decision is of another workspace")
        if said["member"] not in self.members:
            raise DoesNotHold("nothing in the file says who decided")
        if said["tier"] == "T1" and "ssh_signature" in signature:
            own = {line for line, owner in self.touch_keys.items() if owner == said["member"]}
            signed = touched_by_key(own, signature, text)
        elif said["tier"] == "T1":
            owner, passkey = self.passkeys.get(signature["credential"], (None, None))
            signed = owner == said["member"] and touched(passkey, signature, text)
        else:
            signed = signed_by(self.members[said["member"]], "auditotter 2026 decision v1", text, signature)
        if not signed:
            raise DoesNotHold("the decision is not signed by the member who is to have made it")
        size = said["ledger_size"]
        if size > index or size not in self.history or self.history[size] != said["ledger_root"]:
            raise DoesNotHold("it vouches for a ledger that is not how this one began")
        posed, at, recorded = micros(made["posed_at"]), micros(said["at"]), micros(entry["at"])
        if not posed <= recorded < posed + CHALLENGE_TTL or not posed - CLOCK_TOLERANCE <= at <= recorded + CLOCK_TOLERANCE:
            raise DoesNotHold("it was decided, shown and recorded at times that a challenge does not have")
        if entry.get("on_behalf_of") != said["member"] or entry.get("refs", {}).get("challenge") != said["challenge"]:
            raise DoesNotHold("it is not recorded as that of who signed it")
        if said["challenge"] in self.challenges:
            raise DoesNotHold("its challenge was answered before")
        self.challenges.add(said["challenge"])
        return said

    def decision(self, entry, index, body):
        said = self.signed(body, entry, index)
        if said["verb"] == "attest_deploy":
            # No entry that this script knows leads to where that is decided.
            raise DoesNotHold("it attests what did not land")
        if said["verb"] not in ("approve", "reject"):
            raise DoesNotHold("it decides on no work item")
        if said["subject"] not in self.proposals:
            raise DoesNotHold("nothing in the file says on what it was decided")
        item = self.proposals[said["subject"]]
        proposed, evidence = item["body"], item["evidence"]
        self.on(entry, item)
        if micros(body["posed_at"]) < micros(proposed["proposed_at"]):
            raise DoesNotHold("it was shown before it was proposed")
        if evidence and micros(body["posed_at"]) < micros(evidence[-1]["recorded_at"]):
            raise DoesNotHold("it was shown before the evidence on it was recorded")
        lines = [found["finding"]["changed_lines"] for found in evidence if "changed_lines" in found["finding"]]
        if body.get("changed_lines") != (lines[-1] if lines else None):
            raise DoesNotHold("it says another number of changed lines than the evidence on it")
        judged = (proposed["assessment"]["policy_digest"], proposed["assessment"]["risk"])
        if said["subject_digest"] != item["digest"] or (said["policy_digest"], said["risk"]) != judged:
            raise DoesNotHold("the decision is on something else than what was proposed")
        if said["verb"] == "approve":
            if said["policy_digest"] not in POLICIES:
                raise DoesNotHold("it was judged by rules that this script does not know")
            self.check_high_risk(said, proposed, evidence)
        if said["verb"] == "reject" and "rationale" not in said:
            raise DoesNotHold("a rejection says why")
        if item["state"] != "proposed":
            raise DoesNotHold("it was decided before")
        item["state"] = {"approve": "approved", "reject": "rejected"}[said["verb"]]
        self.count += 1


# --- The file -------------------------------------------------------------------------------------------------------


def from_base64(text):
    """The bytes of standard base64 in its one form, or None."""
    try:
        data = base64.b64decode(text, validate=True)
        return data if base64.b64encode(data).decode() == text else None
    except (ValueError, TypeError):
        return None


def no_duplicates(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError("a name stands twice")
    return dict(pairs)


def parse_line(line, names, optional=frozenset()):
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error}")
    if not isinstance(value, dict) or not names <= value.keys() <= names | optional:
        raise Unreadable(f"expected an object with {', '.join(sorted(names))}")
    return value


class Verifier:
    def __init__(self, file):
        self.file, self.line, self.entry, self.digest = file, 0, None, blake3()
        self.gaps, self.imported = 0, False

    def next_line(self):
        self.line, self.entry = self.line + 1, None
        line = self.file.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise Unreadable("the line is longer than 64 MiB")
        if not line.endswith(b"\n"):
            raise Unreadable("the file was cut short: it ends before its trailer")
        return line

    def verify(self, expected_key):
        line = self.next_line()
        self.digest.update(line)
        names = {"format", "version", "workspace", "trace", "hub_key", "checkpoint", "counts"}
        try:
            start = json.loads(line.decode("utf-8"))
            if start["format"] != "auditotter-trace-export":
                raise Unreadable("this is no export of a trace")
            if start["version"] != 1:
                raise Unreadable(f"the export has version {start['version']}, and this script knows version 1")
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Unreadable("this is no export of a trace")
        header = parse_line(line, names, {"history"})
        workspace, trace, counts = header["workspace"], header["trace"], header["counts"]
        well_formed = (
            isinstance(workspace, str)
            and re.fullmatch(f"ws_{ID}", workspace)
            and isinstance(trace, str)
            and re.fullmatch(f"tr_{ID}", trace)
            and isinstance(header["hub_key"], str)
            and re.fullmatch("[0-9a-f]{64}", header["hub_key"])
            and isinstance(header["checkpoint"], str)
            and isinstance(counts, dict)
            and counts.keys() == {"trace", "context"}
            and is_integer(counts["trace"])
            and is_integer(counts["context"])
        )
        if not well_formed:
            raise Unreadable("a malformed header")
        if expected_key and expected_key != header["hub_key"]:
            raise DoesNotHold(f"it is signed by the key {header['hub_key']}, not by the one you expect")
        name, key = f"auditotter/{workspace}", bytes.fromhex(header["hub_key"])
        size, root = open_checkpoint(header["checkpoint"], name, key)
        self.decisions = Decisions(workspace, self.past(header.get("history", []), size, root))

        bodies = {"none": 0, "present": 0, "erased": 0}
        before = None
        for place in range(counts["trace"] + counts["context"]):
            line = self.next_line()
            if line.startswith(b'{"end":'):
                raise DoesNotHold("there are fewer entries than the header says")
            self.digest.update(line)
            record = parse_line(line, {"index", "entry", "proof"}, {"body"})
            in_trace = place < counts["trace"]
            if place == counts["trace"]:
                before = None  # context: other chains
            before = self.verify_entry(record, in_trace, workspace, trace, before, size, root, bodies)

        lines, digest = self.line, self.digest.hexdigest()
        line = self.next_line()
        if line.startswith(b'{"index":'):
            raise DoesNotHold("there are more entries than the header says")
        end = parse_line(line, {"end"})["end"]
        if not isinstance(end, dict) or end.keys() != {"lines", "blake3", "note"} or not isinstance(end["note"], str):
            raise Unreadable("a malformed trailer")
        if (end["lines"], end["blake3"]) != (lines, digest):
            raise DoesNotHold("the lines before the trailer are not those that it was made for")
        if open_note(end["note"], name, key) != f"auditotter-trace-export\n{trace}\n{lines}\n{digest}\n":
            raise DoesNotHold("the lines before the trailer are not those that were signed")
        self.line += 1
        if self.file.read(1):
            raise Unreadable("something follows the trailer")
        return header, size, root, bodies

    def past(self, history, size, root):
        """The earlier states of the ledger that the header names, each proved: roots by size."""
        past, newest = {}, -1
        for state in history if isinstance(history, list) else [None]:
            well_formed = (
                isinstance(state, dict)
                and state.keys() == {"size", "root", "proof"}
                and is_integer(state["size"])
                and isinstance(state["proof"], list)
                and all(isinstance(h, str) and re.fullmatch("[0-9a-f]{64}", h) for h in [state["root"], *state["proof"]])
            )
            if not well_formed:
                raise Unreadable("a malformed header")
            if state["size"] <= newest:
                raise DoesNotHold("the earlier states of the ledger are not in order")
            newest = state["size"]
            proof = [bytes.fromhex(h) for h in state["proof"]]
            verify_consistency(newest, bytes.fromhex(state["root"]), size, root, proof)
            past[newest] = state["root"]
        return past

    def verify_entry(self, record, in_trace, workspace, trace, before, size, root, bodies):
        """Verifies one line; returns what the next one has to follow."""
        text, index, proof = record["entry"], record["index"], record["proof"]
        hexes = isinstance(proof, list) and all(isinstance(h, str) and re.fullmatch("[0-9a-f]{64}", h) for h in proof)
        if not isinstance(text, str) or not is_integer(index) or not hexes:
            raise Unreadable("a malformed line")
        try:
            data = text.encode()
        except UnicodeEncodeError:
            raise Unreadable("a line that is no text")
        entry = parse_entry(text)
        chain, seq, at = entry["chain"], entry["seq"], entry["at"]
        self.entry = f"entry {seq} of {chain}"
        entry_hash = blake3(data, derive_key_context="auditotter 2026 entry v1").digest()

        if chain.startswith("ws_") and chain != workspace:
            raise DoesNotHold("it is of another workspace")
        if in_trace != (chain == trace):
            raise DoesNotHold("it is not the entry that comes next")
        if before is None:
            if in_trace and seq != 0:
                raise DoesNotHold("it is not the entry that comes next")
        else:
            # `ws_` chains come before `tr_` chains; within a sort, by identifier.
            order = lambda c, s: (not c.startswith("ws_"), c, s)
            if order(chain, seq) <= order(before["chain"], before["seq"]) or (in_trace and seq != before["seq"] + 1):
                raise DoesNotHold("it is not the entry that comes next")
        follows = before is not None and chain == before["chain"]
        if seq == 0 and entry["prev"] != "0" * 64:
            raise DoesNotHold("it is the first of its chain and names one before it")
        if follows and seq == before["seq"] + 1 and entry["prev"] != before["hash"]:
            raise DoesNotHold(f"it names {entry['prev']} as the entry before it, which is {before['hash']}")
        if follows and at < before["at"]:
            raise DoesNotHold(f"it is from {at}, before the entry before it at {before['at']}")
        if follows and index <= before["index"]:
            raise DoesNotHold("it is not the entry that comes next")
        verify_inclusion(entry_hash, index, size, [bytes.fromhex(h) for h in proof], root)
        if "body" in record and record["body"] is None:
            raise Unreadable("a malformed body")
        found = verify_body(entry, record.get("body"))
        bodies[found] += 1
        data = from_base64(record["body"]["bytes"]) if found == "present" else None
        if in_trace and found == "erased":
            self.decisions.gone[f"{chain}#{seq}"] = subject_digest(text.encode())
        self.decisions.take(entry, index, data)
        self.gaps += in_trace and entry["kind"] == "capture.gap"
        self.imported |= in_trace and entry["kind"] == "session.imported"
        return {"chain": chain, "seq": seq, "at": at, "index": index, "hash": entry_hash.hex()}


def main(arguments):
    if len(arguments) not in (1, 3) or (len(arguments) == 3 and arguments[1] != "--hub-key"):
        print(__doc__, file=sys.stderr)
        return 2
    path, expected_key = arguments[0], arguments[2].lower() if len(arguments) == 3 else None
    try:
        with open(path, "rb") as file:
            verifier = Verifier(file)
            try:
                header, size, root, bodies = verifier.verify(expected_key)
            except Unreadable as error:
                print(f"{path}: cannot be read as an export, line {verifier.line}: {error}", file=sys.stderr)
                return 2
            except DoesNotHold as error:
                where = f"line {verifier.line}" + (f", {verifier.entry}" if verifier.entry else "")
                print(f"{path}: does not hold, {where}: {error}", file=sys.stderr)
                return 1
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return 2
    counts = header["counts"]
    print(f"{path}: holds")
    print(f"  trace      {header['trace']}, {counts['trace']} entries, each linked to the one before it")
    print(f"  context    {counts['context']} entries of other chains")
    print(f"  bodies     {bodies['present']} present and as committed, {bodies['erased']} erased, {bodies['none']} entries without")
    if verifier.imported:
        print("  NOT PROVED that any of it happened: the trace was imported from a file, and not recorded")
    if verifier.gaps:
        print(f"  GAPS       {verifier.gaps} in what was captured")
    for entry in sorted(verifier.decisions.gone.keys() - verifier.decisions.explained):
        print(f"  NOT PROVED who erased what {entry} said")
    print(f"  decisions  {verifier.decisions.count}, each signed over what was proposed and over the ledger before it")
    landed = verifier.decisions
    if landed.landed:
        items = landed.proposals.values()
        waiting = sum(change["waits"] for item in items for change in item["landings"])
        told = f"{landed.exceptions} by exception, of which {waiting} wait for a review"
        print(f"  changes    {landed.landed} decisions on what was to land, {told}; who committed is their word")
    print(f"  ledger     {header['workspace']}, {size} entries, root {root.hex()}")
    print(f"  signed by  {header['hub_key']}{'' if expected_key else ' (compare with the key you were given)'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
