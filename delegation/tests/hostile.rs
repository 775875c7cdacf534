//! Tokens of 4 KiB made to cost: the nastiest Datalog, and protobuf nested as deep as it goes.

use std::time::{Duration, Instant};

use biscuit_auth::{
    BlockBuilder,
    format::schema::{self, op, op_binary, term},
};
use delegation::{DelegationToken, Denial, MAX_TOKEN_BYTES, inspect, verify, verify_witness};
use prost::Message as _;

use crate::{
    forge::{self, End},
    world,
};

/// What a block is filled with; `#` is a number that grows.
const NASTY: &[&str] = &[
    "n($a, $b, $c, $d) <- n($a), n($b), n($c), n($d), n(#);",
    "n(#);",
    "check if n($a), n($b), n($c), n($d), $a + $b + $c + $d === #;",
    "check if [1, 2, 3].all($x -> [4, 5, 6].any($y -> $x + $y === #));",
    "n([[[[[[[[[[[[[[[[[[[[[[[[[[[[[[#]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]);",
    "check if {1, 2, 3, 4, 5, 6, 7, 8, #}.intersection({#}).length() === 1;",
    r#"check if "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".matches("(a+)+#$");"#,
    r#"check if "(((((((((a{9}){9}){9}){9}){9}){9}){9}){9}){9}#".matches("((((a{9}){9}){9}){9}){9}#");"#,
    "check if n(#) or n(#) or n(#) or n(#);",
    "check all n($x), ($x > 0 && $x < #) || $x === #;",
    "reject if n(#);",
    r#"check if s#("t#");"#,
    r#"check if {"a": [1, {"b": {"c": #}}]}.get("a") === #;"#,
];

