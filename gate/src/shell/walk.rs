//! Walks through a command that was read, with the folders in which each part may run.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use vocabulary::shown;

use super::{
    Deed, Named, Setting, commands,
    names::is_harmless,
    read::{self, MAX_DEPTH},
    syntax::{AndOr, Assignment, Command, Document, Join, Part, Pipeline, Redirect, Script, Stage, Word},
};
use crate::path::{self, Reach};

/// The folders in which something may run; `None` if that is not known.
pub(super) type Folders = Option<BTreeSet<PathBuf>>;

/// More folders than this at once are not followed.
const MAX_FOLDERS: usize = 4;
/// Of more deeds than this, not every one is looked up.
const MAX_DEEDS: usize = 1_000;
/// More paths than these are not looked up for a command that may write anywhere.
const MAX_MENTIONED: usize = 64;
/// More steps than this are not taken.
const MAX_STEPS: usize = 20_000;

/// Where the shell may stand after a command: when it succeeded, and when it failed.
struct After {
    done: Folders,
    failed: Folders,
}

/// The one who walks.
pub(super) struct Walk<'a> {
    pub(super) setting: Setting<'a>,
    deeds: Vec<Deed>,
    known: BTreeSet<Named>,
    /// What a pattern reaches: the shell's own nothing hidden, those of `find` everything.
    pub(super) patterns: Reach,
    mentioned: usize,
    /// A name was defined anew; whoever calls one that is not known may call it.
    pub(super) defines: bool,
    depth: usize,
    steps: usize,
}

pub(super) fn line(command: &str, setting: Setting<'_>) -> Vec<Deed> {
    let mut walk = Walk::new(setting);
    let here = walk.here();
    walk.text(command, &here);
    walk.deeds
}

pub(super) fn words(words: &[String], setting: Setting<'_>) -> Vec<Deed> {
    let mut walk = Walk::new(setting);
    let here = walk.here();
    let words: Vec<Word> = words.iter().map(|word| Word::literal(word)).collect();
    walk.program(&words, &[], &here);
    walk.deeds
}

impl<'a> Walk<'a> {
    fn new(setting: Setting<'a>) -> Self {
        Self {
            setting,
            deeds: Vec::new(),
            known: BTreeSet::new(),
            patterns: Reach::Some,
            mentioned: 0,
            defines: false,
            depth: 0,
            steps: 0,
        }
    }

    fn here(&self) -> Folders {
        Some(BTreeSet::from([self.setting.cwd.to_owned()]))
    }

    /// Notes that this could write anywhere.
    pub(super) fn anywhere(&mut self, because: impl Into<String>) {
        self.note(Named::Anywhere, because.into());
    }

    pub(super) fn note(&mut self, what: Named, because: String) {
        if self.known.contains(&what) {
            return;
        }
        // What is always refused counts however many there are.
        let what = match what {
            Named::Path(..) if self.deeds.len() >= MAX_DEEDS => Named::TooMany,
            what => what,
        };
        if !self.known.insert(what.clone()) {
            return;
        }
        self.deeds.push(Deed { what, because });
    }

    /// Walks through a text as a command line; says where the shell may stand after it.
    pub(super) fn text(&mut self, command: &str, folders: &Folders) -> Folders {
        let Ok(parsed) = self.deeper(|walk| {
            let parsed = read::read(command);
            match &parsed {
                Ok(parsed) => Some(walk.script(&parsed.script, &parsed.documents, folders)),
                Err(_) => {
                    walk.unreadable(command);
                    None
                }
            }
        }) else {
            return None;
        };
        parsed.flatten()
    }

    fn unreadable(&mut self, text: &str) {
        if let Some(what) = path::mentions(text) {
            self.note(
                Named::Protected(what),
                format!("`{}` speaks of it", shown(text, 60)),
            );
        }
        self.anywhere(format!(
            "`{}` is not a command that can be read for certain",
            shown(text, 60)
        ));
    }

    fn deeper<T>(&mut self, walk: impl FnOnce(&mut Self) -> T) -> Result<T, ()> {
        self.steps += 1;
        if self.depth >= MAX_DEPTH || self.steps > MAX_STEPS {
            self.anywhere("the command is nested too deeply");
            return Err(());
        }
        self.depth += 1;
        let outcome = walk(self);
        self.depth -= 1;
        Ok(outcome)
    }

    fn script(&mut self, script: &Script, documents: &[Document], folders: &Folders) -> Folders {
        let mut folders = folders.clone();
        for and_or in script {
            let after = self.and_or(and_or, documents, &folders);
            folders = union(&after.done, &after.failed);
        }
        folders
    }

    fn and_or(&mut self, list: &AndOr, documents: &[Document], folders: &Folders) -> After {
        let mut after = self.pipeline(&list.first, documents, folders);
        for (join, pipeline) in &list.rest {
            let next = match join {
                Join::And => self.pipeline(pipeline, documents, &after.done),
                Join::Or => self.pipeline(pipeline, documents, &after.failed),
            };
            after = match join {
                Join::And => After {
                    failed: union(&after.failed, &next.failed),
                    ..next
                },
                Join::Or => After {
                    done: union(&after.done, &next.done),
                    ..next
                },
            };
        }
        after
    }

