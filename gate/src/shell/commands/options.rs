//! Options, read by a closed list: what is not in it may do anything.

use crate::shell::syntax::Word;

/// The options that a command may be called with.
pub(super) struct Options {
    /// Letters that stand alone.
    pub(super) flags: &'static str,
    /// Letters that a value follows.
    pub(super) valued: &'static str,
    /// Long options that stand alone.
    pub(super) long: &'static [&'static str],
    /// Long options that a value follows, behind `=` or as the next word.
    pub(super) long_valued: &'static [&'static str],
}

/// What a command is called with.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Options without their dashes, with their values.
    pub(super) options: Vec<(String, Option<Word>)>,
    pub(super) operands: Vec<Word>,
}

impl Read {
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(known, _)| known == name)
    }

    pub(super) fn values<'a>(&'a self, names: &'a [&'a str]) -> impl Iterator<Item = &'a Word> {
        self.options
            .iter()
            .filter(|(known, _)| names.contains(&known.as_str()))
            .filter_map(|(_, value)| value.as_ref())
    }
}

impl Options {
    /// Reads arguments. `None` if one is unknown, or could be an option that is not seen here.
    pub(super) fn read(&self, arguments: &[Word]) -> Option<Read> {
        self.read_until(arguments, Operands::Anywhere)
            .map(|(read, _)| read)
    }

    /// As [`Self::read`]; with [`Operands::End`] up to the first operand, with what begins there.
    pub(super) fn read_until<'w>(
        &self,
        arguments: &'w [Word],
        operands: Operands,
    ) -> Option<(Read, &'w [Word])> {
        let mut read = Read::default();
        let mut rest = arguments;
        while let [word, after @ ..] = rest {
            if word.text() == Some("--") {
                rest = after;
                if operands == Operands::Anywhere {
                    read.operands.extend(rest.iter().cloned());
                    rest = &[];
                }
                break;
            }
            if !word.may_be_option() || word.text() == Some("-") {
                if operands == Operands::End {
                    break;
                }
                read.operands.push(word.clone());
                rest = after;
                continue;
            }
            // Of an option, all must be told but its value.
            let lead = word.lead();
            rest = match lead.strip_prefix("--") {
                Some(long) => self.long_option(long, word, after, &mut read)?,
                None => self.letters(lead.strip_prefix('-')?, word, after, &mut read)?,
            };
        }
        Some((read, rest))
    }

    fn long_option<'w>(
        &self,
        long: &str,
        word: &Word,
        after: &'w [Word],
        read: &mut Read,
    ) -> Option<&'w [Word]> {
        let (name, value) = long
            .split_once('=')
            .map_or((long, None), |(name, value)| (name, Some(value)));
        match value {
            Some(_) if self.long_valued.contains(&name) => {
                read.options
                    .push((name.to_owned(), Some(cut(word, name.len() + 3)?)));
                Some(after)
            }
            None if self.long.contains(&name) && word.text().is_some() => {
                read.options.push((name.to_owned(), None));
                Some(after)
            }
            None if self.long_valued.contains(&name) && word.text().is_some() => {
                let [value, after @ ..] = after else { return None };
                read.options.push((name.to_owned(), Some(single(value)?)));
                Some(after)
            }
            _ => None,
        }
    }

    fn letters<'w>(
        &self,
        letters: &str,
        word: &Word,
        after: &'w [Word],
        read: &mut Read,
    ) -> Option<&'w [Word]> {
        for (at, letter) in letters.char_indices() {
            if self.valued.contains(letter) {
                let begins = 1 + at + letter.len_utf8();
                if begins < 1 + letters.len() || word.text().is_none() {
                    read.options.push((letter.to_string(), Some(cut(word, begins)?)));
                    return Some(after);
                }
                let [value, after @ ..] = after else { return None };
                read.options.push((letter.to_string(), Some(single(value)?)));
                return Some(after);
            }
            if !self.flags.contains(letter) {
                return None;
            }
            read.options.push((letter.to_string(), None));
        }
        word.text().map(|_| after)
    }
}

/// Where operands may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operands {
    /// Between options as well.
    Anywhere,
    /// Options end where the first one begins.
    End,
}

/// A word that stays one word.
fn single(word: &Word) -> Option<Word> {
    (!word.splits()).then(|| word.clone())
}

/// A word without its first bytes.
fn cut(word: &Word, bytes: usize) -> Option<Word> {
    let mut value = single(word)?;
    if let Some(crate::shell::syntax::Part::Text(text)) = value.parts.first_mut() {
        *text = text.get(bytes..)?.to_owned();
    }
    if value.lead().is_empty() && value.parts.len() > 1 {
        value.parts.remove(0);
    }
    Some(value)
}
