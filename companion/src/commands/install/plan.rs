//! All that will be written, thought through before anything is.

mod put_in;
mod take_out;

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use vocabulary::Client;

use super::{
    claude::Step,
    files::Found,
    places::{Places, Scope},
    receipt::{Noted, Receipt, is_blank},
    server_program,
};

/// The skill, as the plugins bring it.
const SKILL: [(&str, &str); 2] = [
    (
        "SKILL.md",
        include_str!("../../../../skills/auditotter/skills/auditotter/SKILL.md"),
    ),
    (
        "agents/openai.yaml",
        include_str!("../../../../skills/auditotter/skills/auditotter/agents/openai.yaml"),
    ),
];

/// What is said of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct What {
    written: Option<&'static str>,
    pub(super) already: Option<&'static str>,
}

impl What {
    /// What is said of a file that is written, and of one that need not be.
    pub(super) const fn new(written: &'static str, already: &'static str) -> Self {
        Self {
            written: Some(written),
            already: if already.is_empty() { None } else { Some(already) },
        }
    }
}

/// What a file is to be.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) what: What,
    pub(super) found: Found,
    /// `None`: gone.
    pub(super) after: Option<Vec<u8>>,
}

impl Change {
    pub(super) fn is_one(&self) -> bool {
        self.found.bytes != self.after
    }

    /// What was done, once it was.
    pub(super) fn said(&self) -> Option<String> {
        let what = self.what.written?;
        let path = self.found.path.display();
        Some(if self.after.is_some() {
            format!("{what} {path}.")
        } else {
            format!("{what} {path}; nothing else was in it, and it is gone.")
        })
    }
}

/// All that will be done.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    files: Vec<Change>,
    /// Folders to remove where nothing is in them, innermost first.
    folders: Vec<PathBuf>,
    pub(super) remarks: Vec<String>,
    /// What to say where there is nothing to do.
    pub(super) nothing: &'static str,
}

const SERVER: What = What {
    written: Some("The MCP server is registered in"),
    already: Some("The MCP server was registered already in"),
};
const HOOKS: What = What {
    written: Some("The hooks are in"),
    already: Some("The hooks were already in"),
};
const SKILL_FILE: What = What {
    written: Some("The skill is in"),
    already: Some("The skill was already in"),
};
const SILENT: What = What {
    written: None,
    already: None,
};
const OUT: What = What {
    written: Some("What was ours is out of"),
    already: None,
};

impl Plan {
    const fn empty(nothing: &'static str) -> Self {
        Self {
            steps: Vec::new(),
            files: Vec::new(),
            folders: Vec::new(),
            remarks: Vec::new(),
            nothing,
        }
    }

    /// The files that will be other than they are.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.files.iter().filter(|change| change.is_one())
    }

    /// The files that are as they should be.
    pub(super) fn unchanged(&self) -> impl Iterator<Item = &Change> {
        self.files.iter().filter(|change| !change.is_one())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.changes().next().is_none()
    }

    /// Removes the folders that were made and in which nothing is left.
    pub(super) fn tidy(&self) {
        for folder in &self.folders {
            // Not empty: somebody uses it.
            let _ = fs::remove_dir(folder);
        }
    }

    fn change(&mut self, what: What, found: Found, after: String, noted: &mut Noted) {
        match found.text() {
            Ok(Some(text)) if is_blank(text) && what.written.is_some() => {
                noted.blank = Some(text.to_owned());
                noted.made = false;
            }
            Ok(Some(_)) => {}
            _ => {
                noted.made = true;
                noted.blank = None;
                noted.folders = found.missing_folders;
            }
        }
        let after = Some(after.into_bytes());
        self.files.push(Change { what, found, after });
    }
}

fn read(found: &Found) -> anyhow::Result<Receipt> {
    let Some(bytes) = &found.bytes else {
        return Ok(Receipt::default());
    };
    serde_json::from_slice(bytes).with_context(|| {
        format!(
            "{} is not as we wrote it; remove it and run this again",
            found.path.display()
        )
    })
}

fn skill_of(client: Client) -> impl Iterator<Item = (&'static str, &'static str)> {
    // The second is Codex's alone.
    SKILL
        .into_iter()
        .take(if client == Client::Codex { 2 } else { 1 })
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Claude Code, where its own command writes the file in question.
fn claude_for(places: &Places) -> Option<PathBuf> {
    (places.client == Client::ClaudeCode && places.scope == Scope::User)
        .then(|| server_program::on_path("claude"))
        .flatten()
}
