//! What was found, as a person reads it. All of it is others' words: commits' and agents'.

use std::path::Path;

use hub::{
    companion::{EditOfLines, WorkOfLines},
    words,
};
use vocabulary::{Timestamp, shown};

use super::attribution::{Attribution, Certain, OfSession};
use crate::output;

/// How much of others' words is shown on a line, in characters.
const MOST_CHARS: usize = 160;

/// Prints all of it.
pub(super) fn print(file: &Path, attributions: &[Attribution]) {
    output::line(&line_of(&file.to_string_lossy()));
    if attributions.is_empty() {
        output::line("  has no lines");
    }
    for attribution in attributions {
        for line in told(attribution) {
            output::line(&line);
        }
    }
}

fn told(attribution: &Attribution) -> Vec<String> {
    let Attribution { from, to, origin } = attribution;
    let numbers = if from == to {
        from.to_string()
    } else {
        format!("{from}-{to}")
    };
    let heading = match (origin.certain, origin.sessions.as_slice()) {
        (Certain::Uncommitted, _) => "not committed yet".to_owned(),
        (Certain::Nobody, _) => "nobody's session".to_owned(),
        (_, [one]) => who(one),
        (_, several) => format!(
            "one of {} sessions that were squashed into one commit",
            several.len()
        ),
    };
    let mut lines = vec![format!("{numbers:<9} {heading}")];
    let mut fact = |name: &str, text: String| lines.push(format!("          {name:<8} {text}"));
    for session in &origin.sessions {
        fact(
            "session",
            format!(
                "{}{}",
                session.trace,
                if origin.sessions.len() > 1 {
                    format!(", {}", who(session))
                } else {
                    String::new()
                }
            ),
        );
        let rest = if session.imported {
            "even the session is a claim"
        } else {
            "only the session is certain"
        };
        match &session.told {
            Some(edit) => {
                of_edit(edit, session.among, &mut fact);
                if !session.has_edit() {
                    fact("", format!("whether it made this line is not known; {rest}"));
                }
            }
            None if session.known => {
                let edits = match session.edits_of_file {
                    0 => "the session has no edit of this file on record".to_owned(),
                    edits => format!("none of the session's {edits} edits of this file added such a line"),
                };
                fact("edit", format!("unknown: {edits}; {rest}"));
            }
            None => {}
        }
        for doubt in &session.doubts {
            fact("doubt", doubt.clone());
        }
    }
    if let Some(commit) = &origin.commit {
        let id: String = commit.id.to_string().chars().take(12).collect();
        fact(
            "commit",
            format!(
                "{id} by {} at {}: {}",
                line_of(&commit.author),
                moment(commit.authored_at),
                line_of(&commit.subject)
            ),
        );
    }
    lines
}

fn who(session: &OfSession) -> String {
    let via = session.via.as_deref().map(line_of).unwrap_or_default();
    match &session.on_behalf_of {
        _ if session.imported => format!("imported, nobody proved it, via {via}"),
        Some(human) => format!("{}, via {via}", line_of(human)),
        None => format!("{}, which this ledger does not know", session.trace),
    }
}

fn of_edit(edit: &EditOfLines, among: usize, fact: &mut impl FnMut(&str, String)) {
    let tool = edit
        .tool
        .as_deref()
        .map_or_else(String::new, |tool| format!(" by {}", line_of(tool)));
    let agent = edit
        .agent
        .as_deref()
        .map_or_else(String::new, |agent| format!(", by its agent {}", line_of(agent)));
    let among = if among > 1 {
        format!(", of {among} that added such a line")
    } else {
        String::new()
    };
    fact(
        "edit",
        format!("#{}{tool} at {}{agent}{among}", edit.seq, moment(edit.at)),
    );
    match &edit.prompt {
        None => fact("prompt", "none is on record before the edit".to_owned()),
        Some(prompt) => {
            let text = prompt
                .text
                .as_deref()
                .map_or_else(|| "[erased]".to_owned(), line_of);
            let newest = if prompt.same_turn {
                ""
            } else {
                " (the newest before the edit)"
            };
            // No human said it.
            let told = prompt.agent.as_deref().map_or_else(String::new, |agent| {
                format!(" (an agent told sub-agent {})", line_of(agent))
            });
            fact("prompt", format!("#{}{newest}{told} {text}", prompt.seq));
        }
    }
    match &edit.work_item {
        None => fact("work", "none covered it".to_owned()),
        Some(work) => of_work(work, edit.elsewhere, fact),
    }
}

