//! Values that are assigned to names of secrets: `DB_PASSWORD="..."`, `"clientSecret": "..."`, `--token ...`.
//!
//! gitleaks' generic rule knows words of letters and digits. Passwords have other signs too, stand in JSON within JSON, and as
//! arguments of commands. Read by hand: it is linear, and says no after a few bytes for most names.

use std::ops::Range;

use crate::entropy::{kinds, shannon};

/// Names of what is secret, or their ends.
pub(crate) const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "_pass",
    "-pass",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "access-key",
    "private_key",
    "privatekey",
    "private-key",
    "signing_key",
    "signingkey",
    "encryption_key",
    "encryptionkey",
    "master_key",
    "masterkey",
    "auth_key",
    "authkey",
    "account_key",
    "accountkey",
    "credential",
    "webhook_url",
    "_auth",
    "authtoken",
    "connectionstring",
    "secretkey",
    "hmac_key",
    "jwt_key",
    "cookie_key",
    "app_key",
    "appkey",
    "license_key",
    "server_key",
    "psk",
    "shared_key",
];

/// What such a name is about when it ends so: not the secret itself.
const ABOUT: &[&str] = &[
    "id",
    "ids",
    "name",
    "names",
    "file",
    "files",
    "path",
    "paths",
    "url",
    "uri",
    "endpoint",
    "type",
    "types",
    "kind",
    "len",
    "length",
    "size",
    "count",
    "limit",
    "expires",
    "expiry",
    "ttl",
    "hint",
    "label",
    "field",
    "header",
    "prefix",
    "policy",
    "version",
    "hash",
    "digest",
    "sha256",
    "placeholder",
    "regex",
    "pattern",
    "rule",
    "alias",
    "store",
    "manager",
    "provider",
    "arn",
    "ref",
    "algorithm",
    "alg",
    "param",
    "status",
    "test",
    "tests",
    "error",
    "message",
    "usage",
    "help",
    "budget",
    "scope",
    "scopes",
    "env",
    "var",
    "location",
    "issuer",
    "audience",
];

const MAX_VALUE: usize = 512;
const MIN_VALUE: usize = 8;

/// Whether what follows a keyword can be an assignment as gitleaks' expressions mean it; where the searched part may end.
///
/// A necessary condition, cheap to ask: `search/tests.rs` holds it against searches of whole texts.
pub(crate) fn leads_to(text: &[u8], keyword_end: usize, generic: bool, runs: &mut Runs) -> Option<usize> {
    let rest = text.get(keyword_end..)?;
    let operator = rest.iter().take(25).position(|byte| {
        !(is_word(*byte) || matches!(byte, b'-' | b'"' | b'\'') || byte.is_ascii_whitespace() || *byte == 11)
    })?;
    if !is_operator(*rest.get(operator)?) {
        return None;
    }
    let value = rest.get(operator..)?;
    let skipped = value
        .iter()
        .take(10)
        .take_while(|byte| {
            is_operator(**byte) || matches!(**byte, b'`' | b'"' | b'\'' | 11) || byte.is_ascii_whitespace()
        })
        .count();
    if !generic {
        return Some(keyword_end);
    }
    // An equals sign may be part of the value.
    let equals = value.iter().take(skipped).filter(|byte| **byte == b'=').count();
    let start = keyword_end + operator + skipped;
    let run = runs.at(text, start);
    let other = equals > 0 || run.other.is_some_and(|at| at >= start);
    let ends = match text.get(run.end) {
        None | Some(b'`' | b'\'' | b'"' | b';' | 9..=13 | b' ') => true,
        Some(b'\\') => matches!(text.get(run.end + 1), Some(b'n' | b'r')),
        Some(_) => false,
    };
    (other && ends && run.end - start + equals >= 10).then_some(run.end + 2)
}

/// The last run of letters that a value can have, so that no byte is read for each keyword before it.
#[derive(Debug, Default)]
pub(crate) struct Runs(Run);

#[derive(Debug, Default, Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
    /// The last byte that no name has.
    other: Option<usize>,
}

