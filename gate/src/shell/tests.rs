//! Commands, and what they would change.

use crate::{
    Policy, What, effect_of,
    path::testing::{self, around},
};
use serde_json::json;

mod hostile;
mod plain;

/// What a command would change, as words: `-` for nothing, `?` for anything, `commit`, `push`, `!` for what no agent
/// writes, `out:PATH`, and paths of the repository.
pub(super) fn changes(command: &str) -> String {
    let look = testing::disk;
    let effect = effect_of(
        "Bash",
        &json!({ "command": command }),
        &around(&look),
        &Policy::default(),
    );
    let mut words: Vec<String> = effect
        .changes()
        .iter()
        .map(|change| match &change.what {
            What::Path(path) => path.to_string(),
            What::Anywhere => "?".to_owned(),
            What::Commit => "commit".to_owned(),
            What::Push => "push".to_owned(),
            What::Outside(path) => format!("out:{}", path.display()),
            What::Elsewhere(server) => format!("elsewhere:{server}"),
            What::Protected { .. } => "!".to_owned(),
            What::Unnameable(path) => format!("unnameable:{path}"),
        })
        .collect();
    words.sort();
    words.dedup();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(" ")
    }
}

fn check(rows: &[(&str, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .map(|(command, expected)| (command, expected, changes(command)))
        .filter(|(_, expected, found)| *expected != found)
        .map(|(command, expected, found)| format!("{command:?}: expected {expected}, found {found}"))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}