/// The delegation with one block of as much of this as fits, sealed.
fn filled(one: &str) -> String {
    let built = |count: usize| {
        let code: String = (0..count)
            .map(|n| one.replace('#', &(n + 100).to_string()))
            .collect();
        let block = BlockBuilder::new().code(code).unwrap();
        let token = forge::unverified().append(block).unwrap().seal().unwrap();
        token.to_vec().unwrap()
    };
    let fits = |count: &usize| built(*count).len() <= MAX_TOKEN_BYTES;
    // By halves: building is slower than anything that is tested here.
    let (mut low, mut high) = (1, 512);
    while low + 1 < high {
        let middle = usize::midpoint(low, high);
        if fits(&middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    forge::text(&built(low))
}

#[test]
fn a_token_filled_with_what_costs_is_refused_for_its_form_and_at_once() {
    for one in NASTY {
        let token = filled(one);
        assert!(forge::bytes(&token).len() > MAX_TOKEN_BYTES * 3 / 4, "{one}");
        let start = Instant::now();
        let denial = verify(&token, &world::keyring()).unwrap_err();
        let took = start.elapsed();
        assert_eq!(denial.code().as_str(), "forbidden_structure", "{one}");
        // The bench holds this to a millisecond, on a machine that does nothing else.
        assert!(took < Duration::from_millis(100), "{one}: {took:?}");
        assert!(verify_witness(&token, &world::keyring()).is_err());
        assert!(inspect(&token).is_ok());
    }
}

fn nested_terms(depth: usize) -> schema::Term {
    let leaf = schema::Term {
        content: Some(term::Content::Integer(1)),
    };
    (0..depth).fold(leaf, |inner, _| schema::Term {
        content: Some(term::Content::Array(schema::Array { array: vec![inner] })),
    })
}

fn nested_closures(depth: usize) -> schema::Op {
    let leaf = schema::Op {
        content: Some(op::Content::Binary(schema::OpBinary {
            kind: op_binary::Kind::All as i32,
            ffi_name: None,
        })),
    };
    (0..depth).fold(leaf, |inner, _| schema::Op {
        content: Some(op::Content::Closure(schema::OpClosure {
            params: vec![1],
            ops: vec![inner],
        })),
    })
}

/// A token of Alice's own key with this in the first check of its second block.
fn with_op(op: schema::Op) -> String {
    forge::resigned(|blocks| {
        let query = &mut blocks[1].checks[0].queries[0];
        query.expressions.push(schema::Expression { ops: vec![op] });
    })
}

#[test]
fn nesting_is_refused_at_every_depth_without_overflowing_a_small_stack() {
    let asked = || {
        for depth in 1..300 {
            let nested = schema::Op {
                content: Some(op::Content::Value(nested_terms(depth))),
            };
            for token in [with_op(nested), with_op(nested_closures(depth))] {
                match verify(&token, &world::keyring()) {
                    Err(Denial::ForbiddenStructure { .. } | Denial::TokenMalformed(_)) => {}
                    Err(Denial::TokenTooLarge { .. }) => return depth,
                    other => panic!("at depth {depth}: {other:?}"),
                }
                let _looked = inspect(&token);
                assert!(DelegationToken::parse_unverified(&token).is_err());
            }
        }
        300
    };
    // A quarter of what a thread usually has, and these builds optimize little.
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    let deepest = thread.spawn(asked).unwrap().join().unwrap();
    assert!(deepest >= 250, "{deepest}");
}

/// Arrays within arrays, written as bytes: two bytes a level, far beyond what prost would build or read.
#[test]
fn bytes_nested_a_thousand_levels_deep_are_no_token() {
    let mut inner = vec![0x10, 1];
    for _ in 0..900 {
        let array = [&[0x0a][..], &length(inner.len()), &inner].concat();
        inner = [&[0x4a][..], &length(array.len()), &array].concat();
        if inner.len() > 3_000 {
            break;
        }
    }
    let predicate = [&[0x08, 1, 0x12][..], &length(inner.len()), &inner].concat();
    let fact = [&[0x0a][..], &length(predicate.len()), &predicate].concat();
    let block = [&[0x22][..], &length(fact.len()), &fact].concat();
    let text = forge::text(&forge::signed(&[block], End::Open).encode_to_vec());
    let denial = verify(&text, &world::keyring()).unwrap_err();
    assert_eq!(denial, Denial::TokenMalformed("it is no protobuf of a Biscuit"));
    assert!(inspect(&text).is_err());
}

fn length(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

#[test]
fn expressions_that_are_no_expressions_are_refused_before_anybody_evaluates_them() {
    let binary = |kind: i32| schema::Op {
        content: Some(op::Content::Binary(schema::OpBinary { kind, ffi_name: None })),
    };
    for op in [
        binary(op_binary::Kind::LessThan as i32),
        binary(op_binary::Kind::Ffi as i32),
        binary(999),
        binary(-1),
        schema::Op { content: None },
        schema::Op {
            content: Some(op::Content::Value(schema::Term { content: None })),
        },
    ] {
        let shown = format!("{op:?}");
        let expiry = forge::resigned(|blocks| {
            let query = &mut blocks[1].checks[3].queries[0];
            query.expressions[0].ops[2] = op.clone();
        });
        match verify(&expiry, &world::keyring()) {
            // `<` is what stands there.
            Ok(_) => assert!(shown.contains("kind: LessThan"), "{shown}"),
            Err(denial) => assert!(
                matches!(denial.code().as_str(), "forbidden_structure" | "token_malformed"),
                "{shown}: {denial}"
            ),
        }
        assert!(verify(&with_op(op), &world::keyring()).is_err());
    }
}

#[test]
fn a_date_beyond_every_calendar_is_refused() {
    for date in [u64::MAX, u64::MAX / 1_000_000, 253_402_300_800] {
        let token = forge::resigned(|blocks| {
            let query = &mut blocks[1].checks[3].queries[0];
            query.expressions[0].ops[1].content = Some(op::Content::Value(schema::Term {
                content: Some(term::Content::Date(date)),
            }));
        });
        let denial = verify(&token, &world::keyring()).unwrap_err();
        assert_eq!(
            denial.to_string(),
            "block 1 of the token holds a date that is none, which no token of this workspace does"
        );
    }
}
