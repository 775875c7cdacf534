use hub::companion::{PromptOfLines, TraceRow};

use super::*;

const AT: &str = "2026-11-21T14:00:00.000000Z";

fn commit(traces: &[TraceId]) -> Commit {
    Commit {
        id: "1111111111111111111111111111111111111111".parse().unwrap(),
        author: String::new(),
        authored_at: AT.parse().unwrap(),
        committed_at: AT.parse().unwrap(),
        subject: String::new(),
        traces: traces.to_vec(),
    }
}

fn line(commit: &Commit, number: usize) -> Blamed {
    Blamed {
        number,
        commit: commit.id,
        path: "a.rs".into(),
        text: b"a telling line".to_vec(),
    }
}

fn edit(adds: &[usize]) -> EditOfLines {
    EditOfLines {
        seq: 1,
        at: AT.parse().unwrap(),
        hash: String::new(),
        kind: "file.edited".to_owned(),
        tool: None,
        path: "a.rs".to_owned(),
        elsewhere: false,
        folder_unknown: false,
        between_turns: false,
        source: None,
        adds: adds.to_vec(),
        agent: None,
        prompt: None,
        work_item: None,
    }
}

fn about(trace: TraceId, imported: bool, edits: Vec<EditOfLines>, places: &[(usize, usize)]) -> About {
    let known = TraceRow {
        id: trace,
        on_behalf_of: "Alice".to_owned(),
        via: None,
        delegation: None,
        began_at: AT.parse().unwrap(),
        last_at: AT.parse().unwrap(),
        entries: 9,
        head: String::new(),
        imported,
    };
    About {
        places: places.iter().copied().collect(),
        answer: TraceOfLines {
            trace,
            known: Some(known),
            edits_of_file: edits.len() as u64,
            edits,
            erased: 0,
            cut: false,
        },
    }
}

fn said(commit: &Commit, place: usize, found: &Found) -> Origin {
    of_line(
        place,
        &line(commit, place + 1),
        commit,
        found,
        &mut BTreeMap::new(),
    )
}

#[test]
fn what_was_cut_or_erased_in_any_part_of_a_question_is_said_of_all_lines() {
    let trace = TraceId::new(1, [1; 10]);
    let commit = commit(&[trace]);
    let mut parts = vec![
        about(trace, false, Vec::new(), &[(0, 0)]),
        about(trace, false, vec![edit(&[0])], &[(1, 0)]),
    ];
    let none = Found::of([(trace, parts.split_off(0))]);
    assert_eq!(said(&commit, 0, &none).sessions[0].doubts, Vec::<String>::new());
    for own in [0, 1] {
        let mut parts = vec![
            about(trace, false, Vec::new(), &[(0, 0)]),
            about(trace, false, Vec::new(), &[(1, 0)]),
        ];
        (parts[own].answer.cut, parts[own].answer.erased) = (true, 3);
        let found = Found::of([(trace, parts)]);
        for place in [0, 1] {
            let told = said(&commit, place, &found).sessions[0].doubts.join("\n");
            assert!(told.contains("3 edits of this session were erased"), "{told}");
            assert!(told.contains("more on record than was looked through"), "{told}");
        }
    }
}

#[test]
fn each_line_has_the_edit_of_its_own_part_of_a_question() {
    let trace = TraceId::new(1, [1; 10]);
    let commit = commit(&[trace]);
    let parts = vec![
        about(trace, false, Vec::new(), &[(0, 0)]),
        about(trace, false, vec![edit(&[0])], &[(1, 0), (2, 1)]),
    ];
    let found = Found::of([(trace, parts)]);
    let certain: Vec<Certain> = (0..3).map(|place| said(&commit, place, &found).certain).collect();
    assert_eq!(certain, [Certain::Session, Certain::Edit, Certain::Session]);
}

/// What the only session of a commit has of a line, of several edits that added it: how much is certain, the edit, and of how many.
fn chosen(edits: &[EditOfLines]) -> (Certain, Option<u64>, usize) {
    let trace = TraceId::new(1, [1; 10]);
    let found = Found::of([(trace, vec![about(trace, false, edits.to_vec(), &[(0, 0)])])]);
    let origin = said(&commit(&[trace]), 0, &found);
    let session = &origin.sessions[0];
    let seq = session.told.as_ref().map(|edit| edit.seq);
    (origin.certain, seq, session.among)
}

