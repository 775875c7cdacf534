use biscuit_auth::{
    AuthorizerBuilder, AuthorizerLimits, BiscuitBuilder, BlockBuilder, KeyPair, UnverifiedBiscuit,
    builder::{Algorithm, Fact as StatedFact, Term as StatedTerm},
};
use proptest::prelude::*;
use prost::Message as _;
use time::Duration;
use vocabulary::{DelegationId, MemberId, Risk};

use super::*;
use crate::{
    Grant, HolderKey, Narrowing, PathGlobs, Repositories, RootKey, mint,
    token::{Parts, decode},
};

/// A session that was lent one verb of two, and everything that it may be asked.
#[test]
fn each_check_alone_refuses() {
    let now = Timestamp::from_unix_micros(1_795_000_000_000_000).unwrap();
    let grant = Grant {
        id: DelegationId::new(1, [1; 10]),
        on_behalf_of: MemberId::new(1, [1; 10]),
        agent: "codex".parse().unwrap(),
        verbs: [AgentVerb::ReadTrace, AgentVerb::ProposeWorkItem].into(),
        repositories: Repositories::Any,
        paths: PathGlobs::parse(&["**"]).unwrap(),
        risk_ceiling: Risk::Low,
        expires_at: now.saturating_add(Duration::hours(2)),
    };
    let holder = HolderKey::from_entropy([2; 32]).public();
    let stranger = HolderKey::from_entropy([3; 32]).public();
    let (session, other) = (SessionId::new(1, [4; 10]), SessionId::new(1, [5; 10]));
    let narrowing = Narrowing {
        session,
        holder,
        verbs: [AgentVerb::ReadTrace, AgentVerb::AppendTraceNote].into(),
        expires_at: now.saturating_add(Duration::hours(1)),
    };
    let wide = mint(&RootKey::from_secret(&[6; 32].into()), 1, &grant, [7; 32]).unwrap();
    let token = wide.attenuate(&narrowing, [8; 32]).unwrap();
    let blocks = Parts::read(&decode(token.as_str()).unwrap()).unwrap().blocks;
    let said = |verb, session, holder: &HolderPublicKey, now| {
        let stated = Stated {
            verb,
            session,
            holder,
            now,
        };
        allows(&blocks, &stated).unwrap()
    };
    let verb = AgentVerb::ReadTrace;
    assert!(said(verb, session, &holder, now));
    assert!(
        !said(AgentVerb::ProposeWorkItem, session, &holder, now),
        "not for this session"
    );
    assert!(
        !said(AgentVerb::AppendTraceNote, session, &holder, now),
        "not lent"
    );
    assert!(!said(AgentVerb::RecordEvidence, session, &holder, now), "neither");
    assert!(!said(verb, other, &holder, now), "another session");
    assert!(!said(verb, session, &stranger, now), "another holder");
    let later = |hours| now.saturating_add(Duration::hours(hours));
    assert!(!said(verb, session, &holder, later(1)), "the session is over");
    let first = &blocks[..1];
    let stated = |now| Stated {
        verb,
        session,
        holder: &holder,
        now,
    };
    assert!(allows(first, &stated(later(1))).unwrap());
    assert!(
        !allows(first, &stated(later(2))).unwrap(),
        "the delegation is over"
    );
    assert!(!allows(&[], &stated(now)).unwrap(), "nothing lends nothing");
}

