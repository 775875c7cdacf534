//! What changed in a working tree and no hook told.

use std::{
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _, symlink},
    },
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use testkit::{
    Home, ScriptedModel, Step,
    clients::{ClaudeCode, PLUGIN_SERVER},
    export::{Export, Exported},
    program::{PATIENCE, until},
};

use crate::{only, recorded};

/// A client at work in a folder.
struct Client<'h> {
    home: &'h Home,
    folder: PathBuf,
    session: &'static str,
}

impl<'h> Client<'h> {
    /// Its session begins, and the tree is watched.
    fn begins(home: &'h Home, folder: &Path, session: &'static str) -> Self {
        let client = Self {
            home,
            folder: folder.to_owned(),
            session,
        };
        let before = watched(home);
        client.tells("SessionStart", &json!({ "source": "startup" }));
        until(PATIENCE, || (watched(home) > before).then_some(())).unwrap();
        client
    }

    fn tells(&self, name: &str, more: &Value) {
        let mut event = json!({ "session_id": self.session, "hook_event_name": name, "cwd": self.folder });
        let members = event.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        let ran = self.home.hook("claude-code", &event.to_string());
        assert_eq!(
            (ran.code, &*ran.stdout, &*ran.stderr),
            (Some(0), "", ""),
            "{event}"
        );
    }

    /// A shell runs a command, and its hooks tell.
    fn runs(&self, id: &str, command: &str) {
        let mut used =
            json!({ "tool_name": "Bash", "tool_use_id": id, "tool_input": { "command": command } });
        self.tells("PreToolUse", &used);
        the_clock_goes_on(&self.folder);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).current_dir(&self.folder);
        assert!(shell.status().unwrap().success(), "{command}");
        // No client tells of an end within the very tick.
        the_clock_goes_on(&self.folder);
        used["tool_response"] = json!({ "stdout": "", "stderr": "", "interrupted": false });
        self.tells("PostToolUse", &used);
    }

    /// A tool writes a file, and its hooks tell.
    fn writes(&self, id: &str, name: &str, text: &str) {
        let path = self.folder.join(name);
        let before = fs::read_to_string(&path).ok();
        let input = json!({ "file_path": path, "content": text });
        let mut used = json!({ "tool_name": "Write", "tool_use_id": id, "tool_input": input });
        self.tells("PreToolUse", &used);
        fs::write(&path, text).unwrap();
        let kind = if before.is_some() { "update" } else { "create" };
        used["tool_response"] = json!({
            "type": kind, "filePath": path, "content": text, "originalFile": before, "structuredPatch": [],
        });
        self.tells("PostToolUse", &used);
    }

    fn prompted(&self) {
        self.tells("UserPromptSubmit", &json!({ "prompt": "Go on" }));
    }

    /// Its turn ends, and all of it was looked at.
    fn stops(&self) -> Export {
        self.tells("Stop", &json!({}));
        // A hub that ends looks at what is left to look at first.
        assert!(self.home.stop_hub());
        recorded(self.home)
    }
}

/// How many trees the hub said it watches.
fn watched(home: &Home) -> usize {
    let log = fs::read_to_string(home.layout().log()).unwrap_or_default();
    log.matches("a working tree is watched").count()
}

/// How coarse that clock is at most.
const TICK_NANOS: u128 = 10_000_000;

/// Waits until files are dated a tick later than now: the system dates them by a coarser clock.
fn the_clock_goes_on(folder: &Path) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let probe = folder.parent().unwrap().join("clock");
    let later = || {
        fs::write(&probe, "").unwrap();
        let about = fs::metadata(&probe).unwrap();
        let at = u128::try_from(about.ctime()).unwrap() * 1_000_000_000
            + u128::try_from(about.ctime_nsec()).unwrap();
        (at > now.as_nanos() + TICK_NANOS + 1_000).then_some(())
    };
    until(PATIENCE, later).unwrap();
}

/// The changes that were told, by path.
fn changes(export: &Export) -> Vec<(String, String, Option<String>)> {
    let mut all: Vec<_> = export
        .of_kind("file.changed")
        .iter()
        .map(|changed| {
            let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
            let (path, change) = (text(&changed.body["path"]), text(&changed.body["change"]));
            (
                path.unwrap(),
                change.unwrap(),
                text(&changed.entry["refs"]["call"]),
            )
        })
        .collect();
    all.sort();
    all
}

fn change(path: &str, change: &str, call: Option<&str>) -> (String, String, Option<String>) {
    (path.to_owned(), change.to_owned(), call.map(ToOwned::to_owned))
}

