//! From a client's tool call to what it would change.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use serde_json::Value;
use vocabulary::{RepoPath, shown};

use crate::{
    path::{Place, Reach, Surroundings, place},
    policy::Policy,
    shell::{self, Deed, Named, Setting},
};

pub(crate) mod patch;

/// What a call would change; nothing, if it only reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    changes: Vec<Change>,
}

/// One thing that a call would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What.
    pub what: What,
    /// Where that is read from.
    pub because: String,
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum What {
    /// A file of the repository, or everything in a folder.
    Path(RepoPath),
    /// Any file of the repository: it cannot be told which.
    Anywhere,
    /// What git records.
    Commit,
    /// What other machines have.
    Push,
    /// A file outside of the repository.
    Outside(PathBuf),
    /// Something at the other end of an MCP server that, as the repository says, has none of its files.
    Elsewhere(String),
    /// Something that no agent writes.
    Protected {
        /// Which path, or what names it.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A path of the repository that no work item can plan.
    Unnameable(String),
}

/// Tools that change no file, by their clients' documentation. What agents start in turn is asked about on its own.
const READERS: [&str; 43] = [
    "Agent",
    "AskUserQuestion",
    "BashOutput",
    "EnterPlanMode",
    "ExitPlanMode",
    "Glob",
    "Grep",
    "KillBash",
    "KillShell",
    "LS",
    "LSP",
    "ListMcpResourcesTool",
    "NotebookRead",
    "Read",
    "ReadMcpResourceTool",
    "Skill",
    "SlashCommand",
    "Task",
    "TaskCreate",
    "TaskGet",
    "TaskList",
    "TaskOutput",
    "TaskStop",
    "TaskUpdate",
    "TodoRead",
    "TodoWrite",
    "ToolSearch",
    "WebFetch",
    "WebSearch",
    "update_plan",
    "view_image",
    "web_search",
    "web_fetch",
    "read_file",
    "list_dir",
    "grep_files",
    "list_mcp_resources",
    "list_mcp_resource_templates",
    "read_mcp_resource",
    "request_user_input",
    "spawn_agent",
    "wait_agent",
    "multi_agent_v1wait_agent",
];

/// The names under which our own server is registered.
const OWN_SERVERS: [&str; 2] = ["mcp__auditotter__", "mcp__plugin_auditotter_auditotter__"];

/// Whether it is a tool of our own server, and not of one whose name begins alike.
fn is_our_own(tool: &str) -> bool {
    let names = OWN_SERVERS.iter().filter_map(|own| tool.strip_prefix(own));
    names.into_iter().any(|name| !name.contains("__"))
}

/// The shells whose grammar is read.
const SHELLS: [&str; 3] = ["sh", "bash", "zsh"];

impl Effect {
    /// What would be changed.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether nothing would be changed.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.changes.is_empty()
    }

    fn anywhere(because: impl Into<String>) -> Self {
        Self {
            changes: vec![Change {
                what: What::Anywhere,
                because: because.into(),
            }],
        }
    }

    fn add(&mut self, what: What, because: &str) {
        if !self.changes.iter().any(|known| known.what == what) {
            self.changes.push(Change {
                what,
                because: because.to_owned(),
            });
        }
    }
}

/// Says what a call to a tool of Claude Code or Codex would change. A tool that is not known may write anywhere.
#[must_use]
pub fn effect_of(tool: &str, input: &Value, around: &Surroundings<'_>, policy: &Policy) -> Effect {
    match tool {
        _ if READERS.contains(&tool) => Effect::default(),
        "Write" | "Edit" | "MultiEdit" | "NotebookEdit" => edits(tool, input, around),
        "Bash" | "Monitor" | "shell" | "local_shell" | "shell_command" | "container.exec"
        | "exec_command" | "unified_exec" => command(tool, input, around),
        "write_stdin" if input.get("chars").and_then(Value::as_str) == Some("") => Effect::default(),
        "apply_patch" => patched(input, around),
        _ if is_our_own(tool) => Effect::default(),
        _ => {
            let server = tool.strip_prefix("mcp__").and_then(|rest| rest.split_once("__"));
            match server {
                Some((server, _)) if policy.is_elsewhere(server) => {
                    let mut effect = Effect::default();
                    effect.add(
                        What::Elsewhere(server.to_owned()),
                        "the repository's policy says that this server works elsewhere",
                    );
                    effect
                }
                _ => Effect::anywhere(format!(
                    "what the tool `{}` writes cannot be told",
                    shown(tool, 80)
                )),
            }
        }
    }
}

