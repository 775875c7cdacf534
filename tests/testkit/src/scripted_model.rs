//! A model that says what a test wrote down: enough of two vendors' APIs, on loopback, to drive their own clients
//! without an account.
//!
//! Which step comes next is the number of turns the model has taken in the conversation it is shown, so a request
//! that is sent again gets the same answer again. A request that offers no tools is the client's own business (a title,
//! a summary) and gets a short text.

mod http;
mod messages;
mod responses;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// What the model does at one of its turns.
#[derive(Debug)]
pub struct Step(Mutex<Turn>);

#[derive(Debug)]
enum Turn {
    Planned(Plan),
    Taken(Action),
}

enum Plan {
    Call(Whose, String, Arguments),
    Say(String),
}

/// Whose tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The server's that is under test.
    Server,
    /// The client's own.
    Client,
}

type Arguments = Box<dyn FnOnce(&[ToolResult]) -> Value + Send>;

/// What a turn comes to.
#[derive(Debug, Clone)]
enum Action {
    Call {
        whose: Whose,
        tool: String,
        arguments: Value,
    },
    Say(String),
}

impl Step {
    /// The model calls a tool of the server under test.
    #[must_use]
    pub fn call(tool: &str, arguments: Value) -> Self {
        Self::call_with(tool, |_| arguments)
    }

    /// The model calls a tool with arguments that depend on what came before. The closure runs once, before the
    /// call; it may also change the world.
    #[must_use]
    pub fn call_with(tool: &str, arguments: impl FnOnce(&[ToolResult]) -> Value + Send + 'static) -> Self {
        Self(Mutex::new(Turn::Planned(Plan::Call(
            Whose::Server,
            tool.to_owned(),
            Box::new(arguments),
        ))))
    }

    /// The model uses a tool of the client's own.
    #[must_use]
    pub fn client_tool(tool: &str, arguments: Value) -> Self {
        Self(Mutex::new(Turn::Planned(Plan::Call(
            Whose::Client,
            tool.to_owned(),
            Box::new(|_| arguments),
        ))))
    }

    /// The model speaks, which ends the client's turn.
    #[must_use]
    pub fn say(text: &str) -> Self {
        Self(Mutex::new(Turn::Planned(Plan::Say(text.to_owned()))))
    }

    fn take(&self, so_far: &[ToolResult]) -> Action {
        let mut turn = locked(&self.0);
        if let Turn::Taken(action) = &*turn {
            return action.clone();
        }
        let action = match std::mem::replace(&mut *turn, Turn::Taken(Action::Say(String::new()))) {
            Turn::Planned(Plan::Call(whose, tool, arguments)) => Action::Call {
                whose,
                tool,
                arguments: arguments(so_far),
            },
            Turn::Planned(Plan::Say(text)) => Action::Say(text),
            Turn::Taken(action) => action,
        };
        *turn = Turn::Taken(action.clone());
        action
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(_, tool, _) => f.debug_tuple("Call").field(tool).finish(),
            Self::Say(text) => f.debug_tuple("Say").field(text).finish(),
        }
    }
}

/// What the client told the model that a tool had answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// The id under which the model had called.
    pub call_id: String,
    /// The text, as the model reads it.
    pub text: String,
}

impl ToolResult {
    /// The JSON in what the model reads, where a client hands structured content on. Codex puts a line before it.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn json(&self) -> Value {
        let object = self
            .text
            .find('{')
            .and_then(|start| self.text.get(start..))
            .unwrap_or_default();
        serde_json::Deserializer::from_str(object)
            .into_iter()
            .next()
            .and_then(Result::ok)
            .unwrap_or_else(|| panic!("the model was shown no JSON: {}", self.text))
    }
}

/// What a client asked the model.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Path and query.
    pub target: String,
    /// The names of the tools that were offered, in the vendor's form.
    pub tools: Vec<String>,
    /// How many turns the model had taken before.
    pub turns: usize,
    /// All tools' answers so far.
    pub results: Vec<ToolResult>,
    /// The request as it came.
    pub body: Value,
}

