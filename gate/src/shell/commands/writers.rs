//! Commands that write what they name.

use super::{Call, options::Options, unusual};
use crate::{
    path::Reach,
    shell::{Named, syntax::Word, walk::Walk},
};

const TEE: Options = Options {
    flags: "aip",
    valued: "",
    long: &["append"],
    long_valued: &[],
};
const TOUCH: Options = Options {
    flags: "acmh",
    valued: "drt",
    long: &["no-create"],
    long_valued: &["date", "reference"],
};
const MKDIR: Options = Options {
    flags: "pv",
    valued: "m",
    long: &["parents", "verbose"],
    long_valued: &["mode"],
};
const RM: Options = Options {
    flags: "firRdvI",
    valued: "",
    long: &["force", "recursive", "dir", "verbose"],
    long_valued: &[],
};
const RMDIR: Options = Options {
    flags: "pv",
    valued: "",
    long: &["parents"],
    long_valued: &[],
};
const MV: Options = Options {
    flags: "finuvT",
    valued: "t",
    long: &["force", "no-clobber", "verbose"],
    long_valued: &["target-directory"],
};
const CP: Options = Options {
    flags: "afiLHPnpRruvdlsx",
    valued: "t",
    long: &[
        "archive",
        "force",
        "recursive",
        "no-clobber",
        "verbose",
        "update",
        "link",
        "symbolic-link",
    ],
    long_valued: &["target-directory", "preserve"],
};
const LN: Options = Options {
    flags: "sfnvrhiP",
    valued: "t",
    long: &["symbolic", "force", "relative"],
    long_valued: &["target-directory"],
};
const CHMOD: Options = Options {
    flags: "Rvcf",
    valued: "",
    long: &["recursive"],
    long_valued: &["reference"],
};
const TRUNCATE: Options = Options {
    flags: "co",
    valued: "sr",
    long: &["no-create"],
    long_valued: &["size", "reference"],
};
const INSTALL: Options = Options {
    flags: "dDpvcC",
    valued: "mogt",
    long: &["directory"],
    long_valued: &["mode", "owner", "group", "target-directory"],
};
const TAR: Options = Options {
    flags: "tvzjJZa",
    valued: "f",
    long: &["list", "verbose", "gzip", "bzip2", "xz", "zstd"],
    long_valued: &["file"],
};

/// Judges a command of this table; `false` if it is none.
pub(super) fn run(walk: &mut Walk<'_>, name: &str, call: &Call<'_>) -> bool {
    let fits = match name {
        "tee" => every(walk, name, call, &TEE, 0, |_| Reach::File),
        "touch" => every(walk, name, call, &TOUCH, 0, |_| Reach::File),
        "mkdir" => every(walk, name, call, &MKDIR, 0, |_| Reach::File),
        "unlink" => every(
            walk,
            name,
            call,
            &Options {
                flags: "",
                valued: "",
                long: &[],
                long_valued: &[],
            },
            0,
            |_| Reach::File,
        ),
        "rmdir" => every(walk, name, call, &RMDIR, 0, |_| Reach::Tree),
        "rm" => every(walk, name, call, &RM, 0, recursive),
        "chmod" | "chown" | "chgrp" => every(walk, name, call, &CHMOD, 1, recursive),
        "truncate" => every(walk, name, call, &TRUNCATE, 0, |_| Reach::File),
        "mv" => transfer(walk, name, call, &MV, Sources::Change),
        "cp" => transfer(walk, name, call, &CP, Sources::Stay),
        "ln" => transfer(walk, name, call, &LN, Sources::Linked),
        "install" => transfer(walk, name, call, &INSTALL, Sources::Stay),
        "dd" => dd(walk, call),
        "mktemp" => call
            .arguments()
            .iter()
            .all(|word| matches!(word.text(), Some("-d" | "-t" | "-q" | "-u"))),
        // Listing only: who unpacks, or packs, may write anywhere.
        "tar" | "gtar" | "bsdtar" => TAR
            .read(call.arguments())
            .is_some_and(|read| read.has("t") || read.has("list")),
        "apply_patch" | "applypatch" => return patch(walk, call),
        _ => return false,
    };
    if !fits {
        unusual(walk, call);
    }
    true
}