fn of<'e>(export: &'e Export, path: &str) -> &'e Exported {
    let all = export.of_kind("file.changed");
    let found = all.iter().find(|changed| changed.body["path"] == path);
    found.unwrap_or_else(|| panic!("{path}: {all:#?}"))
}

fn digest(text: &str) -> Value {
    blake3::hash(text.as_bytes()).to_hex().to_string().into()
}

#[test]
fn what_a_command_writes_is_told_with_the_command_and_what_an_edit_writes_is_not() {
    let home = Home::lent();
    let repository = home.repository();
    let folder = &repository.folder;
    let client = Client::begins(&home, folder, "s1");
    client.prompted();
    client.writes("t1", "edited.txt", "by an edit\n");
    client.runs(
        "t2",
        "echo apples >> README.md; echo new > made.txt; echo x > made.txt",
    );
    client.writes("t3", "edited.txt", "by another edit\n");
    client.runs("t4", "cat README.md");
    let export = client.stops();
    assert_eq!(
        changes(&export),
        [
            change("README.md", "changed", Some("t2")),
            change("made.txt", "created", Some("t2")),
        ]
    );
    let root = folder.canonicalize().unwrap();
    assert_eq!(
        of(&export, "README.md").body,
        json!({
            "path": "README.md", "folder": root, "change": "changed", "before": digest("otters\n"), "after": digest("otters\napples\n"),
            "diff": "@@ -1 +1,2 @@\n otters\n+apples\n",
        })
    );
    assert_eq!(
        of(&export, "made.txt").body,
        json!({ "path": "made.txt", "folder": root, "change": "created", "after": digest("x\n"), "diff": "@@ -0,0 +1 @@\n+x\n" })
    );
    assert!(export.of_kind("capture.gap").is_empty());
}

#[test]
fn what_changed_between_two_edits_is_told_though_nothing_is_left_of_it() {
    let home = Home::lent();
    let repository = home.repository();
    let client = Client::begins(&home, &repository.folder, "s1");
    client.writes("t1", "a.txt", "one\n");
    client.runs("t2", "echo two > a.txt");
    client.writes("t3", "a.txt", "three\n");
    let export = client.stops();
    let root = repository.folder.canonicalize().unwrap();
    assert_eq!(
        only(&export, "file.changed"),
        json!({ "path": "a.txt", "folder": root, "change": "changed", "before": digest("one\n"), "after": digest("two\n") })
    );
}

#[test]
fn everything_that_can_become_of_a_file_is_told() {
    let home = Home::lent();
    let repository = home.repository();
    let folder = &repository.folder;
    for (name, text) in [
        ("gone", "1\n"),
        ("moved", "2\n"),
        ("runs", "3\n"),
        ("link", "4\n"),
        ("crlf", "5\n"),
    ] {
        let _ = repository.commit("carol@example.com", name, text, "More");
    }
    let _ = repository.commit("carol@example.com", ".gitignore", "*.log\n", "Ignore");
    fs::create_dir(folder.join("nested")).unwrap();
    let _ = repository.git(&["init", "--quiet", "nested"]);
    let client = Client::begins(&home, folder, "s1");
    client.runs(
        "t1",
        "rm gone; mv moved there; chmod +x runs; ln -sf README.md link; printf '5\\r\\n' > crlf; printf 'a\\0b' > binary; \
         mkfifo pipe; echo x > quiet.log; echo x > nested/x; head -c 300000 /dev/zero | tr '\\0' 'x' > large",
    );
    // Right after it, and within the tick in which its end was told.
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff\nname");
    fs::write(folder.join(odd), "x\n").unwrap();
    let export = client.stops();
    assert_eq!(
        changes(&export),
        [
            change("binary", "created", Some("t1")),
            change("crlf", "changed", Some("t1")),
            // Nothing is left that would say when.
            change("gone", "deleted", None),
            change("large", "created", Some("t1")),
            change("link", "changed", Some("t1")),
            change("moved", "deleted", Some("t1")),
            change("odd\u{fffd}\nname", "created", None),
            change("runs", "changed", Some("t1")),
            change("there", "created", Some("t1")),
        ]
    );
    assert_eq!(of(&export, "runs").body["executable"], true);
    assert_eq!(
        of(&export, "runs").body["before"],
        of(&export, "runs").body["after"]
    );
    let link = &of(&export, "link").body;
    assert_eq!(
        (&link["sort"], &link["after"]),
        (&json!("link"), &digest("README.md"))
    );
    assert_eq!(of(&export, "crlf").body["diff"], "@@ -1 +1 @@\n-5\n+5\r\n");
    assert_eq!(of(&export, "gone").body["diff"], "@@ -1 +0,0 @@\n-1\n");
    for digest_only in ["binary", "large"] {
        let body = &of(&export, digest_only).body;
        assert_eq!(body.get("diff"), None, "{body}");
        assert!(body["after"].is_string(), "{body}");
    }
    let odd = &of(&export, "odd\u{fffd}\nname").body["path_bytes"];
    assert_eq!(*odd, "6f6464ff0a6e616d65");
}

