//! A file that a client's own tool changed: which, from what, to what.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Used;

/// Body of `file.edited`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEdited {
    /// The tool.
    pub tool: String,
    /// The file, as the client named it.
    pub path: String,
    /// Where it was moved to, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
    /// The folder from which it is named, where the name does not say that and the client does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// What was done to it.
    pub change: Change,
    /// Plain BLAKE3 of what it held before, in hex; not there where the client does not tell that, or there was no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Plain BLAKE3 of what it holds now, in hex; not there where the client does not tell that, or there is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What changed: lines with ` `, `-` and `+` in front, under `@@` lines. Where the client tells no places, they name none.
    pub diff: String,
}

impl FileEdited {
    /// The same, by a client that works in this folder.
    #[must_use]
    pub fn named_from(self, folder: Option<&str>) -> Self {
        let names = [Some(&self.path), self.moved_to.as_ref()];
        let is_whole = names
            .into_iter()
            .flatten()
            .all(|name| Path::new(name).is_absolute());
        let folder = folder.filter(|folder| !is_whole && Path::new(folder).is_absolute());
        Self {
            folder: folder.map(str::to_owned),
            ..self
        }
    }
}

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Created,
    /// It held something else.
    Changed,
    /// It is gone.
    Deleted,
}

/// What is kept of an edit, where a tool's use was one. A patch may change many files.
pub(crate) fn of(used: &Used, response: &Value) -> Option<Vec<FileEdited>> {
    match used.tool.as_str() {
        "Write" | "Edit" | "NotebookEdit" => Some(vec![by_tool(used, response)?]),
        "apply_patch" => {
            let patch = Patch::parse(used.input.get("command")?.as_str()?)?;
            Some(patch.edits(&used.tool))
        }
        _ => None,
    }
}

fn by_tool(used: &Used, response: &Value) -> Option<FileEdited> {
    let text = |value: &Value, names: &[&str]| {
        let found = names.iter().find_map(|name| value.get(name)?.as_str());
        found.map(str::to_owned)
    };
    let path = text(response, &["filePath", "notebook_path"])
        .or_else(|| text(&used.input, &["file_path", "notebook_path"]))?;
    let before = text(response, &["originalFile", "original_file"]);
    let after =
        text(response, &["content", "updated_file"]).or_else(|| replaced(before.as_deref()?, response));
    let created = response.get("type").and_then(Value::as_str) == Some("create");
    let hunks = response.get("structuredPatch").and_then(Value::as_array);
    let diff = match (hunks, &after) {
        (Some(hunks), _) if !hunks.is_empty() => hunks.iter().filter_map(hunk).collect(),
        (_, Some(after)) if created => whole_file(after),
        _ => String::new(),
    };
    let digest = |text: String| blake3::hash(text.as_bytes()).to_hex().to_string();
    Some(FileEdited {
        tool: used.tool.clone(),
        path,
        moved_to: None,
        folder: None,
        change: if created { Change::Created } else { Change::Changed },
        before: before.map(digest),
        after: after.map(digest),
        diff,
    })
}

/// The longest file that is made up from what an edit says of it: a short one can say that each letter becomes a book.
const MOST_BYTES: usize = 64 << 20;

/// What a replacement makes of a file, as Claude Code's Edit does it.
fn replaced(before: &str, response: &Value) -> Option<String> {
    let text = |name| response.get(name).and_then(Value::as_str);
    let (old, new) = (text("oldString")?, text("newString")?);
    let all = response
        .get("replaceAll")
        .and_then(Value::as_bool)
        .unwrap_or_default();
    // Told of a human who changed it before it was written: then nobody here knows what it is.
    let by_hand = response
        .get("userModified")
        .and_then(Value::as_bool)
        .unwrap_or_default();
    if by_hand || old.is_empty() || !before.contains(old) {
        return None;
    }
    let times = if all { before.matches(old).count() } else { 1 };
    let longest = times.checked_mul(new.len())?.checked_add(before.len())?;
    if longest > MOST_BYTES {
        return None;
    }
    Some(before.replacen(old, new, times))
}

/// One hunk as `diff -u` writes it.
fn hunk(told: &Value) -> Option<String> {
    let number = |name| told.get(name).and_then(Value::as_u64);
    let (old, new) = (number("oldStart")?, number("newStart")?);
    let (removed, added) = (number("oldLines")?, number("newLines")?);
    let mut text = format!("@@ -{old},{removed} +{new},{added} @@\n");
    for line in told.get("lines")?.as_array()? {
        text.push_str(line.as_str()?);
        text.push('\n');
    }
    Some(text)
}

/// What is new, as `diff -u` writes it.
pub(crate) fn whole_file(content: &str) -> String {
    let mut text = format!("@@ -0,0 +1,{} @@\n", content.lines().count());
    for line in content.lines() {
        text.push('+');
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// A patch in the form of Codex's `apply_patch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    files: Vec<Patched>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Patched {
    path: String,
    moved_to: Option<String>,
    change: Change,
    diff: String,
    content: String,
}

impl Patch {
    /// Reads a patch; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut files: Vec<Patched> = Vec::new();
        let mut lines = text.lines().skip_while(|line| line.trim() != "*** Begin Patch");
        lines.next()?;
        for line in lines {
            let begins = [
                ("*** Add File: ", Change::Created),
                ("*** Update File: ", Change::Changed),
                ("*** Delete File: ", Change::Deleted),
            ]
            .into_iter()
            .find_map(|(head, change)| Some((line.strip_prefix(head)?, change)));
            match (begins, files.last_mut()) {
                (Some((path, change)), _) => files.push(Patched {
                    path: path.trim().to_owned(),
                    moved_to: None,
                    change,
                    diff: String::new(),
                    content: String::new(),
                }),
                (None, _) if line.trim() == "*** End Patch" => break,
                (None, Some(file)) => file.take(line),
                (None, None) => return None,
            }
        }
        (!files.is_empty()).then_some(Self { files })
    }

    /// The files that it names, those included to which it moves something.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files
            .iter()
            .flat_map(|file| [Some(file.path.as_str()), file.moved_to.as_deref()])
            .flatten()
    }

    fn edits(self, tool: &str) -> Vec<FileEdited> {
        let edit = |file: Patched| FileEdited {
            tool: tool.to_owned(),
            // What is added is whole; of what is changed, the patch tells no more than the lines.
            after: (file.change == Change::Created)
                .then(|| blake3::hash(file.content.as_bytes()).to_hex().to_string()),
            before: None,
            path: file.path,
            moved_to: file.moved_to,
            folder: None,
            change: file.change,
            diff: file.diff,
        };
        self.files.into_iter().map(edit).collect()
    }
}

impl Patched {
    fn take(&mut self, line: &str) {
        if let Some(path) = line.strip_prefix("*** Move to: ") {
            self.moved_to = Some(path.trim().to_owned());
            return;
        }
        if line.trim() == "*** End of File" {
            return;
        }
        self.diff.push_str(line);
        self.diff.push('\n');
        if let Some(added) = line.strip_prefix('+') {
            self.content.push_str(added);
            self.content.push('\n');
        }
    }
}
