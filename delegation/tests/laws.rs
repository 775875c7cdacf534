//! For any grant, any narrowing and any blocks that anybody appends: refused, or never wider than the first block,
//! and never a human verb.

use std::{collections::BTreeSet, time::Duration};

use biscuit_auth::{
    AuthorizerBuilder, AuthorizerLimits, Biscuit, BlockBuilder,
    builder::{Fact, Term},
};
use delegation::{
    AgentVerb, DelegationToken, Grant, HolderKey, Narrowing, Operation, PathGlobs, Repositories, Revocations,
    mint, verify, verify_witness,
};
use proptest::{collection, prelude::*, sample};
use vocabulary::{DelegationId, RepoPath, Repository, Risk, SessionId};

use crate::{forge, world};

const RISKS: [Risk; 4] = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];
const REPOSITORIES: [&str; 3] = ["acme/web", "acme/api", "bob/dotfiles"];
const GLOBS: [&str; 6] = [
    "**",
    "src/**",
    "src/auth/*.rs",
    "docs/*.md",
    "*.toml",
    "a?c/[xy]*",
];
const PATHS: [&str; 7] = [
    "src/a.rs",
    "src/auth/a.rs",
    "docs/a.md",
    "Cargo.toml",
    "src/**",
    "**",
    "abc/x",
];

fn verbs(at_least: usize) -> impl Strategy<Value = BTreeSet<AgentVerb>> {
    sample::subsequence(AgentVerb::ALL.to_vec(), at_least..=AgentVerb::ALL.len())
        .prop_map(|verbs| verbs.into_iter().collect())
}

fn grants() -> impl Strategy<Value = Grant> {
    let repositories = prop_oneof![
        Just(Repositories::Any),
        sample::subsequence(REPOSITORIES.to_vec(), 1..=3)
            .prop_map(|names| Repositories::Only(names.iter().map(|name| name.parse().unwrap()).collect())),
    ];
    let paths =
        sample::subsequence(GLOBS.to_vec(), 1..=6).prop_map(|globs| PathGlobs::parse(&globs).unwrap());
    let agent = "[a-z0-9][a-z0-9._-]{0,20}";
    let ends = 1..100_000_u64;
    (
        any::<[u8; 10]>(),
        agent,
        verbs(1),
        repositories,
        paths,
        sample::select(&RISKS[..]),
        ends,
    )
        .prop_map(
            |(id, agent, verbs, repositories, paths, risk_ceiling, ends)| Grant {
                id: DelegationId::new(1, id),
                on_behalf_of: world::alice(),
                agent: agent.parse().unwrap(),
                verbs,
                repositories,
                paths,
                risk_ceiling,
                expires_at: world::at(ends),
            },
        )
}

fn narrowings() -> impl Strategy<Value = Narrowing> {
    (any::<[u8; 10]>(), any::<[u8; 32]>(), verbs(0), 1..100_000_u64).prop_map(
        |(session, key, verbs, ends)| Narrowing {
            session: SessionId::new(2, session),
            holder: HolderKey::from_entropy(key).public(),
            verbs,
            expires_at: world::at(ends),
        },
    )
}

