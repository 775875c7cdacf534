//! `auditotter-mcp trailer`: what a git hook runs, so that a commit made in an agent's session names the session's trace.
//!
//! Who may come in: whoever can start a process as this user. What is written is a line in a message that whoever commits can
//! write, change and leave out anyway: a claim, which `auditotter blame` holds against the ledger. Nothing is asked here but the
//! home's own files, no hub is started, and whatever goes wrong, the commit goes on without the line.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
    thread,
    time::Duration,
};

use protocol::home::Home;
use vocabulary::{Client, TRAILER, TraceId, named_traces};

use crate::shared::{self, SharedName};

/// What clients call the session in the environment of what they run. Codex names the session, and within it a thread.
const SESSIONS: [(Client, &str); 3] = [
    (Client::ClaudeCode, "CLAUDE_CODE_SESSION_ID"),
    (Client::Codex, "CODEX_SESSION_ID"),
    (Client::Codex, "CODEX_THREAD_ID"),
];

/// For how long a commit waits for this at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest message that is touched.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// The longest name of a session that a client gives.
const MOST_NAME_BYTES: usize = 256;

/// What stands beside the message while commits of others are made anew: they are not this session's.
const REPLAYING: [&str; 3] = ["rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD"];

/// Which of git's hooks it is (githooks(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitHook {
    /// Before an editor opens, and for every commit, replayed ones too.
    PrepareCommitMsg,
    /// Once the message is written, unless whoever commits says `--no-verify`.
    CommitMsg,
}

/// No hook of git's that writes messages.
#[derive(Debug, thiserror::Error)]
#[error("say prepare-commit-msg or commit-msg")]
pub struct NoSuchHook;

impl FromStr for GitHook {
    type Err = NoSuchHook;

    fn from_str(text: &str) -> Result<Self, NoSuchHook> {
        match text {
            "prepare-commit-msg" => Ok(Self::PrepareCommitMsg),
            "commit-msg" => Ok(Self::CommitMsg),
            _ => Err(NoSuchHook),
        }
    }
}

/// Why a message was left as it was.
#[derive(Debug, thiserror::Error)]
enum Unwritten {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("git interpret-trailers ended with {0}")]
    Git(std::process::ExitStatus),
}

/// Adds to a message the traces of the sessions in which the commit is made. Never fails, and ends in time.
pub fn run(home: &Home, hook: GitHook, message: &Path) {
    // A file that blocks its reader is no reason for a commit to wait.
    thread::spawn(|| {
        thread::sleep(PATIENCE);
        std::process::exit(0);
    });
    if let Err(why) = add(home, hook, message) {
        tracing::debug!(%why, "the commit goes on without a trailer");
    }
}

fn add(home: &Home, hook: GitHook, message: &Path) -> Result<(), Unwritten> {
    let traces = sessions(home);
    if traces.is_empty() || (hook == GitHook::PrepareCommitMsg && is_replayed(message)) {
        return Ok(());
    }
    let about = fs::metadata(message)?;
    if !about.is_file() || about.len() > MOST_BYTES {
        return Ok(());
    }
    let bytes = fs::read(message)?;
    let text = String::from_utf8_lossy(&bytes);
    let comment = comment_mark();
    if says_nothing(&text, comment.as_deref().unwrap_or("#")) {
        // Whoever leaves a message empty does not commit: that stays so.
        return Ok(());
    }
    // Anywhere in it: where commits are squashed, a trailer ends up in the middle.
    let named = named_traces(&text);
    for trace in traces.iter().filter(|trace| !named.contains(trace)) {
        write(message, comment.as_deref(), *trace)?;
    }
    Ok(())
}

/// The traces of the sessions that this process runs in: more than one, where one agent started another.
fn sessions(home: &Home) -> Vec<TraceId> {
    let mut traces = Vec::new();
    for (client, variable) in SESSIONS {
        let Some(name) = env::var_os(variable).and_then(|name| name.into_string().ok()) else {
            continue;
        };
        if name.is_empty() || name.len() > MOST_NAME_BYTES {
            continue;
        }
        if let Ok(Some(session)) = shared::find(home, &SharedName::of(client, &name)) {
            let trace = TraceId::from_uuid(session.id.uuid());
            if !traces.contains(&trace) {
                traces.push(trace);
            }
        }
    }
    traces
}

/// Whether commits are being made anew that were somebody's before: the message lies in the folder that says so.
fn is_replayed(message: &Path) -> bool {
    let folder = message.parent().map_or_else(PathBuf::new, Path::to_owned);
    REPLAYING.iter().any(|name| folder.join(name).exists())
}

/// With what the lines begin that git takes out again; nothing where it is the usual `#`, or git chooses.
fn comment_mark() -> Option<String> {
    let asked = |name: &str| {
        let ran = Command::new("git")
            .args(["config", "--get", name])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let mark = String::from_utf8(ran.stdout)
            .ok()?
            .trim_end_matches('\n')
            .to_owned();
        (ran.status.success() && !mark.is_empty() && mark != "auto").then_some(mark)
    };
    asked("core.commentString").or_else(|| asked("core.commentChar"))
}

/// Whether a message has nothing but comments in it, above the line under which git shows what changed.
fn says_nothing(text: &str, comment: &str) -> bool {
    text.lines()
        .take_while(|line| !(line.starts_with(comment) && line.contains("--- >8 ---")))
        .all(|line| line.trim().is_empty() || line.starts_with(comment))
}

/// Adds one, as git does it. Away from the repository, whose settings can name programs that are run for each trailer (git-interpret-trailers(1)).
fn write(message: &Path, comment: Option<&str>, trace: TraceId) -> Result<(), Unwritten> {
    let message = std::path::absolute(message)?;
    let mut git = Command::new("git");
    let inherited = env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.as_encoded_bytes().starts_with(b"GIT_")) {
        git.env_remove(name);
    }
    git.env("GIT_DIR", "/dev/null")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir("/");
    if let Some(comment) = comment {
        git.arg("-c").arg(format!("core.commentChar={comment}"));
    }
    let status = git
        .args(["interpret-trailers", "--in-place"])
        .args(["--if-exists", "addIfDifferent", "--if-missing", "add"])
        .arg("--trailer")
        .arg(format!("{TRAILER}: {trace}"))
        .args([OsStr::new("--"), message.as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(Unwritten::Git(status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_comments_alone_says_nothing() {
        let asked = "\n# Please enter the commit message\n#\n# ------------------------ >8 ------------------------\ndiff --git a/x b/x\n";
        assert!(says_nothing(asked, "#"));
        assert!(says_nothing("", "#") && says_nothing(" \r\n\r\n", "#"));
        assert!(!says_nothing("Fix it\n# but\n", "#"));
        assert!(!says_nothing("# 12 is fixed\n", ";"));
        assert!(says_nothing("; 12 is fixed\n", ";"));
    }
}
