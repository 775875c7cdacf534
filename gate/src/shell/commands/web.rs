//! Commands that fetch, and GitHub's own.

use super::{Call, options::Options, unusual, writers::note_git};
use crate::{
    path::Reach,
    shell::{Named, syntax::Word, walk::Walk},
};

const CURL: Options = Options {
    flags: "#0123469afGgIijkLlMNnqRSsVvZp",
    valued: "AbCdEeFHhmoPQrtuUwXxYyzDc",
    long: &[
        "silent",
        "show-error",
        "location",
        "fail",
        "head",
        "include",
        "verbose",
        "insecure",
        "get",
        "compressed",
        "http1.1",
        "http2",
        "ipv4",
        "ipv6",
        "no-buffer",
        "fail-with-body",
        "globoff",
        "no-progress-meter",
        "version",
        "progress-bar",
        "digest",
        "basic",
    ],
    long_valued: &[
        "request",
        "header",
        "data",
        "data-raw",
        "data-binary",
        "data-urlencode",
        "json",
        "form",
        "user",
        "user-agent",
        "url",
        "max-time",
        "connect-timeout",
        "retry",
        "retry-delay",
        "write-out",
        "output",
        "referer",
        "cookie",
        "cacert",
        "cert",
        "key",
        "proxy",
        "range",
        "resolve",
        "dump-header",
        "cookie-jar",
    ],
};
const WGET: Options = Options {
    flags: "qSvc",
    valued: "OTt",
    long: &["quiet", "no-verbose", "server-response", "no-check-certificate"],
    long_valued: &["output-document", "timeout", "tries", "header", "user-agent"],
};

/// `gh`'s commands that show something, as `noun verb`.
const GH_SHOWS: [(&str, &[&str]); 8] = [
    ("pr", &["view", "list", "diff", "checks", "status"]),
    ("issue", &["view", "list", "status"]),
    ("run", &["view", "list", "watch"]),
    ("release", &["view", "list"]),
    ("repo", &["view", "list"]),
    ("workflow", &["view", "list"]),
    ("auth", &["status"]),
    ("search", &["issues", "prs", "code", "repos", "commits"]),
];

/// Judges a command of this table; `false` if it is none.
pub(super) fn run(walk: &mut Walk<'_>, name: &str, call: &Call<'_>) -> bool {
    let fits = match name {
        "curl" => CURL.read(call.arguments()).is_some_and(|read| {
            for target in read.values(&["o", "output", "D", "dump-header", "c", "cookie-jar"]) {
                if target.text() != Some("-") {
                    walk.target(target, Reach::Into, call.folders, "curl");
                }
            }
            // A format can name files to read from and, since curl 8.3, to write to.
            read.values(&["w", "write-out"]).all(|format| {
                format
                    .text()
                    .is_some_and(|text| !text.starts_with('@') && !text.contains("%output"))
            })
        }),
        "wget" => WGET.read(call.arguments()).is_some_and(|read| {
            let targets: Vec<&Word> = read.values(&["O", "output-document"]).collect();
            for target in &targets {
                if target.text() != Some("-") {
                    walk.target(target, Reach::File, call.folders, "wget");
                }
            }
            !targets.is_empty()
        }),
        "gh" => gh(walk, call),
        _ => return false,
    };
    if !fits {
        unusual(walk, call);
    }
    true
}

fn gh(walk: &mut Walk<'_>, call: &Call<'_>) -> bool {
    let [noun, verb, rest @ ..] = call.arguments() else {
        return matches!(call.arguments(), [only] if only.text() == Some("--version"));
    };
    let (Some(noun), Some(verb)) = (noun.text(), verb.text()) else {
        return false;
    };
    let shows = GH_SHOWS
        .iter()
        .any(|(known, verbs)| *known == noun && verbs.contains(&verb));
    if shows {
        // `--web` starts a browser.
        return !rest.iter().any(|word| {
            word.may_be_option()
                && word.text().is_none_or(|text| {
                    text.starts_with("--w") || (!text.starts_with("--") && text.contains('w'))
                })
        });
    }
    let changes = matches!(noun, "pr" | "issue" | "release")
        && matches!(
            verb,
            "create" | "comment" | "edit" | "close" | "merge" | "ready" | "review" | "reopen"
        );
    if changes {
        note_git(walk, Named::Push, "is driven by gh: what others see");
    }
    changes
}
