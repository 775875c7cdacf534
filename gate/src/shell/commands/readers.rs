//! Commands that read.

use super::{Call, options::Options, test, unusual};
use crate::{
    path::Reach,
    shell::{
        read::is_name,
        syntax::Word,
        walk::{Walk, hides_code},
    },
};

/// Whatever they are called with, they write nothing but their output.
const FREE: [&str; 75] = [
    ":",
    "arch",
    "b2sum",
    "basename",
    "break",
    "cal",
    "cat",
    "cksum",
    "cmp",
    "comm",
    "continue",
    "cut",
    "df",
    "diff",
    "dirname",
    "du",
    "echo",
    "egrep",
    "expand",
    "expr",
    "false",
    "fgrep",
    "fold",
    "free",
    "getconf",
    "grep",
    "groups",
    "head",
    "hexdump",
    "id",
    "join",
    "jq",
    "ls",
    "md5",
    "md5sum",
    "nl",
    "nproc",
    "od",
    "paste",
    "pgrep",
    "printenv",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "rev",
    "sha1sum",
    "sha224sum",
    "sha256sum",
    "sha384sum",
    "sha512sum",
    "shasum",
    "seq",
    "sleep",
    "stat",
    "strings",
    "sum",
    "sw_vers",
    "tac",
    "tail",
    "tr",
    "true",
    "tsort",
    "tty",
    "type",
    "uname",
    "unexpand",
    "uptime",
    "users",
    "vm_stat",
    "w",
    "wc",
    "whereis",
    "which",
    "whoami",
];

/// Programs that say their version, and do no more when asked only for that.
const VERSIONED: [&str; 26] = [
    "bun", "cargo", "clang", "cmake", "deno", "docker", "gcc", "go", "java", "make", "node", "npm", "npx",
    "perl", "php", "pip", "pip3", "pnpm", "python", "python3", "ruby", "rustc", "rustup", "swift", "uv",
    "yarn",
];

const SORT: Options = Options {
    flags: "bdfgiMhnRrVcCmsuz",
    valued: "kto",
    long: &[
        "reverse",
        "numeric-sort",
        "unique",
        "check",
        "human-numeric-sort",
        "version-sort",
        "ignore-case",
        "zero-terminated",
    ],
    long_valued: &["key", "field-separator", "output"],
};
const UNIQ: Options = Options {
    flags: "cdDiuz",
    valued: "fsw",
    long: &["count", "repeated", "unique", "ignore-case"],
    long_valued: &["skip-fields", "skip-chars", "check-chars"],
};
const BASE64: Options = Options {
    flags: "dD",
    valued: "wb",
    long: &["decode"],
    long_valued: &["wrap"],
};
const XXD: Options = Options {
    flags: "abeEiprpsu",
    valued: "cglos",
    long: &[],
    long_valued: &[],
};
const TREE: Options = Options {
    flags: "adflxsuhpgDFCNqQrtSnJX",
    valued: "LPIo",
    long: &["noreport", "gitignore", "dirsfirst", "prune", "du", "si"],
    long_valued: &["filelimit", "charset", "sort"],
};
const FILE: Options = Options {
    flags: "bEhiIkLnNprs0z",
    valued: "Fm",
    long: &["brief", "mime", "mime-type", "mime-encoding", "dereference"],
    long_valued: &[],
};
const DATE: Options = Options {
    flags: "uRIjn",
    valued: "drvfI",
    long: &["utc", "universal", "rfc-email", "iso-8601"],
    long_valued: &["date", "iso-8601", "rfc-3339", "reference"],
};
const PAGER: Options = Options {
    flags: "eEFiImMnNqQrRsSXw",
    valued: "",
    long: &[],
    long_valued: &[],
};
const RG: Options = Options {
    flags: "abcFHhiIlLnNopPqsSuUvwxz0.",
    valued: "ABCdEefgjMmrTt",
    long: &[
        "files",
        "hidden",
        "no-ignore",
        "no-ignore-vcs",
        "files-with-matches",
        "files-without-match",
        "count",
        "count-matches",
        "ignore-case",
        "smart-case",
        "case-sensitive",
        "line-number",
        "no-line-number",
        "no-heading",
        "heading",
        "with-filename",
        "no-filename",
        "fixed-strings",
        "word-regexp",
        "line-regexp",
        "invert-match",
        "only-matching",
        "multiline",
        "multiline-dotall",
        "pcre2",
        "json",
        "vimgrep",
        "stats",
        "trim",
        "follow",
        "text",
        "null",
        "quiet",
        "column",
        "pretty",
        "no-config",
        "type-list",
        "no-messages",
        "passthru",
        "unrestricted",
        "debug",
        "version",
        "help",
        "no-unicode",
        "crlf",
        "line-buffered",
        "search-zip",
    ],
    long_valued: &[
        "glob",
        "iglob",
        "type",
        "type-not",
        "type-add",
        "regexp",
        "file",
        "max-count",
        "max-depth",
        "context",
        "after-context",
        "color",
        "before-context",
        "colors",
        "replace",
        "sort",
        "sortr",
        "threads",
        "max-columns",
        "max-filesize",
        "encoding",
        "engine",
        "path-separator",
        "context-separator",
        "ignore-file",
    ],
};
const FD: Options = Options {
    flags: "HIusigFaplLqh0V1",
    valued: "detESocj",
    long: &[
        "hidden",
        "no-ignore",
        "no-ignore-vcs",
        "unrestricted",
        "case-sensitive",
        "ignore-case",
        "glob",
        "regex",
        "fixed-strings",
        "absolute-path",
        "list-details",
        "follow",
        "full-path",
        "print0",
        "quiet",
        "version",
        "help",
        "strip-cwd-prefix",
    ],
    long_valued: &[
        "max-depth",
        "min-depth",
        "exact-depth",
        "type",
        "extension",
        "exclude",
        "size",
        "changed-within",
        "changed-before",
        "color",
        "max-results",
        "threads",
        "ignore-file",
        "base-directory",
        "search-path",
        "owner",
        "and",
    ],
};
const BAT: Options = Options {
    flags: "npAPfhVu",
    valued: "lrHm",
    long: &["plain", "number", "show-all", "no-pager", "version", "help"],
    long_valued: &[
        "language",
        "line-range",
        "highlight-line",
        "style",
        "color",
        "theme",
        "decorations",
        "wrap",
        "tabs",
        "paging",
    ],
};
const AWK: Options = Options {
    flags: "",
    valued: "Fv",
    long: &[],
    long_valued: &[],
};

