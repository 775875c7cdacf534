//! In which folder an edit was made: a name alone says nothing of that.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::{
    home::Lending,
    program::{self, PATIENCE, until},
};

use crate::{Shop, lines::spans};

/// A session of Codex', which names the files of its patches from where it works.
struct Codex<'s> {
    shop: &'s Shop,
    folder: PathBuf,
}

impl<'s> Codex<'s> {
    fn begins(shop: &'s Shop, folder: &Path) -> Self {
        let _ = shop.home.lend(&Lending::to("codex"));
        let codex = Self {
            shop,
            folder: folder.to_owned(),
        };
        codex.tells(
            "SessionStart",
            &json!({ "source": "startup", "model": "gpt-5.5" }),
        );
        codex
    }

    fn tells(&self, name: &str, more: &Value) {
        let mut event =
            json!({ "session_id": "c1", "turn_id": "u1", "hook_event_name": name, "cwd": self.folder });
        let members = event.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        let ran = self.shop.home.hook("codex", &event.to_string());
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{event}");
    }

    fn patches(&self, call: &str, name: &str, line: &str) {
        let patch = format!("*** Begin Patch\n*** Add File: {name}\n+{line}\n*** End Patch\n");
        let mut used =
            json!({ "tool_name": "apply_patch", "tool_use_id": call, "tool_input": { "command": patch } });
        self.tells("PreToolUse", &used);
        let file = self.folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, format!("{line}\n")).unwrap();
        used["tool_response"] = json!("Success. Updated the following files");
        self.tells("PostToolUse", &used);
    }

    fn trace(&self) -> String {
        let traces = self.shop.home.traces().into_iter();
        let mut others = traces.map(|trace| trace.to_string());
        others.find(|trace| *trace != self.shop.trace).unwrap()
    }
}

/// A repository of its own beside the shop.
fn other(shop: &Shop) -> PathBuf {
    beside(shop, "other")
}

fn beside(shop: &Shop, name: &str) -> PathBuf {
    let folder = shop.home.file(name);
    fs::create_dir(&folder).unwrap();
    let _ = program::run(shop.git_in(&folder, &["init", "--quiet"])).expect_success();
    folder
}

/// The same line in a file of the shop, by somebody else.
fn lies_here(shop: &Shop, name: &str, line: &str) {
    let file = shop.folder().join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, format!("{line}\n")).unwrap();
}

fn doubts(told: &Value) -> String {
    told[0]["sessions"][0]["doubts"].to_string()
}

#[test]
fn a_patch_in_another_repository_is_not_told_as_one_of_the_file_of_that_name_here() {
    let shop = Shop::open();
    let codex = Codex::begins(&shop, &other(&shop));
    codex.patches("t1", "src/a.rs", "a telling line");
    lies_here(&shop, "src/a.rs", "a telling line");
    shop.commits(&[&codex.trace()]);
    let told = shop.blame("src/a.rs");
    assert_eq!(spans(&told), [(1, 1, "session")]);
    assert_eq!(told[0]["sessions"][0]["edit"]["elsewhere"], true, "{told:#}");
    assert!(doubts(&told).contains("in another folder"), "{told:#}");
    let words = shop.auditotter(&["blame", "src/a.rs"]).expect_success();
    assert!(words.contains("only the session is certain"), "{words}");
}

