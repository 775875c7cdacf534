//! The command line of `auditotter`, where no workspace and no terminal is there.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it stands"
)]

use std::process::{Command, Stdio};

fn auditotter(args: &[&str]) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_auditotter"))
        .arg("--home")
        .arg(home.path())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn without_a_workspace_every_command_says_how_to_make_one() {
    for command in [
        &["delegations"][..],
        &["delegate", "--agent", "codex"],
        &["revoke", "dl_00000000000000000000000000"],
        &["serve"],
        &["trace", "list"],
    ] {
        let (code, stdout, stderr) = auditotter(command);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{command:?}");
        assert!(
            stderr.contains("auditotter init --name NAME --email EMAIL"),
            "{command:?}: {stderr}"
        );
        assert_eq!(stderr.trim().lines().count(), 1, "{command:?}: {stderr}");
    }
}

#[test]
fn a_file_that_is_no_export_is_unreadable_and_exits_two() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("not-an-export");
    for content in [&b""[..], b"{}", b"\xff\xfe", b"{\"format\":\"something else\"}\n"] {
        std::fs::write(&file, content).unwrap();
        let (code, stdout, stderr) = auditotter(&["verify", file.to_str().unwrap()]);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{content:?}: {stderr}");
    }
    let (code, _, stderr) = auditotter(&["verify", "/does/not/exist"]);
    assert_eq!(code, Some(2), "{stderr}");
}

#[test]
fn the_demo_tells_the_whole_story() {
    let (code, stdout, stderr) = auditotter(&["demo"]);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    for line in [
        "path_not_lent",
        "is revoked",
        "delegation_revoked",
        "the export holds",
        "caught: it does not hold",
    ] {
        assert!(stdout.contains(line), "{line} is missing: {stdout}");
    }
}