/// Pieces of Datalog that somebody who wants more would combine.
fn hostile() -> impl Strategy<Value = String> {
    let verb = sample::select(vec![
        "propose_work_item",
        "read_work_items",
        "append_trace_note",
        "read_trace",
        "approve",
        "reject",
        "grant_access",
        "attest_deploy",
        "revoke_member",
        "erase_body",
        "*",
        "",
    ]);
    let piece = (0..17_usize, verb).prop_map(|(form, verb)| match form {
        0 => format!(r#"verb("{verb}");"#),
        1 => format!(r#"operation("{verb}");"#),
        2 => format!(r#"verb("{verb}") <- operation("{verb}");"#),
        3 => "verb($v) <- operation($v);".to_owned(),
        4 => "verb($v) <- operation($v) trusting previous;".to_owned(),
        5 => format!(r#"check if operation("{verb}");"#),
        6 => format!(r#"check if operation($o), {{"{verb}"}}.contains($o);"#),
        7 => format!(r#"check if operation($o), ["{verb}"].contains($o) or true;"#),
        8 => format!(r#"check all operation($o), {{"{verb}"}}.contains($o);"#),
        9 => format!(r#"reject if operation("{verb}");"#),
        10 => "check if time($t), $t < 2099-01-01T00:00:00Z;".to_owned(),
        11 => "reject if time($t), $t > 2099-01-01T00:00:00Z;".to_owned(),
        12 => r#"repository("*"); path("**"); risk_ceiling("critical");"#.to_owned(),
        13 => "check if true trusting previous;".to_owned(),
        14 => forge::session_code(),
        15 => forge::session_code_with(&format!(r#"{{"{verb}"}}"#), 90_000),
        _ => "check if witness(true);".to_owned(),
    });
    let ours = sample::select(vec![
        r#"{"read_trace", "append_trace_note"}"#,
        r#"{"propose_work_item"}"#,
    ]);
    prop_oneof![
        2 => collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat()),
        // Blocks as ours, or nearly every token would be refused and the law hold for want of anything else.
        1 => ours.prop_map(|verbs| forge::session_code_with(verbs, 90_000)),
    ]
}

/// How a block is appended.
#[derive(Debug, Clone, Copy)]
enum By {
    Holder,
    HolderWithContext,
    ThirdParty,
}

fn append(token: &Biscuit, code: &str, by: By) -> Biscuit {
    let block = BlockBuilder::new().code(code).unwrap();
    match by {
        By::Holder => token.append(block).unwrap(),
        By::HolderWithContext => token.append(block.context("please".to_owned())).unwrap(),
        By::ThirdParty => {
            let request = token.third_party_request().unwrap();
            let stranger = forge::pair([0x77; 32]);
            let block = request.create_block(&stranger.private(), block).unwrap();
            token.append_third_party(stranger.public(), block).unwrap()
        }
    }
}

/// Everything that can be asked, and of each whether the grant alone covers it.
fn questions(grant: &Grant) -> Vec<(AgentVerb, Repository, RepoPath, Risk, bool)> {
    let mut all = Vec::new();
    for verb in AgentVerb::ALL {
        for repository in REPOSITORIES {
            for path in PATHS {
                for risk in RISKS {
                    let (repository, path): (Repository, RepoPath) =
                        (repository.parse().unwrap(), path.parse().unwrap());
                    let lent = grant.verbs.contains(&verb)
                        && grant.repositories.covers(&repository)
                        && grant.paths.covers(&path)
                        && risk <= grant.risk_ceiling;
                    all.push((verb, repository, path, risk, lent));
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_minted_is_read_back_the_same(grant in grants(), entropy: [u8; 32]) {
        let token = mint(&world::root(world::ALICE_SECRET), 7, &grant, entropy).unwrap();
        prop_assert_eq!(token.grant(), &grant);
        let again = DelegationToken::parse_unverified(token.expose()).unwrap();
        prop_assert_eq!(again.grant(), &grant);
        let witness = token.witness(entropy).unwrap();
        prop_assert_eq!(verify_witness(witness.as_str(), &world::keyring()), Ok(grant));
    }

    #[test]
    fn a_session_may_do_exactly_what_both_blocks_allow(
        grant in grants(), narrowing in narrowings(), now in 0..100_000_u64, entropy: [u8; 32],
    ) {
        let session = world::minted(&grant).attenuate(&narrowing, entropy).unwrap();
        let token = verify(session.as_str(), &world::keyring()).unwrap();
        prop_assert!(token.verbs().is_subset(&grant.verbs));
        prop_assert_eq!(token.expires_at(), grant.expires_at.min(narrowing.expires_at));
        let none = Revocations::default();
        for (verb, repository, path, risk, lent) in questions(&grant).into_iter().step_by(5) {
            let paths = [path];
            let operation = Operation { verb, repository: Some(&repository), paths: &paths, risk: Some(risk) };
            let asked = token.authorize(&operation, narrowing.session, &narrowing.holder, world::at(now), &none);
            let expected = lent
                && narrowing.verbs.contains(&verb)
                && world::at(now) < grant.expires_at
                && world::at(now) < narrowing.expires_at;
            prop_assert_eq!(asked.is_ok(), expected, "{:?} at {}: {:?}", operation, now, asked);
            let stranger = HolderKey::from_entropy([0x66; 32]).public();
            prop_assert!(token.authorize(&operation, narrowing.session, &stranger, world::at(now), &none).is_err());
        }
    }

    /// A yes of the Datalog is remembered; no order of times makes the answer another than a fresh token's.
    #[test]
    fn what_a_token_remembers_changes_no_answer(
        grant in grants(),
        narrowing in narrowings(),
        asked in collection::vec((sample::select(AgentVerb::ALL.to_vec()), 0_u64..10 * 3600), 1..12),
    ) {
        let text = world::minted(&grant).attenuate(&narrowing, [7; 32]).unwrap();
        let fresh = || verify(text.as_str(), &world::keyring());
        let none = Revocations::default();
        let token = fresh().unwrap();
        for (verb, seconds) in asked {
            let (operation, now) = (world::plain(verb), world::at(seconds));
            let ask = |token: &delegation::VerifiedToken| {
                token
                    .authorize(&operation, narrowing.session, &narrowing.holder, now, &none)
                    .map(drop)
            };
            prop_assert_eq!(ask(&token), ask(&fresh().unwrap()), "{} at {}", verb, seconds);
        }
    }

    #[test]
    fn whatever_is_appended_a_token_is_refused_or_no_wider_than_its_first_block(
        grant in grants(),
        blocks in collection::vec(
            (hostile(), prop_oneof![8 => Just(By::Holder), 1 => Just(By::HolderWithContext), 1 => Just(By::ThirdParty)]),
            0..4,
        ),
        sealed: bool,
    ) {
        let wide = world::minted(&grant);
        let mut token = Biscuit::from(forge::bytes(wide.expose()), world::library_key).unwrap();
        for (code, by) in &blocks {
            token = append(&token, code, *by);
        }
        if sealed {
            token = token.seal().unwrap();
        }
        let text = forge::text(&token.to_vec().unwrap());
        let none = Revocations::default();
        if let Ok(token) = verify(&text, &world::keyring()) {
            prop_assert_eq!(token.grant(), &grant);
            prop_assert!(token.verbs().is_subset(&grant.verbs));
            prop_assert!(token.expires_at() <= grant.expires_at);
            for (verb, repository, path, risk, lent) in questions(&grant).into_iter().step_by(3) {
                let paths = [path];
                let operation = Operation { verb, repository: Some(&repository), paths: &paths, risk: Some(risk) };
                let asked = token.authorize(&operation, token.session(), token.holder(), world::at(0), &none);
                prop_assert!(lent || asked.is_err(), "{:?}", operation);
            }
        }
        if let Ok(witnessed) = verify_witness(&text, &world::keyring()) {
            prop_assert_eq!(witnessed, grant);
        }
    }

    /// The library's authorizer asked directly, without our lint, with whatever rules and scopes: even so the policy and
    /// one operation give no appended block a verb. What we ask of its engine, the tests beside that say the same of.
    #[test]
    fn even_without_the_lint_no_appended_block_makes_a_verb(
        blocks in collection::vec(hostile(), 0..3),
        verb in prop_oneof![
            Just("approve"), Just("reject"), Just("grant_access"), Just("attest_deploy"), Just("read_trace"),
        ],
    ) {
        let mut token = Biscuit::from(forge::bytes(world::delegation().expose()), world::library_key).unwrap();
        for code in &blocks {
            token = append(&token, code, By::Holder);
        }
        let asked = AuthorizerBuilder::new()
            .code(format!(r#"operation("{verb}"); time(2026-11-21T00:00:00Z); allow if operation($o), verb($o);"#))
            .unwrap()
            .set_limits(AuthorizerLimits { max_time: Duration::from_secs(60), ..AuthorizerLimits::default() })
            .build(&token)
            .and_then(|mut authorizer| authorizer.authorize());
        prop_assert!(asked.is_err());
    }

    /// Ours asks the library's engine, the library its authorizer: about the same token they say the same.
    #[test]
    fn the_librarys_authorizer_decides_the_same_about_every_session(
        grant in grants(),
        narrowing in narrowings(),
        now in 0..100_000_u64,
    ) {
        let session = mint(&world::root(world::ALICE_SECRET), world::ALICES_NUMBER, &grant, [9; 32])
            .unwrap()
            .attenuate(&narrowing, [10; 32]);
        let Ok(session) = session else { return Ok(()) };
        let text = session.as_str();
        let library = Biscuit::from(forge::bytes(text), world::library_key).unwrap();
        let token = verify(text, &world::keyring()).unwrap();
        for verb in AgentVerb::ALL {
            let asked = AuthorizerBuilder::new()
                .fact(Fact::new("operation".to_owned(), vec![Term::Str(verb.to_string())]))
                .and_then(|asked| asked.fact(Fact::new("time".to_owned(), vec![Term::Date(world::at(now).unix_seconds())])))
                .and_then(|asked| {
                    asked.fact(Fact::new("session".to_owned(), vec![Term::Str(narrowing.session.to_string())]))
                })
                .and_then(|asked| {
                    asked.fact(Fact::new("holder".to_owned(), vec![Term::Bytes(narrowing.holder.as_bytes().to_vec())]))
                })
                .and_then(|asked| asked.code("allow if operation($o), verb($o);"))
                .unwrap()
                .set_limits(AuthorizerLimits { max_time: Duration::from_secs(60), ..AuthorizerLimits::default() })
                .build(&library)
                .and_then(|mut authorizer| authorizer.authorize());
            let none = Revocations::default();
            let ours = token.authorize(
                &world::plain(verb),
                narrowing.session,
                &narrowing.holder,
                world::at(now),
                &none,
            );
            prop_assert_eq!(ours.is_ok(), asked.is_ok(), "{} at {}: {:?}, {:?}", verb, now, ours, asked);
        }
    }

    #[test]
    fn no_text_makes_verifying_panic(text in "[A-Za-z0-9_=-]{0,400}", raw in collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verify(&text, &world::keyring()).is_err());
        prop_assert!(verify(&forge::text(&raw), &world::keyring()).is_err());
        let _looked = delegation::inspect(&forge::text(&raw));
    }

    #[test]
    fn a_valid_token_with_some_bytes_changed_is_refused(
        changes in collection::vec((any::<sample::Index>(), any::<u8>()), 1..8),
    ) {
        let original = forge::bytes(world::session().as_str());
        let mut changed = original.clone();
        for (at, byte) in changes {
            let position = at.index(changed.len());
            changed[position] = byte;
        }
        let same = changed == original;
        prop_assert_eq!(verify(&forge::text(&changed), &world::keyring()).is_ok(), same);
    }
}
