//! The format does not drift: what is written today is what was written when the golden file was, and two
//! verifiers that share no code agree on it.

use std::{fs, io::Write as _, path::PathBuf, process::Command};

use trace_store::export::{self, VerifyError};

use crate::fixture::{exported, signer, trace, workspace};

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/session.jsonl")
}

#[test]
fn todays_export_is_the_golden_one_to_the_byte() {
    let today = String::from_utf8(exported()).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(golden(), &today).unwrap();
    }
    assert_eq!(today, fs::read_to_string(golden()).unwrap());
}

#[test]
fn the_golden_export_holds_and_says_what_happened() {
    let file = fs::read(golden()).unwrap();
    let mut kinds = Vec::new();
    let verified =
        export::verify_each(file.as_slice(), |entry| kinds.push(entry.entry.kind.to_string())).unwrap();
    assert_eq!(
        kinds,
        [
            "session.started",
            "tool.called",
            "tool.called",
            "tool.called",
            "session.ended",
            "member.added",
            "delegation.minted",
            "body.erased"
        ]
    );
    assert_eq!((verified.workspace, verified.trace), (workspace(), trace(1)));
    assert_eq!(&verified.hub_key, signer().verifier());
    assert_eq!(
        (verified.checkpoint.size, verified.head.next_seq, verified.context),
        (9, 5, 3)
    );
    assert_eq!((verified.bodies, verified.erased_bodies), (2, 1));
}

/// Runs `examples/verify.py`, if there is a Python with the `blake3` package.
fn verify_py(file: &[u8]) -> Option<(i32, String)> {
    let has_blake3 = Command::new("python3").args(["-c", "import blake3"]).output();
    if !has_blake3.is_ok_and(|output| output.status.success()) {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI must have python3 with the blake3 package"
        );
        // Past the harness, which keeps what a passing test says to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: examples/verify.py needs python3 and its blake3 package (pip install blake3)"
        );
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("export.jsonl");
    fs::write(&path, file).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/verify.py");
    let output = Command::new("python3").arg(script).arg(path).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some((output.status.code().unwrap(), said))
}

#[test]
fn the_independent_verifier_finds_that_the_golden_export_holds() {
    if let Some((code, said)) = verify_py(&fs::read(golden()).unwrap()) {
        assert_eq!(code, 0, "{said}");
        assert!(
            said.contains("5 entries, each linked") && said.contains("2 present and as committed, 1 erased"),
            "{said}"
        );
    }
}

/// What both verifiers must say of the same damaged file.
#[test]
fn both_verifiers_agree_on_what_does_not_hold_and_where() {
    let file = String::from_utf8(exported()).unwrap();
    let lines: Vec<&str> = file.split_inclusive('\n').collect();
    let without = |line: usize| {
        lines
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != line)
            .map(|(_, l)| *l)
            .collect::<String>()
    };
    let mut cases = vec![
        (
            "an entry was reworded",
            file.replacen("session.started", "session.stopped", 1),
            1,
            2,
        ),
        (
            "a body was exchanged",
            file.replacen("eyJ0ZXh0Ijoi", "eyJ0ZXh0Ijox", 1),
            1,
            3,
        ),
        (
            "an erased body is said to be there",
            file.replacen(r#""body":{"erased":true},"#, "", 1),
            1,
            4,
        ),
        ("an entry was removed", without(2), 1, 3),
        ("the last context entry was removed", without(8), 1, 9),
        (
            "the checkpoint was reworded",
            file.replacen(r"\n9\n", r"\n8\n", 1),
            1,
            1,
        ),
        (
            "the header counts one less",
            file.replacen(r#""context":3"#, r#""context":2"#, 1),
            1,
            9,
        ),
        ("the trailer is missing", without(9), 2, 10),
        ("cut in the middle", file[..file.len() / 2].to_owned(), 2, 0),
        ("something was added", file.clone() + "x", 2, 11),
        (
            "a newer version",
            file.replacen(r#""version":1"#, r#""version":2"#, 1),
            2,
            1,
        ),
        ("something else", "hello\n".to_owned(), 2, 1),
        ("nothing", String::new(), 2, 1),
        (
            "an unknown member",
            file.replacen(r#"{"index":2"#, r#"{"x":1,"index":2"#, 1),
            2,
            2,
        ),
    ];
    let signature = file.rfind("\\n\"}}").unwrap() - 20;
    let mut forged = file.clone().into_bytes();
    forged[signature] = if forged[signature] == b'A' { b'B' } else { b'A' };
    cases.push((
        "the trailer's signature was changed",
        String::from_utf8(forged).unwrap(),
        1,
        10,
    ));
    for (what, changed, code, line) in cases {
        assert_ne!(changed, file, "{what}: nothing was changed");
        let error = export::verify(changed.as_bytes()).unwrap_err();
        let (found_code, found_line) = match &error {
            VerifyError::Unreadable { line, .. } => (2, *line),
            VerifyError::DoesNotHold { line, .. } => (1, *line),
        };
        assert_eq!(found_code, code, "{what}: {error}");
        if line > 0 {
            assert_eq!(found_line, line, "{what}: {error}");
        }
        if let Some((python_code, said)) = verify_py(changed.as_bytes()) {
            assert_eq!(python_code, code, "{what}: {said}");
            assert!(
                said.contains(&format!("line {found_line}")),
                "{what}: {error}; {said}"
            );
        }
    }
}
