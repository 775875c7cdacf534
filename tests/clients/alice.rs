//! Alice at her terminal.

use testkit::{Home, Terminal};

/// Alice's home, after `auditotter init`.
pub(crate) fn settles() -> Home {
    let home = Home::empty();
    let command = home.auditotter(&["init", "--name", "Alice", "--email", "alice@example.com"]);
    let mut terminal = Terminal::start(command);
    terminal.expect_secret("New passphrase for the key of Alice: ");
    terminal.enter(Home::PASSPHRASE);
    terminal.expect_secret("The same once more: ");
    terminal.enter(Home::PASSPHRASE);
    terminal.expect("auditotter install claude-code");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains(Home::PASSPHRASE), "{screen}");
    home
}

/// Lends `src/**` of `acme/shop` to an agent; returns the delegation's id.
pub(crate) fn lends(home: &Home, agent: &str) -> String {
    let mut terminal = Terminal::start(home.auditotter(&[
        "delegate",
        "--agent",
        agent,
        "--repo",
        "acme/shop",
        "--path",
        "src/**",
        "--ttl",
        "1h",
    ]));
    terminal.expect("acme/shop");
    terminal.expect("src/**");
    terminal.expect_secret("Passphrase of Alice, to ");
    terminal.enter(Home::PASSPHRASE);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains(Home::PASSPHRASE), "{screen}");
    let last = screen.trim_end().lines().next_back().unwrap_or_default();
    assert!(last.starts_with("dl_"), "{screen}");
    last.to_owned()
}
