//! Lines with colours of ours and words of others, which bring none.

use std::io::{self, Write as _};

use hub::telling::{Piece, Text};

use crate::output;

/// How something looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Strong,
    Soft,
    Good,
    Warn,
    Bad,
    Loud,
}

impl Ink {
    /// Select Graphic Rendition, ECMA-48 section 8.3.117.
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Soft => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[31m",
            Self::Loud => "\x1b[1;7;31m",
        }
    }
}

/// One line.
#[derive(Debug, Default)]
pub(crate) struct Line(Vec<(Ink, String)>);

impl Line {
    /// With these words, in which nothing is left that steers a terminal.
    pub(crate) fn with(mut self, ink: Ink, words: &str) -> Self {
        self.0.push((ink, output::escaped(words)));
        self
    }

    /// With a text of somebody else's.
    pub(crate) fn text(mut self, ink: Ink, text: &Text) -> Self {
        for piece in text.pieces() {
            self = match piece {
                Piece::Plain(words) => self.with(ink, words),
                Piece::Secret(words) => self.with(Ink::Warn, words),
                Piece::Odd(words) => self.with(Ink::Bad, words),
            };
        }
        self
    }

    /// As it is written.
    pub(crate) fn written(&self, coloured: bool) -> String {
        let mut line = String::new();
        for (ink, words) in &self.0 {
            if coloured && *ink != Ink::Plain {
                line += ink.code();
                line += words;
                line += "\x1b[0m";
            } else {
                line += words;
            }
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// Prints it. A closed pipe ends the program quietly, as it does other tools.
    pub(crate) fn print(&self, coloured: bool) {
        if let Err(error) = writeln!(io::stdout(), "{}", self.written(coloured))
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            std::process::exit(0);
        }
    }
}

/// The lines of a text of somebody else's, each a line of its own.
pub(crate) fn lines(text: &Text) -> Vec<Text> {
    let plain = text.plain();
    plain.split('\n').map(Text::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_bring_no_colours_of_their_own() {
        let line = Line::default()
            .with(Ink::Bad, "a\x1b[32mb\n")
            .text(Ink::Plain, &Text::of("c\u{202e}[redacted:x:0123abcd]"));
        assert_eq!(
            line.written(false),
            "a\\u001b[32mb\\u000ac\\u202e[redacted:x:0123abcd]"
        );
        let escapes = line.written(true).matches('\x1b').count();
        assert_eq!(
            escapes,
            6,
            "three parts, each begun and ended: {:?}",
            line.written(true)
        );
    }
}
