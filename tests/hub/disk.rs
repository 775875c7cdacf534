//! A disk that is full or read-only: nothing is done that is not on record, and all is well when there is room.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::PathBuf,
    process::Command,
};

use serde_json::json;
use testkit::{
    Home,
    home::Lending,
    program::{PATIENCE, until},
};

use crate::count;

/// A home whose workspace has a small file system of its own.
struct SmallDisk {
    home: Home,
    at: PathBuf,
}

impl SmallDisk {
    /// `None` where this user may not mount.
    fn mounted(size: &str) -> Option<Self> {
        let mut home = Home::empty();
        let at = home.path();
        fs::create_dir(&at).unwrap();
        let mounted = mount(
            &["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"],
            &at,
        );
        if !mounted {
            // Past the harness, which keeps what a passing test says to itself.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: a disk of its own can only be mounted by root, with CAP_SYS_ADMIN"
            );
            return None;
        }
        home.found();
        home.lend(&Lending::to("claude-code"));
        Some(Self { home, at })
    }

    /// Takes all the room that is left.
    fn fill(&self) -> PathBuf {
        let ballast = self.at.join("ballast");
        let mut file = File::create(&ballast).unwrap();
        for piece in [64 * 1024, 1024, 1] {
            let piece = vec![0; piece];
            let full = loop {
                if let Err(error) = file.write_all(&piece) {
                    break error;
                }
            };
            assert_eq!(full.kind(), ErrorKind::StorageFull);
        }
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.home.kill_hub();
        let _ = Command::new("umount").arg(&self.at).status();
    }
}

fn mount(options: &[&str], at: &PathBuf) -> bool {
    let mounting = Command::new("mount").args(options).arg(at).output();
    mounting.is_ok_and(|output| output.status.success())
}

#[test]
fn on_a_full_disk_nothing_is_done_and_with_room_again_everything() {
    let Some(disk) = SmallDisk::mounted("32m") else {
        return;
    };
    let mut client = disk.home.claude_code();
    assert!(
        !client
            .call("append_trace_note", json!({ "text": "room" }))
            .is_error
    );
    let ballast = disk.fill();
    let text = "x".repeat(16 * 1024);
    let failed: Vec<_> = (0..8)
        .map(|_| client.call("append_trace_note", json!({ "text": text })))
        .filter(|answer| answer.is_error)
        .collect();
    assert!(!failed.is_empty(), "the disk was not full");
    for answer in &failed {
        assert!(answer.text.contains("not recorded"), "{}", answer.text);
    }
    let proposed = client.call(
        "propose_work_item",
        json!({ "title": "x", "description": text[..4000] }),
    );
    assert!(proposed.is_error, "{}", proposed.text);
    fs::remove_file(ballast).unwrap();
    let note = client.call("append_trace_note", json!({ "text": "room again" }));
    assert!(!note.is_error, "{}", note.text);
    let listed = client.call("list_work_items", json!({}));
    assert_eq!(listed.structured["items"], json!([]), "what failed had no effect");
    client.end();
    let trace = disk.home.trace(disk.home.traces()[0]);
    assert_eq!(count(&trace, "note.appended"), 2 + 8 - failed.len());
    let verified = disk.home.run(&["trace", "verify"]).expect_success();
    assert_eq!(verified.lines().count(), 3, "{verified}");
}

#[test]
fn on_a_read_only_disk_nothing_is_done_and_later_everything() {
    let Some(disk) = SmallDisk::mounted("32m") else {
        return;
    };
    disk.home.stop_hub();
    // The hub lets go of the lock a little before it lets go of the last file.
    let read_only = || mount(&["-o", "remount,ro"], &disk.at).then_some(());
    assert_eq!(until(PATIENCE, read_only), Some(()));
    let mut client = disk.home.claude_code();
    let answer = client.call("append_trace_note", json!({ "text": "may I?" }));
    assert!(answer.is_error);
    assert!(
        answer.text.contains("Read-only") && answer.text.contains("not recorded, nothing done"),
        "{}",
        answer.text
    );
    let listed = disk.home.run(&["trace", "list"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(1), ""));
    assert_eq!(listed.stderr.trim().lines().count(), 1, "{}", listed.stderr);
    assert!(mount(&["-o", "remount,rw"], &disk.at));
    let answer = client.call("append_trace_note", json!({ "text": "now?" }));
    assert!(!answer.is_error, "{}", answer.text);
}
