//! What is lent arrives, and nothing else.

use delegation::{
    AgentVerb, DelegationToken, Denial, MintError, Narrowing, Operation, Repositories, TokenKind, inspect,
    mint, probe, verify,
};
use vocabulary::Risk;

use crate::{
    forge,
    world::{self, ask, plain},
};

#[test]
fn a_delegation_says_what_was_lent() {
    let token = world::delegation();
    assert_eq!(token.grant(), &world::grant());
    let read = DelegationToken::parse_unverified(token.expose()).unwrap();
    assert_eq!(read.grant(), &world::grant());
    assert_eq!(read.expose(), token.expose());
}

#[test]
fn minting_is_a_function_of_its_arguments() {
    let [one, same] = [world::delegation(), world::delegation()];
    assert_eq!(one.expose(), same.expose());
    let other = mint(
        &world::root(world::ALICE_SECRET),
        world::ALICES_NUMBER,
        &world::grant(),
        [0; 32],
    )
    .unwrap();
    assert_ne!(one.expose(), other.expose());
    assert_eq!(world::session().as_str(), world::session().as_str());
}

#[test]
fn a_session_may_do_what_both_blocks_allow() {
    let token = world::verified();
    assert_eq!(token.grant(), &world::grant());
    assert_eq!(token.session(), world::session_id());
    assert_eq!(*token.holder(), world::holder().public());
    assert_eq!(token.verbs(), &world::grant().verbs);
    assert_eq!(token.expires_at(), world::at(world::SESSION_ENDS));
    let done = ask(&token, &plain(AgentVerb::ProposeWorkItem)).unwrap();
    assert_eq!(done.delegation(), world::grant().id);
    assert_eq!(done.on_behalf_of(), world::alice());
    assert_eq!(done.agent().as_str(), "claude-code");
    assert_eq!(done.verb(), AgentVerb::ProposeWorkItem);
}

#[test]
fn a_session_may_not_do_what_only_its_own_block_names() {
    let denial = ask(&world::verified(), &plain(AgentVerb::ReadTrace)).unwrap_err();
    let delegation = world::grant().id;
    let verb = AgentVerb::ReadTrace;
    assert_eq!(denial, Denial::VerbNotLent { delegation, verb });
}

#[test]
fn a_session_may_not_do_what_its_block_left_out() {
    let narrowing = Narrowing {
        verbs: world::verbs(&[AgentVerb::AppendTraceNote]),
        ..world::narrowing()
    };
    let session = world::delegation().attenuate(&narrowing, [10; 32]).unwrap();
    let token = verify(session.as_str(), &world::keyring()).unwrap();
    assert!(ask(&token, &plain(AgentVerb::AppendTraceNote)).is_ok());
    let denial = ask(&token, &plain(AgentVerb::ProposeWorkItem)).unwrap_err();
    assert_eq!(denial.code().as_str(), "verb_not_lent");
}

#[test]
fn a_session_that_was_left_no_verb_holds_nothing() {
    let narrowing = Narrowing {
        verbs: world::verbs(&[AgentVerb::ReadTrace]),
        ..world::narrowing()
    };
    let session = world::delegation().attenuate(&narrowing, [10; 32]).unwrap();
    let token = verify(session.as_str(), &world::keyring()).unwrap();
    let denial = token
        .holding(
            world::session_id(),
            &world::holder().public(),
            world::at(0),
            &delegation::Revocations::default(),
        )
        .unwrap_err();
    assert_eq!(denial.code().as_str(), "check_failed");
}

#[test]
fn repository_paths_and_risk_are_those_that_were_lent() {
    let token = world::verified();
    let code = |repository: &str, paths: &[&str], risk| {
        let repository = repository.parse().unwrap();
        let paths: Vec<_> = paths.iter().map(|path| path.parse().unwrap()).collect();
        let operation = Operation {
            verb: AgentVerb::ProposeWorkItem,
            repository: Some(&repository),
            paths: &paths,
            risk: Some(risk),
        };
        ask(&token, &operation).map_err(|denial| denial.code().as_str())
    };
    assert!(code("Acme/Web", &["src/auth/login.rs", "docs/a.md"], Risk::Medium).is_ok());
    assert_eq!(
        code("acme/api", &[], Risk::Low).unwrap_err(),
        "repository_not_lent"
    );
    for outside in ["srcs/a.rs", "docs/deep/a.md", "docs/**", "**", "Cargo.toml"] {
        let paths = ["src/lib.rs", outside];
        assert_eq!(
            code("acme/web", &paths, Risk::Low).unwrap_err(),
            "path_not_lent",
            "{outside}"
        );
    }
    assert_eq!(
        code("acme/web", &["src/**"], Risk::High).unwrap_err(),
        "risk_above_ceiling"
    );
}

