use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
};

use tempfile::TempDir;

use super::*;
use crate::aftermath::worktree::snapshot::{Holds, Limits, Snapshot};

struct Tree {
    _folder: TempDir,
    root: PathBuf,
    /// What a program leaves that was run.
    mark: PathBuf,
}

impl Tree {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        let tree = Self {
            root: real.join("shop"),
            mark: real.join("mark"),
            _folder: folder,
        };
        fs::create_dir(&tree.root).unwrap();
        tree.git(&["init", "--quiet", "--initial-branch=main"]);
        tree
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// As a human would call it, with all of the repository's settings.
    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.env_clear()
            .env("PATH", env::var_os("PATH").unwrap())
            .env("HOME", self.root.parent().unwrap())
            .arg("-C")
            .arg(&self.root)
            .args(["-c", "user.name=Alice", "-c", "user.email=alice@example.com"])
            .args(arguments);
        let ran = git.output().unwrap();
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    fn listed(&self) -> Listed {
        Git::at(&self.root).unwrap().list().unwrap()
    }

    fn taken(&self, before: Option<&Snapshot>, limits: &Limits) -> Result<Snapshot, Unwatched> {
        let git = Git::at(&self.root)?;
        Snapshot::take(&self.root, &git, before, limits).map(|(taken, _)| taken)
    }

    fn names(&self) -> Vec<String> {
        let taken = self.taken(None, &Limits::default()).unwrap();
        let names = taken.files.keys();
        names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect()
    }

