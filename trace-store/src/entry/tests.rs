use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use vocabulary::{TraceId, WorkspaceId};

use super::*;
use crate::Commitment;

/// The general way to read an entry: a JSON parser, then a canonical re-writing to compare with. Slow, and
/// obviously right; what is used has to agree with it.
mod general {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Object {
        v: u64,
        chain: ChainId,
        seq: u64,
        prev: EntryHash,
        at: Timestamp,
        kind: String,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "present"
        )]
        on_behalf_of: Option<MemberId>,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "present"
        )]
        via: Option<ViaObject>,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "present"
        )]
        delegation: Option<DelegationId>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        refs: BTreeMap<String, String>,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "present"
        )]
        body: Option<BodyObject>,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ViaObject {
        agent: String,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "present"
        )]
        version: Option<String>,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "present"
        )]
        instance: Option<String>,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct BodyObject {
        commitment: Commitment,
        size: u64,
    }

    fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
        T::deserialize(d).map(Some)
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Entry> {
        let object: Object = serde_json::from_slice(bytes).ok()?;
        let same = serde_json_canonicalizer::to_vec(&object).ok()? == bytes;
        let in_range =
            object.seq <= MAX_INTEGER && object.body.as_ref().is_none_or(|b| b.size <= MAX_INTEGER);
        if !same || !in_range || object.v != 1 || bytes.len() > MAX_ENTRY_BYTES {
            return None;
        }
        let mut refs = Refs::new();
        for (key, value) in object.refs {
            refs.insert(&key, value).ok()?;
        }
        let via = match object.via {
            None => None,
            Some(via) => Some(Via::new(&via.agent, via.version.as_deref(), via.instance.as_deref()).ok()?),
        };
        Some(Entry {
            chain: object.chain,
            seq: object.seq,
            prev: object.prev,
            at: object.at,
            kind: object.kind.parse().ok()?,
            on_behalf_of: object.on_behalf_of,
            via,
            delegation: object.delegation,
            refs,
            body: object.body.map(|body| BodyClaim {
                commitment: body.commitment,
                size: body.size,
            }),
        })
    }
}

fn entries() -> impl Strategy<Value = Entry> {
    let chain = prop_oneof![
        any::<u128>().prop_map(|id| ChainId::Trace(TraceId::from_uuid(uuid::Uuid::from_u128(id)))),
        any::<u128>().prop_map(|id| ChainId::Workspace(WorkspaceId::from_uuid(uuid::Uuid::from_u128(id)))),
    ];
    let text = "[\\x00-\\x20\"\\\\/a-zé€𐍈\u{7f}\u{2028}]{1,20}";
    let via = (text, proptest::option::of(text), proptest::option::of(text)).prop_map(
        |(agent, version, instance)| Via::new(&agent, version.as_deref(), instance.as_deref()).unwrap(),
    );
    let refs = proptest::collection::btree_map("[a-z_]{1,8}", text, 0..5).prop_map(|refs| {
        refs.iter()
            .fold(Refs::new(), |refs, (key, value)| refs.with(key, value).unwrap())
    });
    let body = (any::<[u8; 32]>(), 0..=MAX_INTEGER).prop_map(|(commitment, size)| BodyClaim {
        commitment: Commitment::from_bytes(commitment),
        size,
    });
    (
        (
            chain,
            0..=MAX_INTEGER,
            any::<[u8; 32]>(),
            0_u64..253_402_300_799_999_999,
        ),
        "[a-z][a-z_]{0,5}(\\.[a-z][a-z_]{0,5}){0,3}",
        proptest::option::of(any::<u128>()),
        proptest::option::of(via),
        proptest::option::of(any::<u128>()),
        refs,
        proptest::option::of(body),
    )
        .prop_map(
            |((chain, seq, prev, at), kind, member, via, delegation, refs, body)| Entry {
                chain,
                seq,
                prev: EntryHash::from_bytes(prev),
                at: Timestamp::from_unix_micros(at).unwrap(),
                kind: kind.parse().unwrap(),
                on_behalf_of: member.map(|id| MemberId::from_uuid(uuid::Uuid::from_u128(id))),
                via,
                delegation: delegation.map(|id| DelegationId::from_uuid(uuid::Uuid::from_u128(id))),
                refs,
                body,
            },
        )
}

