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
        match &session.told {
            Some(edit) => of_edit(edit, session.among, &mut fact),
            None if session.known => fact(
                "edit",
                match session.edits_of_file {
                    0 => {
                        "unknown: the session has no edit of this file on record; only the session is certain"
                            .to_owned()
                    }
                    edits => format!(
                        "unknown: none of the session's {edits} edits of this file added such a line; only the session is certain"
                    ),
                },
            ),
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
        format!(", the newest of {among} that added such a line")
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
        Some(work) => of_work(work, fact),
    }
}

fn of_work(work: &WorkOfLines, fact: &mut impl FnMut(&str, String)) {
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
