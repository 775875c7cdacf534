use capture::Event;
use protocol::Via;
use vocabulary::{Client, Timestamp};

use super::{note::MOST_AGENTS, *};
use crate::{aftermath::MOST_PATH_BYTES, clock};

fn owed() -> (Owed, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let owed = Owed::of(folder.path().join("owed"), Arc::new(OwedKey::derive(&[7; 32])));
    (owed, folder)
}

fn note(number: u64) -> Note {
    Note {
        session: SessionId::new(number, [1; 10]),
        token: "token".to_owned(),
        via: Via {
            agent: "claude-code".to_owned(),
            version: String::new(),
            instance: "s1".to_owned(),
        },
        newest: Some(Moment {
            when: When::Begins,
            client: Client::ClaudeCode,
            cwd: Some("/home/alice/shop".into()),
            transcript: None,
            at: Timestamp::EPOCH,
        }),
        compared: false,
        agents: Vec::new(),
        left_out: None,
        tries: 0,
    }
}

fn written(owed: &Owed, note: &Note) -> PathBuf {
    owed.change(note.session, |_| Some(note.clone()));
    owed.file(note.session)
}

#[test]
fn what_hubs_do_not_survive_is_tried_so_often_and_then_only_said() {
    let (owed, _folder) = owed();
    let (path, session) = (written(&owed, &note(1)), note(1).session);
    for tries in 1..=MOST_TRIES {
        let begun = owed.begin(session).unwrap();
        assert_eq!(begun, Begun::Look(Note { tries, ..note(1) }));
    }
    for _ in 0..2 {
        let left = Note {
            tries: MOST_TRIES,
            ..note(1)
        };
        assert_eq!(owed.begin(session), Some(Begun::Leave(left)));
        assert!(path.exists(), "nobody said it yet");
    }
    owed.left(owed.begin(session).unwrap().note());
    assert_eq!(owed.sessions(), []);
}

#[test]
fn whoever_comes_back_is_not_counted_and_whoever_hangs_is() {
    let (owed, _folder) = owed();
    let session = note(2).session;
    written(&owed, &note(2));
    let tries = || owed.leave(session).unwrap().note().tries;
    for back in [
        &(|| {
            owed.done(session, &note(2).newest.unwrap());
        }) as &dyn Fn(),
        &|| owed.came_back(session),
        &|| owed.all_came_back(),
    ] {
        owed.begin(session).unwrap();
        assert_eq!(tries(), 1);
        back();
        assert_eq!(tries(), 0);
    }
    owed.begin(session).unwrap();
    owed.hangs(session);
    owed.all_came_back();
    assert_eq!(tries(), 1);
}

#[test]
fn that_nobody_compared_is_said_once_though_a_look_at_a_beginning_is_no_comparison() {
    let (owed, _folder) = owed();
    let (session, begins) = (note(1).session, note(1).newest.unwrap());
    written(&owed, &note(1));
    let compared = || owed.leave(session).unwrap().note().compared;
    owed.compared(session, &begins);
    assert!(!compared(), "more may change from there on");
    let earlier = Moment {
        when: When::SessionEnds,
        ..begins.clone()
    };
    owed.said_unwatched(session, &earlier);
    assert!(!compared(), "that was of another moment");
    owed.said_unwatched(session, &begins);
    assert!(compared());
}

#[test]
fn a_session_that_spoke_since_is_not_let_go_of() {
    let (owed, _folder) = owed();
    let session = note(1).session;
    written(
        &owed,
        &Note {
            tries: MOST_TRIES,
            ..note(1)
        },
    );
    let begun = owed.begin(session).unwrap();
    let newer = Note {
        newest: note(1).newest.map(|newest| newest.recorded(clock::now())),
        ..note(1)
    };
    written(
        &owed,
        &Note {
            tries: MOST_TRIES,
            ..newer.clone()
        },
    );
    owed.left(begun.note());
    assert_eq!(owed.begin(session), Some(Begun::Look(Note { tries: 1, ..newer })));
}

#[test]
fn what_no_hub_of_this_home_wrote_is_not_followed() {
    let (owed, _folder) = owed();
    let path = written(&owed, &note(1));
    let text = fs::read_to_string(&path).unwrap();
    let elsewhere = owed.file(note(2).session);
    for (path, text) in [
        (&path, text.replace("shop", "secrets")),
        (&path, text.replacen(|digit: char| digit.is_ascii_digit(), "", 1)),
        (&path, String::new()),
        (&path, "\n".to_owned()),
        (&path, text.lines().nth(1).unwrap().to_owned()),
        // That of another session.
        (&elsewhere, text.clone()),
    ] {
        fs::write(path, &text).unwrap();
        assert_eq!(owed.read(path).unwrap(), None, "{text}");
        assert_eq!(owed.sessions(), []);
        assert!(!path.exists(), "{text}");
    }
    let path = written(&owed, &note(1));
    let another = Owed::of(owed.folder, Arc::new(OwedKey::derive(&[8; 32])));
    assert_eq!(another.read(&path).unwrap(), None, "it is of another key");
}

