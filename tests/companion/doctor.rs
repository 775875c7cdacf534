//! `auditotter doctor`: what is well, what is not, and what to do about it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::Value;
use testkit::{Home, home::Lending};

/// The doctor's findings, by name.
fn findings(home: &Home) -> (Option<i32>, Vec<Value>) {
    // No clients of the machine: whether they know the server is another test's business.
    let mut command = home.auditotter(&["doctor", "--json"]);
    command.env("PATH", testkit::program::folder());
    let ran = testkit::program::run(command);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap())
}

fn ill(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .filter(|finding| finding["well"] == false)
        .map(|finding| finding["id"].as_str().unwrap())
        .collect()
}

fn open_to_others(path: &Path) {
    let mode = fs::metadata(path).unwrap().permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o044)).unwrap();
}

#[test]
fn a_home_in_order_is_well() {
    let home = Home::founded();
    home.lend(&Lending::to("claude-code"));
    let (code, findings) = findings(&home);
    assert_eq!((ill(&findings), code), (vec![], Some(0)), "{findings:#?}");
    for looked_at in [
        "home",
        "permissions",
        "key",
        "delegations",
        "hub",
        "clock",
        "store",
    ] {
        assert!(
            findings.iter().any(|finding| finding["id"] == looked_at),
            "{looked_at}"
        );
    }
}

#[test]
fn whatever_others_can_read_is_named_with_the_remedy() {
    let home = Home::founded();
    let id = home.lend(&Lending::to("claude-code"));
    let layout = home.layout();
    let key = fs::read_dir(layout.keys())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let token = layout.delegations().join(format!("{id}.token"));
    for (path, named) in [
        (home.path(), "permissions"),
        (layout.hub_key(), "hub key"),
        (key, "key"),
        (token, "delegations"),
    ] {
        let before = fs::metadata(&path).unwrap().permissions();
        open_to_others(&path);
        let (code, findings) = findings(&home);
        assert_eq!(
            (ill(&findings), code),
            (vec![named], Some(1)),
            "{}",
            path.display()
        );
        let remedy = findings.iter().find(|finding| finding["well"] == false).unwrap()["remedy"].clone();
        let expected = format!("chmod go-rwx '{}'", path.display());
        assert_eq!(remedy, expected);
        fs::set_permissions(&path, before).unwrap();
    }
}

#[test]
fn a_damaged_key_and_a_damaged_store_are_found() {
    let home = Home::founded();
    home.stop_hub();
    let layout = home.layout();
    let key = fs::read_dir(layout.keys())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(&key, "not a key").unwrap();
    assert_eq!(ill(&findings(&home).1), ["key"]);
    home.stop_hub();
    let largest = largest_file(&layout.store());
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&largest, bytes).unwrap();
    let (code, findings) = findings(&home);
    assert_eq!(code, Some(1));
    let told = ill(&findings);
    assert!(told.contains(&"hub") || told.contains(&"store"), "{findings:#?}");
}

/// The file that holds the ledger's frames.
fn largest_file(folder: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files
        .filter(|entry| entry.file_type().unwrap().is_file())
        .max_by_key(|entry| entry.metadata().unwrap().len())
        .unwrap()
        .path()
}

#[test]
fn without_a_workspace_the_doctor_says_how_to_make_one() {
    let home = Home::empty();
    let (code, findings) = findings(&home);
    assert_eq!((ill(&findings), code), (vec!["home"], Some(1)));
    assert_eq!(findings[0]["remedy"], "auditotter init --name NAME --email EMAIL");
}

fn attacked(home: &Home) -> (Option<i32>, Vec<Value>) {
    let mut command = home.auditotter(&["doctor", "--attack", "--json"]);
    command.env("PATH", testkit::program::folder());
    let ran = testkit::program::run(command);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap())
}

#[test]
fn what_an_agent_would_try_first_is_tried_refused_and_recorded() {
    let home = Home::founded();
    let served = home.serve();
    let (code, findings) = attacked(&home);
    assert_eq!((ill(&findings), code), (vec![], Some(0)), "{findings:#?}");
    let held = findings
        .iter()
        .filter(|finding| finding["what"].as_str().unwrap().starts_with("held: "));
    assert_eq!(held.count(), 20, "{findings:#?}");
    drop(served);
    let chain = home.workspace_chain();
    let count = |kind: &str| chain.iter().filter(|recorded| recorded.kind == kind).count();
    assert!(
        count("decision.refused") == 8 && count("access.denied") == 5,
        "{chain:#?}"
    );
    assert_eq!((count("decision.made"), count("member.added")), (0, 1));
}

#[test]
fn a_door_that_is_not_open_is_said_not_to_be_tried() {
    let home = Home::founded();
    let (code, findings) = attacked(&home);
    // Neither that it held, nor that it did not.
    assert_eq!((ill(&findings), code), (vec![], Some(3)), "{findings:#?}");
    let web = findings.iter().find(|finding| finding["id"] == "web").unwrap();
    assert!(web["what"].as_str().unwrap().starts_with("not tried: "), "{web}");
    assert!(web["well"].is_null(), "{web}");
    let mut command = home.auditotter(&["doctor", "--attack"]);
    command.env("PATH", testkit::program::folder());
    let shown = testkit::program::run(command).stdout;
    assert!(shown.contains("\n?    web          not tried: "), "{shown}");
    assert!(shown.trim_end().ends_with(" ok, 0 bad, 1 not tried"), "{shown}");
    // What is bad is said before what was not tried.
    open_to_others(home.layout().path());
    let (code, findings) = attacked(&home);
    assert_eq!(
        (ill(&findings), code),
        (vec!["permissions"], Some(1)),
        "{findings:#?}"
    );
}

#[test]
fn a_key_whose_passphrase_is_guessed_first_is_ill() {
    let home = Home::founded();
    let key = fs::read_dir(home.layout().keys())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let seed = identity::Seed::from_entropy([3; 32]);
    let guessed = identity::Passphrase::existing("password1234".to_owned().into());
    let sealed = identity::seal(&seed, &guessed, identity::WorkFactor::lowest()).unwrap();
    fs::write(&key, sealed).unwrap();
    let (code, findings) = attacked(&home);
    assert_eq!(
        (ill(&findings), code),
        (vec!["guesses"], Some(1)),
        "{findings:#?}"
    );
}
