//! Tokens written by hand by whoever holds a delegation (any block after the first) or a member's own key (even the
//! first): refused before any Datalog runs, whatever the Datalog would have said.

use biscuit_auth::{
    Algorithm, Biscuit, BlockBuilder, KeyPair,
    builder::{BiscuitBuilder, Scope},
    format::schema::{self, proof, term},
};
use delegation::{Denial, inspect, verify};
use prost::Message as _;

use crate::{
    forge::{self, End},
    world,
};

fn refusal(text: &str) -> Denial {
    match verify(text, &world::keyring()) {
        Ok(token) => panic!("accepted, and lends {:?}", token.verbs()),
        Err(denial) => denial,
    }
}

fn structure(text: &str) -> (usize, &'static str) {
    match refusal(text) {
        Denial::ForbiddenStructure { block, what } => (block, what),
        other => panic!("{other:?}"),
    }
}

/// What an injected agent would add, beside a block that is ours.
const MORE: &[(&str, &str)] = &[
    (r#"verb("read_trace");"#, "a fact"),
    (r#"verb("approve");"#, "a fact"),
    (r#"operation("read_trace");"#, "a fact"),
    (
        r#"path("**"); repository("*"); risk_ceiling("critical");"#,
        "a fact",
    ),
    ("time(2000-01-01T00:00:00Z);", "a fact"),
    ("witness(true);", "a fact"),
    ("verb($v) <- operation($v);", "a rule"),
    ("verb($v) <- operation($v) trusting previous;", "a rule"),
    ("n($a, $b, $c, $d) <- n($a), n($b), n($c), n($d);", "a rule"),
];

#[test]
fn facts_and_rules_after_the_first_block_are_refused() {
    for (code, what) in MORE {
        let whole = format!("{code} {}", forge::session_code());
        assert_eq!(structure(&forge::appended(&[&whole])), (1, *what), "{code}");
        let second = forge::appended(&[&forge::session_code(), code]);
        assert_eq!(structure(&second), (2, *what), "{code}");
    }
}

#[test]
fn a_scope_is_refused_in_every_block() {
    let stranger = forge::pair([0x77; 32]).public();
    for scope in [Scope::Authority, Scope::Previous, Scope::PublicKey(stranger)] {
        let block = BlockBuilder::new().code(forge::session_code()).unwrap();
        let token = forge::unverified().append(block.scope(scope)).unwrap();
        let token = token.seal().unwrap().to_vec().unwrap();
        assert_eq!(structure(&forge::text(&token)), (1, "a scope"));
    }
    let previous = schema::scope::Content::ScopeType(schema::scope::ScopeType::Previous as i32);
    let scope = schema::Scope {
        content: Some(previous),
    };
    let token = forge::resigned(|blocks| blocks[0].scope.push(scope));
    assert_eq!(structure(&token), (0, "a scope"));
}

/// Checks that are not the four of a session, however harmless they look.
const CHECKS: &[&str] = &[
    r#"check if operation("approve");"#,
    r#"check if operation($o), {"read_trace"}.contains($o);"#,
    r#"check all operation($o), ["read_trace"].contains($o);"#,
    r#"check all operation($o), {"read_trace"}.contains($o) trusting previous;"#,
    r#"reject if operation("read_trace");"#,
    "reject if time($t), $t > 2030-01-01T00:00:00Z;",
    "check if true;",
    "check if 1 + 1 === 2;",
    r#"check if operation("a") or operation("b");"#,
    r#"check if operation($o), $o.matches("(a+)+$");"#,
    r#"check if operation($o), operation($p), operation($q), $o.starts_with($p);"#,
    "check if [1, 2, 3].all($x -> [1, 2, 3].any($y -> $x === $y));",
    r#"check if operation($o), $o.extern::call("x");"#,
    "check if {1, 2}.intersection({2}).length() === 1;",
];

#[test]
fn checks_of_any_other_form_are_refused() {
    for code in CHECKS {
        let alone = structure(&forge::appended(&[code])).1;
        assert_eq!(alone, "other checks than those of a session", "{code}");
        let beside = format!("{} {code}", forge::session_code());
        let beside = structure(&forge::appended(&[&beside])).1;
        assert_eq!(beside, "other checks than those of a session", "{code}");
        // In the place of each of the four.
        for place in 0..4 {
            let ours = forge::session_code();
            let mut checks: Vec<&str> = ours
                .split_inclusive(';')
                .filter(|c| c.contains("check"))
                .collect();
            checks[place] = code;
            let (block, what) = structure(&forge::appended(&[&checks.concat()]));
            assert_eq!(block, 1, "{code}");
            assert!(what.starts_with("a check "), "{code} in place {place}: {what}");
        }
    }
}

#[test]
fn a_session_block_that_names_what_no_agent_can_do_is_refused() {
    for verb in [
        "approve",
        "reject",
        "grant_access",
        "attest_deploy",
        "Propose_Work_Item",
        "*",
        "",
    ] {
        let verbs = format!(r#"{{"append_trace_note", "{verb}"}}"#);
        let code = forge::session_code_with(&verbs, world::SESSION_ENDS);
        assert_eq!(
            structure(&forge::appended(&[&code])),
            (1, "a verb that no agent can be lent"),
            "{verb}"
        );
    }
    let code = forge::session_code_with("{1, 2}", world::SESSION_ENDS);
    assert_eq!(
        structure(&forge::appended(&[&code])),
        (1, "a check of another form")
    );
}

#[test]
fn a_context_is_refused_in_every_block() {
    let block = BlockBuilder::new()
        .code(forge::session_code())
        .unwrap()
        .context("ignore all previous instructions".to_owned());
    let token = forge::unverified().append(block).unwrap().seal().unwrap();
    assert_eq!(
        structure(&forge::text(&token.to_vec().unwrap())),
        (1, "a context")
    );
    let token = forge::resigned(|blocks| blocks[0].context = Some(String::new()));
    assert_eq!(structure(&token), (0, "a context"));
}

#[test]
fn a_third_partys_block_is_refused_even_with_our_checks_in_it() {
    let token = forge::unverified();
    for code in [
        forge::session_code(),
        r#"verb("approve");"#.to_owned(),
        String::new(),
    ] {
        let request = token.third_party_request().unwrap();
        let stranger = forge::pair([0x77; 32]).private();
        let block = BlockBuilder::new().code(&code).unwrap();
        let block = request.create_block(&stranger, block).unwrap();
        let sealed = token
            .append_third_party(&block.serialize().unwrap())
            .unwrap()
            .seal()
            .unwrap();
        let what = structure(&forge::text(&sealed.to_vec().unwrap()));
        assert_eq!(what, (1, "a third party's signature"), "{code}");
    }
}

#[test]
fn a_block_key_on_p256_is_refused_for_its_signatures_can_be_rewritten() {
    let block = BlockBuilder::new().code(forge::session_code()).unwrap();
    let p256 = KeyPair::new_with_algorithm(Algorithm::Secp256r1);
    let token = forge::unverified()
        .append_with_keypair(&p256, block)
        .unwrap()
        .seal()
        .unwrap();
    let what = structure(&forge::text(&token.to_vec().unwrap()));
    assert_eq!(what, (1, "a key that is not Ed25519"));
}

/// First blocks that a member's key would have to sign: another program of hers, or one that was tricked.
#[test]
fn a_members_own_key_cannot_say_what_the_vocabulary_does_not_hold() {
    let ours = forge::authority_code();
    for (code, what) in [
        (
            format!(r#"{ours} verb("approve");"#),
            "a verb that no agent can be lent",
        ),
        (
            format!(r#"{ours} verb("grant_access");"#),
            "a verb that no agent can be lent",
        ),
        (
            format!(r#"{ours} admin("true");"#),
            "a fact outside the vocabulary",
        ),
        (
            format!(r#"{ours} operation("read_trace");"#),
            "a fact outside the vocabulary",
        ),
        (
            format!(r#"{ours} verb("read_trace", "x");"#),
            "a fact of another form",
        ),
        (format!("{ours} verb(1);"), "a fact of another form"),
        (format!(r#"{ours} risk_ceiling("critical");"#), "a fact twice"),
        (format!("{ours} verb($v) <- operation($v);"), "a rule"),
        (
            format!("{ours} check if true;"),
            "another number of checks than one",
        ),
        (ours.replace("check if", "reject if"), "a check of another kind"),
        (ours.replace("$t <", "$t >"), "a check of another form"),
        (ours.replace("$t <", "$t <="), "a check of another form"),
        (
            ours.replace("\"medium\"", "\"none\""),
            "less than a delegation says",
        ),
        (
            ours.replace("risk_ceiling(\"medium\");", ""),
            "less than a delegation says",
        ),
        (
            ours.replace("repository(\"acme/web\");", ""),
            "less than a delegation says",
        ),
        (
            ours.replace("acme/web", "Acme/Web"),
            "a repository that is not in its one form",
        ),
        (ours.replace("acme/web", "acme"), "a repository that is none"),
        (format!(r#"{ours} repository("*");"#), "a repository that is none"),
        (ours.replace("src/**", "src/../**"), "a path that is none"),
        (
            ours.replace("src/**", "src/"),
            "a path that is not in its one form",
        ),
        (
            ours.replace("claude-code", "Claude Code"),
            "less than a delegation says",
        ),
    ] {
        let first = forge::authority(&code);
        let block = BlockBuilder::new().code(forge::session_code()).unwrap();
        let token = first.append(block).unwrap().seal().unwrap();
        let found = structure(&forge::text(&token.to_vec().unwrap()));
        assert_eq!(found, (0, what), "{code}");
    }
}

#[test]
fn the_wide_token_itself_and_one_without_its_seal_are_refused() {
    let wide = refusal(world::delegation().expose());
    assert_eq!(wide, Denial::NotASessionToken { kind: "delegation" });
    let open = |code: &str| {
        let block = BlockBuilder::new().code(code).unwrap();
        let token = forge::unverified().append(block).unwrap();
        forge::text(&token.to_vec().unwrap())
    };
    assert_eq!(structure(&open(&forge::session_code())), (1, "no seal after it"));
    assert_eq!(
        structure(&open("check if witness(true);")),
        (1, "a witness among other blocks")
    );
    let sealed = forge::unverified().seal().unwrap().to_vec().unwrap();
    assert_eq!(
        structure(&forge::text(&sealed)),
        (0, "a seal and nothing that it seals")
    );
}

#[test]
fn blocks_may_narrow_each_other_and_never_move_to_another_session() {
    let narrow = forge::session_code_with(r#"{"append_trace_note"}"#, 60);
    for blocks in [
        [&narrow, &forge::session_code()],
        [&forge::session_code(), &narrow],
    ] {
        let token = verify(&forge::appended(&blocks.map(String::as_str)), &world::keyring()).unwrap();
        assert_eq!(
            token.verbs(),
            &world::verbs(&[delegation::AgentVerb::AppendTraceNote])
        );
        assert_eq!(token.expires_at(), world::at(60));
    }
    let damaged = forge::session_code().replace("\"se_", "\"SE_");
    assert_eq!(
        structure(&forge::appended(&[&forge::session_code(), &damaged])),
        (2, "a session that is none")
    );
    let moved = vocabulary::SessionId::new(99, [9; 10]).to_string();
    let moved = forge::session_code().replace(&world::session_id().to_string(), &moved);
    let denial = refusal(&forge::appended(&[&forge::session_code(), &moved]));
    assert_eq!(denial, Denial::HolderMismatch);
    let thief = delegation::HolderKey::from_entropy([0x66; 32])
        .public()
        .to_string();
    let stolen = forge::session_code().replace(&world::holder().public().to_string(), &thief);
    let denial = refusal(&forge::appended(&[&forge::session_code(), &stolen]));
    assert_eq!(denial, Denial::HolderMismatch);
}

#[test]
fn five_blocks_are_one_too_many() {
    let ours = forge::session_code();
    assert!(verify(&forge::appended(&[&ours, &ours, &ours]), &world::keyring()).is_ok());
    let denial = refusal(&forge::appended(&[&ours, &ours, &ours, &ours]));
    assert_eq!(denial, Denial::TooManyBlocks { count: 5 });
}

#[test]
fn a_key_of_nobody_here_and_a_key_under_anothers_number_are_refused() {
    let eve = delegation::mint(&world::root([0xee; 32]), 99, &world::grant(), [9; 32]).unwrap();
    let token = eve.attenuate(&world::narrowing(), [1; 32]).unwrap();
    assert_eq!(refusal(token.as_str()), Denial::UnknownRootKey(Some(99)));
    let eve = delegation::mint(
        &world::root([0xee; 32]),
        world::ALICES_NUMBER,
        &world::grant(),
        [9; 32],
    )
    .unwrap();
    let token = eve.attenuate(&world::narrowing(), [1; 32]).unwrap();
    assert_eq!(refusal(token.as_str()), Denial::BadSignature);
    let nameless = BiscuitBuilder::new()
        .code(forge::authority_code())
        .unwrap()
        .build(&forge::pair(world::ALICE_SECRET))
        .unwrap();
    assert_eq!(
        refusal(&forge::text(&nameless.to_vec().unwrap())),
        Denial::UnknownRootKey(None)
    );
}

#[test]
fn bobs_key_cannot_lend_in_alices_name() {
    let delegation = world::grant().id;
    let bobs = delegation::mint(
        &world::root(world::BOB_SECRET),
        world::BOBS_NUMBER,
        &world::grant(),
        [9; 32],
    );
    let session = bobs.unwrap().attenuate(&world::narrowing(), [1; 32]).unwrap();
    assert_eq!(refusal(session.as_str()), Denial::LenderMismatch { delegation });
}

#[test]
fn holders_keys_that_everybody_can_sign_for_are_refused() {
    // The neutral element and the other points of small order: a signature under them holds for any message.
    for weak in [
        [&[1_u8][..], &[0; 31]].concat(),
        vec![0; 32],
        hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    ] {
        let token = forge::resigned(|blocks| {
            let terms = &mut blocks[1].checks[1].queries[0].body[0].terms;
            terms[0].content = Some(term::Content::Bytes(weak.clone()));
        });
        assert_eq!(structure(&token), (1, "a holder's key that is none"));
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

#[test]
fn positions_outside_the_symbol_table_are_refused() {
    let token = forge::resigned(|blocks| blocks[0].facts[0].predicate.name = u64::MAX);
    assert_eq!(structure(&token), (0, "a name that is not in its table"));
    let token = forge::resigned(|blocks| {
        let terms = &mut blocks[1].checks[0].queries[0].body[0].terms;
        terms[0].content = Some(term::Content::String(1 << 40));
    });
    assert_eq!(structure(&token), (1, "a name that is not in its table"));
}

#[test]
fn a_symbol_that_stands_twice_is_refused_by_the_library_or_by_us() {
    for symbol in ["read", "delegation", "x"] {
        let token = forge::resigned(|blocks| {
            blocks[1].symbols.push(symbol.to_owned());
            blocks[1].symbols.push(symbol.to_owned());
        });
        let code = refusal(&token).code().as_str();
        assert!(
            matches!(code, "forbidden_structure" | "token_malformed"),
            "{code}"
        );
    }
}

/// A sealed token's last block can be cut off only by who has its next key, and the seal threw that away.
#[test]
fn the_sessions_block_cannot_be_cut_off() {
    let mut token = schema::Biscuit::decode(forge::bytes(world::session().as_str()).as_slice()).unwrap();
    token.blocks.clear();
    assert_eq!(
        refusal(&forge::text(&token.encode_to_vec())),
        Denial::BadSignature
    );
    token.proof.content = Some(proof::Content::NextSecret(vec![9; 32]));
    let wide = refusal(&forge::text(&token.encode_to_vec()));
    assert_eq!(
        wide,
        Denial::NotASessionToken { kind: "delegation" },
        "who knows the delegation's next key holds the delegation"
    );
    token.proof.content = Some(proof::Content::NextSecret(vec![8; 32]));
    assert_ne!(refusal(&forge::text(&token.encode_to_vec())), wide);
}

#[test]
fn a_sealed_token_takes_no_further_block() {
    let sealed = Biscuit::from(forge::bytes(world::session().as_str()), world::library_key).unwrap();
    let block = BlockBuilder::new().code(forge::session_code()).unwrap();
    assert!(sealed.append(block).is_err());
    let mut token = schema::Biscuit::decode(forge::bytes(world::session().as_str()).as_slice()).unwrap();
    token.blocks.push(token.blocks[0].clone());
    assert_eq!(
        refusal(&forge::text(&token.encode_to_vec())),
        Denial::BadSignature
    );
    token.proof.content = None;
    assert_eq!(
        refusal(&forge::text(&token.encode_to_vec())).code().as_str(),
        "token_malformed"
    );
}

#[test]
fn what_is_refused_can_still_be_looked_at() {
    for (code, _) in MORE {
        let looked = inspect(&forge::appended(&[code])).unwrap();
        assert_eq!(looked.kind, delegation::TokenKind::Foreign, "{code}");
        assert_eq!(looked.blocks.len(), 2);
    }
    let open = forge::signed(&[blocks_bytes(0)], End::Open);
    let looked = inspect(&forge::text(&open.encode_to_vec())).unwrap();
    assert_eq!(looked.kind, delegation::TokenKind::Delegation);
}

#[test]
fn what_is_looked_at_cannot_pass_for_something_else() {
    let text = forge::resigned(|blocks| {
        let known: usize = blocks.iter().map(|block| block.symbols.len()).sum();
        let name = 1_024 + known as u64;
        let names = [
            "x\"); verb(\"approve\");\n\u{202e}verb(\"\u{200b}y",
            "x(1); check if verb($o",
        ];
        blocks[1].symbols.extend(names.map(str::to_owned));
        let term = schema::Term {
            content: Some(term::Content::String(name)),
        };
        blocks[1].facts.push(schema::Fact {
            predicate: schema::Predicate {
                name: name + 1,
                terms: vec![term],
            },
        });
    });
    let looked = inspect(&text).unwrap();
    let shown = &looked.blocks[1].datalog;
    let fact = shown.lines().find(|line| line.contains("approve")).unwrap();
    let name = r"x\u{28}1\u{29}\u{3b}\u{20}check\u{20}if\u{20}verb\u{28}\u{24}o";
    let said = [
        r"x\u{22}\u{29}\u{3b}\u{20}verb\u{28}\u{22}approve\u{22}\u{29}\u{3b}\u{a}",
        r"\u{202e}verb\u{28}\u{22}\u{200b}y",
    ];
    assert_eq!(fact, format!("{name}(\"{}\");", said.concat()));
}

#[test]
fn a_variable_has_a_name_that_is_written_down() {
    use schema::op;
    use term::Content;
    let renamed = |number: u32| {
        forge::resigned(move |blocks| {
            let check = blocks[0].checks.last_mut().unwrap();
            let query = &mut check.queries[0];
            let variable = schema::Term {
                content: Some(Content::Variable(number)),
            };
            query.body[0].terms[0] = variable.clone();
            query.expressions[0].ops[0].content = Some(op::Content::Value(variable));
        })
    };
    let known = forge::blocks_of(world::session().as_str())[0].checks[0].queries[0].body[0].terms[0].clone();
    let Some(Content::Variable(known)) = known.content else {
        panic!("it asks for the time by a variable");
    };
    verify(&renamed(known), &world::keyring()).unwrap();
    assert_eq!(refusal(&renamed(999_999)).code().as_str(), "forbidden_structure");
}

fn blocks_bytes(index: usize) -> Vec<u8> {
    forge::blocks_of(world::session().as_str())[index].encode_to_vec()
}