fn of_work(work: &WorkOfLines, elsewhere: bool, fact: &mut impl FnMut(&str, String)) {
    let title = work
        .title
        .as_deref()
        .map_or_else(|| "unknown to this ledger".to_owned(), line_of);
    let state = work
        .state
        .as_deref()
        .map(|state| format!(" ({state})"))
        .unwrap_or_default();
    fact("work", format!("{}{state} {title}", work.id));
    // What was decided on it was not decided on this.
    if work.title.is_some() && !work.plans_path {
        let plans = if elsewhere {
            "whether it plans a file of that folder is not known"
        } else {
            "it does not plan this file"
        };
        fact("", format!("the call was made under it; {plans}"));
        return;
    }
    for decision in &work.decisions {
        fact(
            "",
            format!(
                "{} by {} at {}, signed {}",
                decision.verb,
                line_of(&decision.by),
                moment(decision.at),
                decision.tier
            ),
        );
    }
}

fn moment(at: Timestamp) -> String {
    words::moment(at)
}

/// Somebody's words on one line.
fn line_of(text: &str) -> String {
    shown(text, MOST_CHARS)
}

#[cfg(test)]
mod tests {
    use hub::companion::{DecisionOfLines, PromptOfLines};
    use vocabulary::{TraceId, WorkItemId};

    use super::*;

    fn edit(plans_path: bool, elsewhere: bool) -> EditOfLines {
        EditOfLines {
            seq: 7,
            at: Timestamp::EPOCH,
            hash: String::new(),
            kind: "file.edited".to_owned(),
            tool: None,
            path: "src/a.rs".to_owned(),
            elsewhere,
            folder_unknown: false,
            between_turns: false,
            source: None,
            adds: Vec::new(),
            agent: None,
            prompt: Some(PromptOfLines {
                seq: 3,
                at: Timestamp::EPOCH,
                text: Some("Look".to_owned()),
                agent: Some("a1".to_owned()),
                source: None,
                same_turn: true,
            }),
            work_item: Some(WorkOfLines {
                id: WorkItemId::new(1, [1; 10]),
                title: Some("Fix it".to_owned()),
                state: None,
                plans_path,
                decisions: vec![DecisionOfLines {
                    verb: "approve".to_owned(),
                    by: "Alice".to_owned(),
                    tier: "T0".to_owned(),
                    at: Timestamp::EPOCH,
                }],
            }),
        }
    }

    fn written(edit: &EditOfLines) -> String {
        let mut lines = Vec::new();
        of_edit(edit, 1, &mut |_, text| lines.push(text));
        lines.join("\n")
    }

    #[test]
    fn decisions_are_told_of_work_that_plans_the_file_and_of_no_other() {
        assert!(written(&edit(true, false)).contains("approve by Alice"));
        for (elsewhere, says) in [
            (false, "it does not plan this file"),
            (true, "whether it plans a file of that folder is not known"),
        ] {
            let told = written(&edit(false, elsewhere));
            assert!(told.contains(says) && !told.contains("Alice"), "{told}");
        }
    }

    #[test]
    fn a_prompt_that_an_agent_told_another_says_so() {
        let told = written(&edit(true, false));
        assert!(told.contains("#3 (an agent told sub-agent a1) Look"), "{told}");
    }

    #[test]
    fn an_imported_session_is_nobodys() {
        let session = OfSession {
            trace: TraceId::new(1, [1; 10]),
            known: true,
            imported: true,
            on_behalf_of: None,
            via: Some("codex 1".to_owned()),
            edit: None,
            told: None,
            among: 0,
            edits_of_file: 0,
            doubts: Vec::new(),
        };
        assert_eq!(who(&session), "imported, nobody proved it, via codex 1");
    }
}