fn recursive(read: &super::options::Read) -> Reach {
    if ["r", "R", "recursive"].iter().any(|name| read.has(name)) {
        Reach::Tree
    } else {
        Reach::File
    }
}

/// Writes each operand but the first few.
fn every(
    walk: &mut Walk<'_>,
    name: &str,
    call: &Call<'_>,
    options: &Options,
    skipped: usize,
    span: impl Fn(&super::options::Read) -> Reach,
) -> bool {
    let Some(read) = options.read(call.arguments()) else {
        return false;
    };
    let skipped = if read.has("reference") { 0 } else { skipped };
    let span = span(&read);
    for operand in read.operands.iter().skip(skipped) {
        walk.target(operand, span, call.folders, name);
    }
    true
}

/// What becomes of that which is copied, moved or linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sources {
    Stay,
    Change,
    /// Whoever writes through the new name writes the old one.
    Linked,
}

fn transfer(walk: &mut Walk<'_>, name: &str, call: &Call<'_>, options: &Options, sources: Sources) -> bool {
    let Some(read) = options.read(call.arguments()) else {
        return false;
    };
    let named: Vec<Word> = read.values(&["t", "target-directory"]).cloned().collect();
    let (from, to) = match (named.as_slice(), read.operands.as_slice()) {
        ([to], from) => (from, to.clone()),
        ([], [from @ .., to]) if !from.is_empty() => (from, to.clone()),
        // `ln path`: a link of the same name, here.
        ([], [from]) if name == "ln" => (std::slice::from_ref(from), Word::literal(".")),
        ([], folders) if read.has("d") || read.has("directory") => {
            for folder in folders {
                walk.target(folder, Reach::File, call.folders, name);
            }
            return true;
        }
        _ => return false,
    };
    // It may be a folder, and then what is written lies in it.
    let whole = name == "cp"
        && ["r", "R", "a", "recursive", "archive"]
            .iter()
            .any(|all| read.has(all));
    let reach = if whole { Reach::Tree } else { Reach::Into };
    walk.target(&to, reach, call.folders, name);
    let links = sources == Sources::Linked
        || (name == "cp"
            && ["l", "s", "link", "symbolic-link"]
                .iter()
                .any(|link| read.has(link)));
    if sources == Sources::Change || links {
        for word in from {
            walk.target(word, Reach::Into, call.folders, name);
        }
    }
    if links && name == "ln" && (read.has("s") || read.has("symbolic")) {
        relative_link(walk, from, &to, call);
    }
    true
}

/// What a symbolic link says is read from where the link lies.
fn relative_link(walk: &mut Walk<'_>, from: &[Word], to: &Word, call: &Call<'_>) {
    let folders = walk.paths(to, call.folders);
    let parents = folders.map(|paths| {
        let beside = paths
            .iter()
            .filter_map(|path| path.parent().map(ToOwned::to_owned));
        beside.chain(paths.iter().cloned()).collect()
    });
    for word in from {
        walk.target(word, Reach::Into, &parents, "ln");
    }
}

fn dd(walk: &mut Walk<'_>, call: &Call<'_>) -> bool {
    const PLAIN: [&str; 9] = [
        "if", "bs", "ibs", "obs", "count", "skip", "seek", "status", "conv",
    ];
    for word in call.arguments() {
        let Some((key, value)) = word.text().and_then(|text| text.split_once('=')) else {
            return false;
        };
        if key == "of" {
            walk.target(&Word::literal(value), Reach::File, call.folders, "dd");
        } else if !PLAIN.contains(&key) {
            return false;
        }
    }
    true
}

/// Codex' own: a patch as argument or here-document.
fn patch(walk: &mut Walk<'_>, call: &Call<'_>) -> bool {
    let text = match (call.arguments(), call.bodies) {
        ([only], []) => only.text(),
        ([], [only]) => *only,
        _ => None,
    };
    let Some(paths) = text.and_then(crate::effect::patch::paths) else {
        unusual(walk, call);
        return true;
    };
    for path in paths {
        walk.target(&Word::literal(&path), Reach::File, call.folders, "the patch");
    }
    true
}

/// Something of git's.
pub(super) fn note_git(walk: &mut Walk<'_>, what: Named, subcommand: &str) {
    walk.note(what, format!("git {subcommand}"));
}
