//! What only a human can do cannot be written where an agent's verbs stand: not by mistake, and not on purpose.
//! Each file in `human_verbs/` is a program that must not compile, with what the compiler says of it.
//!
//! After a new compiler: `TRYBUILD=overwrite cargo test -p system-tests --test human_verbs`, and read what changed.

use std::collections::BTreeSet;

use delegation::AgentVerb;
use identity::HumanVerb;

#[test]
fn no_program_puts_a_human_verb_where_an_agents_stands() {
    let programs = trybuild::TestCases::new();
    programs.compile_fail("human_verbs/*.rs");
}

#[test]
fn no_human_verbs_word_is_an_agent_verbs() {
    for verb in HumanVerb::ALL {
        let parsed = verb.as_str().parse::<AgentVerb>();
        let message = parsed.unwrap_err().to_string();
        let expected = format!("`{verb}` cannot be lent to an agent");
        assert!(message.starts_with(&expected), "{message}");
    }
    for verb in AgentVerb::ALL {
        assert_eq!(verb.as_str().parse(), Ok(verb));
    }
}

#[test]
fn the_two_sets_share_no_word() {
    let human: BTreeSet<&str> = HumanVerb::ALL.iter().map(|verb| verb.as_str()).collect();
    let agent: BTreeSet<&str> = AgentVerb::ALL.iter().map(|verb| verb.as_str()).collect();
    assert_eq!(human.len(), HumanVerb::ALL.len());
    assert_eq!(agent.len(), AgentVerb::ALL.len());
    assert_eq!(human.intersection(&agent).count(), 0);
}
