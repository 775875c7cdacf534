//! The workspace's own binaries, and how long anything may take.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long one step of a test may take before it counts as hung. Machines that run tests are slow and shared.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often something is looked at that cannot be waited for.
const GLANCE: Duration = Duration::from_millis(5);

/// The folder of the profile that this test was built in, as `target/debug`.
///
/// # Panics
/// Where the test's own executable has no folder.
#[must_use]
pub fn folder() -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its own executable");
    let beside = own.parent().expect("an executable lies in a folder");
    if beside.ends_with("deps") {
        beside.parent().unwrap_or(beside).to_owned()
    } else {
        beside.to_owned()
    }
}

/// A binary of this workspace, found beside the test's executable.
///
/// # Panics
/// Where it was not built.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(
        path.exists(),
        "{} is missing: build the workspace first: cargo build --workspace",
        path.display()
    );
    path
}

/// What a finished program left.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Ran {
    /// Its stdout, where it succeeded.
    ///
    /// # Panics
    /// Where it failed, with what it said.
    #[must_use]
    pub fn expect_success(self) -> String {
        assert_eq!(self.code, Some(0), "it failed: {}{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// Runs a program to its end, without input.
///
/// # Panics
/// Where it does not run, or writes what is not UTF-8.
#[must_use]
pub fn run(command: Command) -> Ran {
    run_with(command, &[])
}

/// Runs a program to its end, with this input.
///
/// # Panics
/// Where it does not run, or writes what is not UTF-8.
#[must_use]
pub fn run_with(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{:?} does not run: {error}", command.get_program()));
    let mut stdin = child.stdin.take().expect("it was piped");
    let output = thread::scope(|scope| {
        // Who does not read it all is not written to any more.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("a child can be waited for")
    });
    let text = |bytes| String::from_utf8(bytes).expect("programs write UTF-8");
    Ran {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Waits until `done` has an answer; `None` where it has none within `patience`.
pub fn until<T>(patience: Duration, mut done: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = done() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(GLANCE);
    }
}

/// Waits for a child to end; `None` where it has not within `patience`.
pub fn ended(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    until(patience, || child.try_wait().ok().flatten())
}