    /// A program that leaves the mark.
    fn trap(&self, name: &str) -> String {
        let path = self.root.parent().unwrap().join(name);
        let text = format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\nexit 1\n", self.mark.display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn what_is_tracked_or_not_ignored_is_listed() {
    let tree = Tree::new();
    tree.write("a", "1");
    tree.write("b/c", "2");
    tree.write(".gitignore", "*.log\n");
    tree.git(&["add", "a", ".gitignore"]);
    tree.write("d.log", "3");
    tree.write("nested/x", "4");
    let nested = tree.root.join("nested");
    let made = Command::new("git")
        .arg("-C")
        .arg(&nested)
        .args(["init", "--quiet"])
        .status();
    assert!(made.unwrap().success());
    let listed = tree.listed();
    assert_eq!(listed.tracked.len(), 2);
    assert_eq!(
        listed.tracked.get(&b"a"[..]),
        Some(&Oid::of(Format::Sha1, b"1")),
        "the name that git gives"
    );
    assert_eq!(tree.names(), [".gitignore", "a", "b/c"]);
}

#[test]
fn contents_come_from_git_by_their_names() {
    let tree = Tree::new();
    tree.write("a", "one\n\0two");
    tree.write("b", "three");
    tree.git(&["add", "."]);
    let names = [
        Oid::of(Format::Sha1, b"nowhere"),
        Oid::of(Format::Sha1, b"one\n\0two"),
        Oid::of(Format::Sha1, b"three"),
    ];
    let git = Git::at(&tree.root).unwrap();
    let found = git.contents(&names, 100, 1_000);
    assert_eq!(found.len(), 2);
    assert_eq!(found[&names[1]], b"one\n\0two");
    assert_eq!(found[&names[2]], b"three");
    assert_eq!(git.contents(&names, 5, 1_000).len(), 1, "one is too large");
}

#[test]
fn a_repository_with_sha_256_is_read_as_well() {
    let tree = Tree::new();
    fs::remove_dir_all(tree.root.join(".git")).unwrap();
    tree.git(&["init", "--quiet", "--object-format=sha256"]);
    tree.write("a", "one");
    tree.git(&["add", "."]);
    let listed = tree.listed();
    assert_eq!(listed.format, Format::Sha256);
    let name = Oid::of(Format::Sha256, b"one");
    assert_eq!(listed.tracked.get(&b"a"[..]), Some(&name));
    let found = Git::at(&tree.root).unwrap().contents(&[name], 100, 100);
    assert_eq!(found[&name], b"one");
}

#[test]
fn nothing_of_a_hostile_repository_is_run() {
    let tree = Tree::new();
    tree.write("a", "one\n");
    tree.write("b", "two\n");
    tree.write(".gitattributes", "* filter=trap diff=trap merge=trap\n");
    tree.git(&["add", "."]);
    tree.git(&["commit", "--quiet", "-m", "Begin"]);
    let trap = tree.trap("trap");
    let hooks = tree.root.join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    for hook in [
        "post-index-change",
        "fsmonitor-watchman",
        "pre-commit",
        "post-checkout",
        "reference-transaction",
        "pre-auto-gc",
        "sendemail-validate",
    ] {
        fs::copy(&trap, hooks.join(hook)).unwrap();
    }
    for name in [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.askPass",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "credential.helper",
        "diff.external",
        "diff.trap.command",
        "diff.trap.textconv",
        "filter.trap.clean",
        "filter.trap.smudge",
        "filter.trap.process",
        "merge.trap.driver",
        "gpg.program",
        "pager.ls-files",
        "pager.cat-file",
        "remote.origin.uploadpack",
        "uploadpack.packObjectsHook",
        "protocol.ext.allow",
    ] {
        let value = if name == "protocol.ext.allow" {
            "always"
        } else {
            &trap
        };
        tree.git(&["config", name, value]);
    }
    tree.git(&["config", "alias.ls-files", &format!("!{trap}")]);
    tree.git(&["config", "filter.trap.required", "true"]);
    // What is missing would be fetched, by a program.
    tree.git(&["config", "remote.origin.url", &format!("ext::{trap}")]);
    tree.git(&["config", "remote.origin.promisor", "true"]);
    tree.git(&["config", "remote.origin.partialclonefilter", "blob:none"]);
    tree.git(&["config", "core.repositoryFormatVersion", "1"]);
    tree.git(&["config", "extensions.partialClone", "origin"]);
    let included = tree.root.join(".git/included");
    fs::write(
        &included,
        format!("[core]\n\tfsmonitor = {trap}\n\tpager = {trap}\n"),
    )
    .unwrap();
    tree.git(&["config", "include.path", included.to_str().unwrap()]);
    let _ = fs::remove_file(&tree.mark);
    tree.write("a", "one and more\n");
    tree.write("c", "three\n");

    // The traps work: git as humans call it steps into them.
    tree.git(&["status"]);
    assert!(tree.mark.exists(), "a trap that never closes proves nothing");
    fs::remove_file(&tree.mark).unwrap();
    let missing = Oid::of(Format::Sha1, b"nowhere");
    tree.git(&["cat-file", "-p", &missing.to_string()]);
    assert!(tree.mark.exists(), "what is missing is fetched");
    fs::remove_file(&tree.mark).unwrap();

    let listed = tree.listed();
    assert_eq!(listed.tracked.len(), 3);
    assert_eq!(listed.others, [Box::from(&b"c"[..])]);
    let git = Git::at(&tree.root).unwrap();
    let known = Oid::of(Format::Sha1, b"two\n");
    assert_eq!(git.contents(&[known], 100, 100)[&known], b"two\n");
    assert!(git.contents(&[missing], 100, 100).is_empty());
    let taken = tree.taken(None, &Limits::default()).unwrap();
    assert_eq!(taken.files.len(), 4);
    let left = fs::read_to_string(&tree.mark).unwrap_or_default();
    assert_eq!(left, "", "something was run");
    assert!(!tree.root.join(".git/index.lock").exists());
}

#[test]
fn settings_do_not_move_the_tree_elsewhere() {
    let tree = Tree::new();
    tree.write("a", "1");
    let other = tree.root.parent().unwrap().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("secret"), "s").unwrap();
    tree.git(&["config", "core.worktree", other.to_str().unwrap()]);
    assert_eq!(tree.names(), ["a"]);
}

#[test]
fn a_folder_that_only_looks_like_a_repository_is_none() {
    let tree = Tree::new();
    fs::remove_dir_all(tree.root.join(".git")).unwrap();
    tree.git(&["init", "--quiet", "--bare", "."]);
    fs::create_dir(tree.root.join(".git")).unwrap();
    let git = Git::at(&tree.root).unwrap();
    assert_eq!(git.list().unwrap_err(), Unwatched::GitFailed);
}