impl Runs {
    fn at(&mut self, text: &[u8], start: usize) -> Run {
        if !(self.0.start..self.0.end).contains(&start) {
            let mut run = Run {
                start,
                end: start,
                other: None,
            };
            for byte in text.get(start..).unwrap_or_default() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' | b'-' => {}
                    b'0'..=b'9' | b'=' | b'+' | b'/' => run.other = Some(run.end),
                    _ => break,
                }
                run.end += 1;
            }
            self.0 = run;
        }
        self.0
    }
}

const fn is_operator(byte: u8) -> bool {
    matches!(byte, b'=' | b'>' | b':' | b'|' | b'?' | b',')
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

/// The value that is assigned to the name which has one of [`NAMES`] at this place, if it looks like a secret.
pub(crate) fn find(text: &[u8], name: Range<usize>) -> Option<Range<usize>> {
    let end = end_of_name(text, name.end)?;
    let start = start_of_name(text, name.start);
    let written = Written::read(text, start, end)?;
    let at = written.value;
    if let Some(quote) = quote(text, at) {
        let from = at + quote.len();
        let within = text.get(from..text.len().min(from + MAX_VALUE))?;
        let length = memchr::memmem::find(within, quote)?;
        let value = within.get(..length)?;
        return is_secret(value).then_some(from..from + length);
    }
    let within = text.get(at..text.len().min(at + MAX_VALUE))?;
    let length = within
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || b"\"'`,;<>)}|\\".contains(byte))
        .unwrap_or(within.len());
    let mut value = within.get(..length)?;
    // The next part of a query.
    if let Some(end) = value.iter().position(|byte| *byte == b'&')
        && value.get(end..)?.contains(&b'=')
    {
        value = value.get(..end)?;
    }
    // The type of a field.
    let word = value
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let listed = word && within.get(value.len()) == Some(&b',');
    if is_expression(value) || (!written.option && (is_name(value) || listed)) {
        return None;
    }
    let secret = if written.setting || stands_alone(text, start) {
        is_secret(value)
    } else {
        written.told && is_told(value)
    };
    secret.then_some(at..at + value.len())
}

/// How a name and its value are written.
struct Written {
    /// Where the value begins.
    value: usize,
    /// As an option, an element or an instruction: without quotation marks, and no expression.
    setting: bool,
    /// As in a sentence, or in a list of settings.
    told: bool,
    /// As an option of a command.
    option: bool,
}

impl Written {
    fn read(text: &[u8], start: usize, end: usize) -> Option<Self> {
        let name = text.get(start..)?;
        let option = name.starts_with(b"--");
        let quotes = quote(text, end).map_or(0, <[u8]>::len);
        let mut at = end + quotes;
        let bracket = matches!(text.get(at), Some(b']' | b')'));
        at += usize::from(bracket);
        let spaces = blanks(text, at, 24);
        let rest = text.get(at + spaces..)?;
        let element = rest.first() == Some(&b'>') && start > 0 && text.get(start - 1) == Some(&b'<');
        let mut setting = option || element;
        let mut told = false;
        let operator = match rest {
            [b':', b'=', ..] | [b'=', b'>', ..] | [b'=', b'=', ..] => 2,
            [b'=', next, ..] => {
                told = spaces == 0 && !next.is_ascii_whitespace();
                1
            }
            // A path of a program, and a link of Markdown.
            [b':', b':', ..] => return None,
            [b':', ..] if bracket => return None,
            [b':', ..] => {
                told = true;
                1
            }
            [b',', ..] if quotes > 0 => 1,
            [b'>', ..] if element => 1,
            [b'v', b'a', b'l', b'u', b'e', b'=', ..] if quotes > 0 && spaces > 0 => 6,
            _ if quotes > 0 || spaces == 0 => return None,
            [b'i', b's', b' ', ..] => {
                told = true;
                3
            }
            // PASSWORD 'of SQL', and what follows is quoted.
            [b'\'' | b'"', ..] => 0,
            _ => {
                setting |= is_instruction(text, start);
                told = true;
                0
            }
        };
        let colon = operator == 1 && rest.first() == Some(&b':');
        at += spaces + operator;
        at += blanks(text, at, 24);
        if colon && let Some(length) = type_annotation(text, at) {
            at += length;
        }
        // b"", r"", f"", u"".
        if matches!(text.get(at), Some(b'b' | b'r' | b'f' | b'u' | b'$' | b'@'))
            && matches!(text.get(at + 1), Some(b'"' | b'\''))
        {
            at += 1;
        }
        Some(Self {
            value: at,
            setting,
            told,
            option,
        })
    }
}

