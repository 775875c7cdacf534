//! Reads a command line as bash and zsh do, or not at all.
//!
//! What is understood here is the part that both shells read alike. Anything else is refused, and so is what is nested deeper than
//! [`MAX_DEPTH`]: whoever asks then takes the strictest reading. No character is read twice on one level, so reading takes time in
//! proportion to length and depth, whatever is handed in. Grammar: POSIX.1-2024, Shell Command Language, 2.10.

use super::syntax::{AndOr, Assignment, Command, Document, Join, Pipeline, Redirect, Script, Stage, Word};

mod compound;
mod expansion;
mod word;

/// How deep constructs may be nested.
pub(super) const MAX_DEPTH: usize = 24;

/// Why a command was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It ends too early.
    Ends,
    /// Something stands where it does not belong, or is read otherwise by other shells.
    Unexpected(char),
    /// It is nested too deeply.
    Deep,
}

/// A command that was read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) script: Script,
    pub(super) documents: Vec<Document>,
}

/// Reads a whole command line.
pub(super) fn read(text: &str) -> Result<Parsed, Unread> {
    let chars: Vec<char> = text.chars().collect();
    let mut reader = Reader {
        chars: &chars,
        at: 0,
        depth: 0,
        pending: Vec::new(),
        documents: Vec::new(),
    };
    let script = reader.whole()?;
    Ok(Parsed {
        script,
        documents: reader.documents,
    })
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
    /// Here-documents whose text begins after this line.
    pending: Vec<Pending>,
    documents: Vec<Document>,
}

struct Pending {
    number: usize,
    delimiter: String,
    quoted: bool,
    /// `<<-`: leading tabs do not count.
    tabs: bool,
}

/// Where a list ends.
#[derive(Debug, Clone, Copy)]
enum Until {
    /// With the text.
    End,
    /// With `)`.
    Paren,
    /// With one of these words.
    Words(&'static [&'static str]),
    /// With `;;` or `esac`.
    Case,
}