    fn pipeline(&mut self, Pipeline(stages): &Pipeline, documents: &[Document], folders: &Folders) -> After {
        if let [stage] = stages.as_slice() {
            return self.stage(stage, documents, folders);
        }
        // In zsh, the last part runs in the shell itself.
        let mut anywhere = folders.clone();
        for stage in stages {
            let after = self.stage(stage, documents, folders);
            anywhere = union(&anywhere, &union(&after.done, &after.failed));
        }
        After {
            done: anywhere.clone(),
            failed: anywhere,
        }
    }

    fn stage(&mut self, stage: &Stage, documents: &[Document], folders: &Folders) -> After {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            self.anywhere("the command has too many parts");
            return After::same(&None);
        }
        let mut bodies = Vec::new();
        for redirect in &stage.redirects {
            match redirect {
                Redirect::Write(word) => {
                    self.inner(word, documents, folders);
                    self.target(word, Reach::File, folders, "a redirection");
                }
                Redirect::Read(word) => self.inner(word, documents, folders),
                Redirect::Here(number) => {
                    if let Some(document) = documents.get(*number) {
                        for script in &document.inner {
                            self.script(script, documents, folders);
                        }
                        bodies.push(document.text.as_deref());
                    }
                }
            }
        }
        match &stage.command {
            Command::Simple { assignments, words } => {
                self.simple(assignments, words, &bodies, documents, folders)
            }
            Command::Group(script) => After::same(&self.script(script, documents, folders)),
            Command::Subshell(script) => {
                self.script(script, documents, folders);
                After::same(folders)
            }
            Command::Branches { words, scripts } => {
                for word in words {
                    self.inner(word, documents, folders);
                }
                let mut reached = folders.clone();
                for script in scripts {
                    let after = self.script(script, documents, &reached);
                    reached = union(&reached, &after);
                }
                After::same(&reached)
            }
            Command::Loop { name, words, scripts } => {
                if name.as_deref().is_some_and(|name| !is_harmless(name)) {
                    self.anywhere("a loop sets a variable that steers other commands");
                }
                for word in words {
                    self.inner(word, documents, folders);
                }
                let mut reached = self.round(scripts, documents, folders);
                if reached != *folders {
                    // Where the first round ended, the second begins.
                    reached = self.round(scripts, documents, &None);
                }
                After::same(&reached)
            }
            Command::Function(body) => {
                self.defines = true;
                // It may be called from anywhere.
                self.stage(body, documents, &None);
                After::same(folders)
            }
            Command::Test(words) => {
                for word in words {
                    self.inner(word, documents, folders);
                }
                commands::test(self, words);
                After::same(folders)
            }
        }
    }

    fn round(&mut self, scripts: &[Script], documents: &[Document], folders: &Folders) -> Folders {
        let mut reached = folders.clone();
        for script in scripts {
            let after = self.script(script, documents, &reached);
            reached = union(&reached, &after);
        }
        reached
    }

    fn inner(&mut self, word: &Word, documents: &[Document], folders: &Folders) {
        for script in &word.inner {
            self.script(script, documents, folders);
        }
    }

    fn simple(
        &mut self,
        assignments: &[Assignment],
        words: &[Word],
        bodies: &[Option<&str>],
        documents: &[Document],
        folders: &Folders,
    ) -> After {
        for Assignment { name, value } in assignments {
            self.inner(value, documents, folders);
            self.assigned(name, Some(value));
        }
        for word in words {
            self.inner(word, documents, folders);
        }
        if words.is_empty() {
            return After::same(folders);
        }
        match words.first().and_then(Word::text) {
            Some("cd") => After {
                done: self.enter(words.get(1..).unwrap_or_default(), folders),
                failed: folders.clone(),
            },
            Some("pushd" | "popd") => After::same(&None),
            _ => After::same(&self.program(words, bodies, folders)),
        }
    }

    /// A program or builtin with its arguments and here-documents; says where the shell stands after it.
    pub(super) fn program(&mut self, words: &[Word], bodies: &[Option<&str>], folders: &Folders) -> Folders {
        let call = commands::Call {
            words,
            bodies,
            folders,
        };
        self.deeper(|walk| commands::run(walk, &call)).unwrap_or(None)
    }

    /// A variable is set.
    pub(super) fn assigned(&mut self, name: &str, value: Option<&Word>) {
        let plain_pager =
            name.ends_with("PAGER") && value.is_some_and(|value| matches!(value.text(), Some("" | "cat")));
        if !is_harmless(name) && !plain_pager {
            self.anywhere(format!("`{name}` steers what other commands do"));
        }
        if value.is_some_and(|value| value.texts().any(hides_code)) {
            self.anywhere(format!(
                "what `{name}` holds would run where a number is expected"
            ));
        }
    }

    /// Where the shell stands after `cd`.
    fn enter(&mut self, arguments: &[Word], folders: &Folders) -> Folders {
        let arguments = match arguments {
            [first, rest @ ..] if first.is_plain("--") => rest,
            all => all,
        };
        let [to] = arguments else { return None };
        if to.lead().starts_with('-') || to.lead().starts_with('+') {
            return None;
        }
        let mut paths = self.paths(to, folders)?;
        // Shells take `..` by the text, the kernel by the links: it may be either.
        let by_text: Vec<PathBuf> = paths.iter().map(|path| lexical(path)).collect();
        if by_text
            .iter()
            .zip(&paths)
            .any(|(text, path)| text.components().ne(path.components()))
        {
            paths.extend(by_text);
        }
        (paths.len() <= MAX_FOLDERS).then_some(paths)
    }

    /// The paths that a word names from the folders in which it may be read; `None` if that is not known.
    pub(super) fn paths(&self, word: &Word, folders: &Folders) -> Folders {
        let named = match word.parts.as_slice() {
            [Part::Text(text)] => PathBuf::from(text),
            [Part::Home] => self.setting.home?.to_owned(),
            [Part::Home, Part::Text(rest)] if rest.starts_with('/') => {
                self.setting.home?.join(rest.trim_start_matches('/'))
            }
            _ => return None,
        };
        if named.is_absolute() {
            return Some(BTreeSet::from([named]));
        }
        let from = folders.as_ref()?;
        Some(from.iter().map(|folder| folder.join(&named)).collect())
    }

    /// A word names what a command writes.
    pub(super) fn target(&mut self, word: &Word, reach: Reach, folders: &Folders, by: &str) {
        if word.parts.as_slice() == [Part::Pipe] {
            return;
        }
        let is_pattern = word.parts.contains(&Part::Pattern);
        let folder = known_folder(word).filter(|_| is_pattern);
        let (reach, word) = folder
            .as_ref()
            .map_or((reach, word), |folder| (self.patterns, folder));
        match self.paths(word, folders) {
            Some(paths) => {
                for path in paths {
                    let shown = shown(&path.to_string_lossy(), 120);
                    self.note(Named::Path(path, reach), format!("{by} writes {shown}"));
                }
            }
            None => {
                self.mentioned(word);
                self.anywhere(format!("what {by} writes cannot be told"));
            }
        }
    }

    /// A word that may or may not say what is written: if it speaks of what no agent writes, that counts.
    pub(super) fn mentioned(&mut self, word: &Word) {
        let text: String = word.texts().collect();
        if let Some(what) = path::mentions(&text) {
            self.note(
                Named::Protected(what),
                format!("`{}` speaks of it", shown(&text, 60)),
            );
        }
    }
}

