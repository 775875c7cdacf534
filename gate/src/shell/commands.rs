//! What commands do with their arguments: closed tables. What stands in none of them may write anywhere.

use super::{
    syntax::{Part, Word},
    walk::{Folders, Walk, hides_code},
};

mod find;
mod git;
mod options;
mod readers;
mod sed;
mod web;
mod wrappers;
mod writers;

/// A command as it is called.
pub(super) struct Call<'a> {
    pub(super) words: &'a [Word],
    pub(super) bodies: &'a [Option<&'a str>],
    pub(super) folders: &'a Folders,
}

/// Where the programs of our tables live. One of the same name elsewhere is another one.
const PROGRAM_FOLDERS: [&str; 6] = [
    "/bin",
    "/usr/bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/sbin",
    "/usr/sbin",
];

impl<'a> Call<'a> {
    /// Its name; `None` if that is not known, or a path of somewhere else.
    fn name(&self) -> Option<&'a str> {
        let text = self.words.first()?.text()?;
        match text.rsplit_once('/') {
            None => Some(text),
            Some((folder, name)) => PROGRAM_FOLDERS.contains(&folder).then_some(name),
        }
    }

    fn arguments(&self) -> &'a [Word] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// Notes what a call would change; says in which folders the shell may stand after it.
pub(super) fn run(walk: &mut Walk<'_>, call: &Call<'_>) -> Folders {
    let Some(name) = call.name() else {
        unknown(walk, call);
        return None;
    };
    if name == "eval" {
        return wrappers::eval(walk, call);
    }
    let known = readers::run(walk, name, call)
        || writers::run(walk, name, call)
        || wrappers::run(walk, name, call)
        || web::run(walk, name, call);
    if !known {
        match name {
            "git" => git::run(walk, call),
            "find" => find::run(walk, call),
            "sed" | "gsed" => sed::run(walk, call),
            _ => {
                unknown(walk, call);
                // A function may have moved the shell.
                if walk.defines {
                    return None;
                }
            }
        }
    }
    call.folders.clone()
}

/// It may write anywhere.
fn unknown(walk: &mut Walk<'_>, call: &Call<'_>) {
    for word in call.words {
        walk.mentioned(word);
        // `--config=path` and `-Ipath` name a path, too.
        let named = word
            .text()
            .map(|text| text.split_once('=').map_or(text, |(_, value)| value));
        if let Some(named) = named.filter(|named| !named.is_empty() && !named.contains('\n')) {
            walk.guarded(&Word::literal(named), call.folders);
        }
    }
    for body in call.bodies.iter().flatten() {
        walk.mentioned(&Word::literal(body));
    }
    let name = call.words.first().map_or_else(String::new, describe);
    walk.anywhere(format!("what `{name}` writes cannot be told"));
}

/// It is known, but not when it is called in this way.
fn unusual(walk: &mut Walk<'_>, call: &Call<'_>) {
    unknown(walk, call);
}

fn describe(word: &Word) -> String {
    let text = word
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Home => "~",
            Part::Pattern => "*",
            Part::Pipe | Part::Unknown { .. } => "…",
        })
        .collect::<String>();
    vocabulary::shown(&text, 60)
}

/// What stands in `[[ ... ]]`, `[ ... ]` and after `test`: comparing numbers evaluates what variables hold.
pub(super) fn test(walk: &mut Walk<'_>, words: &[Word]) {
    const NUMERIC: [&str; 6] = ["-eq", "-ne", "-lt", "-le", "-gt", "-ge"];
    let number = |word: &&Word| {
        word.text()
            .is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
    };
    for (at, word) in words.iter().enumerate() {
        let text = word.text();
        let compares = text.is_some_and(|text| NUMERIC.contains(&text));
        let sides = [at.checked_sub(1).and_then(|at| words.get(at)), words.get(at + 1)];
        let evaluates = compares && !sides.iter().flatten().all(number);
        let subscripts = matches!(text, Some("-v" | "-R")) || word.texts().any(hides_code);
        if evaluates || subscripts {
            walk.anywhere("a comparison evaluates what its variables hold");
        }
    }
}
