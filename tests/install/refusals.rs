//! What is left alone, and said to be.

use std::fs;

use testkit::Home;

use crate::{all_in, install, install_in, put};

/// It fails with these words, and no byte is other than it was.
fn refused(home: &Home, arguments: &[&str], words: &[&str]) {
    let before = all_in(&home.user());
    let ran = install(home, arguments);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    assert_eq!(all_in(&home.user()), before);
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_left_alone_and_so_is_every_other() {
    for (path, content, word) in [
        (".claude/settings.json", "{\n  \"a\": 1\n  \"b\": 2\n}", "line 2"),
        (".claude/settings.json", "[]", "no object"),
        (".claude/settings.json", "{\"hooks\": []}", "no object"),
        (".claude/settings.json", "{\"hooks\": {\"Stop\": {}}}", "no list"),
        (".claude/settings.json", "{\"hooks\": {}, \"hooks\": {}}", "twice"),
        (
            ".claude/settings.json",
            "{\"disableAllHooks\": true}",
            "disableAllHooks",
        ),
        (
            ".claude/settings.json",
            "{\"enabledPlugins\": {\"auditotter@auditotter\": true}}",
            "plugin",
        ),
        (".claude.json", "{", "line 1"),
        (
            ".claude.json",
            "{\"mcpServers\": {\"auditotter\": {\"command\": \"other\"}}}",
            "another server",
        ),
        (
            ".claude/skills/auditotter/.installed.json",
            "{",
            "not as we wrote it",
        ),
    ] {
        let home = Home::empty();
        put(&home.user().join(path), content);
        refused(&home, &["claude-code"], &[word]);
    }
    for (path, content, word) in [
        (
            ".codex/config.toml",
            "model = \"gpt\"\nmodel = \"gpt\"\n",
            "line 2",
        ),
        (
            ".codex/config.toml",
            "[mcp_servers.auditotter]\ncommand = \"other\"\n",
            "another server",
        ),
        (
            ".codex/config.toml",
            "mcp_servers = { a = { command = \"a\" } }\n",
            "no table can be added",
        ),
        (
            ".codex/config.toml",
            "[plugins.\"auditotter@auditotter\"]\nenabled = true\n",
            "plugin",
        ),
        (".codex/hooks.json", "{\"hooks\": {\"Stop\": 1}}", "no list"),
        (
            ".codex/config.toml",
            "[features]\nhooks = false\n",
            "switched off",
        ),
    ] {
        let home = Home::empty();
        put(&home.user().join(path), content);
        refused(&home, &["codex"], &[word]);
    }
}

#[test]
fn no_link_that_leads_nowhere_is_written_through() {
    let home = Home::empty();
    let settings = home.user().join(".claude/settings.json");
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(home.file("nowhere"), &settings).unwrap();
    refused(&home, &["claude-code"], &["leads nowhere"]);
    assert!(!home.file("nowhere").exists());
    fs::remove_file(&settings).unwrap();
    fs::create_dir(&settings).unwrap();
    refused(&home, &["claude-code"], &["no file"]);
}

#[test]
fn no_link_of_a_project_leads_out_of_it() {
    for link in [".mcp.json", ".claude"] {
        let home = Home::empty();
        let project = home.file("shop");
        fs::create_dir(&project).unwrap();
        put(&home.user().join("theirs/settings.json"), "{}");
        let target = if link == ".claude" {
            "../user/theirs"
        } else {
            "../user/theirs/settings.json"
        };
        std::os::unix::fs::symlink(target, project.join(link)).unwrap();
        let before = all_in(&home.user());
        let ran = install_in(&home, &project, &["claude-code", "--project"]);
        assert!(
            ran.code == Some(1) && ran.stderr.contains("leads out of the project"),
            "{ran:?}"
        );
        assert_eq!(all_in(&home.user()), before);
        assert_eq!(fs::read_dir(&project).unwrap().count(), 1);
    }
}

#[test]
fn somebody_elses_server_of_our_name_stays() {
    let home = Home::empty();
    let theirs = "{\"mcpServers\": {\"auditotter\": {\"command\": \"other\"}}}";
    put(&home.user().join(".claude.json"), theirs);
    let config = "[mcp_servers.auditotter]\ncommand = \"other\"\n";
    put(&home.user().join(".codex/config.toml"), config);
    let before = all_in(&home.user());
    for client in ["claude-code", "codex"] {
        let _ = install(&home, &[client, "--uninstall"]).expect_success();
    }
    assert_eq!(all_in(&home.user()), before);
}

#[test]
fn a_skill_that_somebody_changed_stays() {
    let home = Home::empty();
    let _ = install(&home, &["claude-code"]).expect_success();
    let skill = home.user().join(".claude/skills/auditotter/SKILL.md");
    fs::write(&skill, "mine now").unwrap();
    for arguments in [&["claude-code"][..], &["claude-code", "--uninstall"]] {
        let said = install(&home, arguments).expect_success();
        assert!(said.contains("SKILL.md was changed by somebody"), "{said}");
        assert_eq!(fs::read_to_string(&skill).unwrap(), "mine now");
    }
    assert!(!home.user().join(".claude/settings.json").exists());
}

#[test]
fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let home = Home::empty();
    put(
        &home.user().join(".claude/settings.json"),
        "{\n  \"model\": \"opus\"\n}\n",
    );
    let before = all_in(&home.user());
    let said = install(&home, &["claude-code", "--dry-run"]).expect_success();
    for line in [
        "-  \"model\": \"opus\"\n",
        "+  \"model\": \"opus\",\n",
        "+++ ",
        "--- /dev/null",
        "Nothing was changed",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(all_in(&home.user()), before);
    let _ = install(&home, &["claude-code"]).expect_success();
    let with = all_in(&home.user());
    let said = install(&home, &["claude-code", "--uninstall", "--dry-run"]).expect_success();
    assert!(said.contains("+++ /dev/null"), "{said}");
    let said = install(&home, &["claude-code", "--dry-run"]).expect_success();
    assert!(said.contains("Nothing would change."), "{said}");
    assert_eq!(all_in(&home.user()), with);
}

#[test]
fn ones_home_is_no_project() {
    let home = Home::empty();
    refused(&home, &["codex", "--project"], &["leave out --project"]);
    let ran = install_in(&home, &home.user(), &["emacs"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}
