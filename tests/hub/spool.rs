//! What happens while no hub can be started is kept on disk, proves itself, and is taken in once.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use hub::{
    clock,
    companion::{CompanionRequest, Status},
    kind::EntryKind,
};
use serde_json::json;
use testkit::{Home, StdioClient, home::Lending, program};
use time::Duration;
use trace_store::{ChainId, NewEntry};
use vocabulary::TraceId;

use crate::wire::{Agent, call, returned};

/// `auditotter-mcp` where there is no `auditotter` that it could start.
fn server_alone(home: &Home) -> Command {
    let folder = home.file("alone");
    fs::create_dir(&folder).unwrap();
    let alone = folder.join("auditotter-mcp");
    // By a process of its own: what another test is just starting would hold our handle on it, and a file that
    // somebody may write cannot be run.
    let mut copying = Command::new("cp");
    copying.arg(program::path("auditotter-mcp")).arg(&alone);
    assert!(copying.status().unwrap().success());
    let mut command = home.command(alone);
    command.env("PATH", folder);
    command
}

fn spooled(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

/// Starts the hub, which takes the spool in before it opens its doors.
fn take_in(home: &Home) {
    home.stop_hub();
    let _: Status = home.ask(&CompanionRequest::Status);
}

#[test]
fn what_happens_without_a_hub_is_taken_in_by_the_next_once_and_in_order() {
    let home = Home::lent();
    let spool = home.layout().spool();
    let mut client = StdioClient::claude_code(&mut server_alone(&home));
    let note = client.call("append_trace_note", json!({ "text": "with a hub" }));
    assert!(!note.is_error, "{}", note.text);

    home.kill_hub();
    for rubbish in ["{first", "{second", "{third"] {
        client.line(rubbish.as_bytes());
        assert_eq!(client.complaint().code, -32700);
    }
    let refused = client.call("append_trace_note", json!({ "text": "without one" }));
    assert!(refused.is_error);
    assert!(
        refused.text.contains("the hub could not be started") && refused.text.contains("not recorded"),
        "{}",
        refused.text
    );
    let files = spooled(&spool);
    assert_eq!(files.len(), 3, "{files:?}");
    let mode = fs::metadata(&files[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept: Vec<(PathBuf, Vec<u8>)> = files
        .iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();

    take_in(&home);
    assert_eq!(spooled(&spool), Vec::<PathBuf>::new());
    let after = client.call("append_trace_note", json!({ "text": "with a hub again" }));
    assert!(!after.is_error, "{}", after.text);
    // As after a crash between recording and removing.
    for (path, bytes) in &kept {
        fs::write(path, bytes).unwrap();
    }
    take_in(&home);
    assert_eq!(spooled(&spool), Vec::<PathBuf>::new());
    drop(client);

    let trace = home.trace(home.traces()[0]);
    let taken_in: Vec<_> = trace
        .iter()
        .filter(|recorded| recorded.kind == "protocol.error")
        .collect();
    let received: Vec<&str> = taken_in
        .iter()
        .map(|recorded| {
            recorded.body["observation"]["protocol_error"]["received"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert_eq!(received, ["{first", "{second", "{third"]);
    for recorded in taken_in {
        let claimed = recorded.body["claimed_at"].as_str().expect("its time is a claim");
        assert!(claimed < recorded.stored.entry.at.to_string().as_str());
    }
}

#[test]
fn a_spooled_record_that_does_not_prove_itself_is_put_aside() {
    let home = Home::lent();
    let spool = home.layout().spool();
    let mut client = StdioClient::claude_code(&mut server_alone(&home));
    client.call("append_trace_note", json!({ "text": "with a hub" }));
    home.kill_hub();
    client.line(b"{nonsense");
    client.complaint();
    let files = spooled(&spool);
    let [good] = files.as_slice() else {
        panic!("one record was expected: {files:?}");
    };
    let text = fs::read_to_string(good).unwrap();
    let changed = text.replace("nonsense", "innocent");
    assert_ne!(changed, text);
    fs::write(spool.join("00-changed.json"), changed).unwrap();
    fs::write(spool.join("01-rubbish.json"), b"\xff{}").unwrap();
    fs::write(spool.join("02-huge.json"), vec![b' '; 1024 * 1024]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", spool.join("03-link.json")).unwrap();

    take_in(&home);
    assert_eq!(spooled(&spool), Vec::<PathBuf>::new());
    let refused: Vec<String> = spooled(&spool.join("refused"))
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        refused,
        [
            "00-changed.json",
            "01-rubbish.json",
            "02-huge.json",
            "03-link.json"
        ]
    );
    drop(client);
    let trace = home.trace(home.traces()[0]);
    let errors: Vec<_> = trace
        .iter()
        .filter(|recorded| recorded.kind == "protocol.error")
        .collect();
    assert_eq!(errors.len(), 1);
    assert!(!errors[0].body.to_string().contains("innocent"));
}

/// The names of what was put aside.
fn put_aside(home: &Home) -> usize {
    spooled(&home.layout().spool().join("refused")).len()
}

/// Has the client do something while there is no hub, and returns the record of it.
fn happens_without_a_hub(home: &Home, client: &mut StdioClient) -> (PathBuf, Vec<u8>) {
    client.line(b"{nonsense");
    client.complaint();
    let files = spooled(&home.layout().spool());
    let [record] = files.as_slice() else {
        panic!("one record was expected: {files:?}");
    };
    (record.clone(), fs::read(record).unwrap())
}

#[test]
fn a_session_that_begins_without_a_hub_is_taken_in_whole() {
    let home = Home::lent();
    home.stop_hub();
    let mut client = StdioClient::claude_code(&mut server_alone(&home));
    happens_without_a_hub(&home, &mut client);
    // The first hub that comes takes it in, by whatever it is reached.
    let _: Status = home.ask(&CompanionRequest::Status);
    let note = client.call("append_trace_note", json!({ "text": "with a hub" }));
    assert!(!note.is_error, "{}", note.text);
    client.end();
    assert_eq!(put_aside(&home), 0);
    let kinds: Vec<String> = home
        .trace(home.traces()[0])
        .into_iter()
        .map(|recorded| recorded.kind)
        .collect();
    let expected = [
        "session.opened",
        "protocol.error",
        "session.resumed",
        "tool.called",
        "note.appended",
        "tool.returned",
        "session.closed",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn a_hub_that_was_up_all_along_takes_the_spool_in_when_its_session_comes_back() {
    let home = Home::lent();
    let mut client = StdioClient::claude_code(&mut server_alone(&home));
    client.call("append_trace_note", json!({ "text": "one" }));
    home.kill_hub();
    let (path, record) = happens_without_a_hub(&home, &mut client);
    // Not at a hub's start, but while it runs.
    fs::remove_file(&path).unwrap();
    let _: Status = home.ask(&CompanionRequest::Status);
    fs::write(&path, record).unwrap();
    client.call("append_trace_note", json!({ "text": "two" }));
    client.end();
    assert_eq!(spooled(&home.layout().spool()), Vec::<PathBuf>::new());
    let trace = home.trace(home.traces()[0]);
    let order: Vec<&str> = trace
        .iter()
        .map(|recorded| recorded.kind.as_str())
        .filter(|kind| matches!(*kind, "protocol.error" | "session.resumed"))
        .collect();
    assert_eq!(order, ["protocol.error", "session.resumed"]);
}

#[test]
fn a_record_is_not_taken_in_again_however_much_has_happened_since() {
    let home = Home::lent();
    let mut client = StdioClient::claude_code(&mut server_alone(&home));
    client.call("append_trace_note", json!({ "text": "with a hub" }));
    home.kill_hub();
    let (path, record) = happens_without_a_hub(&home, &mut client);
    take_in(&home);
    for n in 0..300 {
        client.call("append_trace_note", json!({ "text": format!("note {n}") }));
    }
    fs::write(&path, &record).unwrap();
    take_in(&home);
    assert_eq!(put_aside(&home), 1);
    client.call("append_trace_note", json!({ "text": "the last" }));
    client.end();
    // Nor once the session has ended.
    fs::write(path.with_file_name("0-again.json"), &record).unwrap();
    take_in(&home);
    assert_eq!(put_aside(&home), 2);
    let trace = home.trace(home.traces()[0]);
    assert_eq!(crate::count(&trace, "protocol.error"), 1);
    assert_eq!(crate::count(&trace, "capture.gap"), 0);
    assert_eq!(trace.last().unwrap().kind, "session.closed");
}

#[test]
fn a_record_that_comes_when_its_trace_has_gone_on_is_a_gap() {
    let home = Home::lent();
    let mut client = StdioClient::claude_code(&mut server_alone(&home));
    client.call("append_trace_note", json!({ "text": "with a hub" }));
    home.kill_hub();
    let (path, record) = happens_without_a_hub(&home, &mut client);
    fs::remove_file(&path).unwrap();
    take_in(&home);
    let note = client.call("append_trace_note", json!({ "text": "with the next" }));
    assert!(!note.is_error, "{}", note.text);
    fs::write(&path, &record).unwrap();
    take_in(&home);
    assert_eq!(put_aside(&home), 1);
    client.end();
    let trace = home.trace(home.traces()[0]);
    let gaps: Vec<_> = trace
        .iter()
        .filter(|recorded| recorded.kind == "capture.gap")
        .collect();
    let [gap] = gaps.as_slice() else {
        panic!("{gaps:#?}")
    };
    assert!(gap.body["too_late"]["claimed_at"].is_string(), "{gap:#?}");
    assert_eq!(crate::count(&trace, "protocol.error"), 0);
}

#[test]
fn a_record_of_before_its_session_opened_does_not_come_in() {
    let home = Home::founded();
    let grant = home.grant(&Lending::to("claude-code"));
    let delegation = home.mint(&grant);
    home.register(&delegation);
    let agent = Agent::under(&delegation);
    let begun = clock::now();
    drop(agent.open(&home).unwrap());
    assert!(home.kill_hub());
    // Before the session, and before the delegation; and when the session had begun, but not been opened.
    agent.keeps(&home, begun.saturating_add(-Duration::HOUR), "{early");
    take_in(&home);
    assert_eq!(put_aside(&home), 1);
    agent.keeps(&home, begun, "{early");
    take_in(&home);
    assert_eq!(put_aside(&home), 2);
    let trace = home.trace(home.traces()[0]);
    let kinds: Vec<&str> = trace.iter().map(|recorded| recorded.kind.as_str()).collect();
    assert_eq!(kinds, ["session.opened", "capture.gap"]);
    assert!(trace[1].body["too_late"].is_object());
    // What happened afterwards does.
    agent.keeps(&home, clock::now(), "{later");
    take_in(&home);
    assert_eq!(crate::count(&home.trace(home.traces()[0]), "protocol.error"), 1);
}

#[test]
fn a_record_of_before_its_delegation_does_not_come_in_whenever_its_session_says_that_it_began() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let long_ago = clock::now().saturating_add(-Duration::HOUR);
    let session = vocabulary::SessionId::new(long_ago.unix_millis(), [1; 10]);
    let agent = Agent::posing_as(&delegation, session);
    agent.keeps(&home, long_ago.saturating_add(Duration::MINUTE), "{early");
    take_in(&home);
    assert_eq!((put_aside(&home), home.traces()), (1, Vec::new()));
}

#[test]
fn no_record_is_taken_in_again_or_backdated_behind_much_that_says_nothing_of_when_it_happened() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let agent = Agent::under(&delegation);
    let mut wire = agent.open(&home).unwrap();
    let before = clock::now();
    let note = call("append_trace_note", json!({ "text": "with a hub" }));
    returned(wire.ask(clock::new_id().unwrap(), note));
    drop(wire);
    assert!(home.kill_hub());
    let (path, record) = agent.keeps(&home, clock::now(), "{once");
    take_in(&home);
    let trace: TraceId = home.traces()[0];
    assert_eq!(crate::count(&home.trace(trace), "protocol.error"), 1);
    // What a look at a working tree writes, and what says that something is missing.
    let told = |number: usize| {
        let kind = if number.is_multiple_of(2) {
            EntryKind::FileChanged
        } else {
            EntryKind::CaptureGap
        };
        (ChainId::Trace(trace), NewEntry::new(kind.into()))
    };
    home.forge((0..600).map(told).collect());
    fs::write(&path, &record).unwrap();
    agent.keeps(&home, before, "{backdated");
    take_in(&home);
    assert_eq!(put_aside(&home), 2);
    let entries = home.trace(trace);
    assert_eq!(crate::count(&entries, "protocol.error"), 1, "once");
    let late: Vec<_> = entries
        .iter()
        .filter(|recorded| recorded.body["too_late"].is_object())
        .collect();
    assert_eq!(late.len(), 1, "{late:#?}");
}

#[test]
fn a_record_that_somebody_removes_meanwhile_keeps_no_other_waiting() {
    const MANY: usize = 20;
    let home = Home::lent();
    let spool = home.layout().spool();
    let mut client = StdioClient::claude_code(&mut server_alone(&home));
    client.call("append_trace_note", json!({ "text": "with a hub" }));
    home.kill_hub();
    for number in 0..MANY {
        client.line(format!("{{rubbish {number}").as_bytes());
        client.complaint();
    }
    drop(client);
    assert_eq!(spooled(&spool).len(), MANY);
    let done = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for path in spooled(&spool) {
                    if path.to_string_lossy().contains(".tried-") {
                        let _ = fs::remove_file(path);
                    }
                }
            }
        });
        take_in(&home);
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(spooled(&spool), Vec::<PathBuf>::new());
}

#[test]
fn a_record_of_after_the_revocation_is_put_aside() {
    let home = Home::founded();
    let lent = home.lend(&Lending::to("claude-code"));
    let mut client = StdioClient::claude_code(&mut server_alone(&home));
    client.call("append_trace_note", json!({ "text": "with a hub" }));
    let _told = home.run(&["revoke", &lent.to_string()]).expect_success();
    home.kill_hub();
    happens_without_a_hub(&home, &mut client);
    take_in(&home);
    assert_eq!(put_aside(&home), 1);
    drop(client);
    let trace = home.trace(home.traces()[0]);
    assert_eq!(crate::count(&trace, "protocol.error"), 0);
}

/// What a hub leaves that was killed while it took a record in, so often.
fn tried(path: &Path, times: u32) -> PathBuf {
    let name = path.file_stem().unwrap().to_str().unwrap();
    path.with_file_name(format!("{name}.tried-{times}.json"))
}

#[test]
fn a_record_that_hubs_do_not_survive_is_put_aside_and_said_and_the_others_are_taken_in() {
    let home = Home::lent();
    let spool = home.layout().spool();
    let mut client = StdioClient::claude_code(&mut server_alone(&home));
    client.call("append_trace_note", json!({ "text": "with a hub" }));
    home.kill_hub();
    for rubbish in ["{first", "{second", "{third"] {
        client.line(rubbish.as_bytes());
        client.complaint();
    }
    drop(client);
    let files = spooled(&spool);
    let [first, second, third] = files.as_slice() else {
        panic!("{files:?}")
    };
    let kept = fs::read(second).unwrap();
    // Of one hub that was killed nothing follows; of two it does.
    fs::rename(first, tried(first, 1)).unwrap();
    fs::rename(second, tried(second, 2)).unwrap();
    fs::rename(third, tried(third, 1)).unwrap();
    take_in(&home);
    assert_eq!(spooled(&spool), Vec::<PathBuf>::new());
    let aside = spool.join("refused").join(second.file_name().unwrap());
    assert_eq!(fs::read(&aside).unwrap(), kept, "nothing is lost");
    take_in(&home);
    assert_eq!(put_aside(&home), 1);
    let trace = home.trace(home.traces()[0]);
    let told: Vec<_> = trace
        .iter()
        .filter(|recorded| matches!(recorded.kind.as_str(), "protocol.error" | "capture.gap"))
        .collect();
    let [first, gap, third] = told.as_slice() else {
        panic!("{told:#?}")
    };
    for (recorded, received) in [(first, "{first"), (third, "{third")] {
        assert_eq!(
            recorded.body["observation"]["protocol_error"]["received"],
            received
        );
    }
    let claimed = gap.body["not_taken_in"]["claimed_at"].as_str().unwrap();
    assert!(first.body["claimed_at"].as_str().unwrap() < claimed);
    assert!(claimed < third.body["claimed_at"].as_str().unwrap());
}

/// A record that hubs did not survive, under the name that the last of them left; and how its gap is told.
fn a_record_left(home: &Home, times: u32) -> (PathBuf, Vec<u8>) {
    let mut client = StdioClient::claude_code(&mut server_alone(home));
    client.call("append_trace_note", json!({ "text": "with a hub" }));
    home.kill_hub();
    let (path, record) = happens_without_a_hub(home, &mut client);
    drop(client);
    fs::rename(&path, tried(&path, times)).unwrap();
    (path, record)
}

fn gaps(home: &Home) -> usize {
    crate::count(&home.trace(home.traces()[0]), "capture.gap")
}

#[test]
fn that_a_record_was_not_taken_in_is_said_also_where_it_cannot_be_put_aside() {
    let home = Home::lent();
    let (path, _) = a_record_left(&home, 2);
    let refused = path.with_file_name("refused");
    fs::write(&refused, "no folder").unwrap();
    for _ in 0..3 {
        take_in(&home);
        assert_eq!(gaps(&home), 1, "it is said, and once");
    }
    fs::remove_file(&refused).unwrap();
    take_in(&home);
    assert_eq!(
        (
            spooled(&home.layout().spool()).len(),
            put_aside(&home),
            gaps(&home)
        ),
        (0, 1, 1)
    );
}

#[test]
fn a_hub_that_is_killed_before_it_said_so_leaves_that_to_the_next_twice() {
    for (times, said) in [(3, 1), (4, 0)] {
        let home = Home::lent();
        let (path, record) = a_record_left(&home, times);
        take_in(&home);
        assert_eq!(spooled(&home.layout().spool()), Vec::<PathBuf>::new());
        let aside = path.with_file_name("refused").join(path.file_name().unwrap());
        assert_eq!(fs::read(aside).unwrap(), record, "nothing is lost");
        assert_eq!(gaps(&home), said, "after {times}");
    }
}

#[test]
fn no_name_in_the_spool_takes_another_s_place_or_stays_for_ever() {
    let home = Home::lent();
    let (path, record) = a_record_left(&home, 1);
    let spool = home.layout().spool();
    fs::write(&path, "planted").unwrap();
    let long = format!("{}.json", "0".repeat(250));
    fs::write(spool.join(&long), "planted").unwrap();
    take_in(&home);
    take_in(&home);
    assert_eq!(spooled(&spool), Vec::<PathBuf>::new());
    let aside = spooled(&spool.join("refused"));
    let planted = aside.iter().map(|path| fs::read(path).unwrap());
    assert!(
        planted.clone().all(|bytes| bytes == b"planted"),
        "the record was taken in"
    );
    assert_eq!(planted.count(), 2, "{aside:?}");
    assert!(!record.is_empty());
    let trace = home.trace(home.traces()[0]);
    assert_eq!(crate::count(&trace, "protocol.error"), 1);
}

#[test]
fn a_hub_that_is_killed_while_it_takes_the_spool_in_costs_no_record() {
    const MANY: usize = 60;
    let home = Home::lent();
    let spool = home.layout().spool();
    let mut client = StdioClient::claude_code(&mut server_alone(&home));
    client.call("append_trace_note", json!({ "text": "with a hub" }));
    home.kill_hub();
    for number in 0..MANY {
        client.line(format!("{{rubbish {number}").as_bytes());
        client.complaint();
    }
    drop(client);
    assert_eq!(spooled(&spool).len(), MANY);
    let mut left = MANY;
    while left > MANY / 2 {
        let mut hub = home.auditotter(&["serve"]).spawn().unwrap();
        // In the middle of them.
        program::until(program::PATIENCE, || (spooled(&spool).len() < left).then_some(())).unwrap();
        hub.kill().unwrap();
        hub.wait().unwrap();
        left = spooled(&spool).len();
    }
    take_in(&home);
    assert_eq!((spooled(&spool).len(), put_aside(&home)), (0, 0));
    let trace = home.trace(home.traces()[0]);
    let received: Vec<&str> = trace
        .iter()
        .filter_map(|recorded| recorded.body["observation"]["protocol_error"]["received"].as_str())
        .collect();
    let expected: Vec<String> = (0..MANY).map(|number| format!("{{rubbish {number}")).collect();
    assert_eq!(received, expected);
}
