//! What biscuit-auth 6.0.0 does that one would not expect. Each test shows the trap with the library itself, so that a
//! version without it is noticed, and then that a token which would spring it gets nowhere here.

use std::time::{Duration, Instant};

use biscuit_auth::{
    Algorithm, AuthorizerBuilder, AuthorizerLimits, Biscuit, BiscuitBuilder, BlockBuilder, KeyPair,
    PublicKey, builder::Fact, error, format::schema,
};
use delegation::{AgentVerb, Denial, Operation, verify};
use prost::Message as _;

use crate::{
    forge,
    world::{self, ask, plain},
};

const PATIENT: AuthorizerLimits = AuthorizerLimits {
    max_facts: 1_000,
    max_iterations: 100,
    max_time: Duration::from_secs(60),
};

/// A token whose first block is this Datalog, and the library's answer to it under this authorizer.
fn library(first: &str, authorizer: &str) -> Result<usize, error::Token> {
    AuthorizerBuilder::new()
        .code(authorizer)
        .unwrap()
        .set_limits(PATIENT)
        .build(&token(first, &[]))
        .unwrap()
        .authorize()
}

fn token(first: &str, more: &[&str]) -> Biscuit {
    let mut token = forge::authority(first);
    for code in more {
        token = token.append(BlockBuilder::new().code(code).unwrap()).unwrap();
    }
    token
}

