//! Expansions: `$name`, `${...}`, `$(...)`, `$((...))` and backticks.

use std::rc::Rc;

use super::{Document, Reader, Unread, Until, Word, word::Quotes};
use crate::shell::syntax::Part;

impl Reader<'_> {
    /// After a `$`.
    pub(super) fn dollar(&mut self, word: &mut Word, quotes: Quotes) -> Result<(), Unread> {
        let Some(c) = self.peek() else {
            word.push('$');
            return Ok(());
        };
        match c {
            '(' if self.peek_at(1) == Some('(') => {
                self.at += 2;
                self.arithmetic()?;
                word.expand(quotes.unknown());
            }
            '(' => {
                self.at += 1;
                self.substitution(word, quotes.unknown())?;
            }
            '{' => {
                self.at += 1;
                self.deeper(|reader| reader.parameter(word, quotes))?;
                word.expand(quotes.unknown());
            }
            '\'' if quotes == Quotes::None => {
                self.at += 1;
                self.escaped_quotes(word)?;
            }
            '"' if quotes == Quotes::None => {
                self.at += 1;
                word.expand(Part::Unknown { splits: false });
                self.double_quoted(word)?;
            }
            // Old arithmetic; zsh runs what is in it.
            '[' => return self.unexpected(),
            _ if c.is_ascii_alphanumeric() || c == '_' => {
                while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                    self.at += 1;
                }
                self.refuse_subscript()?;
                word.expand(quotes.unknown());
            }
            '@' | '*' | '#' | '?' | '-' | '$' | '!' => {
                self.at += 1;
                self.refuse_subscript()?;
                word.expand(quotes.unknown());
            }
            // zsh's flags.
            '~' | '=' | '^' | '+' | ':' => word.expand(quotes.unknown()),
            _ => {
                word.marked = true;
                word.push('$');
            }
        }
        Ok(())
    }

    /// `$name[...]` is a subscript in zsh, which evaluates what is in it.
    fn refuse_subscript(&self) -> Result<(), Unread> {
        if self.peek() == Some('[') {
            return self.unexpected();
        }
        Ok(())
    }

    /// After `$(`, `<(` or `>(`: a list and `)`.
    pub(super) fn substitution(&mut self, word: &mut Word, part: Part) -> Result<(), Unread> {
        let waiting = std::mem::take(&mut self.pending);
        let script = self.deeper(|reader| reader.list(Until::Paren))?;
        if !self.take(')') || !self.pending.is_empty() {
            return self.unexpected();
        }
        self.pending = waiting;
        word.inner.push(Rc::new(script));
        word.expand(part);
        Ok(())
    }

    /// After a backtick. Within, a backslash keeps `$`, a backtick and itself for the inner reading.
    pub(super) fn backticks(&mut self, word: &mut Word, quotes: Quotes) -> Result<(), Unread> {
        let mut inner = Vec::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(Unread::Ends);
            };
            self.at += 1;
            match (c, self.peek()) {
                ('`', _) => break,
                ('\\', Some(kept @ ('$' | '`' | '\\'))) => {
                    self.at += 1;
                    inner.push(kept);
                }
                // Shells differ on these.
                ('\\', Some('"')) if quotes == Quotes::Double => return self.unexpected(),
                _ => inner.push(c),
            }
        }
        let script = self.within(&inner, |reader| reader.whole())?;
        word.inner.push(Rc::new(script));
        word.expand(quotes.unknown());
        Ok(())
    }

    /// Reads another text, one level deeper, with the same documents.
    fn within<T>(
        &mut self,
        chars: &[char],
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, Unread>,
    ) -> Result<T, Unread> {
        self.deeper(|outer| {
            let mut reader = Reader {
                chars,
                at: 0,
                depth: outer.depth,
                pending: Vec::new(),
                documents: std::mem::take(&mut outer.documents),
            };
            let outcome = read(&mut reader);
            outer.documents = reader.documents;
            outcome
        })
    }

    /// A here-document's text with its expansions.
    pub(super) fn expanded(&mut self, body: &[char]) -> Result<Document, Unread> {
        let word = self.within(body, |reader| {
            let mut word = Word::default();
            while let Some(c) = reader.peek() {
                reader.at += 1;
                reader.in_quotes(c, &mut word)?;
            }
            Ok(word)
        })?;
        Ok(Document {
            text: word.text().map(str::to_owned),
            inner: word.inner,
        })
    }

    /// `$'...'`. With an escape in it, it is not told what it says.
    fn escaped_quotes(&mut self, word: &mut Word) -> Result<(), Unread> {
        let mut text = String::new();
        let mut escapes = false;
        loop {
            match self.peek() {
                None => return Err(Unread::Ends),
                Some('\'') => break,
                Some('\\') => {
                    escapes = true;
                    self.at += 1;
                    // To a plain `sh` the text ends there.
                    if self.peek() == Some('\'') {
                        return self.unexpected();
                    }
                }
                Some(c) => text.push(c),
            }
            self.at += 1;
        }
        self.at += 1;
        if escapes {
            word.expand(Part::Unknown { splits: false });
        } else {
            word.expand(Part::Text(text));
        }
        Ok(())
    }

    /// After `$((`: numbers and operators only. A variable in there can hold `a[$(...)]`, which runs.
    fn arithmetic(&mut self) -> Result<(), Unread> {
        while let Some(c) = self.peek() {
            if self.starts("))") {
                self.at += 2;
                return Ok(());
            }
            if !(c.is_ascii_digit() || " +-*/%()<>=!&|^~?:,".contains(c)) {
                return self.unexpected();
            }
            self.at += 1;
        }
        Err(Unread::Ends)
    }

    /// After `${`: a name, and what becomes of its value, if that runs nothing.
    fn parameter(&mut self, word: &mut Word, quotes: Quotes) -> Result<(), Unread> {
        let counted = self.starts("#") && self.peek_at(1) != Some('}');
        if counted {
            self.at += 1;
        }
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.at += 1;
        }
        if self.at == start && matches!(self.peek(), Some('@' | '*' | '?' | '$' | '#' | '-')) {
            self.at += 1;
        }
        if self.at == start {
            return self.unexpected(); // `${!x}` and zsh's flags evaluate what they find.
        }
        if self.take('}') {
            return Ok(());
        }
        const OPERATORS: [&str; 14] = [
            ":-", ":+", ":?", "-", "+", "?", "%%", "%", "##", "#", "^^", "^", ",,", ",",
        ];
        if let Some(operator) = OPERATORS.iter().find(|operator| self.starts(operator)) {
            self.at += operator.len();
        } else if self.take('/') {
            self.take('/');
        } else if self.take(':') {
            return self.numbers();
        } else {
            return self.unexpected();
        }
        if counted {
            return self.unexpected();
        }
        // Its text may stand there or not; what runs in it may run.
        let mut other = Word::default();
        self.operand(&mut other, quotes)?;
        word.inner.append(&mut other.inner);
        Ok(())
    }

    /// `${name:1:2}`.
    fn numbers(&mut self) -> Result<(), Unread> {
        while self.peek().is_some_and(|c| c.is_ascii_digit() || c == ':') {
            self.at += 1;
        }
        if self.take('}') { Ok(()) } else { self.unexpected() }
    }

    /// What follows the operator, up to `}`.
    fn operand(&mut self, word: &mut Word, quotes: Quotes) -> Result<(), Unread> {
        loop {
            let Some(c) = self.peek() else {
                return Err(Unread::Ends);
            };
            self.at += 1;
            match c {
                '}' => return Ok(()),
                '"' => self.double_quoted(word)?,
                // Shells differ on what these quote in there.
                '\'' | '{' | '(' | ')' | '<' | '>' => return Err(Unread::Unexpected(c)),
                _ if quotes == Quotes::None && c == '\\' => {
                    self.at += 1;
                }
                _ => self.in_quotes(c, word)?,
            }
        }
    }
}