/// Judges a command of this table; `false` if it is none.
pub(super) fn run(walk: &mut Walk<'_>, name: &str, call: &Call<'_>) -> bool {
    let arguments = call.arguments();
    let fits = match name {
        _ if FREE.contains(&name) => true,
        _ if VERSIONED.contains(&name) => {
            return matches!(arguments, [only] if matches!(only.text(), Some("--version" | "-V")));
        }
        "sort" => output(walk, call, &SORT, &["o", "output"]),
        "tree" => output(walk, call, &TREE, &["o"]),
        "uniq" => at_most(&UNIQ, arguments, 1),
        "base64" => at_most(&BASE64, arguments, 1),
        "xxd" => at_most(&XXD, arguments, 1),
        "file" => fits(&FILE, arguments),
        "date" => date(arguments),
        "less" | "more" => pager(arguments),
        "man" => arguments
            .iter()
            .all(|word| word.text().is_some() && !word.may_be_option()),
        "rg" => fits(&RG, arguments),
        "fd" | "fdfind" => fits(&FD, arguments),
        "bat" | "batcat" => fits(&BAT, arguments),
        "awk" | "gawk" | "mawk" | "nawk" => awk(arguments),
        "column" => arguments.iter().all(|word| word.text().is_some()),
        "test" | "[" => {
            test(walk, arguments);
            true
        }
        "printf" => printf(arguments),
        "read" => read(walk, arguments),
        "unset" => names(walk, arguments, Values::None),
        "export" | "local" | "readonly" | "declare" | "typeset" => names(walk, arguments, Values::Some),
        "set" => set(arguments),
        "exit" | "return" => matches!(arguments, [] | [_]) && arguments.iter().all(is_number),
        "wait" => arguments.is_empty(),
        "hostname" | "locale" => arguments.is_empty(),
        _ => return false,
    };
    if !fits {
        unusual(walk, call);
    }
    true
}

fn fits(options: &Options, arguments: &[Word]) -> bool {
    options.read(arguments).is_some()
}

