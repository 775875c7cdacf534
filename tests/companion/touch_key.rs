//! Alice decides with an OpenSSH key on a security key: the real `ssh-keygen`, with a device made of software.

use std::{
    fs,
    path::{Path, PathBuf},
};

use identity::NAMESPACE;
use serde_json::{Value, json};
use testkit::{Home, SecurityKey, Terminal, export::Export};

use crate::json_of;

/// A kind of key that decides.
const VERIFIED: [&str; 4] = ["-t", "ed25519-sk", "-O", "verify-required"];

fn proposed(home: &Home) -> String {
    let mut client = home.claude_code();
    let proposed = client.call("propose_work_item", json!({ "title": "Fix a typo in the docs" }));
    client.end();
    proposed.structured["id"].as_str().unwrap().to_owned()
}

fn public(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Takes up a key, with Alice's passphrase; returns its fingerprint.
fn take_up(home: &Home, file: &Path) -> String {
    let public = public(file);
    let arguments = ["touch-key", "add", public.to_str().unwrap()];
    let mut terminal = Terminal::start(home.auditotter(&arguments));
    terminal.expect("fingerprint   ");
    let fingerprint = terminal.rest_of_line();
    terminal.expect_secret("Passphrase of Alice, to take up this touch key: ");
    terminal.enter(Home::PASSPHRASE);
    let (ended, shown) = terminal.end();
    assert_eq!(ended, Some(0), "{shown}");
    let rows = json_of(home, &["touch-key", "list", "--json"]);
    let rows = rows.as_array().unwrap();
    assert!(
        rows.iter().any(|row| row["fingerprint"] == fingerprint),
        "{rows:?}"
    );
    fingerprint
}

/// A command of Alice's at her terminal, beside the device.
fn at_the_device(home: &Home, device: &SecurityKey, arguments: &[&str]) -> Terminal {
    Terminal::start(device.beside(home.auditotter(arguments)))
}

fn state(home: &Home, id: &str) -> Value {
    json_of(home, &["show", id, "--json"])["state"].clone()
}

#[test]
fn alice_takes_up_a_touch_key_decides_with_it_and_an_auditor_checks_it() {
    let Some(device) = SecurityKey::plug_in() else {
        return;
    };
    let home = Home::lent();
    let file = device.make(&home, "id_ed25519_sk", &VERIFIED);
    let fingerprint = take_up(&home, &file);
    let id = proposed(&home);
    let arguments = ["approve", &id, "--why", "typos are bad", "--touch-key"];
    let mut terminal = at_the_device(&home, &device, &arguments);
    terminal.expect("Alice decides to APPROVE");
    terminal.expect("typos are bad");
    terminal.expect("Give its PIN, and touch it, only for what stands here.");
    terminal.expect_secret("Enter PIN for ED25519-SK key: ");
    terminal.enter(SecurityKey::PIN);
    terminal.expect(&fingerprint);
    let (ended, shown) = terminal.end();
    assert_eq!(ended, Some(0), "{shown}");
    assert!(
        shown.contains("is approved") && !shown.contains("Passphrase"),
        "{shown}"
    );
    home.stop_hub();
    let decided = json_of(&home, &["show", &id, "--json"]);
    assert_eq!(
        (&decided["state"], &decided["decisions"][0]["tier"]),
        (&json!("approved"), &json!("T1"))
    );

    let export = Export::of_the_only_trace(&home);
    let ours = export.verified_by_us();
    assert!(
        ours.stdout.contains("by Alice, signed T1"),
        "{}{}",
        ours.stdout,
        ours.stderr
    );
    if let Some(ran) = export.verified_by_python() {
        let told = ran.expect_success();
        assert!(told.contains("decisions  1, each signed"), "{told}");
    }
    // And with OpenSSH's own tool, from what stands in the file.
    let of_kind = |kind: &str| {
        let mut all = export.context.iter();
        all.find(|entry| entry.kind == kind).unwrap().body["signed"].clone()
    };
    let (enrolled, made) = (of_kind("touch_key.enrolled"), of_kind("decision.made"));
    let enrolment: Value = serde_json::from_str(enrolled["enrolment"].as_str().unwrap()).unwrap();
    let line = enrolment["touch_key"].as_str().unwrap();
    let signature = made["signature"]["ssh_signature"].as_str().unwrap();
    let text = made["decision"].as_str().unwrap();
    let told = device
        .verify(&home, line, NAMESPACE, (signature, text))
        .expect_success();
    assert!(told.contains("Good") && told.contains(&fingerprint), "{told}");
    assert_ne!(
        device
            .verify(&home, line, NAMESPACE, (signature, "something else"))
            .code,
        Some(0)
    );
}

#[test]
fn a_p256_key_that_is_named_decides_as_well() {
    let Some(device) = SecurityKey::plug_in() else {
        return;
    };
    let home = Home::lent();
    let file = device.make(&home, "a key", &["-t", "ecdsa-sk", "-O", "verify-required"]);
    take_up(&home, &file);
    // Another beside it, which is not named.
    let other = device.make(&home, "id_ed25519_sk", &VERIFIED);
    take_up(&home, &other);
    let id = proposed(&home);
    let either = home.run(&["approve", &id, "--touch-key"]);
    assert_eq!(either.code, Some(1));
    assert!(
        either.stderr.contains("several of your touch keys are in"),
        "{}",
        either.stderr
    );
    let named = file.to_str().unwrap();
    let arguments = ["reject", &id, "--why", "it was meant so", "--touch-key", named];
    let mut terminal = at_the_device(&home, &device, &arguments);
    terminal.expect_secret("Enter PIN for ECDSA-SK key: ");
    terminal.enter(SecurityKey::PIN);
    let (ended, shown) = terminal.end();
    assert_eq!(ended, Some(0), "{shown}");
    assert_eq!(state(&home, &id), "rejected");
    let export = Export::of_the_only_trace(&home);
    let _holds = export.verified_by_us().expect_success();
    if let Some(ran) = export.verified_by_python() {
        let _holds = ran.expect_success();
    }
}

#[test]
fn where_nobody_signs_nothing_is_decided_and_the_human_is_told_what_to_do() {
    let Some(device) = SecurityKey::plug_in() else {
        return;
    };
    let home = Home::lent();
    let id = proposed(&home);
    let refused = |arguments: &[&str], told: &str| {
        let ran = home.run(&[&["approve", &id], arguments].concat());
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    };
    let both = home.run(&["approve", &id, "--touch", "--touch-key"]);
    assert_eq!(both.code, Some(2), "{}", both.stderr);
    refused(
        &["--touch-key"],
        "take one up with: auditotter touch-key add FILE.pub",
    );
    let file = device.make(&home, "id_ed25519_sk", &VERIFIED);
    take_up(&home, &file);
    let stranger = device.make(&home, "id_stranger", &VERIFIED);
    let (named, unknown) = (file.to_str().unwrap(), stranger.to_str().unwrap());
    refused(
        &["--touch-key", unknown],
        "is no touch key of yours; take it up with",
    );
    refused(&["--touch-key", "nowhere"], "there is no key nowhere");
    refused(&["--touch-key", named], "there is no terminal");

    // The wrong PIN.
    let mut terminal = at_the_device(&home, &device, &["approve", &id, "--touch-key", named]);
    terminal.expect_secret("Enter PIN for ED25519-SK key: ");
    terminal.enter("000000");
    let (ended, shown) = terminal.end();
    assert_eq!(ended, Some(1), "{shown}");
    assert!(
        shown.contains("nothing was decided: ssh-keygen did not sign with"),
        "{shown}"
    );

    // A program that a variable names is not asked for the PIN: only the terminal is.
    let mut command = device.beside(home.auditotter(&["approve", &id, "--touch-key", named]));
    command
        .env("SSH_ASKPASS", "/bin/false")
        .env("SSH_ASKPASS_REQUIRE", "force")
        .env("DISPLAY", ":0");
    let mut terminal = Terminal::start(command);
    terminal.expect_secret("Enter PIN for ED25519-SK key: ");
    drop(terminal);

    // The public half says one thing and the private half is another's: what comes back is by a key of nobody's.
    fs::remove_file(public(&stranger)).unwrap();
    let mut terminal = at_the_device(&home, &device, &["approve", &id, "--touch-key", unknown]);
    terminal.expect_secret("Enter PIN for ED25519-SK key: ");
    terminal.enter(SecurityKey::PIN);
    let (ended, shown) = terminal.end();
    assert_eq!(ended, Some(1), "{shown}");
    assert!(shown.contains("is no touch key of yours"), "{shown}");

    // No ssh-keygen anywhere.
    let mut command = home.auditotter(&["approve", &id, "--touch-key", named]);
    command.env("PATH", home.user());
    let (ended, shown) = Terminal::start(command).end();
    assert_eq!(ended, Some(1), "{shown}");
    assert!(shown.contains("ssh-keygen is not installed"), "{shown}");
    assert_eq!(state(&home, &id), "proposed");
}

#[test]
fn a_key_that_asks_for_no_pin_or_no_touch_is_told_apart_and_decides_nothing() {
    let Some(device) = SecurityKey::plug_in() else {
        return;
    };
    let home = Home::lent();
    let id = proposed(&home);
    for (name, arguments, told) in [
        (
            "unverified",
            &["-t", "ed25519-sk"][..],
            "did not verify who touched it",
        ),
        (
            "untouched",
            &[
                "-t",
                "ed25519-sk",
                "-O",
                "no-touch-required",
                "-O",
                "verify-required",
            ],
            "nobody was present",
        ),
    ] {
        let file = device.make(&home, name, arguments);
        take_up(&home, &file);
        let named = file.to_str().unwrap();
        let mut terminal = at_the_device(&home, &device, &["approve", &id, "--touch-key", named]);
        if name == "untouched" {
            terminal.expect_secret("Enter PIN for ED25519-SK key: ");
            terminal.enter(SecurityKey::PIN);
        }
        let (ended, shown) = terminal.end();
        assert_eq!(ended, Some(1), "{shown}");
        assert!(
            shown.contains(told) && shown.contains("ssh-keygen -t ed25519-sk -O verify-required"),
            "{shown}"
        );
        assert_eq!(state(&home, &id), "proposed");
    }
}

#[test]
fn a_touch_key_is_removed_without_a_passphrase_and_taken_up_only_once() {
    let Some(device) = SecurityKey::plug_in() else {
        return;
    };
    let home = Home::lent();
    let file = device.make(&home, "id_ed25519_sk", &VERIFIED);
    let fingerprint = take_up(&home, &file);
    let told = home.run(&["touch-key", "remove", &fingerprint]).expect_success();
    assert!(told.contains("decides nothing any more"), "{told}");
    assert_eq!(json_of(&home, &["touch-key", "list", "--json"]), json!([]));
    let again = home.run(&["touch-key", "remove", &fingerprint]);
    assert!(again.stderr.contains("there is no touch key"), "{}", again.stderr);
    for _ in 0..2 {
        let id = proposed(&home);
        let refused = home.run(&["approve", &id, "--touch-key"]);
        assert!(
            refused.stderr.contains("Alice has no touch key"),
            "{}",
            refused.stderr
        );
        let mut terminal =
            Terminal::start(home.auditotter(&["touch-key", "add", public(&file).to_str().unwrap()]));
        terminal.expect_secret("Passphrase of Alice, to take up this touch key: ");
        terminal.enter(Home::PASSPHRASE);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, Some(1), "{shown}");
        assert!(shown.contains("or was once"), "{shown}");
        home.stop_hub();
    }
}

#[test]
fn a_key_that_no_security_key_holds_is_not_taken_up() {
    let home = Home::lent();
    let file = home.file("id_ed25519.pub");
    let plain = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti alice\n";
    for (text, told) in [
        (
            plain,
            "is held by no security key; make one with: ssh-keygen -t ed25519-sk",
        ),
        ("rubbish\n", "expected the line that ssh-keygen writes"),
        ("", "expected the line that ssh-keygen writes"),
    ] {
        fs::write(&file, text).unwrap();
        let refused = home.run(&["touch-key", "add", file.to_str().unwrap()]);
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
    let nowhere = home.run(&["touch-key", "add", "nowhere.pub"]);
    assert!(
        nowhere.stderr.contains("nowhere.pub cannot be read"),
        "{}",
        nowhere.stderr
    );
    let odd = home.run(&["touch-key", "remove", "SHA256:short"]);
    assert_eq!(odd.code, Some(2));
    assert!(odd.stderr.contains("expected a fingerprint"), "{}", odd.stderr);
}