#[test]
fn nothing_is_minted_that_lends_nothing_or_is_too_large() {
    let minted = |change: fn(&mut delegation::Grant)| {
        let mut grant = world::grant();
        change(&mut grant);
        mint(&world::root(world::ALICE_SECRET), 7, &grant, [9; 32]).map(drop)
    };
    assert!(matches!(
        minted(|grant| grant.verbs.clear()),
        Err(MintError::NoVerb)
    ));
    let none = |grant: &mut delegation::Grant| grant.repositories = Repositories::Only([].into());
    assert!(matches!(minted(none), Err(MintError::NoRepository)));
    let many = |grant: &mut delegation::Grant| {
        let names = (0..60).map(|n| format!("{}/{n}", "a".repeat(90)).parse().unwrap());
        grant.repositories = Repositories::Only(names.collect());
    };
    assert!(matches!(
        minted(many),
        Err(MintError::TooLarge(Denial::TokenTooLarge { .. }))
    ));
}

#[test]
fn what_is_minted_can_be_used_however_long_it_is() {
    let mut too_large = 0;
    for length in 40..99 {
        let mut grant = world::grant();
        grant.verbs = AgentVerb::ALL.into();
        let names = (0..30).map(|n| format!("{}/{n}", "a".repeat(length)).parse().unwrap());
        grant.repositories =
            Repositories::Only(names.chain([format!("b/{length}").parse().unwrap()]).collect());
        match mint(
            &world::root(world::ALICE_SECRET),
            world::ALICES_NUMBER,
            &grant,
            [9; 32],
        ) {
            Ok(delegation) => {
                let mut narrowing = world::narrowing();
                narrowing.verbs = grant.verbs.clone();
                let session = delegation.attenuate(&narrowing, [1; 32]).unwrap();
                verify(session.as_str(), &world::keyring()).unwrap();
            }
            Err(error) => {
                assert!(matches!(error, MintError::TooLarge(_)), "{error}");
                too_large += 1;
            }
        }
    }
    assert!((1..59).contains(&too_large), "{too_large}");
}

#[test]
fn a_block_written_in_datalog_as_ours_is_ours() {
    // The attacks would prove nothing if hand-written tokens were refused for the hand.
    let session = forge::appended(&[&forge::session_code()]);
    let token = verify(&session, &world::keyring()).unwrap();
    assert_eq!(token.verbs(), &world::grant().verbs);
    let whole = forge::authority(&forge::authority_code());
    let read = DelegationToken::parse_unverified(&forge::text(&whole.to_vec().unwrap())).unwrap();
    assert_eq!(read.grant(), &world::grant());
    let resigned = forge::resigned(|_| {});
    assert_eq!(
        verify(&resigned, &world::keyring()).unwrap().verbs(),
        &world::grant().verbs
    );
}

#[test]
fn inspecting_tells_each_kind_in_words_and_datalog() {
    let delegation = world::delegation();
    let looked = inspect(delegation.expose()).unwrap();
    assert_eq!(looked.kind, TokenKind::Delegation);
    assert_eq!(looked.grant, Some(world::grant()));
    assert!(looked.blocks[0].words.contains(&"up to medium risk".to_owned()));
    assert!(looked.blocks[0].datalog.contains(r#"verb("propose_work_item")"#));
    let looked = inspect(world::session().as_str()).unwrap();
    assert_eq!((looked.kind, looked.blocks.len()), (TokenKind::Session, 2));
    let words = &looked.blocks[1].words;
    assert!(words.contains(&format!("only in session {}", world::session_id())));
    let witness = delegation.witness([1; 32]).unwrap();
    assert_eq!(inspect(witness.as_str()).unwrap().kind, TokenKind::Witness);
    let foreign = inspect(&forge::appended(&[r#"verb("approve");"#])).unwrap();
    assert_eq!((foreign.kind, foreign.grant), (TokenKind::Foreign, None));
    assert_eq!(
        foreign.blocks[0].words,
        ["block 1 of the token holds a fact, which no token of this workspace does"]
    );
}

#[test]
fn a_probe_is_a_session_that_nobody_else_can_hold() {
    let session = probe(world::delegation().expose(), world::at(0), [3; 32]).unwrap();
    let token = verify(session.as_str(), &world::keyring()).unwrap();
    assert_eq!(token.verbs(), &world::grant().verbs);
    assert_eq!(token.expires_at(), world::at(60));
    assert_eq!(
        probe(world::session().as_str(), world::at(0), [3; 32])
            .unwrap_err()
            .code()
            .as_str(),
        "token_malformed"
    );
}