fn structure(text: &str) -> &'static str {
    match verify(text, &world::keyring()) {
        Err(Denial::ForbiddenStructure { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn limits_given_when_authorizing_are_ignored_so_ours_leaves_nothing_to_limit() {
    let rules = "n(1); m($x) <- n($x); o($x) <- m($x); p($x) <- o($x);";
    let mut authorizer = AuthorizerBuilder::new()
        .code("allow if p(1)")
        .unwrap()
        .set_limits(PATIENT)
        .build(&token(rules, &[]))
        .unwrap();
    let none = AuthorizerLimits {
        max_facts: 0,
        max_iterations: 0,
        max_time: Duration::from_secs(60),
    };
    assert_eq!(
        authorizer.authorize_with_limits(none.clone()),
        Ok(0),
        "four facts in three rounds"
    );
    let mut authorizer = AuthorizerBuilder::new()
        .code("allow if p(1)")
        .unwrap()
        .set_limits(none)
        .build(&token(rules, &[]))
        .unwrap();
    assert!(matches!(authorizer.authorize(), Err(error::Token::RunLimit(_))));
    let hostile = format!("{rules} {}", forge::session_code());
    assert_eq!(structure(&forge::appended(&[&hostile])), "a rule");
}

#[test]
fn a_good_token_fails_when_time_runs_out_so_ours_asks_without_a_clock() {
    let mut authorizer = AuthorizerBuilder::new()
        .code("allow if true")
        .unwrap()
        .set_limits(AuthorizerLimits {
            max_time: Duration::ZERO,
            ..PATIENT
        })
        .build(&token("n(1);", &[]))
        .unwrap();
    let timeout = error::Token::RunLimit(error::RunLimit::Timeout);
    assert_eq!(authorizer.authorize(), Err(timeout));
    assert_eq!(AuthorizerLimits::default().max_time, Duration::from_millis(1));
    // `threads` authorizes a million times beside fifteen others; here, once more than fits into a millisecond.
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2) {
        assert!(ask(&world::verified(), &plain(AgentVerb::ProposeWorkItem)).is_ok());
    }
}

#[test]
fn check_if_passes_when_one_of_two_operations_does_so_ours_is_check_all() {
    let two = r#"operation("read_trace"); operation("approve"); allow if true;"#;
    let one_of = r#"check if operation($o), {"read_trace"}.contains($o);"#;
    assert_eq!(library(one_of, two), Ok(0));
    assert!(library(&one_of.replace("check if", "check all"), two).is_err());
    assert!(library(r#"reject if operation($o), !{"read_trace"}.contains($o);"#, two).is_err());
    let hostile = forge::session_code().replace("check all", "check if");
    assert_eq!(
        structure(&forge::appended(&[&hostile])),
        "a check of another kind"
    );
    // And an operation has one verb, by its type.
    let Operation { verb, .. } = plain(AgentVerb::ReadTrace);
    assert_eq!(verb, AgentVerb::ReadTrace);
}

#[test]
fn check_all_fails_without_an_operation_and_the_policy_asks_for_one_besides() {
    let all = r#"verb("read_trace"); check all operation($o), {"read_trace"}.contains($o);"#;
    let missing = library(all, "allow if true");
    assert!(missing.is_err(), "{missing:?}");
    assert!(
        library(
            all,
            r#"operation("read_trace"); allow if operation($o), verb($o)"#
        )
        .is_ok()
    );
    assert!(library(all, "allow if operation($o), verb($o)").is_err());
}

#[test]
fn reject_if_time_passes_without_a_time_so_ours_is_check_if() {
    let reject = "reject if time($t), $t >= 2020-01-01T00:00:00Z;";
    assert_eq!(
        library(reject, "allow if true"),
        Ok(0),
        "expired, and nobody says when it is"
    );
    assert!(library(reject, "time(2026-01-01T00:00:00Z); allow if true").is_err());
    assert!(library("check if time($t), $t < 2020-01-01T00:00:00Z;", "allow if true").is_err());
    let hostile = forge::session_code().replace("check if time($t), $t <", "reject if time($t), $t >=");
    assert_eq!(
        structure(&forge::appended(&[&hostile])),
        "a check of another kind"
    );
}

#[test]
fn query_all_returns_what_later_blocks_forge_so_the_grant_is_read_from_the_first() {
    let token = token(r#"verb("read_trace");"#, &[r#"verb("approve");"#]);
    let mut authorizer = AuthorizerBuilder::new()
        .code("allow if true")
        .unwrap()
        .set_limits(PATIENT)
        .build(&token)
        .unwrap();
    let ask = "data($v) <- verb($v)";
    let first: Vec<Fact> = authorizer.query(ask).unwrap();
    assert_eq!(first.len(), 1);
    let all: Vec<Fact> = authorizer.query_all(ask).unwrap();
    assert_eq!(all.len(), 2, "the forged one among them");
    let hostile = format!(r#"verb("read_trace"); {}"#, forge::session_code());
    assert_eq!(structure(&forge::appended(&[&hostile])), "a fact");
}

#[test]
fn trusting_a_key_drops_the_first_block_so_no_scope_is_ever_written_or_read() {
    let key: PublicKey = forge::pair([0x77; 32]).public();
    let first = r#"verb("read_trace");"#;
    assert_eq!(library(first, r#"allow if verb("read_trace")"#), Ok(0));
    let trusting = format!(r#"allow if verb("read_trace") trusting {}"#, key.print());
    assert!(
        library(first, &trusting).is_err(),
        "the lender is no longer believed"
    );
    for (scope, what) in [
        ("previous", "a check of another form"),
        ("authority", "a check of another form"),
        (key.print().as_str(), "a scope"),
    ] {
        let trusting = format!(r#"contains($o) trusting {scope};"#);
        let hostile = forge::session_code().replace("contains($o);", &trusting);
        assert_eq!(structure(&forge::appended(&[&hostile])), what);
    }
}

#[test]
fn starts_with_accepts_a_path_that_climbs_so_paths_are_matched_after_normalizing() {
    let inside = r#"check if path($p), $p.starts_with("src/");"#;
    assert_eq!(
        library(inside, r#"path("src/../../etc/passwd"); allow if true"#),
        Ok(0)
    );
    for climbing in [
        "src/../../etc/passwd",
        "src/..",
        "src\\..\\..",
        "/etc/passwd",
        "~/.ssh/id",
    ] {
        assert!(climbing.parse::<vocabulary::RepoPath>().is_err(), "{climbing}");
    }
    let repository = "acme/web".parse().unwrap();
    for (path, inside) in [
        ("src/./auth//a.rs", true),
        ("./srcs/a.rs", false),
        ("src", false),
        ("src/", true),
    ] {
        let paths = [path.parse().unwrap()];
        let operation = Operation {
            verb: AgentVerb::ProposeWorkItem,
            repository: Some(&repository),
            paths: &paths,
            risk: None,
        };
        assert_eq!(ask(&world::verified(), &operation).is_ok(), inside, "{path}");
    }
    let hostile = forge::session_code().replace(
        "check if session",
        r#"check if path($p), $p.starts_with("s"), session"#,
    );
    assert!(structure(&forge::appended(&[&hostile])).starts_with("a check"));
}

/// n, the order of P-256.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The other signature (r, n - s) that holds wherever (r, s) does.
fn other_signature(der: &[u8]) -> Vec<u8> {
    let integer = |at: usize| {
        let length = usize::from(der[at + 1]);
        (&der[at + 2..at + 2 + length], at + 2 + length)
    };
    let (r, next) = integer(2);
    let (s, _) = integer(next);
    let mut wide = [0_u8; 32];
    let s = s.strip_prefix(&[0]).unwrap_or(s);
    wide[32 - s.len()..].copy_from_slice(s);
    let (mut other, mut borrow) = ([0_u8; 32], 0_i16);
    for at in (0..32).rev() {
        let digit = i16::from(P256_ORDER[at]) - i16::from(wide[at]) - borrow;
        borrow = i16::from(digit < 0);
        other[at] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    let lead = other.iter().take_while(|byte| **byte == 0).count();
    let mut s = other[lead..].to_vec();
    if s[0] >= 0x80 {
        s.insert(0, 0);
    }
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let body = [&[2, length(r)][..], r, &[2, length(&s)], &s].concat();
    [&[0x30, length(&body)][..], &body].concat()
}

#[test]
fn a_p256_signature_can_be_rewritten_and_with_it_what_is_revoked_so_only_ed25519_is_read() {
    let root = KeyPair::new_with_algorithm(Algorithm::Secp256r1);
    let token = BiscuitBuilder::new().code("n(1);").unwrap().build(&root).unwrap();
    let mut raw = schema::Biscuit::decode(token.to_vec().unwrap().as_slice()).unwrap();
    raw.authority.signature = other_signature(&raw.authority.signature);
    let again = Biscuit::from(raw.encode_to_vec(), root.public()).unwrap();
    assert_ne!(token.revocation_identifiers(), again.revocation_identifiers());
    // Blocks on such a key are refused (`attacks`), and a member's key on it is not of 32 bytes.
    assert_eq!(root.public().to_bytes().len(), 33);
    // What is revoked is the delegation, which no rewriting changes, and then the blocks.
    let mut revoked = delegation::Revocations::default();
    revoked.revoke_delegation(world::grant().id);
    assert!(revoked.has_delegation(world::grant().id));
}

#[test]
fn a_small_token_can_burn_seconds_whatever_the_time_limit_so_the_lint_comes_first() {
    let set = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]";
    let mut closures = "$a + $b + $c + $d + $e < 100".to_owned();
    for variable in ["e", "d", "c", "b", "a"] {
        closures = format!("{set}.all(${variable} -> {closures})");
    }
    let burner = format!("check if {closures};");
    let mut authorizer = AuthorizerBuilder::new()
        .code("allow if true")
        .unwrap()
        .set_limits(AuthorizerLimits {
            max_time: Duration::from_millis(20),
            ..PATIENT
        })
        .build(&token("n(1);", &[&burner]))
        .unwrap();
    let start = Instant::now();
    let outcome = authorizer.authorize();
    let burned = start.elapsed();
    assert!(burned > Duration::from_millis(20), "{burned:?}, {outcome:?}");
    let hostile = forge::appended(&[&burner]);
    assert!(forge::bytes(&hostile).len() < 1_500);
    let start = Instant::now();
    assert_eq!(structure(&hostile), "other checks than those of a session");
    // Generous, for tests run beside each other; the bench holds it to a millisecond.
    assert!(
        start.elapsed() < burned,
        "refused in less time than it would have burned"
    );
}
