//! What a hub does at its start for the sessions that the one before left open, or whose ends it did not come to look at.

use std::{fs, path::PathBuf};

use hub::companion::{CompanionRequest, Status};
use serde_json::{Value, json};
use testkit::{
    Home,
    export::Export,
    program::{PATIENCE, until},
};
use time::Duration;
use trace_store::{ChainId, Kind, NewEntry};
use vocabulary::TraceId;

use crate::{
    settled,
    transcript::{TURN, append, gaps, line, prompt, says, tells, texts},
};

/// So many parts of answers that reading them takes a hub longer than killing it; how fast it reads is the machine's affair.
const MANY: [usize; 3] = [240, 960, 3_840];

/// What a hub leaves that was killed before it had read so many parts to their end.
fn unfinished<T>(killed: impl Fn(usize) -> Option<T>) -> T {
    MANY.into_iter()
        .find_map(killed)
        .unwrap_or_else(|| panic!("whatever there was to read was read before the hub was killed"))
}

fn said(number: usize) -> String {
    format!("Part {number}. {}", "All the otters of the river. ".repeat(2_000))
}

fn many(parts: usize) -> String {
    let begin = line(TURN, "1", &json!("Count"));
    (0..parts).fold(begin, |all, number| {
        all + &says(&format!("a{number}"), &said(number))
    })
}

/// What the hub has yet to look at, by session.
pub(crate) fn owed(home: &Home) -> Vec<(PathBuf, Value)> {
    let files = fs::read_dir(home.layout().owed()).into_iter().flatten();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.is_file() && path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
        .filter_map(|(path, text)| Some((path, serde_json::from_str(text.lines().nth(1)?).ok()?)))
        .collect()
}

pub(crate) fn starts(home: &Home) {
    let _: Status = home.ask(&CompanionRequest::Status);
}

/// Until nothing is owed to any session.
pub(crate) fn settles(home: &Home) {
    until(PATIENCE, || owed(home).is_empty().then_some(()))
        .unwrap_or_else(|| panic!("something is owed still: {:#?}", owed(home)));
}

/// How far the newest look of the only trace came, as it lies on disk.
fn read_so_far(home: &Home) -> u64 {
    let trace = home.trace(home.traces()[0]);
    let reads = trace.iter().filter(|recorded| recorded.kind == "transcript.read");
    let bytes = reads.filter_map(|read| read.body["bytes"].as_u64());
    bytes.max().unwrap_or_default()
}

/// So long goes by, as the ledger's clock has it, while no hub is there.
pub(crate) fn goes_by(home: &Home, long: Duration) {
    let elsewhere = ChainId::Trace(TraceId::new(1, [9; 10]));
    home.forge_in(long, move |_| {
        vec![(elsewhere, NewEntry::new(Kind::from_static("note.appended")))]
    });
}

/// The trace of the session, where another was forged beside it.
pub(crate) fn of_the_session(home: &Home) -> Export {
    let traces = home.traces();
    let own: Vec<_> = traces
        .iter()
        .filter(|trace| **trace != TraceId::new(1, [9; 10]))
        .collect();
    let [own] = own.as_slice() else {
        panic!("{traces:?}")
    };
    let export = Export::of(home, &own.to_string());
    let _ = export.verified_by_us().expect_success();
    export
}

pub(crate) fn silent(export: &Export) -> Vec<Value> {
    let gaps = gaps(export).into_iter();
    gaps.filter(|gap| gap["silent"].is_object()).collect()
}

#[test]
fn a_session_s_end_that_a_killed_hub_did_not_look_at_is_looked_at_by_the_next_however_often_those_are_killed()
{
    let (home, whole, parts) = unfinished(|parts| {
        let home = Home::lent();
        let path = home.file("own.jsonl");
        prompt(&home, &path, TURN);
        append(&path, &many(parts));
        let whole = fs::metadata(&path).unwrap().len();
        tells(&home, &path, "SessionEnd", &json!({ "reason": "other" }));
        assert!(home.kill_hub());
        (read_so_far(&home) < whole).then_some((home, whole, parts))
    });
    for _ in 0..2 {
        starts(&home);
        assert!(home.kill_hub());
    }
    starts(&home);
    settles(&home);
    let export = settled(&home);
    let expected: Vec<String> = (0..parts).map(said).collect();
    assert!(
        texts(&export) == expected,
        "each part stands there once, and in order"
    );
    assert_eq!(read_so_far(&home), whole);
    assert_eq!(gaps(&export), Vec::<Value>::new());
}

#[test]
fn an_agent_s_record_that_a_killed_hub_did_not_read_is_read_by_the_next() {
    let (home, parts) = unfinished(|parts| {
        let home = Home::lent();
        let (path, own) = (home.file("own.jsonl"), home.file("agent-a1.jsonl"));
        prompt(&home, &path, TURN);
        append(&path, &line(TURN, "1", &json!("Count")));
        let of_the_agent: String = many(parts)
            .lines()
            .map(|line| {
                let mut line: Value = serde_json::from_str(line).unwrap();
                line["isSidechain"] = json!(true);
                line["agentId"] = json!("a1");
                format!("{line}\n")
            })
            .collect();
        append(&own, &of_the_agent);
        let more = json!({ "agent_id": "a1", "agent_type": "general-purpose", "agent_transcript_path": own });
        tells(&home, &path, "SubagentStop", &more);
        assert!(home.kill_hub());
        let whole = u64::try_from(of_the_agent.len()).unwrap();
        (read_so_far(&home) < whole).then_some((home, parts))
    });
    starts(&home);
    until(PATIENCE, || {
        let owed = owed(&home);
        let [(_, note)] = owed.as_slice() else {
            panic!("the session goes on: {owed:#?}")
        };
        (note["agents"] == json!([])).then_some(())
    })
    .unwrap();
    let export = settled(&home);
    let expected: Vec<String> = (0..parts).map(said).collect();
    assert!(texts(&export) == expected, "{:?}", texts(&export).len());
}

