//! `find`: what it deletes, writes and runs.

use super::{Call, unusual, wrappers::filled_in};
use crate::{
    path::Reach,
    shell::{
        syntax::{Part, Word},
        walk::Walk,
    },
};

/// Tests and actions without a value.
const PLAIN: [&str; 24] = [
    "(",
    ")",
    "!",
    ",",
    "-a",
    "-o",
    "-and",
    "-or",
    "-not",
    "-print",
    "-print0",
    "-ls",
    "-prune",
    "-quit",
    "-depth",
    "-d",
    "-empty",
    "-executable",
    "-readable",
    "-writable",
    "-true",
    "-false",
    "-xdev",
    "-mount",
];

/// Tests and actions with one value.
const VALUED: [&str; 30] = [
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-regex",
    "-iregex",
    "-regextype",
    "-type",
    "-size",
    "-mtime",
    "-mmin",
    "-atime",
    "-amin",
    "-ctime",
    "-cmin",
    "-newer",
    "-anewer",
    "-cnewer",
    "-newermt",
    "-maxdepth",
    "-mindepth",
    "-perm",
    "-user",
    "-group",
    "-links",
    "-lname",
    "-printf",
    "-inum",
    "-xtype",
];

pub(super) fn run(walk: &mut Walk<'_>, call: &Call<'_>) {
    let begins = |word: &Word| word.may_be_option() || matches!(word.text(), Some("(" | "!"));
    let arguments = call.arguments();
    let end = arguments.iter().position(begins).unwrap_or(arguments.len());
    let (starts, mut rest) = arguments.split_at(end);
    let here = [Word::literal(".")];
    let starts = if starts.is_empty() { &here[..] } else { starts };
    let reach = if is_narrow(rest) { Reach::Some } else { Reach::Tree };
    while let [word, after @ ..] = rest {
        rest = match word.text() {
            Some(text) if PLAIN.contains(&text) => after,
            Some(text) if VALUED.contains(&text) => match after {
                [value, after @ ..] if value.text().is_some() => after,
                _ => return unusual(walk, call),
            },
            Some("-delete") => {
                for start in starts {
                    walk.target(start, Reach::Tree, call.folders, "find -delete");
                }
                after
            }
            Some("-fprint" | "-fprint0" | "-fls") => match after {
                [target, after @ ..] => {
                    walk.target(target, Reach::File, call.folders, "find");
                    after
                }
                [] => return unusual(walk, call),
            },
            Some("-exec" | "-ok") => match executed(walk, after, starts, reach, call) {
                Some(after) => after,
                None => return unusual(walk, call),
            },
            _ => return unusual(walk, call),
        };
    }
}

/// Whether only files with an ending are found, one that nothing has that no agent writes.
fn is_narrow(words: &[Word]) -> bool {
    let alternatives = ["-o", "-or", "!", "-not", ","];
    let ending = |pair: &[Word]| {
        matches!(pair, [test, value] if matches!(test.text(), Some("-name" | "-iname"))
        && value.text().and_then(|text| text.rsplit_once('.')).is_some_and(|(_, ending)| {
            !ending.is_empty() && ending.bytes().all(|b| b.is_ascii_alphanumeric()) && !GUARDED_ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
        }))
    };
    words.windows(2).any(ending)
        && !words
            .iter()
            .any(|word| word.text().is_none_or(|text| alternatives.contains(&text)))
}

/// The endings of settings files.
const GUARDED_ENDINGS: [&str; 4] = ["toml", "json", "sample", "git"];

/// The command behind `-exec`, once for each folder in which something is found.
fn executed<'w>(
    walk: &mut Walk<'_>,
    words: &'w [Word],
    starts: &[Word],
    reach: Reach,
    call: &Call<'_>,
) -> Option<&'w [Word]> {
    let end = words
        .iter()
        .position(|word| matches!(word.text(), Some(";" | "+")))?;
    let (command, rest) = (words.get(..end)?, words.get(end + 1..)?);
    if command.is_empty() {
        return None;
    }
    for start in starts {
        let filled: Vec<Word> = command
            .iter()
            .map(|word| match word.text() {
                Some("{}") => found_below(start),
                Some(text) if text.contains("{}") => filled_in(word),
                _ => word.clone(),
            })
            .collect();
        let shells = std::mem::replace(&mut walk.patterns, reach);
        walk.program(&filled, &[], call.folders);
        walk.patterns = shells;
    }
    Some(rest)
}

/// Any name below a folder: it begins as the folder is written, so it is no option.
fn found_below(start: &Word) -> Word {
    let mut found = start.clone();
    match found.parts.last_mut() {
        Some(Part::Text(text)) if !text.ends_with('/') => text.push('/'),
        Some(Part::Home) => found.parts.push(Part::Text("/".to_owned())),
        _ => {}
    }
    found.parts.push(Part::Pattern);
    found
}
