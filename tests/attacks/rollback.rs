//! An older state put back, so that what was revoked since would count again.

use std::{fs, path::Path};

use serde_json::{Value, json};
use testkit::{Home, home::Lending};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

fn put(copied: &Path, store: &Path) {
    fs::remove_dir_all(store).unwrap();
    copy(copied, store);
}

#[test]
fn an_older_store_put_back_is_not_served() {
    let home = Home::founded();
    let lent = home.lend(&Lending::to("claude-code"));
    let mut client = home.claude_code();
    let noted = client.call("append_trace_note", json!({ "text": "before" }));
    assert!(!noted.is_error, "{noted:?}");
    client.end();
    assert!(home.stop_hub());
    let (store, before, after) = (home.layout().store(), home.file("before"), home.file("after"));
    copy(&store, &before);
    let _ = home.run(&["revoke", &lent.to_string()]).expect_success();
    assert!(home.stop_hub());
    copy(&store, &after);

    put(&before, &store);
    let refused = home.run(&["delegations"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let mut client = home.claude_code();
    let refused = client.try_call("append_trace_note", json!({ "text": "after" }));
    assert!(refused.is_err() || refused.is_ok_and(|answer| answer.is_error));
    client.end();
    let log = fs::read_to_string(home.layout().log()).unwrap();
    assert!(
        log.contains("somebody put an older copy or another store in its place"),
        "{log}"
    );

    put(&after, &store);
    let listed = home.run(&["delegations", "--json"]).expect_success();
    assert!(
        !listed.contains(&lent.to_string()),
        "it is lent no more: {listed}"
    );
    // What could not be recorded in the older store is, in the one that is served again.
    let told = refused_stores(&home);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0]["times"].as_u64() >= Some(1), "{told:#?}");
    assert!(
        told[0]["found"].as_u64() < told[0]["marked"].as_u64(),
        "{told:#?}"
    );
    assert!(!home.layout().refused_stores().exists());
    let _ = home.run(&["delegations"]).expect_success();
    assert_eq!(refused_stores(&home).len(), 1, "it is told once");
}

/// What the ledger says of stores that were refused.
fn refused_stores(home: &Home) -> Vec<Value> {
    let chain = home.workspace_chain();
    let told = chain.into_iter().filter(|entry| entry.kind == "store.refused");
    told.inspect(|entry| assert_eq!(entry.stored.entry.on_behalf_of, None))
        .map(|entry| entry.body)
        .collect()
}

/// A home whose older store was put back and refused once.
fn put_back() -> (Home, u64) {
    let home = Home::founded();
    let lent = home.lend(&Lending::to("claude-code"));
    assert!(home.stop_hub());
    let (store, before) = (home.layout().store(), home.file("before"));
    copy(&store, &before);
    let _ = home.run(&["revoke", &lent.to_string()]).expect_success();
    assert!(home.stop_hub());
    put(&before, &store);
    let size = u64::try_from(home.workspace_chain().len()).unwrap();
    assert_eq!(home.run(&["delegations"]).code, Some(1));
    (home, size)
}

#[test]
fn who_takes_an_older_store_for_good_takes_the_word_with_it_that_it_was_refused() {
    let (home, size) = put_back();
    let marked: Value = serde_json::from_slice(&fs::read(home.layout().mark()).unwrap()).unwrap();
    fs::remove_file(home.layout().mark()).unwrap();
    let _ = home.run(&["delegations"]).expect_success();
    let told = refused_stores(&home);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(
        (&told[0]["marked"], &told[0]["marked_root"], &told[0]["found"]),
        (&marked["size"], &marked["root"], &json!(size)),
        "{told:#?}"
    );
}

#[test]
fn a_word_on_a_refused_store_that_cannot_be_read_is_not_passed_over() {
    let (home, _) = put_back();
    fs::remove_file(home.layout().mark()).unwrap();
    for rubbish in [&b"{"[..], b"{\"refused\": 1}", &[b' '; 2 << 20]] {
        fs::write(home.layout().refused_stores(), rubbish).unwrap();
        assert_eq!(home.run(&["delegations"]).code, Some(1));
        let log = fs::read_to_string(home.layout().log()).unwrap();
        assert!(
            log.contains("says which stores were refused, is to be recorded, and cannot be read"),
            "{log}"
        );
    }
    fs::remove_file(home.layout().refused_stores()).unwrap();
    // Nor is a hub kept waiting by what is no file, or told what none writes.
    let row = json!({
        "marked": 3, "marked_root": "00".repeat(32), "found": 2, "found_root": "00".repeat(32),
        "first_at": "2026-01-01T00:00:00.000000Z", "last_at": "2026-01-01T00:00:00.000000Z", "times": 1,
    });
    let with = |name: &str, value: Value| {
        let mut row = row.clone();
        row[name] = value;
        json!({ "refused": [row] })
    };
    let elsewhere = home.file("elsewhere");
    fs::write(&elsewhere, json!({ "refused": [row] }).to_string()).unwrap();
    let refuse = |what: &str, write: &dyn Fn(&Path)| {
        write(&home.layout().refused_stores());
        assert_eq!(home.run(&["delegations"]).code, Some(1), "{what}");
        fs::remove_file(home.layout().refused_stores()).unwrap();
    };
    refuse("a pipe", &pipe);
    refuse("a link", &|path| {
        std::os::unix::fs::symlink(&elsewhere, path).unwrap();
    });
    for (name, value) in [("found_root", json!("<b>none</b>")), ("times", json!(0))] {
        refuse(name, &|path| {
            fs::write(path, with(name, value.clone()).to_string()).unwrap();
        });
    }
    pipe(&home.layout().mark());
    assert_eq!(home.run(&["delegations"]).code, Some(1), "a pipe for a mark");
    fs::remove_file(home.layout().mark()).unwrap();
    let _ = home.run(&["delegations"]).expect_success();
    assert_eq!(refused_stores(&home), Vec::<Value>::new());
}

#[test]
fn a_hub_that_was_killed_leaves_a_mark_too() {
    let home = Home::founded();
    let lent = home.lend(&Lending::to("claude-code"));
    assert!(home.stop_hub());
    let (store, before) = (home.layout().store(), home.file("before"));
    copy(&store, &before);
    let marked = || fs::read_to_string(home.layout().mark()).unwrap();
    let at_first = marked();
    let _ = home.run(&["revoke", &lent.to_string()]).expect_success();
    let deadline = std::time::Instant::now() + testkit::program::PATIENCE;
    while marked() == at_first {
        assert!(std::time::Instant::now() < deadline, "the mark does not move");
        std::thread::yield_now();
    }
    assert!(home.kill_hub());
    put(&before, &store);
    assert_eq!(home.run(&["delegations"]).code, Some(1));
}

#[test]
fn a_hub_that_ends_while_its_mark_moves_starts_again() {
    let home = Home::founded();
    for _ in 0..20 {
        let lent = home.lend(&Lending::to("claude-code"));
        let _ = home.run(&["revoke", &lent.to_string()]).expect_success();
        assert!(home.stop_hub());
    }
    let _ = home.run(&["delegations"]).expect_success();
}