impl Reader<'_> {
    fn whole(&mut self) -> Result<Script, Unread> {
        let script = self.list(Until::End)?;
        if self.pending.is_empty() {
            Ok(script)
        } else {
            Err(Unread::Ends)
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn take(&mut self, c: char) -> bool {
        let here = self.peek() == Some(c);
        if here {
            self.at += 1;
        }
        here
    }

    fn starts(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(ahead, c)| self.peek_at(ahead) == Some(c))
    }

    fn unexpected<T>(&self) -> Result<T, Unread> {
        Err(self.peek().map_or(Unread::Ends, Unread::Unexpected))
    }

    /// Runs a reading one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Unread>) -> Result<T, Unread> {
        if self.depth >= MAX_DEPTH {
            return Err(Unread::Deep);
        }
        self.depth += 1;
        let outcome = read(self);
        self.depth -= 1;
        outcome
    }

    /// Spaces, joined lines and comments.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t') => self.at += 1,
                Some('\\') if self.peek_at(1) == Some('\n') => self.at += 2,
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Blanks and line ends.
    fn lines(&mut self) -> Result<(), Unread> {
        loop {
            self.blanks();
            if self.peek() != Some('\n') {
                return Ok(());
            }
            self.line_end()?;
        }
    }

    fn line_end(&mut self) -> Result<(), Unread> {
        self.at += 1;
        for document in std::mem::take(&mut self.pending) {
            self.here_document(&document)?;
        }
        Ok(())
    }

    /// The word that begins here if it stands there plainly; for words that the grammar keeps for itself.
    fn keyword(&self) -> Option<String> {
        let mut word = String::new();
        for ahead in 0..10 {
            match self.peek_at(ahead) {
                Some(c) if c.is_ascii_lowercase() || matches!(c, '!' | '{' | '}' | '[' | ']') => word.push(c),
                None | Some(' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>') => {
                    return Some(word);
                }
                Some(_) => return None,
            }
        }
        None
    }

    fn take_keyword(&mut self, word: &str) -> bool {
        let here = self.keyword().as_deref() == Some(word);
        if here {
            self.at += word.chars().count();
        }
        here
    }

    fn expect_keyword(&mut self, word: &str) -> Result<(), Unread> {
        self.lines()?;
        if self.take_keyword(word) {
            Ok(())
        } else {
            self.unexpected()
        }
    }

    /// A list up to, and without, what ends it.
    fn list(&mut self, until: Until) -> Result<Script, Unread> {
        let mut script = Script::new();
        loop {
            self.lines()?;
            if self.ends(until) {
                return match until {
                    Until::End if self.peek().is_some() => self.unexpected(),
                    _ => Ok(script),
                };
            }
            script.push(self.and_or()?);
            self.blanks();
            match self.peek() {
                Some(';') if self.peek_at(1) != Some(';') && self.peek_at(1) != Some('&') => self.at += 1,
                // `&|` and `&!` are zsh's.
                Some('&') if !matches!(self.peek_at(1), Some('&' | '|' | '!' | '>')) => self.at += 1,
                Some('\n') => {}
                _ if self.ends(until) => {}
                _ => return self.unexpected(),
            }
        }
    }

    fn ends(&self, until: Until) -> bool {
        let word = || self.keyword().unwrap_or_default();
        match until {
            Until::End => self.peek().is_none(),
            Until::Paren => self.peek() == Some(')'),
            Until::Words(words) => words.contains(&word().as_str()),
            Until::Case => self.starts(";;") || self.starts(";&") || word() == "esac",
        }
    }

    fn and_or(&mut self) -> Result<AndOr, Unread> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let join = if self.starts("&&") {
                Join::And
            } else if self.starts("||") {
                Join::Or
            } else {
                return Ok(AndOr { first, rest });
            };
            self.at += 2;
            self.lines()?;
            rest.push((join, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, Unread> {
        loop {
            self.blanks();
            if self.take_keyword("!") {
                continue;
            }
            if !self.take_keyword("time") {
                break;
            }
            self.blanks();
            if self.starts("-p ") {
                self.at += 2;
            }
        }
        let mut stages = vec![self.stage()?];
        loop {
            self.blanks();
            if self.peek() != Some('|') || self.peek_at(1) == Some('|') {
                return Ok(Pipeline(stages));
            }
            self.at += 1;
            self.take('&');
            self.lines()?;
            stages.push(self.stage()?);
        }
    }

    fn stage(&mut self) -> Result<Stage, Unread> {
        self.blanks();
        if let Some(command) = self.compound()? {
            let mut redirects = Vec::new();
            loop {
                self.blanks();
                match self.redirect()? {
                    Some(redirect) => redirects.push(redirect),
                    None => return Ok(Stage { command, redirects }),
                }
            }
        }
        self.simple()
    }

    fn simple(&mut self) -> Result<Stage, Unread> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::<Word>::new(), Vec::new());
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            let Some(word) = self.word()? else { break };
            let digits = !word.marked
                && word
                    .text()
                    .is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit()));
            if digits && matches!(self.peek(), Some('<' | '>')) && self.peek_at(1) != Some('(') {
                continue; // The number of a stream, for the redirection that follows.
            }
            if self.peek() == Some('(') {
                let defines = words.is_empty() && assignments.is_empty() && redirects.is_empty();
                return match word.text() {
                    Some(_) if defines && !word.marked => self.definition(),
                    // Arrays, and the patterns that run code in zsh.
                    _ => self.unexpected(),
                };
            }
            match Assignment::of(&word) {
                Some(assignment) if words.is_empty() => assignments.push(assignment),
                _ => words.push(word),
            }
        }
        if assignments.is_empty() && words.is_empty() && redirects.is_empty() {
            return self.unexpected();
        }
        let command = Command::Simple { assignments, words };
        Ok(Stage { command, redirects })
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, Unread> {
        // The longest first. Reading and writing at once counts as writing.
        const OPERATORS: [(&str, bool); 13] = [
            ("&>>", true),
            ("&>", true),
            ("<<<", false),
            ("<<-", false),
            ("<<", false),
            ("<>", true),
            ("<&", false),
            (">>", true),
            (">|", true),
            (">&", true),
            (">", true),
            ("<", false),
            ("", false),
        ];
        let process = matches!(self.peek(), Some('<' | '>')) && self.peek_at(1) == Some('(');
        let found = OPERATORS.iter().find(|(operator, _)| self.starts(operator));
        let Some(&(operator, writes)) = found.filter(|(operator, _)| !operator.is_empty() && !process) else {
            return Ok(None);
        };
        self.at += operator.len();
        // zsh's `>!`, `>>|`, `>&|`, `>>&` and their like.
        if matches!(self.peek(), Some('!' | '|' | '&')) {
            return self.unexpected();
        }
        self.blanks();
        let Some(word) = self.word()? else {
            return self.unexpected();
        };
        if self.peek() == Some('(') {
            return self.unexpected();
        }
        if operator == "<<" || operator == "<<-" {
            return self.announce(&word, operator == "<<-").map(Some);
        }
        let stream = |text: &str| {
            text == "-"
                || text
                    .strip_suffix('-')
                    .unwrap_or(text)
                    .bytes()
                    .all(|b| b.is_ascii_digit())
        };
        let duplicates =
            operator.ends_with('&') && word.text().is_some_and(|text| !text.is_empty() && stream(text));
        Ok(Some(if writes && !duplicates {
            Redirect::Write(word)
        } else {
            Redirect::Read(word)
        }))
    }
}

impl Assignment {
    /// A word of the form `NAME=value` or `NAME+=value`.
    fn of(word: &Word) -> Option<Self> {
        let lead: String = word.lead().chars().take(word.plain).collect();
        let (name, _) = lead.split_once('=')?;
        let kept = name.strip_suffix('+').unwrap_or(name);
        if !is_name(kept) {
            return None;
        }
        let mut value = word.clone();
        if let Some(super::syntax::Part::Text(text)) = value.parts.first_mut() {
            *text = text.get(name.len() + 1..)?.to_owned();
        }
        Some(Self {
            name: kept.to_owned(),
            value,
        })
    }
}

/// Whether a text names a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests;