/// `ENV NAME value` of a Dockerfile.
fn is_instruction(text: &[u8], start: usize) -> bool {
    text.get(..start)
        .is_some_and(|before| before.ends_with(b"ENV ") || before.ends_with(b"ARG "))
}

/// Where the name ends, unless it goes on as another word or is about something else.
fn end_of_name(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let length = rest
        .iter()
        .take(40)
        .take_while(|byte| is_word(**byte) || **byte == b'-')
        .count();
    let tail = rest.get(..length)?;
    // "tokens" is still one; "tokenizer" is not.
    let after_plural = tail.strip_prefix(b"s").unwrap_or(tail);
    if after_plural.first().is_some_and(u8::is_ascii_lowercase) && !after_plural.starts_with(b"key") {
        return None;
    }
    let last = tail
        .rsplit(|byte| matches!(byte, b'_' | b'-' | b'.'))
        .next()
        .unwrap_or_default();
    let last_hump = last.iter().rposition(u8::is_ascii_uppercase).unwrap_or(0);
    let about = |word: &[u8]| {
        ABOUT
            .iter()
            .any(|about| word.eq_ignore_ascii_case(about.as_bytes()))
    };
    let whole_large = last.iter().all(|byte| !byte.is_ascii_lowercase());
    let named_for_another = about(last) || (!whole_large && about(last.get(last_hump..).unwrap_or_default()));
    (!named_for_another).then_some(from + length)
}

fn start_of_name(text: &[u8], from: usize) -> usize {
    let before = text.get(from.saturating_sub(64)..from).unwrap_or_default();
    from - before
        .iter()
        .rev()
        .take_while(|byte| is_word(**byte) || **byte == b'-')
        .count()
}

/// The quotation mark at a place, escaped or not.
fn quote(text: &[u8], at: usize) -> Option<&'static [u8]> {
    Some(match text.get(at..)? {
        [b'"', ..] => b"\"",
        [b'\'', ..] => b"'",
        [b'`', ..] => b"`",
        [b'\\', b'"', ..] => b"\\\"",
        [b'\\', b'\'', ..] => b"\\'",
        [b'\\', b'\\', b'\\', b'"', ..] => b"\\\\\\\"",
        _ => return None,
    })
}

fn blanks(text: &[u8], at: usize, most: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter()
        .take(most)
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count()
}

/// The length of ` &'static str = ` after a colon.
fn type_annotation(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let length = rest
        .iter()
        .take(40)
        .take_while(|byte| is_word(**byte) || matches!(byte, b'&' | b'\'' | b' ' | b'<' | b'>' | b':' | b'|'))
        .count();
    let ends_in_equals = length > 0 && rest.get(length) == Some(&b'=');
    ends_in_equals.then(|| length + 1 + blanks(text, at + length + 1, 8))
}

/// Whether a name stands where settings are written, not expressions: at the start of a line, after `export`, or in a query.
fn stands_alone(text: &[u8], start: usize) -> bool {
    let from = start.saturating_sub(200);
    let before = text.get(from..start).unwrap_or_default();
    if matches!(before.last(), Some(b'?' | b'&' | b';')) {
        return true;
    }
    let line = match memchr::memrchr(b'\n', before) {
        Some(end) => before.get(end + 1..).unwrap_or_default(),
        None => before,
    };
    let word = line
        .trim_ascii()
        .rsplit(|byte| *byte == b' ')
        .next()
        .unwrap_or_default();
    let word = word
        .strip_prefix(b"+")
        .or_else(|| word.strip_prefix(b"-"))
        .unwrap_or(word);
    // A log line may say when, and a command what else it is run with.
    matches!(
        word,
        b"" | b"export"
            | b"set"
            | b"ENV"
            | b"ARG"
            | b"env"
            | b"#"
            | b"//"
            | b"-e"
            | b"$"
            | b"\""
            | b"'"
            | b"setx"
    ) || word.ends_with(b":")
        || (word.contains(&b'=')
            && word
                .iter()
                .take_while(|byte| **byte != b'=')
                .all(|byte| byte.is_ascii_uppercase() || *byte == b'_'))
}

