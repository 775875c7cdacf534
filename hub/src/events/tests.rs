use capture::{Change, FileEdited};

use super::*;
use crate::clearing::Clearing;

/// What looks like a secret.
/// In two halves, for this repository is searched for secrets as well.
const SECRET: &str = concat!("AKIA", "QYLPMN5HHHFPZAM2");

/// What is written of an edit.
fn edited(path: &str, folder: &str, diff: &str) -> Value {
    let edited = FileEdited {
        tool: "apply_patch".to_owned(),
        path: path.to_owned(),
        moved_to: None,
        folder: Some(folder.to_owned()),
        change: Change::Created,
        before: None,
        after: Some("00".repeat(32)),
        diff: diff.to_owned(),
    };
    let record = Record {
        call: None,
        turn: None,
        by: None,
        body: Body::FileEdited(edited),
    };
    let own = tempfile::tempdir().unwrap();
    let around = Neighbourhood::of(own.path(), Arc::new(Clearing::derive(&[7; 32])));
    let body = Cleared::of(record, |value| around.clear(value, None))
        .unwrap()
        .body;
    assert!(!body.to_string().contains(SECRET), "{body:#}");
    body
}

#[test]
fn a_folder_that_looks_like_a_secret_is_none_and_takes_nothing_else_of_an_edit_away() {
    let body = edited("a.txt", &format!("/tmp/{SECRET}"), "+a line\n");
    assert_eq!(
        (&body["folder"], &body["redacted"]),
        (&Value::from("[redacted]"), &Value::Null),
        "{body:#}"
    );
    assert_eq!(body["after"], "00".repeat(32));
    assert_eq!(edited("a.txt", "/tmp/shop", "+a line\n")["folder"], "/tmp/shop");
}

#[test]
fn only_what_an_edit_put_into_a_file_takes_its_digest_away() {
    let named = edited(&format!("/tmp/{SECRET}/a.txt"), "/tmp", "+a line\n");
    assert_eq!(named["after"], "00".repeat(32), "{named:#}");
    assert_eq!(named["redacted"]["aws-access-token"], 1, "{named:#}");
    let held = edited("a.txt", "/tmp", &format!("+{SECRET}\n"));
    assert_eq!(held["after"], Value::Null, "{held:#}");
    assert_eq!(held["redacted"]["aws-access-token"], 1, "{held:#}");
}
