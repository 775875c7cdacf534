//! A shell command as it is read: lists, pipelines, commands, words.

/// Commands one after the other.
pub(super) type Script = Vec<AndOr>;

/// Pipelines joined by `&&` and `||`.
#[derive(Debug)]
pub(super) struct AndOr {
    pub(super) first: Pipeline,
    pub(super) rest: Vec<(Join, Pipeline)>,
}

/// How a pipeline hangs on the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
}

/// Commands side by side.
#[derive(Debug)]
pub(super) struct Pipeline(pub(super) Vec<Stage>);

/// One command, and where its streams go.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) command: Command,
    pub(super) redirects: Vec<Redirect>,
}

#[derive(Debug)]
pub(super) enum Command {
    Simple {
        assignments: Vec<Assignment>,
        words: Vec<Word>,
    },
    /// `{ ...; }`.
    Group(Script),
    /// `( ... )`.
    Subshell(Script),
    /// `if` and `case`: any of these may run, in this order.
    Branches { words: Vec<Word>, scripts: Vec<Script> },
    /// `while`, `until` and `for`: these may run, again and again.
    Loop {
        name: Option<String>,
        words: Vec<Word>,
        scripts: Vec<Script>,
    },
    /// A definition; whoever calls it runs this.
    Function(Box<Stage>),
    /// `[[ ... ]]`.
    Test(Vec<Word>),
}

/// `NAME=value`.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: Word,
}

#[derive(Debug)]
pub(super) enum Redirect {
    /// Into a file.
    Write(Word),
    /// From a file or a text.
    Read(Word),
    /// From a here-document, by its number.
    Here(usize),
}

/// A here-document.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Its text, where it can be told.
    pub(super) text: Option<String>,
    /// What runs while it is made.
    pub(super) inner: Vec<std::rc::Rc<Script>>,
}

/// One word, before the shell expands it.
#[derive(Debug, Clone, Default)]
pub(super) struct Word {
    pub(super) parts: Vec<Part>,
    /// What runs while it is expanded.
    pub(super) inner: Vec<std::rc::Rc<Script>>,
    /// How many characters at its beginning are plain: not quoted, not expanded.
    pub(super) plain: usize,
    /// Something in it is quoted or expanded.
    pub(super) marked: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// These very characters.
    Text(String),
    /// The home folder: `~`.
    Home,
    /// `*`, `?` or `[`: the names of files that exist.
    Pattern,
    /// A process's pipe: `<(...)`, `>(...)`.
    Pipe,
    /// What a variable holds or a command says.
    Unknown {
        /// It may become several words, or none.
        splits: bool,
    },
}

impl Word {
    /// A word of these very characters.
    pub(super) fn literal(text: &str) -> Self {
        Self {
            parts: vec![Part::Text(text.to_owned())],
            marked: true,
            ..Self::default()
        }
    }

    /// A word of which nothing is known.
    pub(super) fn unknown() -> Self {
        Self {
            parts: vec![Part::Unknown { splits: true }],
            marked: true,
            ..Self::default()
        }
    }

    /// Its text, where that can be told.
    pub(super) fn text(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text that it certainly begins with.
    pub(super) fn lead(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether all of it stands there unquoted.
    pub(super) fn is_plain(&self, text: &str) -> bool {
        !self.marked && self.text() == Some(text)
    }

    /// Whether a command could take it for an option.
    pub(super) fn may_be_option(&self) -> bool {
        match self.parts.as_slice() {
            [Part::Home | Part::Pipe, ..] => self.splits(),
            [Part::Text(text), ..] if !text.is_empty() => text.starts_with('-') || self.splits(),
            [] => false,
            [Part::Text(_)] => false,
            _ => true,
        }
    }

    /// Whether it may become several words of which nothing is known.
    pub(super) fn splits(&self) -> bool {
        self.parts.contains(&Part::Unknown { splits: true })
    }

    /// Adds a character that stands for itself.
    pub(super) fn push(&mut self, c: char) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => self.parts.push(Part::Text(c.into())),
        }
    }

    /// Everything in it that stands for itself.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }
}
