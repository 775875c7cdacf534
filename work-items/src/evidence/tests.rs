use proptest::prelude::*;

use super::*;

fn raw() -> RawFinding {
    RawFinding {
        kind: EvidenceKind::Review,
        outcome: EvidenceOutcome::Passed,
        tool: "careful-review 2.1".into(),
        summary: "The lock is held throughout.\nNothing else was found.".into(),
        digest: Some("07".repeat(32)),
        changed_lines: Some(42),
        commit: Some("c0".repeat(20)),
        tree: Some("7e".repeat(20)),
    }
}

/// What the ledger holds of evidence: written once, read for years.
#[test]
fn what_is_recorded_of_evidence_is_fixed() {
    let evidence = Evidence {
        work_item: WorkItemId::new(1, [1; 10]),
        finding: Finding::parse(raw()).unwrap(),
        on_behalf_of: MemberId::new(2, [2; 10]),
        via: "claude-code".into(),
        delegation: DelegationId::new(3, [3; 10]),
        trace: TraceId::new(4, [4; 10]),
        recorded_at: "2026-11-21T02:27:37.000000Z".parse().unwrap(),
    };
    let golden = include_str!("recorded.json").trim_end();
    assert_eq!(serde_json::to_string_pretty(&evidence).unwrap(), golden);
    assert_eq!(serde_json::from_str::<Evidence>(golden).unwrap(), evidence);
    let more = golden.replacen("\"finding\": {", "\"finding\": {\"approved\": true,", 1);
    let refused = serde_json::from_str::<Evidence>(&more).unwrap_err().to_string();
    assert!(refused.starts_with("unknown field `approved`"), "{refused}");
}

#[test]
fn each_limit_is_told_with_what_to_do() {
    let refused = |change: fn(&mut RawFinding)| {
        let mut raw = raw();
        change(&mut raw);
        Finding::parse(raw).unwrap_err()
    };
    assert_eq!(refused(|raw| raw.tool = " ".into()), FindingError::Empty("tool"));
    assert_eq!(
        refused(|raw| raw.summary = "\u{200d}\n".into()),
        FindingError::Empty("summary")
    );
    assert_eq!(
        refused(|raw| raw.tool = "x".repeat(101)),
        FindingError::LongTool(101)
    );
    assert_eq!(
        refused(|raw| raw.summary = "é".repeat(1_001)),
        FindingError::LongSummary(2_002)
    );
    let character = '\u{202e}';
    assert_eq!(
        refused(|raw| raw.tool = "a\u{202e}b".into()),
        FindingError::Misleads {
            field: "tool",
            character
        }
    );
    assert_eq!(
        refused(|raw| raw.summary = "a\u{202e}b".into()),
        FindingError::Misleads {
            field: "summary",
            character
        }
    );
    let two_lines = refused(|raw| raw.tool = "two\nlines".into());
    assert!(matches!(two_lines, FindingError::Misleads { field: "tool", .. }));
    assert_eq!(
        refused(|raw| raw.digest = Some("ABC".into())),
        FindingError::Digest
    );
    for field in ["commit", "tree"] {
        let mut raw = raw();
        let place = if field == "commit" {
            &mut raw.commit
        } else {
            &mut raw.tree
        };
        *place = Some("HEAD".into());
        let refused = Finding::parse(raw).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("{field}: `HEAD` is no full name")),
            "{refused}"
        );
    }
}

proptest! {
    #[test]
    fn what_was_accepted_reads_back_the_same(tool in "\\PC{1,30}", summary in "(?s).{0,80}", lines: Option<u32>) {
        let raw = RawFinding { tool, summary, changed_lines: lines, ..raw() };
        if let Ok(finding) = Finding::parse(raw) {
            let text = serde_json::to_string(&finding).unwrap();
            prop_assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), finding);
        }
    }
}
