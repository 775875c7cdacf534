//! Running a client to its end, whatever it starts on the way.

use std::{
    io::{self, Read},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::program::{self, Ran};

/// How long a client may work through a script.
const DEADLINE: Duration = Duration::from_secs(180);

/// What a client's run left behind.
#[derive(Debug)]
pub struct Session {
    /// Its events, one JSON object each.
    pub events: Vec<Value>,
    /// How it ended, and all that it wrote.
    pub ran: Ran,
}

impl Session {
    /// Runs a client that writes a JSON object a line.
    pub(super) fn of(command: Command) -> Self {
        let ran = to_the_end(command);
        let events = ran
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        Self { events, ran }
    }

    /// The events for which this holds.
    pub fn events_where(&self, mut wanted: impl FnMut(&Value) -> bool) -> Vec<&Value> {
        self.events.iter().filter(|event| wanted(event)).collect()
    }
}

/// A client and the group of processes that it leads.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Not waited for yet, so its number, which is the group's, is nobody else's.
        if self.0.try_wait().is_ok_and(|ended| ended.is_none())
            && let Some(leader) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process_group(leader, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// Runs a client without input or terminal, in a process group of its own that ends with it.
///
/// # Panics
/// Where it does not run, or does not end.
pub(super) fn to_the_end(mut command: Command) -> Ran {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not run: {error}", command.get_program().display()));
    let mut group = Group(child);
    let stdout = collect(group.0.stdout.take());
    let stderr = collect(group.0.stderr.take());
    let ended = program::ended(&mut group.0, DEADLINE);
    drop(group);
    let (stdout, stderr) = (text(stdout), text(stderr));
    let Some(status) = ended else {
        panic!("{command:?} did not end within {DEADLINE:?}; it wrote:\n{stdout}\n{stderr}");
    };
    Ran {
        code: status.code(),
        stdout,
        stderr,
    }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    })
}

fn text(collected: JoinHandle<io::Result<Vec<u8>>>) -> String {
    let bytes = collected.join().ok().and_then(Result::ok).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
