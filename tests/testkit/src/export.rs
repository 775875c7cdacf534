//! An exported trace: verified by two programs that share no code, and read line by line.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hub::companion::{CompanionRequest, WorkItemRow};
use serde_json::Value;
use vocabulary::WorkItemId;

use crate::{
    Home,
    clients::skipped,
    program::{self, Ran},
};

/// An export, as it lies in its file.
#[derive(Debug)]
pub struct Export {
    /// The file.
    pub path: PathBuf,
    /// The trace's entries, in order.
    pub trace: Vec<Exported>,
    /// Entries of other chains that say who is who.
    pub context: Vec<Exported>,
}

/// An entry and its body.
#[derive(Debug, Clone)]
pub struct Exported {
    /// What it is.
    pub kind: String,
    /// All of it.
    pub entry: Value,
    /// What it says; null where it has no body.
    pub body: Value,
}

impl Export {
    /// Exports this home's only trace with `auditotter trace export`.
    ///
    /// # Panics
    /// Where there is not exactly one, or it is not exported.
    #[must_use]
    pub fn of_the_only_trace(home: &Home) -> Self {
        let listed = home.run(&["trace", "list", "--json"]).expect_success();
        let traces: Vec<Value> = serde_json::from_str(&listed).expect("a list is JSON");
        let [trace] = traces.as_slice() else {
            panic!("there should be one trace: {listed}");
        };
        Self::of(home, trace["id"].as_str().expect("a trace has an id"))
    }

    /// Exports the trace in which a work item was proposed.
    ///
    /// # Panics
    /// Where it is not exported.
    #[must_use]
    pub fn of_the_trace_of(home: &Home, id: WorkItemId) -> Self {
        let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
        Self::of(home, &row.trace.to_string())
    }

    /// Exports a trace.
    ///
    /// # Panics
    /// Where it is not exported.
    #[must_use]
    pub fn of(home: &Home, id: &str) -> Self {
        let mut names = (1..).map(|number| home.file(&format!("trace-{number}.jsonl")));
        let path = names
            .find(|path| !path.exists())
            .expect("there is always another number");
        let file = path.to_str().expect("a temporary path is UTF-8");
        let _ = home.run(&["trace", "export", id, "-o", file]).expect_success();
        Self::read(path)
    }

    /// Reads an export without judging it.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("lines are JSON"));
        let header = lines.next().expect("an export has a header");
        let mut trace: Vec<Exported> = lines
            .filter(|line| line.get("entry").is_some())
            .map(|line| Exported::from(&line))
            .collect();
        let own = header["counts"]["trace"]
            .as_u64()
            .and_then(|count| usize::try_from(count).ok());
        let context = trace.split_off(own.expect("a header counts the trace's entries"));
        Self { path, trace, context }
    }

    /// The kinds of the trace's entries, in order.
    #[must_use]
    pub fn kinds(&self) -> Vec<&str> {
        self.trace.iter().map(|entry| entry.kind.as_str()).collect()
    }

    /// The trace's entries of one kind, in order.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> Vec<&Exported> {
        self.trace.iter().filter(|entry| entry.kind == kind).collect()
    }

    /// Has `auditotter verify` judge it, without a workspace.
    #[must_use]
    pub fn verified_by_us(&self) -> Ran {
        let mut command = Command::new(program::path("auditotter"));
        command
            .arg("verify")
            .arg(&self.path)
            .env_remove("AUDITOTTER_HOME");
        program::run(command)
    }

    /// Has `examples/verify.py` judge it; `None` where Python or its `blake3` is missing.
    ///
    /// # Panics
    /// Where one is missing and `CI` is set.
    #[must_use]
    pub fn verified_by_python(&self) -> Option<Ran> {
        let mut probe = Command::new("python3");
        probe.args(["-c", "import blake3"]);
        if !probe.output().is_ok_and(|probed| probed.status.success()) {
            skipped("examples/verify.py was not run; install Python 3 and run: pip install blake3");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/verify.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(&self.path);
        Some(program::run(command))
    }
}

impl From<&Value> for Exported {
    fn from(line: &Value) -> Self {
        let entry: Value = serde_json::from_str(line["entry"].as_str().expect("an entry is a string"))
            .expect("an entry is JSON");
        let body = line["body"]["bytes"].as_str().map_or(Value::Null, |bytes| {
            let bytes = STANDARD.decode(bytes).expect("a body is base64");
            serde_json::from_slice(&bytes).expect("a body is JSON")
        });
        let kind = entry["kind"].as_str().expect("an entry has a kind").to_owned();
        Self { kind, entry, body }
    }
}