#[test]
fn a_session_that_fell_silent_while_no_hub_was_there_is_said_at_the_next_start_and_once() {
    let home = Home::lent();
    let repository = home.repository();
    let path = home.file("own.jsonl");
    let at = |name: &str, more: Value| {
        let mut more = more;
        more["cwd"] = json!(repository.folder);
        tells(&home, &path, name, &more);
    };
    at("SessionStart", json!({ "source": "startup" }));
    at(
        "UserPromptSubmit",
        json!({ "prompt": "Count", "prompt_id": TURN }),
    );
    let used = json!({ "tool_name": "Bash", "tool_use_id": "t1", "prompt_id": TURN, "tool_input": { "command": "make" } });
    at("PreToolUse", used);
    append(&path, &line(TURN, "1", &json!("Count")));
    append(&path, &says("2", "I look."));
    assert!(home.kill_hub());

    // So short a silence is none.
    goes_by(&home, Duration::minutes(4));
    starts(&home);
    assert!(home.stop_hub());
    assert_eq!(owed(&home).len(), 1, "it may go on");
    assert_eq!(gaps(&of_the_session(&home)), Vec::<Value>::new());

    goes_by(&home, Duration::minutes(16));
    for _ in 0..3 {
        starts(&home);
        settles(&home);
        assert!(home.kill_hub());
    }
    let export = of_the_session(&home);
    let heard = export.of_kind("tool.called")[0].entry["at"].clone();
    let folder = repository.folder.canonicalize().unwrap();
    let expected = [
        json!({ "unwatched": { "folder": folder, "why": "forgotten" } }),
        json!({ "silent": { "since": heard } }),
    ];
    assert_eq!(gaps(&export), expected);
    assert_eq!(texts(&export), ["I look."]);

    // It was not over: what goes on goes on, and nothing is said twice.
    append(&path, &says("3", "I go on."));
    at("SessionStart", json!({ "source": "resume" }));
    at("SessionEnd", json!({ "reason": "other" }));
    assert!(home.stop_hub());
    let export = of_the_session(&home);
    assert_eq!(gaps(&export), expected);
    assert_eq!(texts(&export), ["I look.", "I go on."]);
    assert_eq!(export.of_kind("turn.interrupted").len(), 1);
    assert_eq!(owed(&home), []);
}

/// How many sessions the hubs of this home found that others had left open.
pub(crate) fn left_open(home: &Home) -> usize {
    let log = fs::read_to_string(home.layout().log()).unwrap_or_default();
    log.matches("a session was left open").count()
}

#[test]
fn a_session_in_its_turn_is_left_alone_and_its_silence_goes_on_to_count() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    prompt(&home, &path, TURN);
    append(&path, &line(TURN, "1", &json!("Count")));
    append(&path, &says("2", "One."));
    for minutes in [1, 3, 9] {
        assert!(home.kill_hub());
        assert_eq!(silent(&of_the_session(&home)), Vec::<Value>::new());
        assert!(home.stop_hub(), "the export started one");
        goes_by(&home, Duration::minutes(minutes));
        let before = left_open(&home);
        starts(&home);
        until(PATIENCE, || (left_open(&home) > before).then_some(())).unwrap();
    }
    // A hub that ends says a silence of more than five minutes, whoever heard it begin.
    assert!(home.stop_hub());
    let export = of_the_session(&home);
    assert_eq!(silent(&export).len(), 1);
    assert_eq!(texts(&export), ["One."]);
}

#[test]
fn nothing_is_written_any_more_under_what_was_taken_back_meanwhile() {
    let home = Home::founded();
    let lent = home.lend(&testkit::home::Lending::to("claude-code"));
    let path = home.file("own.jsonl");
    prompt(&home, &path, TURN);
    assert!(home.kill_hub());
    append(&path, &line(TURN, "1", &json!("Count")));
    append(&path, &says("2", "One."));
    let [(note, _)] = owed(&home).try_into().unwrap();
    let kept = fs::read(&note).unwrap();
    let _ = home.run(&["revoke", &lent.to_string()]).expect_success();
    home.stop_hub();
    fs::write(&note, kept).unwrap();
    goes_by(&home, Duration::minutes(20));
    starts(&home);
    settles(&home);
    assert!(home.stop_hub());
    let export = of_the_session(&home);
    assert_eq!(export.kinds(), ["session.opened", "prompt"]);
}

#[test]
fn what_others_put_among_the_notes_is_removed_and_not_followed() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    prompt(&home, &path, TURN);
    assert!(home.kill_hub());
    let secret = home.file("diary.jsonl");
    append(&secret, &line(TURN, "1", &json!("Count")));
    append(&secret, &says("2", "Nobody named this."));
    let [(note, _)] = owed(&home).try_into().unwrap();
    let text = fs::read_to_string(&note).unwrap();
    let forged = text.replace(path.to_str().unwrap(), secret.to_str().unwrap());
    assert_ne!(forged, text);
    fs::write(&note, forged).unwrap();
    goes_by(&home, Duration::minutes(20));
    starts(&home);
    settles(&home);
    assert!(home.stop_hub());
    let export = of_the_session(&home);
    assert_eq!(export.kinds(), ["session.opened", "prompt"]);
}
