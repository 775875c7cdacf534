//! What an agent asks a tool for, as people say it.

use serde_json::Value;

use super::{
    said::{command, readable},
    text::Text,
};

/// How much of what a tool is used on stands on a line, in characters.
const MOST_CHARS: usize = 160;

/// Members of a tool's input that say on what it is used, the first that is there.
const OBJECTS: [&str; 16] = [
    "file_path",
    "notebook_path",
    "command",
    "pattern",
    "path",
    "url",
    "query",
    "title",
    "summary",
    "text",
    "id",
    "skill",
    "description",
    "prompt",
    "name",
    "message",
];

/// What a use of this tool is called: what it is for, where that is known, and its own name otherwise.
pub(super) fn verb(tool: &str) -> String {
    let known = match own(tool) {
        "Bash" | "shell" | "exec_command" => "Run",
        "Edit" | "NotebookEdit" | "MultiEdit" => "Edit",
        "Write" => "Write",
        "apply_patch" => "Patch",
        "Read" => "Read",
        "Grep" | "Glob" => "Search",
        "WebFetch" => "Fetch",
        "WebSearch" => "Search the web",
        "Task" | "Agent" => "Start an agent",
        "Skill" => "Use skill",
        "propose_work_item" => "Propose",
        "await_decision" => "Wait for a decision on",
        "get_work_item" => "Look at",
        "list_work_items" => "List work items",
        "record_evidence" => "Record evidence",
        "report_progress" => "Report on",
        "append_trace_note" => "Note",
        "read_trace" => "Read the trace",
        "verify_trace" => "Verify the trace",
        "describe_delegation" => "Ask what is lent",
        _ => return unknown(tool),
    };
    known.to_owned()
}

/// A tool's own name, so that no tool is told in our words, whatever it calls itself. What looks like a quotation mark is spelled out: the name
/// ends where ours stands.
fn unknown(tool: &str) -> String {
    if tool.is_empty() {
        return "Use a tool without a name".to_owned();
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:".contains(letter);
    let shown = Text::line(tool, 64).plain();
    if tool.chars().all(plain) {
        return format!("Use {shown}");
    }
    let quoted: String = shown
        .chars()
        .map(|letter| match letter {
            '"' | '\u{2018}'..='\u{201f}' | '\u{301d}'..='\u{301f}' | '\u{ff02}' => {
                letter.escape_unicode().to_string()
            }
            letter => letter.to_string(),
        })
        .collect();
    format!("Use the tool \u{201c}{quoted}\u{201d}")
}

/// Whether a tool is there to change files, and says which.
pub(super) fn edits(tool: &str) -> bool {
    matches!(
        tool,
        "Edit" | "Write" | "MultiEdit" | "NotebookEdit" | "apply_patch"
    )
}

/// A tool's name without that of our server in front of it.
pub(super) fn own(tool: &str) -> &str {
    let ours = ["mcp__auditotter__", "mcp__plugin_otter_auditotter__"];
    ours.iter()
        .find_map(|prefix| tool.strip_prefix(prefix))
        .unwrap_or(tool)
}

/// On what it is used.
pub(super) fn object(input: &Value) -> Text {
    let said = OBJECTS
        .iter()
        .find_map(|name| Some((name, input.get(name)?)))
        .map(|(name, value)| match *name {
            "command" => patched(value).unwrap_or_else(|| command(value)),
            _ => readable(value),
        });
    let otherwise = || match input {
        Value::Object(members) if members.is_empty() => String::new(),
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Text::line(&said.unwrap_or_else(otherwise), MOST_CHARS)
}

/// The files that a patch of Codex's names, where it is one.
fn patched(command: &Value) -> Option<String> {
    let patch = capture::Patch::parse(command.as_str()?)?;
    let paths: Vec<&str> = patch.paths().collect();
    Some(paths.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_tool_is_used_on_fits_on_a_line() {
        for (input, said) in [
            (json!({ "command": "make\ttest\n&& rm x" }), "make test && rm x"),
            (json!({ "command": ["make", "test"] }), "make test"),
            (
                json!({ "command": "*** Begin Patch\n*** Delete File: a.rs\n*** End Patch" }),
                "a.rs",
            ),
            (
                json!({ "old_string": "x", "file_path": "/a\u{202e}b" }),
                "/a\\u202eb",
            ),
            (json!({}), ""),
            (json!({ "n": 1 }), r#"{"n":1}"#),
            (json!("raw"), "raw"),
        ] {
            assert_eq!(object(&input).plain(), said);
        }
        assert_eq!(verb("mcp__auditotter__propose_work_item"), "Propose");
        assert_eq!(verb("mcp__other__do"), "Use mcp__other__do");
        assert_eq!(
            verb("mcp__other__do\u{1b}"),
            "Use the tool \u{201c}mcp__other__do\\u001b\u{201d}"
        );
        assert_eq!(
            verb("Approved by Bob:"),
            "Use the tool \u{201c}Approved by Bob:\u{201d}"
        );
        assert_eq!(verb("Approved"), "Use Approved");
        assert_eq!(verb(""), "Use a tool without a name");
        assert_eq!(
            verb("x\u{201d}, approved by Bob: \u{201c}x"),
            "Use the tool \u{201c}x\\u{201d}, approved by Bob: \\u{201c}x\u{201d}"
        );
    }
}
