//! Words of others: where secrets were, what would mislead a reader, and long texts folded.

use vocabulary::misleads;

/// What stands where a secret was begins so: `[redacted:<rule>:<8 hex>]`.
const MARKER: &str = "[redacted:";

/// The longest name of a rule.
const MOST_RULE_BYTES: usize = 80;

/// The digits of a marker.
const DIGITS: usize = 8;

/// How much of a single line is shown, in characters.
const MOST_LINE_CHARS: usize = 1_000;

/// So many lines of a text are shown as they are.
const WHOLE: usize = 16;

/// So many of its first lines are, where it is longer, and so many of its last.
const FIRST: usize = 8;
const LAST: usize = 4;

/// How much fits on a line beside what it is called, in bytes.
const INLINE_BYTES: usize = 160;

/// How much of what is between is kept at hand, in lines and in bytes.
const MOST_HIDDEN_LINES: usize = 400;
const MOST_HIDDEN_BYTES: usize = 32 * 1024;

/// A part of a text that is shown in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Plain(String),
    /// What stands where a secret was.
    Secret(String),
    /// Characters that steer, hide or turn around what is read, spelt out as JSON spells them.
    Odd(String),
}

/// A text that somebody else wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

impl Text {
    /// A text with its lines.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut made = Self::default();
        let mut rest = text;
        while let Some(start) = rest.find(MARKER) {
            let (before, from) = rest.split_at(start);
            made.push_shown(before);
            let length = marker(from).unwrap_or(0);
            if length == 0 {
                made.push_shown(MARKER);
                rest = &from[MARKER.len()..];
            } else {
                made.0.push(Piece::Secret(from[..length].to_owned()));
                rest = &from[length..];
            }
        }
        made.push_shown(rest);
        made
    }

    /// A text on one line, of at most so many characters.
    #[must_use]
    pub fn line(text: &str, most: usize) -> Self {
        let mut line = String::new();
        let mut chars = text.trim().chars();
        for c in chars.by_ref().take(most) {
            let breaks = matches!(c, '\n' | '\r' | '\t');
            if !breaks {
                line.push(c);
            } else if !line.ends_with(' ') {
                line.push(' ');
            }
        }
        if chars.next().is_some() {
            line.push('…');
        }
        Self::of(&line)
    }

    /// Its parts, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of it, in one kind of letters.
    #[must_use]
    pub fn plain(&self) -> String {
        let part = |piece: &Piece| match piece {
            Piece::Plain(text) | Piece::Secret(text) | Piece::Odd(text) => text.clone(),
        };
        self.0.iter().map(part).collect()
    }

    fn push_shown(&mut self, text: &str) {
        let mut plain = match self.0.pop() {
            Some(Piece::Plain(plain)) => plain,
            Some(other) => {
                self.0.push(other);
                String::new()
            }
            None => String::new(),
        };
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\r' && chars.peek() == Some(&'\n') {
                continue;
            }
            if matches!(c, '\n' | '\t') || !misleads(c) {
                plain.push(c);
                continue;
            }
            if !plain.is_empty() {
                self.0.push(Piece::Plain(std::mem::take(&mut plain)));
            }
            let spelt = spelt(c);
            match self.0.last_mut() {
                Some(Piece::Odd(before)) => before.push_str(&spelt),
                _ => self.0.push(Piece::Odd(spelt)),
            }
        }
        if !plain.is_empty() {
            self.0.push(Piece::Plain(plain));
        }
    }
}

/// A character as JSON spells it.
pub(crate) fn spelt(c: char) -> String {
    let mut units = [0; 2];
    let units = c.encode_utf16(&mut units);
    units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// How long the marker is with which a text begins.
fn marker(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(MARKER)?;
    let rule = rest.bytes().take(MOST_RULE_BYTES + 1).position(|b| b == b':')?;
    let named = rest.as_bytes().get(..rule)?;
    let proper = rule > 0
        && named
            .iter()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'/' | b'.'));
    let digest = rest.as_bytes().get(rule + 1..rule + 1 + DIGITS)?;
    let hex = digest.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let closed = rest.as_bytes().get(rule + 1 + DIGITS) == Some(&b']');
    (proper && hex && closed).then_some(MARKER.len() + rule + DIGITS + 2)
}

/// A text of which the middle is folded away, where it is long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    /// How it begins; all of it, where it is short.
    pub head: Text,
    /// What is folded away.
    pub hidden: Option<Hidden>,
    /// How it ends, where something is folded away.
    pub tail: Text,
}

/// What is folded away of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// How many lines.
    pub lines: usize,
    /// What they say.
    pub text: Text,
    /// How many of them are not even kept at hand; an export has them.
    pub left_out: usize,
}