#[test]
fn the_same_text_written_into_another_repository_later_hides_no_edit_here() {
    let shop = Shop::open();
    let codex = Codex::begins(&shop, &shop.folder());
    codex.patches("t1", "src/a.rs", "a telling line");
    let there = Codex {
        shop: &shop,
        folder: other(&shop),
    };
    there.patches("t2", "src/a.rs", "a telling line");
    // Another session made no edit here either, and the commit names both.
    shop.commits(&[&codex.trace(), &shop.trace]);
    let told = shop.blame("src/a.rs");
    assert_eq!(spans(&told), [(1, 1, "edit")]);
    let sessions = told[0]["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1, "{told:#}");
    assert_eq!(sessions[0]["edit"]["elsewhere"], false, "{told:#}");
    assert_eq!(sessions[0]["among"], 2, "{told:#}");
    assert_eq!(sessions[0]["doubts"], json!([]));
}

#[test]
fn a_name_is_taken_from_the_folder_in_which_the_session_worked() {
    let shop = Shop::open();
    let below = shop.folder().join("web");
    fs::create_dir(&below).unwrap();
    let codex = Codex::begins(&shop, &below);
    codex.patches("t1", "src/a.ts", "a telling line");
    lies_here(&shop, "src/a.ts", "a telling line");
    shop.commits(&[&codex.trace()]);
    let told = shop.blame("web/src/a.ts");
    assert_eq!(spans(&told), [(1, 1, "edit")]);
    assert_eq!(told[0]["sessions"][0]["edit"]["elsewhere"], false, "{told:#}");
    assert_eq!(told[0]["sessions"][0]["doubts"], json!([]));
    // It is another file that has this name from the top.
    let told = shop.blame("src/a.ts");
    assert_eq!(spans(&told), [(1, 1, "session")], "{told:#}");
    assert_eq!(told[0]["sessions"][0]["edits_of_file"], 0);
}

/// How many trees the hub said it watches.
fn watched(shop: &Shop) -> usize {
    let log = fs::read_to_string(shop.home.layout().log()).unwrap_or_default();
    log.matches("a working tree is watched").count()
}

/// What is said of a file of the shop that a session's working tree in this folder showed, and no hook told of.
fn showed(shop: &Shop, folder: &Path) -> Value {
    let before = watched(shop);
    let codex = Codex::begins(shop, folder);
    until(PATIENCE, || (watched(shop) > before).then_some(())).unwrap();
    fs::write(folder.join("made.txt"), "a telling line\n").unwrap();
    codex.tells("Stop", &json!({}));
    // A hub that ends looks at what is left to look at first.
    assert!(shop.home.stop_hub());
    lies_here(shop, "made.txt", "a telling line");
    shop.commits(&[&codex.trace()]);
    let told = shop.blame("made.txt");
    let edit = told[0]["sessions"][0]["edit"].clone();
    assert_eq!(edit["kind"], "file.changed", "{told:#}");
    edit
}

#[test]
fn what_a_working_tree_showed_is_of_that_tree() {
    let said = |edit: Value| (edit["elsewhere"].clone(), edit["folder_unknown"].clone());
    let shop = Shop::open();
    assert_eq!(said(showed(&shop, &other(&shop))), (json!(true), Value::Null));
    let shop = Shop::open();
    assert_eq!(said(showed(&shop, &shop.folder())), (json!(false), Value::Null));
    // What looks like a secret is not on record, so nobody knows which tree it was.
    let shop = Shop::open();
    let secret = beside(&shop, concat!("AKIA", "QYLPMN5HHHFPZAM2"));
    assert_eq!(said(showed(&shop, &secret)), (json!(true), json!(true)));
}

#[test]
fn a_name_of_which_nobody_knows_the_folder_is_in_doubt() {
    let shop = Shop::open();
    let diff = "@@ -0,0 +1,1 @@\n+a telling line\n";
    let trace = "tr_00000000010g2081040g208104";
    shop.forges(trace, "session.started", &[], &json!({ "session": "s7" }));
    let edit = json!({ "tool": "apply_patch", "path": "a.rs", "change": "created", "diff": diff });
    shop.forges(trace, "file.edited", &[], &edit);
    let change = json!({ "path": "b.rs", "change": "created", "diff": diff });
    shop.forges(trace, "file.changed", &[], &change);
    // Nor where its name has a secret.
    let began = json!({ "session": "s7", "cwd": "/tmp/[redacted:a:0123abcd]", "redacted": { "a": 1 } });
    shop.forges(trace, "session.started", &[], &began);
    let edit = |name: &str, folder: Option<&str>| json!({ "tool": "apply_patch", "path": name, "folder": folder, "change": "created", "diff": diff });
    shop.forges(trace, "file.edited", &[], &edit("c.rs", None));
    let began = json!({ "session": "s7", "cwd": shop.folder() });
    shop.forges(trace, "session.started", &[], &began);
    shop.forges(trace, "file.edited", &[], &edit("d.rs", Some("[redacted]")));
    let names = ["a.rs", "b.rs", "c.rs", "d.rs"];
    for name in names {
        lies_here(&shop, name, "a telling line");
    }
    shop.commits(&[trace]);
    for name in names {
        let told = shop.blame(name);
        assert_eq!(spans(&told), [(1, 1, "session")]);
        let edit = &told[0]["sessions"][0]["edit"];
        assert_eq!(
            (&edit["elsewhere"], &edit["folder_unknown"]),
            (&json!(true), &json!(true)),
            "{told:#}"
        );
        assert!(doubts(&told).contains("is not on record"), "{told:#}");
    }
}

#[test]
fn an_edit_that_does_not_say_its_folder_is_taken_from_where_the_session_began_last() {
    let shop = Shop::open();
    let diff = "@@ -0,0 +1,1 @@\n+a telling line\n";
    let patches = |name: &str| {
        let edit = json!({ "tool": "apply_patch", "path": name, "change": "created", "diff": diff });
        shop.forges(&shop.trace, "file.edited", &[("source", "transcript")], &edit);
        lies_here(&shop, name, "a telling line");
    };
    patches("a.rs");
    shop.commits(&[&shop.trace]);
    let told = shop.blame("a.rs");
    assert_eq!(told[0]["sessions"][0]["edit"]["elsewhere"], false, "{told:#}");
    // And then it went on elsewhere.
    let elsewhere = json!({ "session": "s1", "source": "resume", "cwd": "/srv/other" });
    shop.forges(&shop.trace, "session.started", &[], &elsewhere);
    patches("b.rs");
    shop.commits(&[&shop.trace]);
    let told = shop.blame("b.rs");
    assert_eq!(told[0]["sessions"][0]["edit"]["elsewhere"], true, "{told:#}");
    assert_eq!(told[0]["sessions"][0]["edit"]["folder_unknown"], Value::Null);
}

#[test]
fn a_worktree_is_one_that_says_so_itself() {
    let shop = Shop::open();
    let claimed = other(&shop);
    let real = shop.home.file("real");
    let real_name = real.to_str().unwrap().to_owned();
    shop.git(&["worktree", "add", "--quiet", "-b", "fix", &real_name]);
    // Somebody writes into the repository that another one is its worktree.
    let forged = shop.folder().join(".git/worktrees/forged");
    fs::create_dir(&forged).unwrap();
    fs::write(forged.join("gitdir"), format!("{}/.git\n", claimed.display())).unwrap();
    fs::write(forged.join("commondir"), "../..\n").unwrap();
    fs::write(forged.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    let listed = shop.git(&["worktree", "list"]);
    assert!(listed.contains(claimed.to_str().unwrap()), "{listed}");
    let edits = |folder: &Path, call: &str, name: &str| {
        let path = folder.join(name);
        shop.writes(path.to_str().unwrap(), "a telling line\n", call, "p1");
    };
    edits(&claimed, "t1", "claimed.rs");
    edits(&real, "t2", "real.rs");
    for name in ["claimed.rs", "real.rs"] {
        lies_here(&shop, name, "a telling line");
    }
    shop.commits(&[&shop.trace]);
    let elsewhere = |name: &str| shop.blame(name)[0]["sessions"][0]["edit"]["elsewhere"].clone();
    assert_eq!(
        (elsewhere("claimed.rs"), elsewhere("real.rs")),
        (json!(true), json!(false))
    );
    // Nor is one whose file leads to another worktree's folder, or back from where it does not lie.
    fs::remove_dir_all(claimed.join(".git")).unwrap();
    let leads_to =
        |to: &Path| fs::write(claimed.join(".git"), format!("gitdir: {}\n", to.display())).unwrap();
    leads_to(&shop.folder().join(".git/worktrees/real"));
    assert_eq!(elsewhere("claimed.rs"), json!(true));
    leads_to(&forged);
    assert_eq!(elsewhere("claimed.rs"), json!(false), "now both say so");
    // From within a worktree it is the same.
    let mut command = shop.home.auditotter(&["blame", "real.rs", "--json"]);
    command.current_dir(&real);
    fs::remove_file(real.join("real.rs")).unwrap();
    let _ = program::run(shop.git_in(&real, &["merge", "--quiet", "work"])).expect_success();
    let told: Value = serde_json::from_str(&program::run(command).expect_success()).unwrap();
    assert_eq!(told[0]["sessions"][0]["edit"]["elsewhere"], false, "{told:#}");
}