#[test]
fn what_windows_lines_an_edit_left_is_explained() {
    let home = Home::lent();
    let repository = home.repository();
    let path = repository.folder.join("a.txt");
    fs::write(&path, "one\r\ntwo\r\n").unwrap();
    let client = Client::begins(&home, &repository.folder, "s1");
    // As Claude Code does: it tells the lines as it showed them to the model, and writes them as they were.
    let input = json!({ "file_path": path, "old_string": "one", "new_string": "three" });
    let mut used = json!({ "tool_name": "Edit", "tool_use_id": "t1", "tool_input": input });
    client.tells("PreToolUse", &used);
    fs::write(&path, "three\r\ntwo\r\n").unwrap();
    used["tool_response"] = json!({
        "filePath": path, "oldString": "one", "newString": "three", "originalFile": "one\ntwo\n", "structuredPatch": [],
        "userModified": false, "replaceAll": false,
    });
    client.tells("PostToolUse", &used);
    assert_eq!(changes(&client.stops()), []);
}

#[test]
fn what_changes_between_turns_is_nobodys_and_says_so() {
    let home = Home::lent();
    let repository = home.repository();
    let client = Client::begins(&home, &repository.folder, "s1");
    client.prompted();
    client.tells("Stop", &json!({}));
    fs::write(repository.folder.join("README.md"), "by hand\n").unwrap();
    client.prompted();
    let export = client.stops();
    let [changed] = export.of_kind("file.changed")[..] else {
        panic!("{:#?}", export.trace)
    };
    assert_eq!(changed.entry["refs"].get("call"), None);
    // The look at the end of the turn may have come after the human.
    assert_eq!(changed.body["diff"], "@@ -1 +1 @@\n-otters\n+by hand\n");
}

#[test]
fn an_edit_of_another_session_in_the_same_tree_is_not_told_as_unrecorded() {
    let home = Home::lent();
    let repository = home.repository();
    let one = Client::begins(&home, &repository.folder, "s1");
    let other = Client::begins(&home, &repository.folder, "s2");
    other.writes("t1", "a.txt", "by the other\n");
    one.tells("Stop", &json!({}));
    other.tells("Stop", &json!({}));
    assert!(home.stop_hub());
    for trace in home.traces() {
        let kinds: Vec<String> = home.trace(trace).into_iter().map(|entry| entry.kind).collect();
        assert!(!kinds.iter().any(|kind| kind == "file.changed"), "{kinds:?}");
    }
}

#[test]
fn a_secret_that_was_written_is_not_told() {
    let home = Home::lent();
    let repository = home.repository();
    let client = Client::begins(&home, &repository.folder, "s1");
    let secret = format!("ghp_{}", "R4nd0mW0rdsThatN0b0dyUs3sAnywh3re9xZ");
    client.runs("t1", &format!("echo token={secret} > .env"));
    let export = client.stops();
    let body = only(&export, "file.changed");
    assert_eq!(
        (&body["path"], &body["redacted"]),
        (&json!(".env"), &json!({ "github-pat": 1 }))
    );
    assert_eq!((body.get("before"), body.get("after")), (None, None), "{body}");
    let diff = body["diff"].as_str().unwrap();
    assert!(
        diff.contains("[redacted:github-pat:") && !diff.contains("R4nd0m"),
        "{diff}"
    );
}

#[test]
fn a_hub_that_was_started_anew_says_that_nobody_watched_and_watches_again() {
    let home = Home::lent();
    let repository = home.repository();
    let client = Client::begins(&home, &repository.folder, "s1");
    client.runs("t1", "echo one > a.txt");
    assert!(home.kill_hub());
    let before = watched(&home);
    client.tells("Stop", &json!({}));
    until(PATIENCE, || (watched(&home) > before).then_some(())).unwrap();
    client.runs("t2", "echo two > a.txt");
    let export = client.stops();
    let gap =
        json!({ "unwatched": { "folder": repository.folder.canonicalize().unwrap(), "why": "forgotten" } });
    assert_eq!(only(&export, "capture.gap"), gap);
    let body = only(&export, "file.changed");
    assert_eq!(
        body["before"],
        digest("one\n"),
        "it was seen so when the watch began again"
    );
}

