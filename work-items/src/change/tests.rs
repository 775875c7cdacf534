use super::*;

const TREE: &str = "7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e";

fn raw() -> RawChange {
    RawChange {
        work_item: WorkItemId::new(1, [1; 10]),
        tree: TREE.parse().unwrap(),
        head: "c0".repeat(20).parse().unwrap(),
        base: "ba".repeat(20).parse().unwrap(),
        commits: 2,
        committers: vec![
            " Bob@Example.com ".into(),
            "alice@example.com".into(),
            "bob@example.com".into(),
        ],
        changed_lines: Some(42),
    }
}

/// What the ledger holds of a change, and what is signed of it: written once, read for years.
#[test]
fn what_is_recorded_of_a_change_and_its_digest_are_fixed() {
    let change = Change::parse(raw()).unwrap();
    let golden = include_str!("recorded.json").trim_end();
    assert_eq!(serde_json::to_string_pretty(&change).unwrap(), golden);
    assert_eq!(serde_json::from_str::<Change>(golden).unwrap(), change);
    let more = golden.replacen('{', r#"{"reviewed": true,"#, 1);
    let refused = serde_json::from_str::<Change>(&more).unwrap_err().to_string();
    assert!(refused.starts_with("unknown field `reviewed`"), "{refused}");
    for otherwise in ["Bob@example.com", "aaa@example.com", "alice@example.com"] {
        let other = golden.replace("bob@example.com", otherwise);
        let refused = serde_json::from_str::<Change>(&other).unwrap_err().to_string();
        assert_eq!(refused, ChangeError::OneForm.to_string(), "{otherwise}");
    }
    assert_eq!(
        change.digest(&Digest::from_bytes([7; 32])).unwrap().to_string(),
        "46e9dc3863838d03633f4bc0e1c8533d66a7d7159ec5105619d652c7293e4f38"
    );
}

#[test]
fn every_part_of_a_change_counts_in_its_digest() {
    let known = Digest::from_bytes([7; 32]);
    let digest = |raw: RawChange| Change::parse(raw).unwrap().digest(&known).unwrap();
    let whole = digest(raw());
    let other: GitObject = "0d".repeat(20).parse().unwrap();
    let altered: [fn(&mut RawChange, GitObject); 7] = [
        |raw, _| raw.work_item = WorkItemId::new(1, [2; 10]),
        |raw, other| raw.tree = other,
        |raw, other| raw.head = other,
        |raw, other| raw.base = other,
        |raw, _| raw.commits = 3,
        |raw, _| raw.committers.truncate(1),
        |raw, _| raw.changed_lines = None,
    ];
    for alter in altered {
        let mut altered = raw();
        alter(&mut altered, other);
        assert_ne!(digest(altered.clone()), whole, "{altered:?}");
    }
    let other_known = Digest::from_bytes([8; 32]);
    assert_ne!(Change::parse(raw()).unwrap().digest(&other_known).unwrap(), whole);
    let reordered = RawChange {
        committers: raw().committers.into_iter().rev().collect(),
        ..raw()
    };
    assert_eq!(
        digest(reordered),
        whole,
        "the order in which git lists people says nothing"
    );
}

#[test]
fn a_change_of_nothing_or_by_nobody_is_none() {
    let base = raw().base;
    let same = RawChange { head: base, ..raw() };
    let nothing = Err(ChangeError::Nothing { base, head: base });
    assert_eq!(Change::parse(same), nothing);
    let none = RawChange { commits: 0, ..raw() };
    assert!(matches!(Change::parse(none), Err(ChangeError::Nothing { .. })));
    let by = |committers: Vec<String>| Change::parse(RawChange { committers, ..raw() });
    assert_eq!(by(Vec::new()), Err(ChangeError::Nobody));
    let crowd = (0..101).map(|n| format!("{n}@example.com")).collect();
    assert_eq!(by(crowd), Err(ChangeError::ManyCommitters(101)));
    for address in [
        "",
        " ",
        "bob\u{202e}@example.com",
        "bob\n@example.com",
        &"b".repeat(255),
    ] {
        assert_eq!(
            by(vec![address.to_owned()]),
            Err(ChangeError::Committer),
            "{address:?}"
        );
    }
}

#[test]
fn somebody_made_it_in_whatever_case_git_has_their_address() {
    let change = Change::parse(raw()).unwrap();
    let is_of = |email: &str| change.is_of(&email.parse().unwrap());
    assert!(is_of("BOB@example.com") && is_of("alice@example.com"));
    assert!(!is_of("carol@example.com") && !is_of("ob@example.com"));
}