impl Folded {
    /// A text, folded where it is long.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.trim_end_matches(['\n', '\r']);
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() <= WHOLE {
            return Self {
                head: joined(&lines),
                hidden: None,
                tail: Text::default(),
            };
        }
        let (head, rest) = lines.split_at(FIRST);
        let (middle, tail) = rest.split_at(rest.len() - LAST);
        let mut bytes = 0;
        let fits = |line: &&&str| {
            bytes += line.len().min(4 * MOST_LINE_CHARS) + 1;
            bytes <= MOST_HIDDEN_BYTES
        };
        let kept = middle.iter().take(MOST_HIDDEN_LINES).take_while(fits).count();
        Self {
            head: joined(head),
            hidden: Some(Hidden {
                lines: middle.len(),
                text: joined(middle.get(..kept).unwrap_or_default()),
                left_out: middle.len() - kept,
            }),
            tail: joined(tail),
        }
    }

    /// All of it, where that fits on a line.
    #[must_use]
    pub fn line(&self) -> Option<&Text> {
        let short = |text: &Text| {
            let plain = text.plain();
            plain.len() <= INLINE_BYTES && !plain.contains('\n')
        };
        (self.hidden.is_none() && short(&self.head)).then_some(&self.head)
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.hidden.is_none()
    }
}

fn joined(lines: &[&str]) -> Text {
    let lines: Vec<String> = lines.iter().map(|line| cut(line)).collect();
    Text::of(&lines.join("\n"))
}

/// A line, cut where it goes on for too long.
pub(super) fn cut(line: &str) -> String {
    match line.char_indices().nth(MOST_LINE_CHARS) {
        None => line.to_owned(),
        Some((at, _)) => format!("{}… {} more bytes", &line[..at], line.len() - at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_what_misleads_are_parts_of_their_own() {
        let text = Text::of(
            "a\u{1b}[31m\u{202e}b [redacted:aws-access-token:0123abcd]\r\n[redacted:no:x] \u{e0041}",
        );
        assert_eq!(
            text.pieces(),
            [
                Piece::Plain("a".into()),
                Piece::Odd("\\u001b".into()),
                Piece::Plain("[31m".into()),
                Piece::Odd("\\u202e".into()),
                Piece::Plain("b ".into()),
                Piece::Secret("[redacted:aws-access-token:0123abcd]".into()),
                Piece::Plain("\n[redacted:no:x] ".into()),
                Piece::Odd("\\udb40\\udc41".into()),
            ]
        );
        assert!(Text::of("").is_empty());
        assert_eq!(Text::line(" a\n\n\tb\rc ", 80).plain(), "a b c");
        assert_eq!(Text::line("abcdef", 3).plain(), "abc…");
    }

    #[test]
    fn of_a_long_text_the_ends_are_shown_and_the_rest_is_counted() {
        let text: String = (0..1_000).map(|n| format!("line {n}\n")).collect();
        let folded = Folded::of(&text);
        let hidden = folded.hidden.unwrap();
        assert_eq!((hidden.lines, hidden.left_out), (988, 588));
        assert!(folded.head.plain().ends_with("line 7") && hidden.text.plain().starts_with("line 8\n"));
        assert_eq!(folded.tail.plain(), "line 996\nline 997\nline 998\nline 999");
        let short = Folded::of(&text[..text.find("line 16\n").unwrap()]);
        assert!(short.hidden.is_none() && short.head.plain().ends_with("line 15"));
        let endless = Folded::of(&"x".repeat(1_000_000));
        assert!(endless.head.plain().len() < 1_100, "a line has an end");
    }

    mod laws {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            #[test]
            fn nothing_that_misleads_is_left_as_it_is(said in "(\\PC|\\p{C}|\\[redacted:[a-z]{0,3}:?[0-9a-f]{0,9}\\]?){0,60}") {
                for piece in Text::of(&said).pieces() {
                    let (Piece::Plain(shown) | Piece::Secret(shown) | Piece::Odd(shown)) = piece;
                    prop_assert!(!shown.is_empty());
                    prop_assert!(shown.chars().all(|c| matches!(c, '\n' | '\t') || !misleads(c)), "{shown:?}");
                }
            }

            #[test]
            fn every_line_is_shown_hidden_or_counted(lines in proptest::collection::vec("[a-z]{1,5}", 0..600)) {
                let folded = Folded::of(&lines.join("\n"));
                let count = |text: &Text| text.plain().lines().count();
                let hidden = folded.hidden.as_ref().map_or(0, |hidden| count(&hidden.text) + hidden.left_out);
                prop_assert_eq!(folded.hidden.as_ref().map_or(0, |hidden| hidden.lines), hidden);
                prop_assert_eq!(count(&folded.head) + hidden + count(&folded.tail), lines.len());
            }
        }
    }
}
