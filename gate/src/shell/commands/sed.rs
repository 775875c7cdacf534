//! `sed`: in place or not, and whether its script writes or runs something.

use super::{Call, options::Options, unusual};
use crate::{
    path::Reach,
    shell::{syntax::Word, walk::Walk},
};

const SED: Options = Options {
    flags: "nErsuz",
    valued: "e",
    long: &[
        "quiet",
        "silent",
        "regexp-extended",
        "separate",
        "posix",
        "sandbox",
        "debug",
        "null-data",
    ],
    long_valued: &["expression"],
};

pub(super) fn run(walk: &mut Walk<'_>, call: &Call<'_>) {
    let (arguments, in_place) = in_place(call.arguments());
    let Some(read) = SED.read(&arguments) else {
        return unusual(walk, call);
    };
    let mut scripts: Vec<Word> = read.values(&["e", "expression"]).cloned().collect();
    let mut files = read.operands.as_slice();
    if scripts.is_empty() {
        let [script, rest @ ..] = files else {
            return unusual(walk, call);
        };
        scripts.push(script.clone());
        files = rest;
    }
    let harmless = |script: &Word| script.text().is_some_and(only_prints);
    if in_place == InPlace::Odd || !scripts.iter().all(harmless) {
        return unusual(walk, call);
    }
    if in_place == InPlace::Yes {
        for file in files {
            walk.target(file, Reach::File, call.folders, "sed -i");
        }
    }
}

/// Whether files are changed where they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InPlace {
    No,
    Yes,
    /// With a copy under another name.
    Odd,
}

/// The arguments without `-i`, which takes its value in another way on each system.
fn in_place(arguments: &[Word]) -> (Vec<Word>, InPlace) {
    let mut found = InPlace::No;
    let mut kept = Vec::with_capacity(arguments.len());
    let mut rest = arguments.iter().peekable();
    while let Some(word) = rest.next() {
        match word.text() {
            Some("-i" | "--in-place") => {
                found = InPlace::Yes;
                // macOS: `-i ''`.
                if rest.peek().is_some_and(|next| next.text() == Some("")) {
                    rest.next();
                }
            }
            Some(text) if text.starts_with("-i") || text.starts_with("--in-place") => found = InPlace::Odd,
            Some("-ni" | "-Ei" | "-ri" | "-nEi") => found = InPlace::Yes,
            _ => kept.push(word.clone()),
        }
    }
    (kept, found)
}

/// Whether a script has only commands that print, delete and substitute: no `w`, `e`, `r` and their flags.
fn only_prints(script: &str) -> bool {
    let mut rest = script;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', ';', '}']);
        if rest.is_empty() {
            return true;
        }
        let Some(after) = addresses(rest) else {
            return false;
        };
        let Some(command) = after.chars().next() else {
            return false;
        };
        rest = after.get(command.len_utf8()..).unwrap_or_default();
        match command {
            '{' | 'p' | 'd' | 'q' | '=' | 'D' | 'P' | 'N' | 'n' | 'h' | 'H' | 'g' | 'G' | 'x' | 'l' => {}
            's' => match substitution(rest) {
                Some(after) => rest = after,
                None => return false,
            },
            _ => return false,
        }
        // One command ends before the next begins.
        if command != '{' && !rest.is_empty() && !rest.starts_with([';', '\n', '}', ' ']) {
            return false;
        }
    }
}

/// What follows the addresses.
fn addresses(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| {
            c.is_ascii_digit() || matches!(c, '$' | ',' | '~' | '+' | '!' | ' ')
        });
        match rest.strip_prefix('/') {
            Some(pattern) => {
                rest = delimited(pattern, '/')?;
                rest = rest.strip_prefix('I').unwrap_or(rest);
            }
            None => return Some(rest),
        }
    }
}

/// What follows `s/a/b/g`.
fn substitution(text: &str) -> Option<&str> {
    let delimiter = text.chars().next().filter(|c| "/|#,:@!%_~".contains(*c))?;
    let rest = delimited(text.get(1..)?, delimiter)?;
    let rest = delimited(rest, delimiter)?;
    Some(rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, 'g' | 'p' | 'i' | 'I')))
}

/// What follows the next delimiter that no backslash stands before. In brackets, seds differ on what ends a text: such a
/// text with both is not read.
fn delimited(text: &str, delimiter: char) -> Option<&str> {
    let mut escaped = false;
    let mut bracket = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return None,
            _ if c == delimiter && bracket => return None,
            _ if c == delimiter => return text.get(at + c.len_utf8()..),
            '[' => bracket = true,
            ']' => bracket = false,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::only_prints;

    #[test]
    fn a_script_that_writes_or_runs_is_seen_for_what_it_is() {
        for script in [
            "1,50p",
            "$p",
            "s/a/b/",
            "s/a/b/g; s|x|y|",
            "/foo/,/bar/p",
            "/x/!d",
            "1!G;h;$!d",
            "s#a\\#b#c#gI",
            "/a/{p;q}",
            "",
        ] {
            assert!(only_prints(script), "{script}");
        }
        for script in [
            "w out",
            "1w out",
            "s/a/b/w out",
            "s/a/b/e",
            "e rm x",
            "1e rm x",
            "s/a/b/gw out",
            "p;e",
            "p e rm",
            "s/[/]/b/w x",
            "r x",
            "s/a/b",
            "s/a\n/b/",
            "/a/e",
            "i\\",
            "y/a/b/",
            "/a/s//b/e",
            "v",
            "W x",
            "s/a/b/ge",
        ] {
            assert!(!only_prints(script), "{script}");
        }
    }
}
