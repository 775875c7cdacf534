use std::sync::Arc;

use super::{super::snapshot::Seen, *};
use crate::clearing::Clearing;

/// What looks like a secret.
/// In two halves, for this repository is searched for secrets as well.
const SECRET: &str = concat!("AKIA", "QYLPMN5HHHFPZAM2");

/// What is written of a new file of this name that holds this, in a tree that lies there.
fn told(root: &str, name: &str, text: &str) -> Value {
    let digest = blake3::hash(text.as_bytes());
    let change = Unexplained {
        name: name.as_bytes().into(),
        before: State::Nothing,
        after: State::Seen(Seen {
            holds: Holds::File(digest),
            ..Seen::strange(None)
        }),
        executable: None,
        call: None,
    };
    let before = Snapshot::default();
    let fresh = Fresh::from([(digest, Arc::from(text.as_bytes()))]);
    let contents = Contents {
        before: &before,
        fresh: &fresh,
        git: HashMap::new(),
    };
    let own = tempfile::tempdir().unwrap();
    let around = Neighbourhood::of(own.path(), Arc::new(Clearing::derive(&[7; 32])));
    let mut entries = entries(&[change], &contents, &around, Path::new(root), false).unwrap();
    entries.remove(0).body
}

#[test]
fn a_folder_that_looks_like_a_secret_is_none_and_takes_nothing_else_away() {
    let body = told(&format!("/tmp/{SECRET}/shop"), "a.txt", "a line\n");
    let digest = blake3::hash(b"a line\n").to_hex().to_string();
    assert_eq!(
        (&body["folder"], &body["after"], &body["redacted"]),
        (&Value::from("[redacted]"), &Value::String(digest), &Value::Null),
        "{body:#}"
    );
    assert!(!body.to_string().contains(SECRET), "{body:#}");
    assert_eq!(told("/tmp/shop", "a.txt", "a line\n")["folder"], "/tmp/shop");
}

#[test]
fn a_name_that_looks_like_a_secret_is_cleared_and_leaves_the_digest() {
    let body = told("/tmp/shop", &format!("{SECRET}.txt"), "a line\n");
    let digest = blake3::hash(b"a line\n").to_hex().to_string();
    assert_eq!(body["after"], digest, "{body:#}");
    assert_eq!(body["redacted"]["aws-access-token"], 1, "{body:#}");
    assert!(!body.to_string().contains(SECRET), "{body:#}");
}

#[test]
fn of_what_holds_a_secret_no_digest_is_told() {
    let body = told("/tmp/shop", "a.txt", &format!("key {SECRET}\n"));
    assert_eq!(
        (&body["after"], &body["redacted"]["aws-access-token"]),
        (&Value::Null, &Value::from(1)),
        "{body:#}"
    );
    assert!(!body.to_string().contains(SECRET), "{body:#}");
}