fn at_most(options: &Options, arguments: &[Word], operands: usize) -> bool {
    options.read(arguments).is_some_and(|read| {
        read.operands.len() <= operands
            && !read
                .operands
                .iter()
                .any(|word| word.splits() || has_pattern(word))
    })
}

fn has_pattern(word: &Word) -> bool {
    word.parts.contains(&crate::shell::syntax::Part::Pattern)
}

/// Reads, and writes what one of its options names.
fn output(walk: &mut Walk<'_>, call: &Call<'_>, options: &Options, names: &[&str]) -> bool {
    let Some(read) = options.read(call.arguments()) else {
        return false;
    };
    for target in read.values(names) {
        walk.target(target, Reach::File, call.folders, "its output");
    }
    true
}

/// The clock is set by an operand without `+`.
fn date(arguments: &[Word]) -> bool {
    DATE.read(arguments)
        .is_some_and(|read| read.operands.iter().all(|word| word.lead().starts_with('+')))
}

/// A pager runs what stands behind a `+`.
fn pager(arguments: &[Word]) -> bool {
    PAGER.read(arguments).is_some_and(|read| {
        let plain = |word: &Word| !word.lead().is_empty() && !word.lead().starts_with('+');
        read.operands.iter().all(plain)
    })
}

/// A program that neither writes, runs, nor calls by name.
fn awk(arguments: &[Word]) -> bool {
    let Some((_, [program, files @ ..])) = AWK.read_until(arguments, super::options::Operands::End) else {
        return false;
    };
    let Some(program) = program.text() else {
        return false;
    };
    let kept = program.replace("||", " ").replace(">=", " ");
    let runs = kept.contains(['|', '>', '@', '`'])
        || kept.contains("system")
        || kept.contains("close")
        || kept.contains("extension");
    !runs && files.iter().all(|word| !word.may_be_option())
}

/// In zsh, `%d` evaluates its argument.
fn printf(arguments: &[Word]) -> bool {
    let arguments = match arguments {
        [first, rest @ ..] if first.text() == Some("--") => rest,
        all => all,
    };
    let [format, values @ ..] = arguments else {
        return true;
    };
    let Some(format) = format.text().filter(|format| !format.starts_with('-')) else {
        return false;
    };
    let mut strings = true;
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('%') {
        let after =
            after.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | ' ' | '0'));
        strings &= after.starts_with(['s', 'b', 'q', 'c', '%']);
        rest = after.get(1..).unwrap_or_default();
    }
    strings || values.iter().all(is_number)
}

fn is_number(word: &Word) -> bool {
    word.text().is_some_and(|text| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.'))
    })
}

fn read(walk: &mut Walk<'_>, arguments: &[Word]) -> bool {
    const READ: Options = Options {
        flags: "rs",
        valued: "pdntu",
        long: &[],
        long_valued: &[],
    };
    READ.read(arguments).is_some_and(|read| {
        // zsh evaluates the numbers among them.
        let told = read
            .options
            .iter()
            .flat_map(|(_, value)| value)
            .all(|value| value.text().is_some_and(|text| !hides_code(text)));
        told && names(walk, &read.operands, Values::None)
    })
}

/// Whether names may carry values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    None,
    Some,
}

/// Names of variables, and nothing that is evaluated.
fn names(walk: &mut Walk<'_>, words: &[Word], values: Values) -> bool {
    let mut fits = true;
    for word in words {
        let lead = word.lead();
        let (name, valued) = lead
            .split_once('=')
            .map_or((lead, false), |(name, _)| (name, true));
        let known = valued || word.text().is_some();
        if !known || !is_name(name) || (valued && values == Values::None) || word.texts().any(hides_code) {
            fits = false;
        } else {
            walk.assigned(name, None);
        }
        // Unquoted, what a variable holds may become further names.
        fits &= !word.splits();
    }
    fits
}

/// Options of the shell that only make it stricter or louder.
fn set(arguments: &[Word]) -> bool {
    let plain = |word: &Word| {
        matches!(
            word.text(),
            Some("pipefail" | "-o" | "+o" | "errexit" | "nounset" | "xtrace" | "noglob")
        ) || word.text().is_some_and(|text| {
            text.strip_prefix(['-', '+'])
                .is_some_and(|letters| letters.bytes().all(|b| b"euxofv".contains(&b)))
        })
    };
    !arguments.is_empty() && arguments.iter().all(plain)
}
