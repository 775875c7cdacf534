//! `auditotter install git` beside the hooks of others, and out of them again.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use testkit::program;

use crate::{SESSION, Shop};

const HOOKS: [&str; 2] = ["prepare-commit-msg", "commit-msg"];

/// Every hook there is, with its mode; git's samples aside.
fn all_in(folder: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".sample") {
            continue;
        }
        let content = if path.is_dir() {
            Vec::new()
        } else {
            fs::read(&path).unwrap()
        };
        all.push((name, fs::metadata(&path).unwrap().permissions().mode(), content));
    }
    all.sort();
    all
}

fn put(path: &Path, content: &[u8], mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn hooks_of_others_run_as_before_and_come_back_byte_for_byte() {
    let shop = Shop::open();
    let folder = shop.folder().join(".git/hooks");
    let _ = shop
        .auditotter(&["install", "git", "--uninstall"])
        .expect_success();
    assert_eq!(all_in(&folder), [], "nothing was there before");
    let theirs: [(&[u8], u32); 6] = [
        (b"#!/bin/sh\necho theirs >>ran\n", 0o755),
        (
            b"#!/usr/bin/env bash\nset -euo pipefail\n[[ -n $1 ]] && echo theirs >>ran",
            0o750,
        ),
        (b"echo theirs >>ran\n", 0o700),
        (b"#!/bin/sh -e\n# \xff\xfe\r\n\techo theirs >>ran\n", 0o755),
        (
            b"#!/usr/bin/env python3\nimport sys\nopen('ran', 'a').write('theirs\\n')\n",
            0o755,
        ),
        (b"", 0o755),
    ];
    for (content, mode) in theirs {
        for hook in HOOKS {
            put(&folder.join(hook), content, mode);
        }
        let before = all_in(&folder);
        let shown = shop.auditotter(&["install", "git", "--dry-run"]).expect_success();
        assert!(shown.contains("+# >>> auditotter install git"), "{shown}");
        assert_eq!(all_in(&folder), before, "nothing was to be done");
        let _ = shop.auditotter(&["install", "git"]).expect_success();
        let with = all_in(&folder);
        assert_ne!(with, before);
        let again = shop.auditotter(&["install", "git"]).expect_success();
        assert!(again.contains("Nothing had to change."), "{again}");
        assert_eq!(all_in(&folder), with);
        let mut command = shop.git_in(
            &shop.folder(),
            &["commit", "--quiet", "--allow-empty", "-m", "Both"],
        );
        command.env("CLAUDE_CODE_SESSION_ID", SESSION);
        let committed = program::run(command);
        assert_eq!(committed.code, Some(0), "{committed:?}");
        assert_eq!(shop.named("HEAD"), 1);
        let ran = fs::read_to_string(shop.folder().join("ran")).unwrap_or_default();
        assert_eq!(
            ran.lines().count(),
            if content.is_empty() { 0 } else { 2 },
            "{}",
            content.escape_ascii()
        );
        let _ = fs::remove_file(shop.folder().join("ran"));
        let _ = shop
            .auditotter(&["install", "git", "--uninstall"])
            .expect_success();
        assert_eq!(all_in(&folder), before, "{}", content.escape_ascii());
    }
    let none = shop
        .auditotter(&["install", "git", "--uninstall"])
        .expect_success();
    assert!(none.contains("Nothing of ours was there."), "{none}");
}

#[test]
fn a_hook_that_says_no_still_says_no() {
    let shop = Shop::open();
    let _ = shop
        .auditotter(&["install", "git", "--uninstall"])
        .expect_success();
    let hook = shop.folder().join(".git/hooks/commit-msg");
    for script in [
        "#!/bin/sh\necho no >&2\nexit 1\n",
        "#!/usr/bin/env python3\nimport sys\nsys.exit(1)\n",
    ] {
        put(&hook, script.as_bytes(), 0o755);
        let _ = shop.auditotter(&["install", "git"]).expect_success();
        let ran =
            program::run(shop.git_in(&shop.folder(), &["commit", "--quiet", "--allow-empty", "-m", "x"]));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let _ = shop
            .auditotter(&["install", "git", "--uninstall"])
            .expect_success();
    }
}

#[test]
fn a_folder_that_was_not_there_goes_and_one_that_the_settings_name_is_used() {
    let shop = Shop::open();
    let own = shop.folder().join(".git/hooks");
    let _ = shop
        .auditotter(&["install", "git", "--uninstall"])
        .expect_success();
    fs::remove_dir_all(&own).unwrap();
    let _ = shop.auditotter(&["install", "git"]).expect_success();
    let mode = fs::metadata(own.join("commit-msg")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
    let _ = shop
        .auditotter(&["install", "git", "--uninstall"])
        .expect_success();
    assert!(!own.exists());
    shop.git(&["config", "core.hooksPath", "tools/my hooks"]);
    fs::create_dir(shop.folder().join("src")).unwrap();
    let mut command = shop.home.auditotter(&["install", "git"]);
    command.current_dir(shop.folder().join("src"));
    let told = program::run(command).expect_success();
    assert!(told.contains("core.hooksPath"), "{told}");
    assert!(!own.exists());
    assert!(shop.folder().join("tools/my hooks/commit-msg").is_file());
    shop.agent(&["commit", "--quiet", "--allow-empty", "-m", "There"]);
    assert_eq!(shop.named("HEAD"), 1);
    let _ = shop
        .auditotter(&["install", "git", "--uninstall"])
        .expect_success();
    assert!(!shop.folder().join("tools/my hooks").exists());
}

#[test]
fn what_cannot_be_chained_is_left_alone() {
    let shop = Shop::open();
    let folder = shop.folder().join(".git/hooks");
    let _ = shop
        .auditotter(&["install", "git", "--uninstall"])
        .expect_success();
    let refused = |why: &str| {
        let before = all_in(&folder);
        let ran = shop.auditotter(&["install", "git"]);
        assert_eq!((ran.code, &*ran.stdout), (Some(1), ""), "{why}");
        assert!(ran.stderr.contains(why), "{why}: {}", ran.stderr);
        assert_eq!(all_in(&folder), before);
    };
    let hook = folder.join("commit-msg");
    put(&hook, b"#!/bin/sh\n", 0o644);
    refused("is not executable");
    fs::remove_file(&hook).unwrap();
    put(&shop.folder().join("tracked"), b"#!/bin/sh\n", 0o755);
    std::os::unix::fs::symlink("../../tracked", &hook).unwrap();
    refused("is a link to ../../tracked");
    assert_eq!(fs::read(shop.folder().join("tracked")).unwrap(), b"#!/bin/sh\n");
    fs::remove_file(&hook).unwrap();
    put(
        &hook,
        b"#!/bin/sh\n# >>> auditotter install git; before it there was a hook\n",
        0o755,
    );
    refused("begins in it and does not end");
    fs::remove_file(&hook).unwrap();
    put(&hook, b"#!/usr/bin/python3\n", 0o755);
    put(&folder.join("auditotter-kept/commit-msg"), b"older", 0o755);
    refused("is in the way");
    let mut command = shop.home.auditotter(&["install", "git"]);
    command.current_dir(shop.home.user());
    let nowhere = program::run(command);
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.stderr.contains("not a git repository"), "{nowhere:?}");
    for more in ["--project", "--user"] {
        assert_eq!(shop.auditotter(&["install", "git", more]).code, Some(1));
    }
}
