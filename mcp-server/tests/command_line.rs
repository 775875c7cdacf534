//! The command line of `auditotter-mcp`: what a person sees who tries it by hand.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it stands"
)]

use std::process::{Command, Stdio};

fn run(args: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_auditotter-mcp"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn it_says_which_version_it_is() {
    let (success, stdout, _) = run(&["--version"]);
    assert!(success);
    assert_eq!(
        stdout.trim(),
        format!("auditotter-mcp {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn an_agent_name_that_no_delegation_can_hold_is_refused_with_the_form_it_has() {
    let (success, stdout, stderr) = run(&["--agent", "Claude Code"]);
    assert!(!success);
    assert_eq!(stdout, "");
    assert!(stderr.contains("lower-case letters, digits"), "{stderr}");
}

#[test]
fn a_client_that_leaves_at_once_is_no_failure_and_nothing_is_written_to_stdout() {
    let home = tempfile::tempdir().unwrap();
    let (success, stdout, stderr) = run(&["--home", home.path().to_str().unwrap()]);
    assert!(success, "{stderr}");
    assert_eq!(stdout, "");
}
