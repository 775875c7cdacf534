//! What docs/DELEGATION.md says to the letter is what this room does.

use delegation::{DenialCode, inspect};

use crate::world;

const DOCUMENT: &str = include_str!("../../docs/DELEGATION.md");

/// The fenced blocks of Datalog, in order.
fn datalog() -> Vec<&'static str> {
    let fenced = DOCUMENT.split("```datalog\n").skip(1);
    fenced
        .map(|rest| rest.split("```").next().unwrap_or_default().trim())
        .collect()
}

#[test]
fn the_blocks_shown_are_the_blocks_minted() {
    let delegation = world::delegation();
    let witness = delegation.witness([1; 32]).unwrap();
    let session = inspect(world::session().as_str()).unwrap();
    let witness = inspect(witness.as_str()).unwrap();
    let minted = [&session.blocks[0], &session.blocks[1], &witness.blocks[1]];
    assert_eq!(datalog(), minted.map(|block| block.datalog.trim()));
}

#[test]
fn every_denial_is_explained_once_and_no_other_is() {
    let section = DOCUMENT.split("### What a token is refused for").nth(1).unwrap();
    let table = section.split("\n### ").next().unwrap();
    let explained: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let all: Vec<&str> = DenialCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(explained, all);
}