/// Edits of the same line that say less than one of this file of which a hook told, the one that says most first.
fn less_certain() -> [EditOfLines; 4] {
    let one = edit(&[0]);
    let transcript = EditOfLines {
        source: Some("transcript".to_owned()),
        ..one.clone()
    };
    let between_turns = EditOfLines {
        kind: "file.changed".to_owned(),
        between_turns: true,
        ..one.clone()
    };
    let elsewhere = EditOfLines {
        elsewhere: true,
        ..one
    };
    let unknown = EditOfLines {
        folder_unknown: true,
        ..elsewhere.clone()
    };
    [transcript, between_turns, unknown, elsewhere]
}

#[test]
fn only_an_edit_of_this_very_file_that_a_hook_told_while_the_agent_had_its_turn_is_certain() {
    let certain = less_certain().map(|edit| chosen(&[edit]).0);
    assert_eq!(certain, [Certain::Session; 4]);
}

#[test]
fn no_later_edit_that_says_less_hides_one_of_this_very_file() {
    let certain = edit(&[0]);
    for less in less_certain() {
        let later = EditOfLines { seq: 2, ..less };
        assert_eq!(
            chosen(&[certain.clone(), later.clone()]),
            (Certain::Edit, Some(1), 2),
            "{later:?}"
        );
        let newer = EditOfLines {
            seq: 3,
            ..certain.clone()
        };
        let all = [certain.clone(), later, newer];
        assert_eq!(chosen(&all), (Certain::Edit, Some(3), 3));
    }
    // The same among themselves, in whatever order they came.
    let [first, second, third, last] = less_certain();
    for (better, worse) in [(&first, &second), (&second, &third), (&second, &last)] {
        let worse = EditOfLines {
            seq: 2,
            ..worse.clone()
        };
        assert_eq!(chosen(&[better.clone(), worse]).1, Some(1));
    }
}

#[test]
fn an_edit_that_is_not_certain_takes_no_line_from_another_session() {
    let (one, other) = (TraceId::new(1, [1; 10]), TraceId::new(2, [1; 10]));
    let both = commit(&[one, other]);
    let left = |edit: EditOfLines| {
        let found = Found::of([
            (one, vec![about(one, false, Vec::new(), &[(0, 0)])]),
            (other, vec![about(other, false, vec![edit], &[(0, 0)])]),
        ]);
        said(&both, 0, &found).sessions.len()
    };
    assert_eq!(left(edit(&[0])), 1);
    assert_eq!(less_certain().map(left), [2; 4]);
}

#[test]
fn a_prompt_that_only_the_clients_own_record_says_is_in_doubt() {
    let trace = TraceId::new(1, [1; 10]);
    let doubts = |source: Option<&str>, imported| {
        let prompted = EditOfLines {
            prompt: Some(PromptOfLines {
                seq: 0,
                at: AT.parse().unwrap(),
                text: Some("Do it".to_owned()),
                agent: None,
                source: source.map(str::to_owned),
                same_turn: true,
            }),
            ..edit(&[0])
        };
        let found = Found::of([(trace, vec![about(trace, imported, vec![prompted], &[(0, 0)])])]);
        said(&commit(&[trace]), 0, &found).sessions[0].doubts.join("\n")
    };
    assert_eq!(doubts(None, false), "");
    assert!(doubts(Some("transcript"), false).contains("no hook told of the prompt"));
    let imported = doubts(Some("transcript"), true);
    assert!(!imported.contains("no hook told"), "it is said once: {imported}");
}

#[test]
fn what_was_imported_is_a_claim_and_leaves_what_was_recorded_as_it_is() {
    let (recorded, imported) = (TraceId::new(1, [1; 10]), TraceId::new(2, [1; 10]));
    let both = commit(&[imported, recorded]);
    let told = |commit: &Commit, of_imported: &[EditOfLines], of_recorded: &[EditOfLines]| {
        let about =
            |trace, edits: &[EditOfLines]| vec![about(trace, trace == imported, edits.to_vec(), &[(0, 0)])];
        let found = Found::of([
            (imported, about(imported, of_imported)),
            (recorded, about(recorded, of_recorded)),
        ]);
        let origin = said(commit, 0, &found);
        let traces: Vec<TraceId> = origin.sessions.iter().map(|session| session.trace).collect();
        (origin.certain, traces)
    };
    let one = [edit(&[0])];
    let alone = commit(&[imported]);
    assert_eq!(told(&alone, &one, &[]), (Certain::Claim, vec![imported]));
    assert_eq!(told(&alone, &[], &one), (Certain::Claim, vec![imported]));
    assert_eq!(
        told(&both, &one, &[]),
        (Certain::Session, vec![imported, recorded])
    );
    assert_eq!(told(&both, &[], &one), (Certain::Edit, vec![recorded]));
    assert_eq!(told(&both, &one, &one), (Certain::Edit, vec![imported, recorded]));
    assert_eq!(
        told(&both, &[], &[]),
        (Certain::Session, vec![imported, recorded])
    );
}
