//! Commands that run another one.

use super::{
    Call,
    options::{Operands, Options},
    unknown, unusual,
};
use crate::shell::{
    read::is_name,
    syntax::{Part, Word},
    walk::{Folders, Walk},
};

const NONE: Options = Options {
    flags: "",
    valued: "",
    long: &[],
    long_valued: &[],
};
const NICE: Options = Options {
    flags: "",
    valued: "n",
    long: &[],
    long_valued: &["adjustment"],
};
const TIMEOUT: Options = Options {
    flags: "fpv",
    valued: "ks",
    long: &["foreground", "preserve-status", "verbose"],
    long_valued: &["kill-after", "signal"],
};
const STDBUF: Options = Options {
    flags: "",
    valued: "ioe",
    long: &[],
    long_valued: &["input", "output", "error"],
};
const TIME: Options = Options {
    flags: "plv",
    valued: "",
    long: &[],
    long_valued: &[],
};
const XARGS: Options = Options {
    flags: "0rtx",
    valued: "nPLsEIdRa",
    long: &["null", "no-run-if-empty", "verbose"],
    long_valued: &[
        "max-args",
        "max-procs",
        "max-lines",
        "replace",
        "delimiter",
        "arg-file",
    ],
};
const ENV: Options = Options {
    flags: "i0",
    valued: "u",
    long: &["ignore-environment", "null"],
    long_valued: &["unset"],
};
const COMMAND: Options = Options {
    flags: "pvV",
    valued: "",
    long: &[],
    long_valued: &[],
};

/// Judges a command of this table by what it runs; `false` if it is none.
pub(super) fn run(walk: &mut Walk<'_>, name: &str, call: &Call<'_>) -> bool {
    let options = match name {
        "nohup" | "setsid" | "exec" | "builtin" | "noglob" | "nocorrect" => &NONE,
        "nice" | "ionice" => &NICE,
        "timeout" | "gtimeout" => &TIMEOUT,
        "stdbuf" => &STDBUF,
        "time" => &TIME,
        "command" => &COMMAND,
        "env" => {
            env(walk, call);
            return true;
        }
        "xargs" => {
            xargs(walk, call);
            return true;
        }
        "sh" | "bash" | "zsh" | "dash" | "ksh" => {
            shell(walk, call);
            return true;
        }
        _ => return false,
    };
    let Some((read, rest)) = options.read_until(call.arguments(), Operands::End) else {
        unusual(walk, call);
        return true;
    };
    // `command -v name` says where it is.
    if name == "command" && (read.has("v") || read.has("V")) {
        return true;
    }
    let rest = match (name, rest) {
        ("timeout" | "gtimeout", [limit, rest @ ..]) if limit.text().is_some() => rest,
        _ => rest,
    };
    inner(walk, name, call, rest);
    true
}

/// What another command runs. Without one, only `exec` with redirections is left, which are judged apart.
fn inner(walk: &mut Walk<'_>, name: &str, call: &Call<'_>, words: &[Word]) {
    match words.first().map(Word::text) {
        None if matches!(name, "exec" | "env" | "nohup" | "nice" | "time") => {}
        // A builtin that moves the shell, called this way round.
        None | Some(Some("cd" | "pushd" | "popd")) => unusual(walk, call),
        Some(_) => {
            walk.program(words, call.bodies, call.folders);
        }
    }
}

fn env(walk: &mut Walk<'_>, call: &Call<'_>) {
    let Some((_, mut rest)) = ENV.read_until(call.arguments(), Operands::End) else {
        return unusual(walk, call);
    };
    while let [word, after @ ..] = rest {
        let Some((name, _)) = word.lead().split_once('=') else {
            break;
        };
        if !is_name(name) || word.splits() {
            return unusual(walk, call);
        }
        walk.assigned(name, None);
        rest = after;
    }
    inner(walk, "env", call, rest);
}

/// The command, with arguments that nobody knows.
fn xargs(walk: &mut Walk<'_>, call: &Call<'_>) {
    let Some((read, rest)) = XARGS.read_until(call.arguments(), Operands::End) else {
        return unusual(walk, call);
    };
    if rest.is_empty() {
        return; // It runs echo.
    }
    let replaced: Vec<&str> = read
        .values(&["I", "replace"])
        .map(|word| word.text().unwrap_or(""))
        .collect();
    let mut words: Vec<Word> = rest
        .iter()
        .map(|word| {
            let open = replaced
                .iter()
                .any(|mark| mark.is_empty() || word.texts().any(|text| text.contains(mark)));
            if open { filled_in(word) } else { word.clone() }
        })
        .collect();
    if replaced.is_empty() {
        words.push(Word::unknown());
    }
    walk.program(&words, &[], call.folders);
}

/// A word in which anything may stand.
pub(super) fn filled_in(word: &Word) -> Word {
    let mut open = word.clone();
    open.parts = vec![Part::Unknown { splits: true }];
    open
}

/// `sh -c '...'`.
fn shell(walk: &mut Walk<'_>, call: &Call<'_>) {
    if let [only] = call.arguments()
        && only.text() == Some("--version")
    {
        return;
    }
    let [options, script, ..] = call.arguments() else {
        return unknown(walk, call);
    };
    let takes_text = options
        .text()
        .and_then(|text| text.strip_prefix('-'))
        .is_some_and(|letters| letters.ends_with('c') && letters.bytes().all(|b| b"ceuxl".contains(&b)));
    match script.text().filter(|_| takes_text) {
        Some(text) => {
            walk.text(text, call.folders);
        }
        None => unknown(walk, call),
    }
}

/// `eval`: its words are one text.
pub(super) fn eval(walk: &mut Walk<'_>, call: &Call<'_>) -> Folders {
    let words: Option<Vec<&str>> = call.arguments().iter().map(Word::text).collect();
    match words {
        Some(words) => walk.text(&words.join(" "), call.folders),
        None => {
            unknown(walk, call);
            None
        }
    }
}
