//! `git`, subcommand by subcommand.
//!
//! What git runs by its settings is guarded where the settings lie (`path/protected.rs`). Outside of the repository nothing is, so
//! git is known here only where it works on this one.

use super::{Call, unusual, writers::note_git};
use crate::shell::{
    Named,
    syntax::Word,
    walk::{Folders, Walk, lexical},
};

/// They read, but for the options of [`RUNS`].
const READS: [&str; 29] = [
    "annotate",
    "blame",
    "cat-file",
    "check-attr",
    "check-ignore",
    "cherry",
    "count-objects",
    "describe",
    "diff",
    "diff-files",
    "diff-index",
    "diff-tree",
    "for-each-ref",
    "grep",
    "log",
    "ls-files",
    "ls-tree",
    "merge-base",
    "name-rev",
    "range-diff",
    "rev-list",
    "rev-parse",
    "shortlog",
    "show",
    "show-branch",
    "show-ref",
    "status",
    "verify-commit",
    "whatchanged",
];

/// Long options with which a reading subcommand writes a file or runs a program; git takes any beginning of them.
const RUNS: [&str; 5] = [
    "--output",
    "--open-files-in-pager",
    "--ext-diff",
    "--exec",
    "--upload-pack",
];

pub(super) fn run(walk: &mut Walk<'_>, call: &Call<'_>) {
    let Some((subcommand, arguments, folders)) = subcommand(walk, call) else {
        return unusual(walk, call);
    };
    if !in_repository(walk, &folders) {
        return unusual(walk, call);
    }
    let plain: Option<Vec<&str>> = arguments.iter().map(Word::text).collect();
    let first = arguments.first().and_then(Word::text);
    match subcommand {
        "--version" | "version" => {}
        _ if READS.contains(&subcommand) => {
            let runs = |word: &Word| runs_something(word, subcommand);
            if arguments.iter().any(runs) {
                unusual(walk, call);
            }
        }
        "branch"
            if lists(
                plain.as_deref(),
                &[
                    "-a",
                    "-r",
                    "-v",
                    "-vv",
                    "--list",
                    "-l",
                    "--show-current",
                    "--all",
                    "--remotes",
                    "--verbose",
                    "--no-color",
                ],
            ) => {}
        "tag" if lists(plain.as_deref(), &["-l", "--list", "-n"]) => {}
        "remote"
            if matches!(
                plain.as_deref(),
                Some([] | ["-v" | "show"] | ["show" | "get-url", _])
            ) => {}
        "stash"
            if matches!(first, Some("list" | "show"))
                && !arguments.iter().any(|word| runs_something(word, "stash")) => {}
        "reflog"
            if matches!(first, None | Some("show"))
                && !arguments.iter().any(|word| runs_something(word, "reflog")) => {}
        "worktree" if first == Some("list") => {}
        "submodule" if first == Some("status") => {}
        "notes" if matches!(first, None | Some("list" | "show")) => {}
        "config" => {
            let reads = matches!(
                first,
                Some("--get" | "--get-all" | "--get-regexp" | "--list" | "-l" | "get" | "list")
            );
            if !reads || plain.is_none() {
                walk.note(
                    Named::Protected("git's own files: its settings and hooks run commands"),
                    "git config".to_owned(),
                );
            }
        }
        "fetch" if fetches(plain.as_deref()) => {}
        "push" => {
            note_git(walk, Named::Push, "push");
            if arguments.iter().any(pushes_by_program) {
                unusual(walk, call);
            }
        }
        "add" | "stage" | "commit" | "branch" | "tag" | "notes" | "remote" => {
            note_git(walk, Named::Commit, subcommand);
        }
        "rm" | "mv" => moves(walk, call, subcommand, arguments, &folders),
        _ => unusual(walk, call),
    }
}

/// The subcommand, what follows it, and where it works. `None` with settings of its own, which can run anything.
fn subcommand<'w>(walk: &Walk<'_>, call: &Call<'w>) -> Option<(&'w str, &'w [Word], Folders)> {
    let mut folders = call.folders.clone();
    let mut rest = call.arguments();
    loop {
        let [word, after @ ..] = rest else { return None };
        match word.text()? {
            "--no-pager" | "-P" | "--no-optional-locks" | "--literal-pathspecs" => rest = after,
            "-C" => {
                let [folder, after @ ..] = after else { return None };
                folders = walk.paths(folder, &folders);
                rest = after;
            }
            "--version" => return Some(("--version", after, folders)),
            text if text.starts_with('-') => return None,
            text => return Some((text, after, folders)),
        }
    }
}

/// Whether it is certain that git works on this repository.
fn in_repository(walk: &Walk<'_>, folders: &Folders) -> bool {
    folders.as_ref().is_some_and(|folders| {
        folders
            .iter()
            .all(|folder| lexical(folder).starts_with(walk.setting.root))
    })
}

/// Whether a word is, or may be, an option with which something is written or run.
fn runs_something(word: &Word, subcommand: &str) -> bool {
    if !word.may_be_option() {
        return false;
    }
    // What is not told can be any of them.
    let Some(text) = word.text() else { return true };
    let name = text.split_once('=').map_or(text, |(name, _)| name);
    let begins = name.len() > 2 && RUNS.iter().any(|known| known.starts_with(name));
    let by_letter = subcommand == "grep" && !text.starts_with("--") && text.contains('O');
    begins || by_letter
}

/// Whether something is only listed.
fn lists(arguments: Option<&[&str]>, options: &[&str]) -> bool {
    let Some(arguments) = arguments else { return false };
    let asks = arguments.iter().any(|word| matches!(*word, "--list" | "-l"));
    arguments.iter().all(|word| {
        options.contains(word)
            || word.starts_with("--sort=")
            || word.starts_with("--format=")
            || word.starts_with("--contains=")
            || word.starts_with("--merged")
            || word.starts_with("--no-merged")
            || (asks && !word.starts_with('-'))
    })
}

/// Whether only what is known of a remote is brought up to date.
fn fetches(arguments: Option<&[&str]>) -> bool {
    const PLAIN: [&str; 13] = [
        "--all",
        "--prune",
        "-p",
        "--tags",
        "-t",
        "--no-tags",
        "--quiet",
        "-q",
        "--dry-run",
        "--verbose",
        "-v",
        "--unshallow",
        "--multiple",
    ];
    arguments.is_some_and(|arguments| {
        arguments.iter().all(|word| {
            let option = PLAIN.contains(word) || word.starts_with("--depth=");
            option || (!word.starts_with(['-', '+']) && !word.contains(':'))
        })
    })
}

fn pushes_by_program(word: &Word) -> bool {
    word.text()
        .is_none_or(|text| text.starts_with("--rec") || text.starts_with("--e") || text.contains("::"))
}

/// `git rm` and `git mv`; git reads patterns in their paths itself.
fn moves(walk: &mut Walk<'_>, call: &Call<'_>, subcommand: &str, arguments: &[Word], folders: &Folders) {
    let plain = |word: &Word| {
        word.text()
            .is_some_and(|text| !text.contains(['*', '?', '[', '\\']) && !text.starts_with(':'))
    };
    let known = |word: &Word| {
        matches!(
            word.text(),
            Some("-r" | "-f" | "-q" | "-k" | "-v" | "--cached" | "--force" | "--quiet" | "--")
        )
    };
    for word in arguments {
        if known(word) {
            continue;
        }
        if !plain(word) || word.may_be_option() {
            return unusual(walk, call);
        }
        walk.target(
            word,
            crate::path::Reach::Into,
            folders,
            &format!("git {subcommand}"),
        );
    }
    note_git(walk, Named::Commit, subcommand);
}
