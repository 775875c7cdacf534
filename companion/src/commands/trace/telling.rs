//! A session as it is told in a terminal: a line for each step, or with everything there is to read.

use hub::telling::{Diff, Folded, Mark, Part, Step, Text, Told, Tone, Turn, clock};

use crate::painted::{Ink, Line, lines};

/// How deep it stands what belongs to a step.
const MARGIN: &str = "          ";

/// A turn, line by line.
pub(super) fn turn(turn: &Turn, full: bool) -> Vec<Line> {
    let mut told = Vec::new();
    if let Some(prompt) = &turn.prompt {
        told.push(Line::default());
        told.push(heading(prompt, turn.goes_on));
        if full && prompt.is_longer() && !turn.goes_on {
            parts(prompt, &mut told);
        }
    }
    for step in &turn.steps {
        told.extend(self::step(step, full));
    }
    told
}

fn heading(prompt: &Told, goes_on: bool) -> Line {
    let who = prompt.on_behalf_of.as_deref().unwrap_or("somebody");
    let line = place(prompt, &format!("#{}", prompt.seq));
    let line = if goes_on {
        line.with(Ink::Soft, "(continued) ")
    } else {
        line
    };
    let line = match &prompt.agent {
        // No human said it.
        Some(agent) => line
            .with(Ink::Strong, "an agent told sub-agent ")
            .text(Ink::Strong, agent)
            .with(Ink::Strong, ": "),
        None => line.with(Ink::Strong, &format!("{who}: ")),
    };
    if prompt.erased {
        return line.with(Ink::Warn, "[erased by a human's decision]");
    }
    marks(line.text(Ink::Strong, &prompt.what), prompt.secrets(), false)
}

/// A step: a line, and with `full` what there is to read below it.
pub(super) fn step(step: &Step, full: bool) -> Vec<Line> {
    let Some(first) = step.first() else {
        return Vec::new();
    };
    let mut line = place(first, &step.places());
    let ink = match step.tone {
        Tone::Quiet => Ink::Soft,
        Tone::Plain => Ink::Plain,
        Tone::Warn => Ink::Warn,
        Tone::Bad => Ink::Bad,
        Tone::Gap => Ink::Loud,
    };
    line = match step.tone {
        Tone::Gap => line.with(Ink::Loud, "GAP: "),
        Tone::Bad => line.with(Ink::Bad, "! "),
        Tone::Quiet | Tone::Plain | Tone::Warn => line,
    };
    if let Some(agent) = &first.agent {
        line = line
            .with(Ink::Soft, "sub-agent ")
            .text(Ink::Soft, agent)
            .with(Ink::Soft, ": ");
    }
    line = line.with(ink, &step.does);
    if !step.what.is_empty() {
        let what = if step.tone == Tone::Quiet {
            Ink::Soft
        } else {
            Ink::Plain
        };
        line = line.with(what, " ").text(what, &step.what);
    }
    if !step.then.is_empty() {
        line = line.with(Ink::Soft, " → ").with(ink, &step.then);
    }
    let mut told = vec![marks(line, step.secrets(), step.erased())];
    if full {
        for (place, entry) in step.entries.iter().enumerate() {
            if step.is_call || entry.work_item.is_some() {
                told.push(entry_line(entry, place > 0 || entry.kind == "tool.called"));
            }
            parts(entry, &mut told);
        }
    }
    told
}

/// When, where in the chain, and how the entry's hash begins.
fn place(entry: &Told, places: &str) -> Line {
    let hash = entry.hash_prefix();
    Line::default().with(Ink::Soft, &format!("{}  {places:<8} {hash}  ", clock(entry.at)))
}

fn marks(mut line: Line, secrets: u64, erased: bool) -> Line {
    if secrets > 0 {
        let plural = if secrets == 1 { "" } else { "s" };
        line = line.with(Ink::Warn, &format!(" [{secrets} secret{plural} replaced]"));
    }
    if erased {
        line = line.with(Ink::Warn, " [erased by a human's decision]");
    }
    line
}

fn entry_line(entry: &Told, told: bool) -> Line {
    let hash = entry.hash_prefix();
    let line = format!("{MARGIN}#{} {hash} {} {}", entry.seq, entry.kind, clock(entry.at));
    let mut line = Line::default().with(Ink::Soft, &line);
    if told && entry.kind == "tool.called" {
        line = line.with(Ink::Soft, " with ").with(Ink::Plain, &entry.then);
    } else if told {
        line = line
            .with(Ink::Soft, &format!(": {} ", entry.does))
            .text(Ink::Plain, &entry.what);
        if !entry.then.is_empty() {
            line = line.with(Ink::Soft, &format!(" → {}", entry.then));
        }
    }
    if let Some(claimed) = entry.claimed() {
        line = line.with(Ink::Soft, &format!(", told later; it says {claimed}"));
    }
    if let Some(item) = &entry.work_item {
        line = line.with(Ink::Soft, ", for ").text(Ink::Soft, item);
    }
    for (rule, count) in &entry.redacted {
        line = line
            .with(Ink::Warn, &format!(", {count} × "))
            .text(Ink::Warn, rule)
            .with(Ink::Warn, " replaced");
    }
    line
}

fn parts(entry: &Told, told: &mut Vec<Line>) {
    for part in &entry.parts {
        match part {
            Part::Words(words) => folded(words, told),
            Part::Output(name, output) if output.line().is_some() => {
                let named = Line::default().with(Ink::Soft, &format!("{MARGIN}{name}: "));
                told.push(named.text(Ink::Plain, &output.head));
            }
            Part::Output(name, output) => {
                told.push(Line::default().with(Ink::Soft, &format!("{MARGIN}{name}:")));
                folded(output, told);
            }
            Part::Changed(diff) => changed(diff, told),
        }
    }
}

/// Marked with `|` in front of each line, so that no line of somebody else's can be taken for one of ours.
fn folded(text: &Folded, told: &mut Vec<Line>) {
    quoted(&text.head, told);
    if let Some(hidden) = &text.hidden {
        let more = format!("{MARGIN}  … {} more lines", hidden.lines);
        told.push(Line::default().with(Ink::Soft, &more));
        quoted(&text.tail, told);
    }
}

fn quoted(text: &Text, told: &mut Vec<Line>) {
    for line in lines(text) {
        let quoted = Line::default().with(Ink::Soft, &format!("{MARGIN}| "));
        told.push(quoted.text(Ink::Plain, &line));
    }
}

fn changed(diff: &Diff, told: &mut Vec<Line>) {
    for line in &diff.shown {
        let ink = match line.mark {
            Mark::Added => Ink::Good,
            Mark::Removed => Ink::Bad,
            Mark::Same => Ink::Plain,
            Mark::Place => Ink::Soft,
        };
        let quoted = Line::default().with(Ink::Soft, &format!("{MARGIN}| "));
        told.push(quoted.text(ink, &line.text));
    }
    if diff.folded() > 0 {
        let more = format!("{MARGIN}  … {} more lines", diff.folded());
        told.push(Line::default().with(Ink::Soft, &more));
    }
}

#[cfg(test)]
mod tests;
