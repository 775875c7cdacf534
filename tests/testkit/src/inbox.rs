//! Somebody who asks the inbox over HTTP, without a browser: what an agent with a shell can do.

use serde_json::{Value, json};
use ureq::http::{Request, Response};

use crate::{Device, ListeningHub, device::VERIFIED, program::PATIENCE};

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Where it leads, where it leads elsewhere.
    pub location: Option<String>,
    /// The cookie that it sets, as its name and value.
    pub cookie: Option<String>,
    /// All headers, in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body, as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a problem.
    #[must_use]
    pub fn code(&self) -> String {
        let said: Value = serde_json::from_str(&self.text).unwrap_or_default();
        said["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A client of one inbox.
#[derive(Debug, Clone)]
pub struct Visitor {
    agent: ureq::Agent,
    base: String,
    /// What it sends as `Host`.
    pub host: String,
    /// What it sends as `Origin`, if anything.
    pub origin: Option<String>,
    /// What it sends as `Cookie`, if anything.
    pub cookie: Option<String>,
    /// What it sends as `Authorization`, if anything.
    pub authorization: Option<String>,
}

impl Visitor {
    /// Somebody who has not logged in.
    #[must_use]
    pub fn of(served: &ListeningHub) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            // A request whose body nobody wants is answered, and its connection is of no more use.
            .max_idle_connections(0)
            .build()
            .into();
        Self {
            agent,
            base: served.url().to_owned(),
            host: served.host(),
            origin: Some(served.url().to_owned()),
            cookie: None,
            authorization: None,
        }
    }

    /// Somebody who logged in with this device.
    ///
    /// # Panics
    /// Where they are not let in.
    #[must_use]
    pub fn logged_in(served: &ListeningHub, device: &Device) -> Self {
        let mut visitor = Self::of(served);
        let answer = visitor.log_in(device, VERIFIED);
        assert_eq!(answer.status, 204, "{answer:?}");
        visitor.cookie = answer.cookie;
        visitor
    }

    /// Tries to log in.
    #[must_use]
    pub fn log_in(&self, device: &Device, flags: u8) -> Answer {
        let asked = self.post("/login/challenge", &json!({})).json();
        let challenge = asked["challenge"].as_str().unwrap_or_default();
        let assertion = device.asserts_at(&self.base, challenge, flags);
        self.post(
            "/login",
            &json!({ "nonce": asked["nonce"], "assertion": assertion }),
        )
    }

    /// Looks at something.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, "text/html")
    }

    /// Does something.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body.to_string()), "application/json")
    }

    /// Sends any request. Of a stream of events, which does not end, it takes the beginning only.
    ///
    /// # Panics
    /// Where nothing answers.
    #[must_use]
    pub fn send(&self, method: &str, path: &str, body: Option<String>, kind: &str) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("host", &self.host)
            .header("content-type", kind);
        let shown = [
            ("origin", &self.origin),
            ("cookie", &self.cookie),
            ("authorization", &self.authorization),
        ];
        for (name, value) in shown {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request.body(body.unwrap_or_default()).expect("a request");
        let answered = self.agent.run(request);
        read(answered.unwrap_or_else(|error| panic!("{method} {path}: {error}")))
    }
}

fn read(mut answer: Response<ureq::Body>) -> Answer {
    let headers: Vec<(String, String)> = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone())
    };
    let cookie = header("set-cookie");
    let endless = header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
    Answer {
        status: answer.status().as_u16(),
        location: header("location"),
        cookie: cookie.and_then(|cookie| Some(cookie.split(';').next()?.to_owned())),
        headers,
        text: if endless {
            String::new()
        } else {
            answer.body_mut().read_to_string().unwrap_or_default()
        },
    }
}
