//! Chromium, driven through WebDriver (<https://www.w3.org/TR/webdriver2/>), with a passkey device made of software
//! (Web Authentication Level 3, section 11: "User Agent Automation").

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Home, Terminal,
    clients::skipped,
    program::{self, PATIENCE},
};

/// Nothing that reaches for the network, and no sandbox, which tests that run as root cannot have.
const ARGUMENTS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// The name under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with a profile of its own; it ends when this is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    session: String,
    agent: ureq::Agent,
    _profile: TempDir,
}

/// Chromedriver, and the port on which it answers; nothing where it ended before it did.
fn driver() -> Option<(Child, String)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver runs");
    let output = driver.stdout.take().expect("stdout is piped");
    let port = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| {
            let port = line.split_once("started successfully on port ")?.1;
            Some(port.trim_end_matches('.').to_owned())
        });
    if port.is_none() {
        let _ = driver.wait();
    }
    Some((driver, port?))
}

impl Browser {
    /// Starts one; `None` where Chromium or its driver is missing.
    ///
    /// # Panics
    /// Where one is missing and `CI` is set, or it does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let found = |name: &str| {
            let mut probe = Command::new(name);
            probe
                .arg("--version")
                .output()
                .is_ok_and(|probed| probed.status.success())
        };
        if !found("chromedriver") || !found("chromium") {
            skipped("no page was opened in a browser; install the packages chromium and chromium-driver");
            return None;
        }
        let profile = tempfile::tempdir().expect("a temporary folder can be made");
        // It takes one that is free over IPv4, and ends where somebody else has that over IPv6.
        let (driver, port) = (0..5).find_map(|_| driver()).expect("chromedriver says its port");
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build()
            .into();
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let asked = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
        } } });
        let base = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self {
            driver,
            session: base.clone(),
            agent,
            _profile: profile,
        };
        let opened = browser.post("", &asked);
        let id = opened["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("{base}/{id}");
        Some(browser)
    }

    /// Plugs in a device that holds passkeys and verifies its user, or only notices one. Returns its id.
    pub fn plug_in(&mut self, verifies: bool) -> String {
        let device = self.post(
            "/webauthn/authenticator",
            &json!({
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": true,
                "hasUserVerification": true,
                "isUserVerified": verifies,
            }),
        );
        device.as_str().expect("a device has an id").to_owned()
    }

    /// Says whether a device still knows its user.
    pub fn verifies(&mut self, device: &str, verifies: bool) {
        self.post(
            &format!("/webauthn/authenticator/{device}/uv"),
            &json!({ "isUserVerified": verifies }),
        );
    }

    /// Alice makes a passkey in this browser and signs it in her terminal.
    ///
    /// # Panics
    /// Where it is not taken up.
    pub fn makes_a_passkey(&mut self, home: &Home) {
        let mut terminal = Terminal::start(home.auditotter(&["passkey", "add"]));
        terminal.expect("http://localhost:");
        self.open(&format!("http://localhost:{}", terminal.rest_of_line().trim()));
        self.click("#touch");
        let told = self.wait_for("#told", "it has to show the code");
        let code = told.rsplit(' ').next().unwrap_or_default();
        terminal.expect(&format!("code          {code}"));
        terminal.expect_secret("Passphrase of Alice, to take up this passkey: ");
        terminal.enter(Home::PASSPHRASE);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, Some(0), "{shown}");
    }

    /// Somebody whose passkey is in this browser logs in to the inbox at this address.
    ///
    /// # Panics
    /// Where they are not let in.
    pub fn logs_in(&mut self, url: &str) {
        self.open(url);
        self.wait_for("h1", "Log in");
        self.click("[data-do=login]");
        self.wait_for("h1", "Inbox");
    }

    /// Opens a page.
    pub fn open(&mut self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Clicks what a selector finds, as soon as it finds something that can be clicked: pages renew themselves.
    ///
    /// # Panics
    /// Where it never does.
    pub fn click(&mut self, selector: &str) {
        self.act(selector, "click", &json!({}));
    }

    /// Types into what a selector finds.
    ///
    /// # Panics
    /// Where it never finds anything that can be typed into.
    pub fn type_into(&mut self, selector: &str, text: &str) {
        self.act(selector, "value", &json!({ "text": text }));
    }

    /// The text that a selector finds; empty where it finds nothing.
    #[must_use]
    pub fn text(&mut self, selector: &str) -> String {
        let found = self.post(
            "/execute/sync",
            &json!({
                "script": "return document.querySelector(arguments[0])?.innerText ?? ''",
                "args": [selector],
            }),
        );
        found.as_str().expect("a text is a text").to_owned()
    }

    /// Waits until the text that a selector finds holds these words; returns all of it.
    ///
    /// # Panics
    /// Where it never does.
    pub fn wait_for(&mut self, selector: &str, words: &str) -> String {
        let found = program::until(PATIENCE, || {
            let text = self.text(selector);
            text.contains(words).then_some(text)
        });
        found.unwrap_or_else(|| panic!("`{words}` never stood in {selector}: {}", self.text(selector)))
    }

    /// Runs a script in the page; returns what it returns.
    pub fn run(&mut self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Runs a script that calls the last of its arguments when it is done; returns what that was called with.
    pub fn run_async(&mut self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Says whether who looks likes pages `light` or `dark`.
    pub fn prefers(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let asked = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.post("/goog/cdp/execute", &asked);
    }

    /// Presses keys where the page's focus is: `\u{e004}` is Tab, `\u{e006}` Enter (WebDriver, section 17.4.2).
    pub fn press(&mut self, keys: &str) {
        let pressed: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [
                    json!({ "type": "keyDown", "value": key.to_string() }),
                    json!({ "type": "keyUp", "value": key.to_string() }),
                ]
            })
            .collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": pressed });
        self.post("/actions", &json!({ "actions": [keyboard] }));
    }

    /// Sets how large the window is, in CSS pixels.
    pub fn resize(&mut self, width: u32, height: u32) {
        self.post("/window/rect", &json!({ "width": width, "height": height }));
    }

    /// A picture of the page, as a PNG in base64.
    #[must_use]
    pub fn picture(&mut self) -> String {
        self.get("/screenshot")
            .as_str()
            .expect("a picture is a text")
            .to_owned()
    }

    /// Does something to what a selector finds, again where it went away in between.
    fn act(&mut self, selector: &str, what: &str, with: &Value) {
        let mut last = Value::Null;
        let done = program::until(PATIENCE, || {
            let element = json!({ "using": "css selector", "value": selector });
            let acted = self.try_post("/element", &element).and_then(|found| {
                let id = found[ELEMENT].as_str().unwrap_or_default();
                self.try_post(&format!("/element/{id}/{what}"), with)
            });
            acted.map_err(|error| last = error).ok()
        });
        assert!(done.is_some(), "{selector} cannot be acted on ({what}): {last}");
    }

    fn post(&mut self, path: &str, body: &Value) -> Value {
        self.try_post(path, body)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn try_post(&mut self, path: &str, body: &Value) -> Result<Value, Value> {
        let answered = self
            .agent
            .post(format!("{}{path}", self.session))
            .header("content-type", "application/json")
            .send(body.to_string());
        Self::value(path, answered)
    }

    fn get(&mut self, path: &str) -> Value {
        let answered = self.agent.get(format!("{}{path}", self.session)).call();
        Self::value(path, answered).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn value(
        path: &str,
        answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, Value> {
        let mut answer = answered.unwrap_or_else(|error| panic!("{path}: {error}"));
        let text = answer
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_string()
            .expect("an answer is a text");
        let mut said: Value = serde_json::from_str(&text).expect("an answer is JSON");
        let value = said["value"].take();
        if answer.status().is_success() {
            Ok(value)
        } else {
            Err(value)
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = program::ended(&mut self.driver, Duration::from_secs(5));
    }
}
