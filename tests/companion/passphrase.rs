//! What asks for a passphrase asks at the controlling terminal and nowhere else.

use serde_json::{Value, json};
use testkit::{Home, Terminal};

use crate::json_of;

const INIT: [&str; 5] = ["init", "--name", "Alice", "--email", "alice@example.com"];
const PASSPHRASE: &str = "otters hold hands while asleep";

fn init(home: &Home) {
    let mut terminal = Terminal::start(home.auditotter(&INIT));
    terminal.expect_secret("New passphrase for the key of Alice: ");
    terminal.enter(PASSPHRASE);
    terminal.expect_secret("The same once more: ");
    terminal.enter(PASSPHRASE);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(PASSPHRASE), "the passphrase was shown");
    for next in [
        "auditotter delegate --agent claude-code",
        "auditotter install claude-code",
        "auditotter install codex",
    ] {
        assert!(shown.contains(next), "{next} is missing: {shown}");
    }
}

#[test]
fn from_nothing_to_an_agent_at_work_in_two_commands() {
    let home = Home::empty();
    init(&home);
    let asked = [
        "delegate",
        "--agent",
        "claude-code",
        "--repo",
        "acme/shop",
        "--path",
        "src/**",
        "--ttl",
        "30m",
    ];
    let mut terminal = Terminal::start(home.auditotter(&asked));
    terminal.expect("acme/shop");
    terminal.expect_secret("Passphrase of Alice, to ");
    terminal.enter(PASSPHRASE);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    let lent = json_of(&home, &["delegations", "--json"]);
    assert_eq!(lent.as_array().unwrap().len(), 1, "{lent}");
    let lent = &lent[0];
    assert!(shown.contains(lent["id"].as_str().unwrap()), "{shown}");
    assert_eq!(lent["agent"], "claude-code");
    assert_eq!(lent["lent_by"], "Alice");
    assert_eq!(lent["repositories"], json!(["acme/shop"]));
    assert_eq!(lent["paths"], json!(["src/**"]));
    assert_eq!(lent["state"], "lent");

    let mut client = home.claude_code();
    let described = client.call("describe_delegation", json!({})).structured;
    assert_eq!(described["delegation"], lent["id"]);
    assert_eq!(described["paths"], json!(["src/**"]));
}

#[test]
fn two_different_passphrases_create_nothing() {
    let home = Home::empty();
    let mut terminal = Terminal::start(home.auditotter(&INIT));
    terminal.expect_secret("New passphrase");
    terminal.enter(PASSPHRASE);
    terminal.expect("once more");
    terminal.enter("otters hold hands while awake");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.contains("the two passphrases differ; nothing was created"),
        "{shown}"
    );
    assert!(!home.path().exists(), "nothing is left behind");
    init(&home);
}

#[test]
fn a_short_passphrase_is_refused_before_it_is_asked_for_again() {
    let home = Home::empty();
    let mut terminal = Terminal::start(home.auditotter(&INIT));
    terminal.expect_secret("New passphrase");
    terminal.enter("otter");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.contains("passphrase") && !shown.contains("once more"),
        "{shown}"
    );
    assert!(!home.path().exists(), "nothing is left behind");
}

#[test]
fn without_a_terminal_nothing_is_asked_and_nothing_is_made() {
    let empty = Home::empty();
    let founded = Home::founded();
    for (home, arguments) in [(&empty, &INIT[..]), (&founded, &["delegate", "--agent", "codex"])] {
        // `setsid` leaves whatever terminal this test itself was started from.
        let mut command = home.command("setsid");
        command
            .arg("--wait")
            .arg(testkit::program::path("auditotter"))
            .args(arguments);
        let ran = testkit::program::run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(
            ran.stderr
                .contains("there is no terminal to ask for the passphrase"),
            "{arguments:?}: {}",
            ran.stderr
        );
    }
    assert!(!empty.path().exists());
    assert_eq!(json_of(&founded, &["delegations", "--all", "--json"]), json!([]));
}

#[test]
fn a_wrong_passphrase_lends_nothing() {
    let home = Home::founded();
    let mut terminal = Terminal::start(home.auditotter(&["delegate", "--agent", "codex"]));
    terminal.expect_secret("Passphrase of Alice, to ");
    terminal.enter("not it, sorry to say");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.contains("nothing was lent") && shown.contains("passphrase"),
        "{shown}"
    );
    assert!(
        !shown.contains("not it, sorry to say"),
        "what was typed was shown: {shown}"
    );
    assert_eq!(json_of(&home, &["delegations", "--all", "--json"]), json!([]));
    let tokens = std::fs::read_dir(home.layout().delegations()).unwrap().count();
    assert_eq!(tokens, 0);
}

#[test]
fn a_delegation_as_json_is_the_row_that_delegations_shows() {
    let home = Home::founded();
    let mut terminal = Terminal::start(home.auditotter(&["delegate", "--agent", "codex", "--json"]));
    terminal.expect_secret("Passphrase of Alice, to ");
    terminal.enter(Home::PASSPHRASE);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    let object = &shown[shown.find("\n{").unwrap()..];
    let row: Value = serde_json::from_str(object).unwrap();
    assert_eq!(json_of(&home, &["delegations", "--json"]), json!([row]));
}

#[test]
fn a_second_workspace_is_not_made_over_the_first() {
    let home = Home::founded();
    let again = home.run(&INIT);
    assert_eq!((again.code, again.stdout.as_str()), (Some(1), ""));
    assert!(
        again.stderr.contains("there is a workspace in"),
        "{}",
        again.stderr
    );
}