/// Whether a value looks drawn, not written.
fn is_secret(value: &[u8]) -> bool {
    if value.len() < MIN_VALUE
        || value
            .iter()
            .any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control())
    {
        return false;
    }
    if is_placeholder(value) || is_uuid(value) || is_place(value) {
        return false;
    }
    let kinds = kinds(value);
    let letters = kinds.small || kinds.large;
    let bits = shannon(value);
    if kinds.count() >= 3 && kinds.digits > 0 {
        return bits >= 2.75;
    }
    // Two kinds: the longer, the less likely written by hand.
    (letters && kinds.digits >= 2 && kinds.digits * 12 >= value.len() && bits >= 3.0)
        || (kinds.count() >= 3 && bits >= 3.2 && !value.contains(&b' ') && is_one_word(value))
}

/// What can only be a secret, though a sentence says it and no setting.
fn is_told(value: &[u8]) -> bool {
    let kinds = kinds(value);
    let signs = value.iter().filter(|byte| b"!@#$%^&*+=?~".contains(byte)).count();
    let others = value
        .iter()
        .any(|byte| !(byte.is_ascii_alphanumeric() || b"!@#$%^&*+=?~._-/".contains(byte)));
    let drawn = kinds.small && kinds.large && kinds.digits > 1 && value.len() >= 16 && shannon(value) >= 3.5;
    !others && kinds.count() >= 3 && kinds.digits > 0 && (signs > 0 || drawn) && is_secret(value)
}

/// Letters with a sign at the end or within, as people make passwords: `Correct!Horse`.
fn is_one_word(value: &[u8]) -> bool {
    let signs = value.iter().filter(|byte| !byte.is_ascii_alphanumeric()).count();
    signs <= 4
        && !value
            .iter()
            .any(|byte| matches!(byte, b'(' | b'{' | b'[' | b'<' | b':' | b'/' | b'\\' | b','))
}

fn is_placeholder(value: &[u8]) -> bool {
    let first = value.first().copied().unwrap_or_default();
    let varied = value.iter().any(|byte| *byte != first);
    if !varied
        || matches!(first, b'<' | b'{' | b'[' | b'(')
        || value.starts_with(b"$(")
        || value.starts_with(b"${")
        || value.starts_with(b"%(")
        || value.starts_with(b"&")
    {
        return true;
    }
    if first == b'$'
        && value.iter().skip(1).all(|byte| is_word(*byte))
        && !value.iter().any(u8::is_ascii_lowercase)
    {
        return true;
    }
    const WORDS: &[&str] = &[
        "example",
        "changeme",
        "change-me",
        "change_me",
        "placeholder",
        "dummy",
        "redacted",
        "xxxx",
        "****",
        "...",
        "your-",
        "your_",
        "${",
        "{{",
        "#{",
        "{}",
        "insert-",
        "insert_",
    ];
    let small = value.to_ascii_lowercase();
    WORDS
        .iter()
        .any(|word| memchr::memmem::find(&small, word.as_bytes()).is_some())
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A path or an address, whose own secrets other rules find.
fn is_place(value: &[u8]) -> bool {
    memchr::memmem::find(value, b"://").is_some()
        || value.starts_with(b"./")
        || value.starts_with(b"../")
        || value.starts_with(b"~/")
        || (value.starts_with(b"/")
            && value.iter().filter(|byte| **byte == b'/').count() > 1
            && shannon(value) < 4.0)
}

/// An expression of a program, where a value stands without quotes.
fn is_expression(value: &[u8]) -> bool {
    value.iter().any(|byte| matches!(byte, b'(' | b'[' | b'{'))
        || memchr::memmem::find(value, b"::").is_some()
        || value.starts_with(b"&")
        || value.starts_with(b"*")
}

/// What a program calls something, or a field of it.
fn is_name(value: &[u8]) -> bool {
    let names = value.split(|byte| *byte == b'.').all(|part| {
        let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
        part.first()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && part
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            && digits * 8 <= part.len()
    });
    names && shannon(value) < 4.2
}

#[cfg(test)]
mod tests;
