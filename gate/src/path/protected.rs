//! Where no agent writes, whatever is approved: what guards it, and what runs without being asked for.

use std::path::{Component, Path};

use unicode_normalization::UnicodeNormalization;
use vocabulary::{joins, misleads};

use super::{Reach, Surroundings};

const GATE: &str = "the gate's own rules";
const GIT: &str = "git's own files: its settings and hooks run commands";
const CLIENT: &str = "the settings and hooks of an agent's client";
const OWN_HOME: &str = "Audit Otter's own home";
pub(crate) const HOME: &str = "a settings file or program of this user";
pub(crate) const SYSTEM: &str = "a part of the system";

/// In any folder: names that a path may not lead through.
const FOLDERS: [(&[&str], &str); 7] = [
    (&[".auditotter"], GATE),
    (&[".git"], GIT),
    (&[".claude", "settings.json"], CLIENT),
    (&[".claude", "settings.local.json"], CLIENT),
    (&[".claude", "hooks"], CLIENT),
    (&[".codex"], CLIENT),
    (&[".mcp.json"], CLIENT),
];

/// What of the home is nobody's settings.
const HOME_FREE: [&str; 2] = [".cache", ".npm"];

/// What of the home is not hidden and still starts programs.
const HOME_GUARDED: [&[&str]; 3] = [
    &["bin"],
    &["library", "launchagents"],
    &["library", "preferences"],
];

/// Where files come and go.
const TEMPORARY: [&str; 5] = [
    "/tmp",
    "/var/tmp",
    "/private/tmp",
    "/var/folders",
    "/private/var/folders",
];

/// What of the system can be written without harm.
const DEVICES: [&str; 7] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/stderr",
    "/dev/tty",
];

const SYSTEM_FOLDERS: [&str; 18] = [
    "/Applications",
    "/Library",
    "/System",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/nix",
    "/opt",
    "/private",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
];

/// What a path is, if no agent may write there. A whole folder counts with what is known to lie in it.
pub(super) fn what(path: &Path, reach: Reach, around: &Surroundings<'_>) -> Option<&'static str> {
    let names = folded(path);
    let whole = matches!(reach, Reach::Tree | Reach::Some);
    if let Some(own) = around.own_home
        && meets(&names, &folded(own), whole)
    {
        return Some(OWN_HOME);
    }
    let found = FOLDERS.iter().find(|(guarded, _)| {
        names
            .iter()
            .enumerate()
            .any(|(at, _)| meets(names.get(at..).unwrap_or_default(), guarded, false))
    });
    if let Some((_, what)) = found {
        return Some(what);
    }
    let root = folded(around.root);
    // All of the repository, or of what it lies in: with its guarded folders.
    if reach == Reach::Tree && root.starts_with(&names) {
        return Some(GIT);
    }
    if whole && matches!(names.last().map(String::as_str), Some(".claude")) {
        return Some(CLIENT);
    }
    if names.starts_with(&root) {
        return None;
    }
    in_home(&names, whole, around).or_else(|| in_system(path, &names))
}

fn in_home(names: &[String], whole: bool, around: &Surroundings<'_>) -> Option<&'static str> {
    let home = folded(around.home?);
    if whole && home.starts_with(names) {
        return Some(HOME);
    }
    let below = names.strip_prefix(home.as_slice())?;
    let first = below.first()?;
    let hidden = first.starts_with('.') && !HOME_FREE.contains(&first.as_str());
    let guarded = HOME_GUARDED.iter().any(|guarded| meets(below, guarded, whole));
    (hidden || guarded).then_some(HOME)
}

/// Whether a path is a device that keeps nothing.
pub(super) fn is_sink(path: &Path) -> bool {
    DEVICES.iter().any(|device| path == Path::new(device)) || path.starts_with("/dev/fd")
}

fn in_system(path: &Path, names: &[String]) -> Option<&'static str> {
    if TEMPORARY.iter().any(|folder| path.starts_with(folder)) {
        return None;
    }
    let system = |folder: &str| names.starts_with(&folded(Path::new(folder)));
    (names.is_empty() || SYSTEM_FOLDERS.iter().any(|folder| system(folder))).then_some(SYSTEM)
}

/// Whether a path is a guarded one, lies below it, or as a whole folder contains it.
fn meets<A: AsRef<str>, B: AsRef<str>>(names: &[A], guarded: &[B], whole: bool) -> bool {
    let common = names
        .iter()
        .zip(guarded)
        .take_while(|(a, b)| a.as_ref() == b.as_ref())
        .count();
    common == guarded.len() || (whole && common == names.len())
}

/// A path's names in the one form in which every disk would find them: without regard to case, Unicode form, and characters
/// that some disks overlook (as in CVE-2014-9390).
fn folded(path: &Path) -> Vec<String> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(fold(&name.to_string_lossy())),
            _ => None,
        })
        .collect()
}

pub(crate) fn fold(text: &str) -> String {
    let kept = text.chars().filter(|c| !misleads(*c) && !joins(*c));
    kept.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Whether a text speaks of something that no agent writes; for what cannot be told otherwise.
pub(crate) fn mentions(text: &str) -> Option<&'static str> {
    const MARKS: [(&str, &str); 9] = [
        (".auditotter", GATE),
        (".git/hooks", GIT),
        (".git/config", GIT),
        (".gitconfig", GIT),
        ("core.hookspath", GIT),
        (".claude/settings", CLIENT),
        (".claude/hooks", CLIENT),
        (".codex/", CLIENT),
        (".mcp.json", CLIENT),
    ];
    let text = fold(text);
    MARKS
        .iter()
        .find(|(mark, _)| text.contains(mark))
        .map(|(_, what)| *what)
}