#[test]
fn no_link_leads_out_of_the_tree() {
    let tree = Tree::new();
    let outside = tree.root.parent().unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "hunter2").unwrap();
    let blob = tree.root.join("blob");
    fs::write(&blob, "x").unwrap();
    let oid = tree.git(&["hash-object", "-w", "blob"]);
    let entry = format!("100644,{},link/secret", oid.trim());
    tree.git(&["update-index", "--add", "--cacheinfo", &entry]);
    symlink(&outside, tree.root.join("link")).unwrap();
    symlink(outside.join("secret"), tree.root.join("direct")).unwrap();
    let listed = tree.listed();
    assert!(listed.tracked.contains_key(&b"link/secret"[..]));
    let taken = tree.taken(None, &Limits::default()).unwrap();
    assert!(!taken.files.contains_key(&b"link/secret"[..]));
    for name in ["link", "direct"] {
        assert!(
            matches!(taken.files[name.as_bytes()].holds, Holds::Link(_)),
            "{name}"
        );
    }
    let held = taken
        .contents
        .values()
        .any(|content| content.starts_with(b"hunter2"));
    assert!(!held);
}

#[test]
fn nobody_waits_for_a_pipe_in_the_place_of_a_file() {
    let tree = Tree::new();
    let path = tree.write("a", "1");
    tree.git(&["add", "a"]);
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let taken = tree.taken(None, &Limits::default()).unwrap();
    assert_eq!(taken.files[&b"a"[..]].holds, Holds::Strange);
}

#[test]
fn what_is_beyond_the_limits_is_said() {
    let tree = Tree::new();
    tree.write("a", "12345");
    tree.write("b", "1");
    let limits = Limits::default();
    let taken = tree.taken(None, &Limits { file: 4, ..limits }).unwrap();
    assert_eq!(taken.files[&b"a"[..]].holds, Holds::Large);
    assert!(matches!(taken.files[&b"b"[..]].holds, Holds::File(_)));
    let few = tree.taken(None, &Limits { files: 1, ..limits });
    assert_eq!(few.unwrap_err(), Unwatched::TooManyFiles);
    let much = tree.taken(None, &Limits { bytes: 5, ..limits });
    assert_eq!(much.unwrap_err(), Unwatched::TooLong);
    let patience = Duration::ZERO;
    let long = tree.taken(None, &Limits { patience, ..limits });
    assert_eq!(long.unwrap_err(), Unwatched::TooLong);
    let remembered = tree
        .taken(
            None,
            &Limits {
                remembered: 3,
                ..limits
            },
        )
        .unwrap();
    assert_eq!(remembered.contents.len(), 1, "there was room for one");
}

#[test]
fn what_was_seen_once_is_looked_for_though_it_is_ignored_now() {
    let tree = Tree::new();
    let path = tree.write("a", "1");
    let before = tree.taken(None, &Limits::default()).unwrap();
    tree.write(".gitignore", "*\n");
    fs::write(&path, "2").unwrap();
    let now = tree.taken(Some(&before), &Limits::default()).unwrap();
    assert_eq!(now.files[&b"a"[..]].digest(), Some(blake3::hash(b"2")));
}

#[test]
fn a_change_right_after_a_look_is_seen_though_size_and_time_are_the_same() {
    let tree = Tree::new();
    let path = tree.write("a", "1");
    let before = tree.taken(None, &Limits::default()).unwrap();
    let seen = &before.files[&b"a"[..]];
    assert!(!seen.settled, "it was written a moment ago");
    // As on a file system whose clock stands still.
    let mut before = before;
    fs::write(&path, "2").unwrap();
    let now = tree.taken(None, &Limits::default()).unwrap();
    let mark = now.files[&b"a"[..]].mark.clone();
    if let Some(seen) = before.files.get_mut(&b"a"[..]) {
        seen.mark = mark;
    }
    let now = tree.taken(Some(&before), &Limits::default()).unwrap();
    assert_eq!(now.files[&b"a"[..]].digest(), Some(blake3::hash(b"2")));
}
