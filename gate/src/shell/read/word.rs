//! Words: quotes, patterns, and what stands for something else.

use super::{Reader, Unread, Word};
use crate::shell::syntax::Part;

impl Reader<'_> {
    /// The word that begins here, if one does.
    pub(super) fn word(&mut self) -> Result<Option<Word>, Unread> {
        let mut word = Word::default();
        let start = self.at;
        while let Some(c) = self.peek() {
            match c {
                '<' | '>' if self.peek_at(1) == Some('(') => {
                    self.at += 2;
                    self.substitution(&mut word, Part::Pipe)?;
                }
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\\' => {
                    self.at += 1;
                    match self.peek() {
                        None => return Err(Unread::Ends),
                        Some('\n') => word.marked = true,
                        Some(escaped) => {
                            refuse_control(escaped)?;
                            word.marked = true;
                            word.push(escaped);
                        }
                    }
                    self.at += 1;
                }
                '\'' => {
                    self.at += 1;
                    self.single_quoted(&mut word)?;
                }
                '"' => {
                    self.at += 1;
                    self.double_quoted(&mut word)?;
                }
                '$' => {
                    self.at += 1;
                    self.dollar(&mut word, Quotes::None)?;
                }
                '`' => {
                    self.at += 1;
                    self.backticks(&mut word, Quotes::None)?;
                }
                _ => self.plain(c, &mut word)?,
            }
        }
        Ok((self.at > start).then_some(word))
    }

    /// A character without quotes.
    fn plain(&mut self, c: char, word: &mut Word) -> Result<(), Unread> {
        refuse_control(c)?;
        let first = word.parts.is_empty();
        let unknown = Part::Unknown { splits: false };
        match c {
            // `[` and `[[` are commands as well.
            '[' if first && self.stands_alone("[") => word.letter(c),
            '*' | '?' | '[' => word.expand(Part::Pattern),
            '{' if self.is_brace_expansion() => word.expand(Part::Unknown { splits: true }),
            '~' if first => match self.peek_at(1) {
                None | Some('/' | ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | ')') => {
                    word.expand(Part::Home)
                }
                Some(_) => word.expand(unknown),
            },
            // Assignments, and what looks like one, are expanded there too.
            '~' if word
                .parts
                .last()
                .is_some_and(|part| matches!(part, Part::Text(text) if text.ends_with(['=', ':']))) =>
            {
                word.expand(unknown);
            }
            // zsh's `=name` is the path of a command.
            '=' if first => word.expand(unknown),
            _ => {
                word.letter(c);
            }
        }
        self.at += 1;
        Ok(())
    }

    fn stands_alone(&self, text: &str) -> bool {
        self.starts(text) && matches!(self.peek_at(text.len()), None | Some(' ' | '\t' | '\n'))
    }

    /// `{a,b}` and `{1..3}` become several words; `{a}` does not, nor `{}`, but `{},}` does. So a comma or two dots anywhere
    /// behind the brace count, and what is not plain as well.
    fn is_brace_expansion(&self) -> bool {
        for ahead in 1..=64 {
            match self.peek_at(ahead) {
                None | Some(' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')') => return false,
                Some(',' | '{' | '\'' | '"' | '$' | '`' | '\\') => return true,
                Some('.') if self.peek_at(ahead + 1) == Some('.') => return true,
                Some(_) => {}
            }
        }
        // Long ones are looked at once and then taken for what they may be: no text is searched again and again.
        true
    }

    fn single_quoted(&mut self, word: &mut Word) -> Result<(), Unread> {
        word.quoted();
        loop {
            match self.peek() {
                None => return Err(Unread::Ends),
                Some('\'') => break,
                Some(c) => {
                    refuse_hidden(c)?;
                    word.push(c);
                }
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(())
    }

    /// Up to the closing quote, which is taken.
    pub(super) fn double_quoted(&mut self, word: &mut Word) -> Result<(), Unread> {
        word.quoted();
        loop {
            let Some(c) = self.peek() else {
                return Err(Unread::Ends);
            };
            self.at += 1;
            match c {
                '"' => return Ok(()),
                _ => self.in_quotes(c, word)?,
            }
        }
    }

    /// One character, already taken, where only `\`, `$` and backticks mean something.
    pub(super) fn in_quotes(&mut self, c: char, word: &mut Word) -> Result<(), Unread> {
        match c {
            '$' => self.dollar(word, Quotes::Double),
            '`' => self.backticks(word, Quotes::Double),
            '\\' => match self.peek() {
                None => Err(Unread::Ends),
                Some('\n') => {
                    self.at += 1;
                    Ok(())
                }
                Some(escaped @ ('$' | '`' | '"' | '\\')) => {
                    self.at += 1;
                    word.push(escaped);
                    Ok(())
                }
                Some(_) => {
                    word.push('\\');
                    Ok(())
                }
            },
            _ => {
                refuse_hidden(c)?;
                word.push(c);
                Ok(())
            }
        }
    }
}

/// In what quotes something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Double,
}

impl Quotes {
    /// What stands for something else there.
    pub(super) const fn unknown(self) -> Part {
        match self {
            Self::None => Part::Unknown { splits: true },
            Self::Double => Part::Unknown { splits: false },
        }
    }
}

impl Word {
    /// Adds a character that stands there without quotes.
    fn letter(&mut self, c: char) {
        if !self.marked {
            self.plain += 1;
        }
        self.push(c);
    }

    /// Notes that quotes begin; an empty pair of them is a word, too.
    fn quoted(&mut self) {
        self.marked = true;
        if self.parts.is_empty() {
            self.parts.push(Part::Text(String::new()));
        }
    }

    /// Adds what is not known.
    pub(super) fn expand(&mut self, part: Part) {
        self.marked = true;
        self.parts.push(part);
    }
}

/// No shell is asked what it makes of control characters.
fn refuse_control(c: char) -> Result<(), Unread> {
    if c.is_control() && c != '\t' {
        return Err(Unread::Unexpected(c));
    }
    Ok(())
}

/// As above, for quoted texts, which may have lines.
fn refuse_hidden(c: char) -> Result<(), Unread> {
    if c == '\n' { Ok(()) } else { refuse_control(c) }
}