#[test]
fn where_no_repository_is_nobody_watches_and_that_is_said_once() {
    let home = Home::lent();
    let client = Client {
        folder: home.user(),
        home: &home,
        session: "s1",
    };
    client.tells("SessionStart", &json!({ "source": "startup" }));
    for id in ["t1", "t2"] {
        client.runs(id, "echo one > a.txt");
        client.tells("Stop", &json!({}));
    }
    let export = client.stops();
    let gap =
        json!({ "unwatched": { "folder": home.user().canonicalize().unwrap(), "why": "no_repository" } });
    assert_eq!(only(&export, "capture.gap"), gap);
}

#[test]
fn more_changes_than_are_told_one_by_one_are_counted() {
    let home = Home::lent();
    let repository = home.repository();
    let client = Client::begins(&home, &repository.folder, "s1");
    client.runs(
        "t1",
        "mkdir many; cd many; for n in $(seq 520); do echo $n > $n; done",
    );
    let export = client.stops();
    assert_eq!(export.of_kind("file.changed").len(), 500);
    assert_eq!(
        only(&export, "capture.gap"),
        json!({ "left_out": { "changes": 20 } })
    );
}

#[test]
fn who_changes_what_is_ignored_outside_of_the_tree_is_told_of() {
    let home = Home::lent();
    let repository = home.repository();
    let client = Client::begins(&home, &repository.folder, "s1");
    client.runs("t1", "echo '*' >> .git/info/exclude; echo hidden > hidden.txt");
    let export = client.stops();
    assert_eq!(changes(&export), []);
    assert_eq!(only(&export, "capture.gap")["unwatched"]["why"], "rules_changed");
}

#[test]
fn nothing_of_a_hostile_repository_is_run_by_looking_at_it() {
    let home = Home::lent();
    let repository = home.repository();
    let (trap, mark) = (home.file("trap"), home.file("mark"));
    fs::write(&trap, format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display())).unwrap();
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
    // git splits what it runs at spaces.
    let run = format!("'{}'", trap.display());
    fs::write(
        repository.folder.join(".gitattributes"),
        "* filter=trap diff=trap\n",
    )
    .unwrap();
    for name in [
        "core.fsmonitor",
        "diff.external",
        "diff.trap.textconv",
        "filter.trap.clean",
        "filter.trap.smudge",
    ] {
        let _ = repository.git(&["config", name, &run]);
    }
    fs::write(repository.folder.join("README.md"), "more\n").unwrap();
    let _ = repository.git(&["status"]);
    assert!(mark.exists(), "a trap that never closes proves nothing");
    fs::remove_file(&mark).unwrap();
    symlink("/etc", repository.folder.join("system")).unwrap();
    let client = Client::begins(&home, &repository.folder, "s1");
    client.runs("t1", "echo one > README.md");
    let export = client.stops();
    assert_eq!(changes(&export), [change("README.md", "changed", Some("t1"))]);
    assert_eq!(
        only(&export, "file.changed")["diff"],
        "@@ -1 +1 @@\n-more\n+one\n"
    );
    assert!(!mark.exists(), "something was run");
}

#[test]
fn what_claude_code_s_shell_writes_is_told_with_its_command() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::lent();
    let repository = home.repository();
    let model = ScriptedModel::start(
        PLUGIN_SERVER,
        vec![
            Step::client_tool(
                "Bash",
                // What is written in a command's first or last moment is nobody's for certain.
                json!({ "command": "sleep 0.2; echo apples > basket.txt; sleep 0.2", "description": "Fill the basket" }),
            ),
            Step::say("Done."),
        ],
    );
    let session = claude.work_with_plugin(&home, &repository.folder, &model, "Fill the basket");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    assert!(home.stop_hub());
    let export = recorded(&home);
    let run = &export.of_kind("command.run")[0].entry["refs"]["call"];
    let changed = of(&export, "basket.txt");
    assert_eq!(changed.body["diff"], "@@ -0,0 +1 @@\n+apples\n");
    assert_eq!(&changed.entry["refs"]["call"], run);
}