fn sample() -> Entry {
    Entry {
        chain: ChainId::Trace(TraceId::new(1, [1; 10])),
        seq: 3,
        prev: EntryHash::from_bytes([0xab; 32]),
        at: "2026-11-21T02:27:37.000001Z".parse().unwrap(),
        kind: Kind::from_static("tool.called"),
        on_behalf_of: Some(MemberId::new(2, [2; 10])),
        via: Some(Via::new("claude-code", Some("2.1.197"), None).unwrap()),
        delegation: Some(DelegationId::new(3, [3; 10])),
        refs: Refs::new()
            .with("tool", "append_trace_note")
            .unwrap()
            .with("said", "\"a\"\n\u{1}é")
            .unwrap(),
        body: Some(BodyClaim {
            commitment: Commitment::from_bytes([0xcd; 32]),
            size: 12,
        }),
    }
}

#[test]
fn an_entry_has_one_form_and_one_hash() {
    let text = String::from_utf8(sample().to_bytes()).unwrap();
    let expected = format!(
        concat!(
            r#"{{"at":"2026-11-21T02:27:37.000001Z","body":{{"commitment":"{cd}","size":12}},"#,
            r#""chain":"{tr}","delegation":"{dl}","kind":"tool.called","#,
            r#""on_behalf_of":"{me}","prev":"{ab}","#,
            r#""refs":{{"said":"\"a\"\n\u0001é","tool":"append_trace_note"}},"seq":3,"v":1,"#,
            r#""via":{{"agent":"claude-code","version":"2.1.197"}}}}"#
        ),
        cd = "cd".repeat(32),
        ab = "ab".repeat(32),
        tr = TraceId::new(1, [1; 10]),
        dl = DelegationId::new(3, [3; 10]),
        me = MemberId::new(2, [2; 10]),
    );
    let expected = expected.replace(
        "tr_0000000001e040810g20810420",
        &TraceId::new(1, [1; 10]).to_string(),
    );
    assert_eq!(text, expected);
    let by_hand = blake3::derive_key("auditotter 2026 entry v1", text.as_bytes());
    assert_eq!(sample().hash(), EntryHash::from_bytes(by_hand));
}

#[test]
fn other_forms_of_the_same_object_are_refused() {
    let text = String::from_utf8(sample().to_bytes()).unwrap();
    for (from, to) in [
        ("\"seq\":3", "\"seq\": 3"),
        ("\"seq\":3", "\"seq\":3.0"),
        ("\"seq\":3", "\"seq\":03"),
        ("\"seq\":3", "\"seq\":9007199254740992"),
        ("\"v\":1", "\"v\":2"),
        ("\"v\":1", "\"v\":1,\"x\":1"),
        ("\\u0001", "\\u0001\\u000a"),
        ("é", "\\u00e9"),
        ("\\n", "\\u000a"),
        ("tool.called", "tool..called"),
        ("tool.called", "Tool"),
        ("000001Z", "000001z"),
        ("2026-11-21", "2026-11-31"),
        ("\"refs\":{", "\"refs\":{\"zz\":\"\","),
        ("abab", "ABAB"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from} is not there");
        assert!(Entry::from_bytes(other.as_bytes()).is_err(), "{other}");
    }
    let error = Entry::from_bytes(text.replace(",\"v\":1", ",\"w\":1").as_bytes()).unwrap_err();
    assert_eq!(error.kind, ParseErrorKind::Expected(",\"v\":1"));
    assert_eq!(error.position, text.find(",\"v\":1").unwrap());
}

#[test]
fn an_entry_above_64_kib_is_refused() {
    let mut long = sample().to_bytes();
    long.resize(MAX_ENTRY_BYTES + 1, b' ');
    assert_eq!(
        Entry::from_bytes(&long).unwrap_err().kind,
        ParseErrorKind::TooLong
    );
}

proptest! {
    #[test]
    fn what_is_written_is_canonical_and_reads_back(entry in entries()) {
        let bytes = entry.to_bytes();
        let read = Entry::from_bytes(&bytes).ok();
        prop_assert_eq!(&read, &general::read(&bytes));
        prop_assert_eq!(read, Some(entry));
    }

    #[test]
    fn the_fast_reader_accepts_what_the_general_one_does(entry in entries(), at: prop::sample::Index, byte: u8, kind in 0..3) {
        let mut bytes = entry.to_bytes();
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        prop_assert_eq!(Entry::from_bytes(&bytes).ok(), general::read(&bytes));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(Entry::from_bytes(&bytes).ok(), general::read(&bytes));
    }
}