impl Walk<'_> {
    /// A word of a command that may write anywhere names a path.
    pub(super) fn guarded(&mut self, word: &Word, folders: &Folders) {
        for path in self.paths(word, folders).unwrap_or_default() {
            if self.mentioned < MAX_MENTIONED {
                self.mentioned += 1;
                let shown = shown(&path.to_string_lossy(), 120);
                self.note(Named::Mentioned(path), format!("the command names {shown}"));
            }
        }
    }
}

impl After {
    fn same(folders: &Folders) -> Self {
        Self {
            done: folders.clone(),
            failed: folders.clone(),
        }
    }
}

fn union(a: &Folders, b: &Folders) -> Folders {
    let all: BTreeSet<PathBuf> = a.as_ref()?.union(b.as_ref()?).cloned().collect();
    (all.len() <= MAX_FOLDERS).then_some(all)
}

/// A path with each `..` taken by the text.
pub(super) fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// The folder in which everything lies that a pattern can match; `None` where it could climb out.
fn known_folder(word: &Word) -> Option<Word> {
    let mut known = word.clone();
    let at = word.parts.iter().position(|part| *part == Part::Pattern)?;
    let rest = word.parts.get(at..)?;
    let tame = rest.iter().all(|part| match part {
        Part::Pattern => true,
        Part::Text(text) => !text.contains(".."),
        _ => false,
    });
    known.parts.truncate(at);
    let last = known.parts.last_mut();
    // `.*` can match `..`.
    let hidden = |name: &str| name.starts_with('.');
    match last {
        None => {
            known.parts.push(Part::Text(".".to_owned()));
            tame.then_some(known)
        }
        Some(Part::Text(text)) => {
            let (folder, name) = text
                .rsplit_once('/')
                .map_or(("", text.as_str()), |(folder, name)| (folder, name));
            let climbs = hidden(name)
                || rest
                    .windows(2)
                    .any(|pair| matches!(pair, [Part::Text(text), Part::Pattern] if text.ends_with("/.")));
            let absolute = text.starts_with('/') || known_home(word);
            *text = match (folder, absolute) {
                ("", true) => "/".to_owned(),
                ("", false) => ".".to_owned(),
                (folder, _) => folder.to_owned(),
            };
            (tame && !climbs).then_some(known)
        }
        Some(_) => None,
    }
}

fn known_home(word: &Word) -> bool {
    word.parts.first() == Some(&Part::Home)
}

/// A text in which a shell that evaluates it as a number finds a command to run.
pub(super) fn hides_code(text: &str) -> bool {
    text.contains("$(") || text.contains('`') || text.contains("${")
}