#[test]
fn what_lies_among_the_notes_is_removed_and_takes_no_note_s_place() {
    let (owed, _folder) = owed();
    let sessions: Vec<SessionId> = (1..4).map(|number| note(number).session).collect();
    for (number, session) in sessions.iter().enumerate() {
        let at = Timestamp::from_unix_micros(u64::try_from(number).unwrap()).unwrap();
        let newest = note(1).newest.map(|newest| newest.recorded(at));
        written(
            &owed,
            &Note {
                session: *session,
                newest,
                ..note(1)
            },
        );
    }
    let at = |name: &str| owed.folder.join(name);
    for number in 0..2 * MOST_NOTES {
        fs::write(at(&format!("{number}.json")), "junk").unwrap();
    }
    fs::write(at("half.part"), "half").unwrap();
    fs::write(
        at("long.json"),
        vec![b'0'; 2 + usize::try_from(MOST_BYTES).unwrap()],
    )
    .unwrap();
    std::os::unix::fs::symlink(owed.file(sessions[0]), at("link.json")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(at("pipe.json")).status();
    assert!(made.unwrap().success());
    // Whenever the files say that they were written.
    let found = owed.sessions();
    assert_eq!(found, sessions.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(fs::read_dir(&owed.folder).unwrap().count(), 3);
}

#[test]
fn the_longest_note_can_be_read_again() {
    let (owed, _folder) = owed();
    let longest = format!("/{}", "\u{1}".repeat(MOST_PATH_BYTES - 1));
    let event = serde_json::json!({
        "session_id": "s".repeat(256), "hook_event_name": "SubagentStop", "agent_id": "a", "cwd": longest,
        "agent_transcript_path": longest,
    });
    let event = Event::parse(event.to_string().as_bytes()).unwrap();
    let moment = Moment::of(Client::ClaudeCode, &event).unwrap();
    assert_eq!(moment.cwd, Some(longest.into()));
    let longest = Note {
        agents: vec![moment.clone(); MOST_AGENTS],
        newest: Some(moment),
        token: "t".repeat(64 * 1024),
        ..note(1)
    };
    let path = written(&owed, &longest);
    assert_eq!(owed.read(&path).unwrap(), Some(longest));
}

#[test]
fn agents_for_which_there_is_no_room_are_remembered_until_that_is_said() {
    let (owed, _folder) = owed();
    let ended = |number: u64| {
        let event = serde_json::json!({
            "session_id": "s1", "hook_event_name": "SubagentStop", "agent_id": "a",
            "agent_transcript_path": format!("/agent-{number}.jsonl"),
        });
        let event = Event::parse(event.to_string().as_bytes()).unwrap();
        let at = Timestamp::from_unix_micros(number).unwrap();
        Moment::of(Client::ClaudeCode, &event).unwrap().recorded(at)
    };
    let mut held = Note {
        newest: None,
        ..note(1)
    };
    let all = u64::try_from(MOST_AGENTS).unwrap() + 8;
    for number in 0..all {
        held = held.with_agent(&ended(number)).with_agent(&ended(number));
    }
    let first = Timestamp::from_unix_micros(0).ok();
    assert_eq!(held.left_out, first);
    assert_eq!(held.agents, (8..all).map(ended).collect::<Vec<_>>());
    let path = written(&owed, &held);
    for number in 0..all - 1 {
        assert_eq!(
            owed.done(held.session, &ended(number)),
            None,
            "others are waited for"
        );
    }
    assert_eq!(owed.done(held.session, &ended(all - 1)), first);
    assert_eq!(owed.sessions(), [held.session], "nobody said it yet");
    owed.settle(held.session, &ended(all - 1));
    owed.said_left_out(held.session);
    assert!(!path.exists());
}

#[test]
fn what_was_told_since_a_note_was_begun_is_not_compared_with_an_older_moment() {
    let (owed, _folder) = owed();
    let session = note(1).session;
    let ended = Moment {
        when: When::SessionEnds,
        ..note(1).newest.unwrap()
    };
    let before = Note {
        newest: Some(ended.clone()),
        ..note(1)
    };
    written(&owed, &before);
    let begun = owed.begin(session).unwrap();
    assert_eq!(owed.still_newest(begun.note()), Some((ended.clone(), false)));
    owed.said_unwatched(session, &ended);
    assert_eq!(owed.still_newest(begun.note()), Some((ended, true)));
    // It is begun again, and looked at, before the turn of the older one comes.
    let again = note(1).newest.unwrap().recorded(clock::now());
    let newer = Note {
        newest: Some(again.clone()),
        ..before
    };
    written(&owed, &newer);
    owed.done(session, &again);
    assert_eq!(owed.still_newest(begun.note()), None);
    owed.let_go(session);
    assert_eq!(owed.still_newest(begun.note()), None);
}