fn edits(tool: &str, input: &Value, around: &Surroundings<'_>) -> Effect {
    let each = input.get("edits").and_then(Value::as_array);
    let places = each.into_iter().flatten().chain([input]);
    let named: Vec<&str> = places
        .flat_map(|value| [value.get("file_path"), value.get("notebook_path")])
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if named.is_empty() {
        return Effect::anywhere(format!("{tool} names no file"));
    }
    let deeds = named.iter().map(|path| Deed {
        what: Named::Path(around.cwd.join(path), Reach::File),
        because: format!("{tool} writes {}", shown(path, 120)),
    });
    placed(deeds, around)
}

fn patched(input: &Value, around: &Surroundings<'_>) -> Effect {
    let keys = ["command", "input", "patch"];
    let text = input
        .as_str()
        .or_else(|| keys.iter().find_map(|key| input.get(key)).and_then(Value::as_str));
    let Some(paths) = text.and_then(patch::paths) else {
        return Effect::anywhere("the patch cannot be read");
    };
    let folder = match folder(input, around) {
        Ok(folder) => folder,
        Err(effect) => return effect,
    };
    let deeds = paths.iter().map(|path| Deed {
        what: Named::Path(folder.join(path), Reach::File),
        because: format!("the patch writes {}", shown(path, 120)),
    });
    placed(deeds, around)
}

/// The folder that a call names, or that of the session.
fn folder(input: &Value, around: &Surroundings<'_>) -> Result<PathBuf, Effect> {
    let named = ["workdir", "cwd", "working_directory"]
        .iter()
        .find_map(|key| input.get(key).filter(|value| !value.is_null()));
    match named.map(Value::as_str) {
        None => Ok(around.cwd.to_owned()),
        Some(Some(folder)) => Ok(around.cwd.join(folder)),
        Some(None) => Err(Effect::anywhere("the folder of the command is not a text")),
    }
}

fn command(tool: &str, input: &Value, around: &Surroundings<'_>) -> Effect {
    let folder = match folder(input, around) {
        Ok(folder) => folder,
        Err(effect) => return effect,
    };
    let shell = input.get("shell").filter(|value| !value.is_null());
    let known = |shell: &Value| {
        let name = shell.as_str().map(|path| path.rsplit('/').next().unwrap_or(path));
        name.is_some_and(|name| SHELLS.contains(&name))
    };
    if shell.is_some_and(|shell| !known(shell)) {
        return Effect::anywhere(format!("{tool} runs a shell that is not read here"));
    }
    let setting = Setting {
        root: around.root,
        cwd: &folder,
        home: around.home,
    };
    let deeds = match input.get("command").or_else(|| input.get("cmd")) {
        Some(Value::String(text)) => shell::deeds(text, setting),
        Some(Value::Array(words)) => {
            let words: Option<Vec<String>> = words
                .iter()
                .map(|word| word.as_str().map(ToOwned::to_owned))
                .collect();
            match words.filter(|words| !words.is_empty()) {
                Some(words) => shell::deeds_of_words(&words, setting),
                None => return Effect::anywhere(format!("{tool} names no command")),
            }
        }
        _ => return Effect::anywhere(format!("{tool} names no command")),
    };
    placed(deeds, around)
}

/// Deeds with the places that their paths are.
fn placed(deeds: impl IntoIterator<Item = Deed>, around: &Surroundings<'_>) -> Effect {
    let mut effect = Effect::default();
    let mut known = HashSet::new();
    let mut add = |what: What, because: &str| {
        if known.insert(what.clone()) {
            effect.changes.push(Change {
                what,
                because: because.to_owned(),
            });
        }
    };
    for Deed { what, because } in deeds {
        match what {
            Named::Anywhere => add(What::Anywhere, &because),
            Named::TooMany => add(
                What::Unnameable("more paths than are looked up in one command".to_owned()),
                &because,
            ),
            Named::Commit => add(What::Commit, &because),
            Named::Push => add(What::Push, &because),
            Named::Protected(what) => add(
                What::Protected {
                    path: "the command".to_owned(),
                    what,
                },
                &because,
            ),
            Named::Path(path, reach) => {
                for what in at(&path, reach, around) {
                    add(what, &because);
                }
            }
            Named::Mentioned(path) => {
                let guarded = at(&path, Reach::File, around)
                    .into_iter()
                    .filter(is_protected_here);
                for what in guarded {
                    add(what, &because);
                }
            }
        }
    }
    effect
}

/// What is merely named counts where it guards something; a program of the system is named to be run.
fn is_protected_here(what: &What) -> bool {
    matches!(what, What::Protected { what, .. } if *what != crate::path::SYSTEM && *what != crate::path::HOME)
}

fn at(path: &Path, reach: Reach, around: &Surroundings<'_>) -> Vec<What> {
    let places = place(path, reach, around).into_iter();
    places
        .map(|place| match place {
            Place::Inside(path) => What::Path(path),
            Place::Outside(path) => What::Outside(path),
            Place::Protected { path, what } => What::Protected { path, what },
            Place::Unnameable(path) => What::Unnameable(path),
        })
        .collect()
}

#[cfg(test)]
mod tests;