/// A running model; ends with this value.
#[derive(Debug)]
pub struct ScriptedModel {
    server: http::Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The name under which the client knows the server whose tools are called.
    mcp_server: String,
    script: Vec<Step>,
    helper: Option<Helper>,
    asked: Mutex<Vec<Asked>>,
    elsewhere: Mutex<Vec<String>>,
}

/// An agent that the first one starts: whose first words are these follows this script.
#[derive(Debug)]
pub struct Helper {
    /// What it is told first.
    pub prompt: String,
    /// What it does.
    pub script: Vec<Step>,
}

impl ScriptedModel {
    /// Starts a model that follows this script and calls tools of this MCP server.
    ///
    /// # Panics
    /// Where loopback has no port left.
    #[must_use]
    pub fn start(mcp_server: &str, script: Vec<Step>) -> Self {
        Self::start_with(mcp_server, script, None)
    }

    /// The same, where the agent may start another, which follows a script of its own.
    ///
    /// # Panics
    /// Where no port can be had.
    #[must_use]
    pub fn start_with(mcp_server: &str, script: Vec<Step>, helper: Option<Helper>) -> Self {
        let shared = Arc::new(Shared {
            mcp_server: mcp_server.to_owned(),
            script,
            helper,
            asked: Mutex::default(),
            elsewhere: Mutex::default(),
        });
        let answering = Arc::clone(&shared);
        let server = http::Server::start(move |request| answering.answer(request));
        Self { server, shared }
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The requests that offered tools, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        locked(&self.shared.asked).clone()
    }

    /// What every call of the script was answered with, by its place in the script, as the last request tells it.
    #[must_use]
    pub fn results(&self) -> Vec<ToolResult> {
        let asked = locked(&self.shared.asked);
        asked
            .iter()
            .max_by_key(|asked| asked.turns)
            .map(|asked| asked.results.clone())
            .unwrap_or_default()
    }

    /// Requests to addresses that a model does not have, each as `METHOD target`.
    #[must_use]
    pub fn elsewhere(&self) -> Vec<String> {
        locked(&self.shared.elsewhere).clone()
    }
}

impl Shared {
    fn answer(&self, request: http::Request) -> http::Response {
        let path = request.target.split('?').next().unwrap_or_default().to_owned();
        match (request.method.as_str(), path.as_str()) {
            ("POST", "/v1/messages") => messages::answer(self, request),
            ("POST", "/v1/messages/count_tokens") => {
                http::Response::json(&serde_json::json!({ "input_tokens": 1 }))
            }
            ("POST", "/v1/responses") => responses::answer(self, request),
            (method, _) => {
                locked(&self.elsewhere).push(format!("{method} {}", request.target));
                http::Response::not_found()
            }
        }
    }

    /// Whose conversation it is, where it is not the first agent's.
    fn helper_of(&self, body: &Value) -> Option<&Helper> {
        let first = body["messages"]
            .get(0)
            .map(|message| message["content"].to_string())?;
        self.helper
            .as_ref()
            .filter(|helper| first.contains(&helper.prompt))
    }

    /// The action for a conversation, which is remembered.
    fn next(&self, asked: Asked) -> Action {
        let (turns, results) = (asked.turns, asked.results.clone());
        if asked.tools.is_empty() {
            return Action::Say("A short answer.".to_owned());
        }
        let helper = self.helper_of(&asked.body);
        let script = helper.map_or(&self.script, |helper| &helper.script);
        if helper.is_none() {
            locked(&self.asked).push(asked);
        }
        script.get(turns).map_or_else(
            || Action::Say("The script has ended.".to_owned()),
            |step| step.take(&results),
        )
    }
}

/// A panic in a closure of the script fails the test elsewhere; what was gathered is still good.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
