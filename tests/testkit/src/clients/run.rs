//! Running a client to its end, whatever it starts on the way.

use std::{
    fs,
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
        Working::begin(command).end()
    }

    fn read(ran: Ran) -> Self {
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

/// A client at work, which ends with this value at the latest.
#[derive(Debug)]
pub struct Working {
    called: String,
    group: Group,
    stdout: JoinHandle<io::Result<Vec<u8>>>,
    stderr: JoinHandle<io::Result<Vec<u8>>>,
}

impl Working {
    /// Starts a client without input or terminal, in a process group of its own.
    ///
    /// # Panics
    /// Where it does not run.
    pub(super) fn begin(mut command: Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not run: {error}", command.get_program().display()));
        let mut group = Group(child);
        Self {
            called: format!("{command:?}"),
            stdout: collect(group.0.stdout.take()),
            stderr: collect(group.0.stderr.take()),
            group,
        }
    }

    /// Sends a signal to the client and to what shares its group, as a terminal does: a launcher of Node's is not the client.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn signal(&mut self, signal: Signal) {
        assert!(
            self.group.0.try_wait().is_ok_and(|ended| ended.is_none()),
            "{} has ended",
            self.called
        );
        kill_process_group(self.pid(), signal).expect("our own child can be sent a signal");
    }

    /// The stdio server that the client started, which is not one of its hooks.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn server(&self) -> Pid {
        let own = self.pid().as_raw_nonzero().get().to_string();
        let is_server = |pid: &i32| {
            let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let stat = read("stat");
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
            let line = read("cmdline");
            parent == Some(&own) && line.contains("auditotter-mcp") && !line.contains("\0hook\0")
        };
        let processes = fs::read_dir("/proc").expect("a system has processes");
        let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        numbers
            .into_iter()
            .find(is_server)
            .and_then(Pid::from_raw)
            .expect("the client started our server")
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// Where it does not.
    #[must_use]
    pub fn end(self) -> Session {
        Session::read(self.ran())
    }

    fn ran(mut self) -> Ran {
        let ended = program::ended(&mut self.group.0, DEADLINE);
        drop(self.group);
        let (stdout, stderr) = (text(self.stdout), text(self.stderr));
        let Some(status) = ended else {
            panic!(
                "{} did not end within {DEADLINE:?}; it wrote:\n{stdout}\n{stderr}",
                self.called
            );
        };
        Ran {
            code: status.code(),
            stdout,
            stderr,
        }
    }

    fn pid(&self) -> Pid {
        let number = i32::try_from(self.group.0.id()).expect("a process number");
        Pid::from_raw(number).expect("a process number")
    }
}

/// A client and the group of processes that it leads.
#[derive(Debug)]
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
pub(super) fn to_the_end(command: Command) -> Ran {
    Working::begin(command).ran()
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
