//! `auditotter-mcp hook`: what a client's hooks run. One process an event, too fast to notice: a blocking socket, no runtime, and
//! nothing is read that the hub can read.
//!
//! Who may come in: whoever can start a process as this user, an agent with a shell included. What is told here is recorded as
//! the client's word, under what was lent; it gives nobody anything.

mod answer;
mod telling;

use std::{
    fmt::Display,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

use serde::Deserialize;
use serde_json::value::RawValue;
use vocabulary::Client;

use self::telling::tell;
use crate::{
    session::Lender,
    shared::{self, SharedName},
};

/// The longest event that is passed on whole; of a longer one, the long texts are cut.
const MOST_BYTES: usize = 6 * 1024 * 1024;

/// The longest that is read at all.
const MOST_READ_BYTES: u64 = 256 * 1024 * 1024;

/// How much is kept of each text of an event that is too long.
const MOST_TEXT_CHARS: usize = 256 * 1024;

/// When whoever waits is answered at the latest: clients give a hook of ours up after five seconds.
const DEADLINE: Duration = Duration::from_millis(4_300);

/// Where a repository says what holds in it.
const POLICY: &str = ".auditotter/policy.toml";

/// What is read of an event here; the hub reads the rest.
#[derive(Debug, Deserialize)]
struct Told {
    session_id: String,
    hook_event_name: String,
    #[serde(default)]
    tool_name: Option<String>,
    #[serde(default)]
    tool_use_id: Option<String>,
    #[serde(default)]
    cwd: Option<String>,
}

impl Told {
    /// The one event that is waited for and may be denied.
    fn asks(&self) -> bool {
        self.hook_event_name == "PreToolUse"
    }

    /// The client asks whether it may go on with other settings.
    fn changes_settings(&self) -> bool {
        self.hook_event_name == "ConfigChange"
    }

    /// Whether the tool that is about to be used is one of our own server's, by its usual name.
    fn calls_us(&self) -> bool {
        let tool = self.tool_name.as_deref().unwrap_or_default();
        tool.starts_with("mcp__") && tool.contains("auditotter")
    }

    /// Whether the repository that is worked in has rules of its own: then what cannot be asked is not done.
    fn is_ruled(&self) -> bool {
        let cwd = self.cwd.as_deref().map(Path::new);
        let real = cwd.map(|cwd| cwd.canonicalize().unwrap_or_else(|_| cwd.to_owned()));
        // Whatever cannot be looked at may be rules.
        let may_be_there = |path: PathBuf| {
            let looked = fs::symlink_metadata(path);
            looked.map_or_else(
                |error| {
                    error.kind() != io::ErrorKind::NotFound && error.kind() != io::ErrorKind::NotADirectory
                },
                |_| true,
            )
        };
        real.is_none_or(|real| real.ancestors().any(|folder| may_be_there(folder.join(POLICY))))
    }
}

/// The hook cannot be run at all, and so cannot say that anything may happen.
#[must_use]
pub fn cannot_run(why: &str) -> ExitCode {
    answer::unreadable(why)
}

/// Passes on what a client gave to its hook, and says whether it may go on. Always answers, with what the client understands.
#[must_use]
pub fn run(client: Client, lender: &Lender) -> ExitCode {
    let mut input = Vec::new();
    let read = io::stdin().lock().take(MOST_READ_BYTES).read_to_end(&mut input);
    let told = match read
        .map_err(|error| error.to_string())
        .and_then(|_| parse(&input))
    {
        Ok(told) => told,
        Err(why) => return answer::unreadable(&why),
    };
    watch(&told);
    let whole = input.len() <= MOST_BYTES;
    let event = match passed_on(input) {
        Ok(event) => event,
        Err(why) => return answer::unreadable(&why),
    };
    if !whole && told.asks() && told.is_ruled() {
        return answer::denied(
            "this is more than can be looked at in one call, and the repository has rules: do it in smaller parts",
        );
    }
    let name = SharedName::of(client, &told.session_id);
    if told.asks()
        && told.calls_us()
        && let Some(call) = &told.tool_use_id
    {
        // Where that fails, the call is recorded in a trace of its own.
        let _ = shared::announce(lender.home(), call, &name);
    }
    let heard = tell(client, lender, &name, &told.session_id, event);
    match heard {
        Ok(heard) => match heard.denied {
            Some(refusal) if told.asks() => answer::denied(&refusal.message),
            Some(refusal) if told.changes_settings() => answer::kept(&refusal.message),
            _ => ExitCode::SUCCESS,
        },
        Err(why) if told.asks() && told.is_ruled() => answer::denied(&cannot_be_asked(&why)),
        Err(why) if told.changes_settings() && told.is_ruled() => answer::kept(&cannot_be_asked(&why)),
        Err(why) => answer::not_recorded(&told.hook_event_name, &why),
    }
}

fn cannot_be_asked(why: &impl Display) -> String {
    format!("this repository has rules ({POLICY}) and they cannot be asked: {why}")
}

/// Answers in time, whatever the hub does: a client that gives a hook up goes on as if it had agreed.
fn watch(told: &Told) {
    let (asks, changes) = (told.asks(), told.changes_settings());
    if !(asks || changes) || !told.is_ruled() {
        return;
    }
    thread::spawn(move || {
        thread::sleep(DEADLINE);
        let why = cannot_be_asked(&"the hub did not answer in time");
        let code = if asks {
            answer::denied(&why)
        } else {
            answer::kept(&why)
        };
        let blocks = code != ExitCode::SUCCESS;
        std::process::exit(i32::from(answer::BLOCKS) * i32::from(blocks));
    });
}

fn parse(input: &[u8]) -> Result<Told, String> {
    serde_json::from_slice(input).map_err(|error| format!("the hook's input is no event: {error}"))
}

/// The event as it came; where it is too long to be sent, with its long texts cut.
fn passed_on(input: Vec<u8>) -> Result<Box<RawValue>, String> {
    let raw = |text: String| RawValue::from_string(text).map_err(|error| error.to_string());
    if input.len() <= MOST_BYTES {
        return raw(String::from_utf8(input).map_err(|error| error.to_string())?);
    }
    let mut event = serde_json::from_slice(&input).map_err(|error| error.to_string())?;
    cut(&mut event);
    raw(event.to_string())
}

fn cut(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(MOST_TEXT_CHARS) {
                let whole = text.len();
                text.truncate(end);
                text.push_str(&format!("[{} more bytes were not recorded]", whole - end));
            }
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(cut),
        serde_json::Value::Object(members) => members.values_mut().for_each(cut),
        _ => {}
    }
}