/// Facts and checks of every kind, about what is asked and about what blocks say: without a rule or a scope, and
/// otherwise nothing that the lint would ever let through.
fn said() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["operation", "verb", "session", "holder", "other"]);
    let term = || {
        prop::sample::select(vec![
            "\"read_trace\"",
            "\"append_trace_note\"",
            "\"approve\"",
            "\"SESSION\"",
            "true",
            "7",
            "hex:00",
        ])
    };
    let query = (0..6_usize, name(), term()).prop_map(|(form, name, term)| match form {
        0 => format!("{name}({term})"),
        1 => format!("{name}($x), [{term}, \"read_trace\"].contains($x)"),
        2 => "time($t), $t < 2026-11-21T00:00:00Z".to_owned(),
        3 => "time($t), $t > 2026-11-21T00:00:00Z".to_owned(),
        4 => format!("{name}($x), verb($x)"),
        _ => "true".to_owned(),
    });
    let check = (
        prop::sample::select(vec!["check if", "check all", "reject if"]),
        prop::collection::vec(query, 1..4),
    );
    let piece = prop_oneof![
        (name(), term()).prop_map(|(name, term)| format!("{name}({term});")),
        check.prop_map(|(kind, queries)| format!("{kind} {};", queries.join(" or "))),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// The bytes of a token with these blocks.
fn token(blocks: &[String]) -> Vec<u8> {
    let key = |seed: u8| {
        KeyPair::from(&biscuit_auth::PrivateKey::from_bytes(&[seed; 32], Algorithm::Ed25519).unwrap())
    };
    let (first, later) = blocks.split_first().unwrap();
    let mut token = BiscuitBuilder::new().code(first).unwrap().build(&key(1)).unwrap();
    for block in later {
        token = token.append(BlockBuilder::new().code(block).unwrap()).unwrap();
    }
    token.to_vec().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    /// What is asked here for itself, without the lint before it, is what the library's authorizer says.
    #[test]
    fn the_librarys_authorizer_says_the_same_of_whatever_blocks_say(
        blocks in prop::collection::vec(said(), 1..4),
        verb in prop::sample::select(AgentVerb::ALL.to_vec()),
        lends in any::<bool>(),
        day in 0..2_u64,
    ) {
        let mut blocks = blocks;
        if lends {
            blocks[0] += &format!("verb(\"{verb}\");");
        }
        let (session, holder) = (SessionId::new(1, [4; 10]), HolderKey::from_entropy([2; 32]).public());
        let blocks: Vec<String> = blocks
            .iter()
            .map(|block| block.replace("SESSION", &session.to_string()))
            .collect();
        let bytes = token(&blocks);
        let parts = schema::Biscuit::decode(bytes.as_slice()).unwrap();
        let read: Vec<schema::Block> = std::iter::once(&parts.authority)
            .chain(&parts.blocks)
            .map(|signed| schema::Block::decode(signed.block.as_slice()).unwrap())
            .collect();
        let now = Timestamp::from_unix_micros((1_795_132_800 + day * 172_800) * 1_000_000).unwrap();
        let ours = allows(&read, &Stated { verb, session, holder: &holder, now }).unwrap();
        let root = KeyPair::from(&biscuit_auth::PrivateKey::from_bytes(&[1; 32], Algorithm::Ed25519).unwrap());
        let library = UnverifiedBiscuit::from(&bytes).unwrap().verify(root.public()).unwrap();
        let stated = |name: &str, term| StatedFact::new(name.to_owned(), vec![term]);
        let asked = AuthorizerBuilder::new()
            .fact(stated("operation", StatedTerm::Str(verb.to_string())))
            .and_then(|asked| asked.fact(stated("time", StatedTerm::Date(now.unix_seconds()))))
            .and_then(|asked| asked.fact(stated("session", StatedTerm::Str(session.to_string()))))
            .and_then(|asked| asked.fact(stated("holder", StatedTerm::Bytes(holder.as_bytes().to_vec()))))
            .and_then(|asked| asked.code("allow if operation($o), verb($o);"))
            .unwrap()
            .set_limits(AuthorizerLimits { max_time: std::time::Duration::from_secs(60), ..AuthorizerLimits::default() })
            .build(&library)
            .and_then(|mut authorizer| authorizer.authorize());
        prop_assert_eq!(ours, asked.is_ok(), "{:?}: {:?}", blocks, asked);
    }
}

#[test]
fn what_is_not_asked_here_is_not_passed_over() {
    let now = Timestamp::from_unix_micros(1_795_000_000_000_000).unwrap();
    let holder = HolderKey::from_entropy([2; 32]).public();
    let stated = Stated {
        verb: AgentVerb::ReadTrace,
        session: SessionId::new(1, [4; 10]),
        holder: &holder,
        now,
    };
    let lends = r#"verb("read_trace");"#;
    let asked = |first: &str, later: &str| {
        let bytes = token(&[format!("{lends} {first}"), later.to_owned()]);
        let parts = schema::Biscuit::decode(bytes.as_slice()).unwrap();
        let read = |signed: &schema::SignedBlock| schema::Block::decode(signed.block.as_slice()).unwrap();
        vec![read(&parts.authority), read(&parts.blocks[0])]
    };
    assert!(matches!(allows(&asked("", ""), &stated), Ok(true)));
    for (first, later) in [
        ("verb($x) <- operation($x);", ""),
        ("", "other($x) <- operation($x);"),
        ("", "reject if other($x) trusting previous;"),
        (
            "",
            "check if true trusting ed25519/5866666666666666666666666666666666666666666666666666666666666666;",
        ),
    ] {
        let refused = allows(&asked(first, later), &stated);
        assert!(
            matches!(refused, Err(Unasked::More(..))),
            "{first} {later}: {refused:?}"
        );
    }
    let mut scoped = asked("", "");
    scoped[1].scope.push(schema::Scope {
        content: Some(schema::scope::Content::ScopeType(0)),
    });
    assert!(matches!(allows(&scoped, &stated), Err(Unasked::More(1, _))));
    let mut twice = asked("", "other(\"read_trace\");");
    twice[1].symbols.push("read_trace".to_owned());
    assert!(matches!(allows(&twice, &stated), Err(Unasked::More(1, _))));
    // Neither is an expression that the engine cannot evaluate.
    let overflow = asked("", "check if 9223372036854775807 + 1 > 0;");
    assert!(matches!(allows(&overflow, &stated), Err(Unasked::Evaluated(_))));
}
