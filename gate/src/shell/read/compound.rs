//! Compound commands, definitions and here-documents.

use super::{Document, Pending, Reader, Redirect, Unread, Until, Word, is_name};
use crate::shell::syntax::{Command, Script, Stage};

impl Reader<'_> {
    /// A compound command, if one begins here.
    pub(super) fn compound(&mut self) -> Result<Option<Command>, Unread> {
        if self.starts("((") {
            return self.unexpected(); // Arithmetic runs what the variables in it hold.
        }
        if self.take('(') {
            let script = self.deeper(|reader| reader.list(Until::Paren))?;
            self.close(')')?;
            return Ok(Some(Command::Subshell(script)));
        }
        let Some(word) = self.keyword() else {
            return Ok(None);
        };
        let read: fn(&mut Self) -> Result<Command, Unread> = match word.as_str() {
            "{" => Self::group,
            "[[" => Self::test,
            "if" => Self::branches,
            "while" | "until" => Self::conditional_loop,
            "for" => Self::for_loop,
            "case" => Self::case,
            "function" => Self::function,
            // What only ends something, and what is read otherwise by each shell.
            "}" | "]]" | "then" | "elif" | "else" | "fi" | "do" | "done" | "esac" | "in" | "select"
            | "coproc" | "foreach" | "repeat" | "end" => return self.unexpected(),
            _ => return Ok(None),
        };
        self.at += word.chars().count();
        self.deeper(read).map(Some)
    }

    fn close(&mut self, c: char) -> Result<(), Unread> {
        if self.take(c) { Ok(()) } else { self.unexpected() }
    }

    fn part(&mut self, end: &'static [&'static str]) -> Result<(Script, String), Unread> {
        let script = self.list(Until::Words(end))?;
        let Some(word) = self.keyword() else {
            return self.unexpected();
        };
        self.at += word.chars().count();
        Ok((script, word))
    }

    fn group(&mut self) -> Result<Command, Unread> {
        self.part(&["}"]).map(|(script, _)| Command::Group(script))
    }

    fn branches(&mut self) -> Result<Command, Unread> {
        let mut scripts = vec![self.part(&["then"])?.0];
        loop {
            let (script, word) = self.part(&["elif", "else", "fi"])?;
            scripts.push(script);
            match word.as_str() {
                "elif" => scripts.push(self.part(&["then"])?.0),
                "else" => {
                    scripts.push(self.part(&["fi"])?.0);
                    break;
                }
                _ => break,
            }
        }
        Ok(Command::Branches {
            words: Vec::new(),
            scripts,
        })
    }

    fn conditional_loop(&mut self) -> Result<Command, Unread> {
        let condition = self.part(&["do"])?.0;
        let body = self.part(&["done"])?.0;
        Ok(Command::Loop {
            name: None,
            words: Vec::new(),
            scripts: vec![condition, body],
        })
    }

    fn for_loop(&mut self) -> Result<Command, Unread> {
        self.blanks();
        let name = self.plain_word()?;
        if !is_name(&name) {
            return self.unexpected();
        }
        self.lines()?;
        let mut words = Vec::new();
        if self.take_keyword("in") {
            loop {
                self.blanks();
                match self.word()? {
                    Some(word) => words.push(word),
                    None => break,
                }
            }
        }
        self.take(';');
        self.expect_keyword("do")?;
        let body = self.part(&["done"])?.0;
        Ok(Command::Loop {
            name: Some(name),
            words,
            scripts: vec![body],
        })
    }

    fn case(&mut self) -> Result<Command, Unread> {
        self.blanks();
        let Some(subject) = self.word()? else {
            return self.unexpected();
        };
        let (mut words, mut scripts) = (vec![subject], Vec::new());
        self.expect_keyword("in")?;
        loop {
            self.lines()?;
            if self.take_keyword("esac") {
                return Ok(Command::Branches { words, scripts });
            }
            self.take('(');
            loop {
                self.blanks();
                let Some(pattern) = self.word()? else {
                    return self.unexpected();
                };
                words.push(pattern);
                self.blanks();
                if !self.take('|') {
                    break;
                }
            }
            self.close(')')?;
            scripts.push(self.list(Until::Case)?);
            for end in [";;&", ";;", ";&"] {
                if self.starts(end) {
                    self.at += end.len();
                    break;
                }
            }
        }
    }

    /// `[[ ... ]]`, as the words in it. To a plain `sh` it is a command like any other, so operators in it, which that would
    /// take for its own, are not read.
    fn test(&mut self) -> Result<Command, Unread> {
        let mut words = Vec::new();
        loop {
            self.blanks();
            if self.take_keyword("]]") {
                return Ok(Command::Test(words));
            }
            match self.word()? {
                Some(word) if self.peek() != Some('(') => words.push(word),
                _ => return self.unexpected(),
            }
        }
    }

    fn function(&mut self) -> Result<Command, Unread> {
        self.blanks();
        self.plain_word()?;
        self.blanks();
        if self.peek() != Some('(') {
            return self.body();
        }
        self.definition().map(|stage| stage.command)
    }

    /// After a name: `()` and a body.
    pub(super) fn definition(&mut self) -> Result<Stage, Unread> {
        self.close('(')?;
        self.blanks();
        self.close(')')?;
        let command = self.deeper(Self::body)?;
        Ok(Stage {
            command,
            redirects: Vec::new(),
        })
    }

    fn body(&mut self) -> Result<Command, Unread> {
        self.lines()?;
        // Only what stands in braces or parentheses: zsh takes a simple command as well, bash does not.
        if !matches!(self.peek(), Some('{' | '(')) {
            return self.unexpected();
        }
        let stage = self.stage()?;
        Ok(Command::Function(Box::new(stage)))
    }

    /// A word without quotes and expansions.
    fn plain_word(&mut self) -> Result<String, Unread> {
        match self.word()? {
            Some(word) if !word.marked => Ok(word.text().unwrap_or_default().to_owned()),
            _ => self.unexpected(),
        }
    }

    /// Notes a here-document; its text begins after the line.
    pub(super) fn announce(&mut self, delimiter: &Word, tabs: bool) -> Result<Redirect, Unread> {
        let Some(text) = delimiter.text().filter(|text| !text.is_empty()) else {
            return self.unexpected();
        };
        let number = self.documents.len();
        self.documents.push(Document::default());
        self.pending.push(Pending {
            number,
            delimiter: text.to_owned(),
            quoted: delimiter.marked,
            tabs,
        });
        Ok(Redirect::Here(number))
    }

    /// A here-document's text, up to its delimiter.
    pub(super) fn here_document(&mut self, pending: &Pending) -> Result<(), Unread> {
        let mut body = Vec::new();
        loop {
            if self.peek().is_none() {
                return Err(Unread::Ends);
            }
            let rest = self.chars.get(self.at..).unwrap_or_default();
            let line = rest.split(|c| *c == '\n').next().unwrap_or_default();
            self.at = (self.at + line.len() + 1).min(self.chars.len());
            let tabs = line.iter().take_while(|c| pending.tabs && **c == '\t').count();
            let shown = line.get(tabs..).unwrap_or_default();
            if shown.iter().copied().eq(pending.delimiter.chars()) {
                break;
            }
            body.extend(shown);
            body.push('\n');
        }
        let document = if pending.quoted {
            Document {
                text: Some(body.into_iter().collect()),
                inner: Vec::new(),
            }
        } else {
            self.expanded(&body)?
        };
        if let Some(place) = self.documents.get_mut(pending.number) {
            *place = document;
        }
        Ok(())
    }
}
