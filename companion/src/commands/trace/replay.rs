//! `auditotter trace replay`: a session, told again in its own rhythm.

use std::{
    env,
    io::{self, IsTerminal as _},
    process::ExitCode,
    thread,
    time::Duration,
};

use hub::{
    companion::{CompanionLink, CompanionRequest, EntryRow, Of, OutlineRow, TraceRow},
    telling::{self, Tone, Turn},
    words,
};
use vocabulary::{Timestamp, TraceId, WorkItemId};

use super::{pages, telling as told};
use crate::{
    home::Workspace,
    output,
    painted::{Ink, Line},
};

/// No pause of the session is played longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// How many entries are held back at most until what came of a call is there.
const HELD_BACK: usize = 192;

/// Tell a session again in its own rhythm; piped, without waiting
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Which, as tr_...
    trace: TraceId,
    /// So many times faster than it was
    #[arg(long, default_value_t = 10.0, value_parser = speed)]
    speed: f64,
    /// From this sequence number on
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
    /// From this moment on: 14:05, 14:05:30 or 2026-01-31T14:05:30Z, in UTC
    #[arg(long, value_name = "TIME", conflicts_with = "from")]
    at: Option<String>,
    /// Only what was done to this file: the path that the client gave, or its end
    #[arg(long, value_name = "PATH", conflicts_with_all = ["work_item", "gaps"])]
    file: Option<String>,
    /// Only what was done for this work item, as wi_...
    #[arg(long, value_name = "ID", conflicts_with = "gaps")]
    work_item: Option<WorkItemId>,
    /// Only the gaps in what was captured
    #[arg(long)]
    gaps: bool,
    /// With diffs, outputs and words, long ones folded
    #[arg(long)]
    full: bool,
    /// Print what there is instead: prompts, files, work items and how many gaps
    #[arg(long)]
    contents: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let hub = workspace.hub()?;
    let row: TraceRow = hub.ask(&CompanionRequest::Trace { trace: args.trace })?;
    introduce(&row);
    if args.contents {
        contents(&hub.ask(&CompanionRequest::Outline { trace: args.trace })?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut replay = Replay::new(args);
    let from = match &args.at {
        Some(text) => {
            let at = telling::moment(text, row.began_at)?;
            hub.ask(&CompanionRequest::Seek {
                trace: args.trace,
                at,
            })?
        }
        None => args.from,
    };
    match args.of() {
        Some(of) => replay.some(&hub, args.trace, &of, from)?,
        None => pages::each(&hub, args.trace, from, |entry| {
            replay.take(entry);
            Ok(())
        })?,
    }
    replay.end();
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn of(&self) -> Option<Of> {
        let file = self.file.clone().map(Of::File);
        let item = || self.work_item.map(Of::WorkItem);
        file.or_else(item).or_else(|| self.gaps.then_some(Of::Gaps))
    }
}

/// Whose session it is.
fn introduce(row: &TraceRow) {
    let via = row
        .via
        .as_ref()
        .map_or_else(String::new, |via| format!(" (via {} {})", via.agent, via.version));
    let who = if row.imported {
        ", imported, nobody proved it".to_owned()
    } else {
        format!(" on behalf of {}", row.on_behalf_of)
    };
    output::line(&format!(
        "{}{who}{via}: {} entries, {} to {}",
        row.id,
        row.entries,
        words::moment(row.began_at),
        words::moment(row.last_at)
    ));
    // Whatever part of it is told: what says so itself may not be among that.
    if row.imported {
        output::line("IMPORTED: it is what a file said, a claim, and not what was recorded");
    }
}

/// What a session has, without what it says.
fn contents(outline: &OutlineRow) {
    for turn in &outline.turns {
        output::line(&format!(
            "  prompt     #{:<7} {} {}",
            turn.seq,
            telling::clock(turn.at),
            turn.says
        ));
    }
    for (what, touched) in [("file", &outline.files), ("work item", &outline.work_items)] {
        for one in touched {
            output::line(&format!(
                "  {what:<10} #{:<7} {} ({}x)",
                one.first, one.name, one.times
            ));
        }
    }
    if outline.more {
        output::line("  and more than is listed here");
    }
    output::line(&gaps(outline.gaps));
}

fn gaps(gaps: u64) -> String {
    match gaps {
        0 => "  no gaps in what was captured".to_owned(),
        1 => "  GAPS       1 in what was captured: --gaps shows it".to_owned(),
        _ => format!("  GAPS       {gaps} in what was captured: --gaps shows them"),
    }
}

/// What was played so far, and what is held back.
struct Replay {
    full: bool,
    watched: bool,
    coloured: bool,
    speed: f64,
    rows: Vec<EntryRow>,
    /// The prompt under which the next entries stand.
    within: Option<EntryRow>,
    before: Option<Timestamp>,
    gaps: u64,
}

impl Replay {
    fn new(args: &Args) -> Self {
        let watched = io::stdout().is_terminal();
        Self {
            full: args.full,
            watched,
            // https://no-color.org
            coloured: watched && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            speed: args.speed,
            rows: Vec::new(),
            within: None,
            before: None,
            gaps: 0,
        }
    }

    /// What was picked from a trace, wherever it stands.
    fn some(&mut self, hub: &CompanionLink, trace: TraceId, of: &Of, from: u64) -> anyhow::Result<()> {
        let mut from = from;
        let mut nothing = true;
        loop {
            let page: Vec<EntryRow> = hub.ask(&CompanionRequest::EntriesOf {
                trace,
                of: of.clone(),
                from,
                limit: HELD_BACK,
            })?;
            let Some(last) = page.last() else { break };
            (from, nothing) = (last.seq + 1, false);
            self.rows.extend(page);
            self.play(self.rows.len());
        }
        if nothing {
            output::line("  nothing of it from here on; --contents shows what there is");
        }
        Ok(())
    }

    /// Takes the next entry, and plays what is whole.
    fn take(&mut self, entry: EntryRow) {
        let open = &telling::loose(std::slice::from_ref(&entry)).open;
        let waits = !self.rows.is_empty() || !open.is_empty();
        self.rows.push(entry);
        if waits && self.rows.len() < HELD_BACK && !telling::loose(&self.rows).open.is_empty() {
            return;
        }
        self.play(self.rows.len());
    }

    /// Plays the rest.
    fn end(&mut self) {
        self.play(self.rows.len());
        if self.gaps > 0 {
            let told = Line::default().with(Ink::Loud, &gaps(self.gaps));
            told.print(self.coloured);
        }
    }

    fn play(&mut self, many: usize) {
        let rows: Vec<EntryRow> = self.rows.drain(..many).collect();
        let turns = telling::tell(&rows, self.within.as_ref());
        for mut turn in turns {
            // It was said already.
            if turn.goes_on {
                turn.prompt = None;
            }
            self.play_turn(&turn);
        }
        if let Some(prompt) = rows.into_iter().rev().find(|row| row.kind == "prompt") {
            self.within = Some(prompt);
        }
    }

    fn play_turn(&mut self, turn: &Turn) {
        if let Some(prompt) = &turn.prompt {
            self.pause(prompt.at);
        }
        let heading = Turn {
            steps: Vec::new(),
            ..turn.clone()
        };
        for line in told::turn(&heading, self.full) {
            line.print(self.coloured);
        }
        for step in &turn.steps {
            self.gaps += step.entries.iter().filter(|entry| is_gap(entry)).count() as u64;
            if let Some(first) = step.first() {
                self.pause(first.at);
            }
            for line in told::step(step, self.full) {
                line.print(self.coloured);
            }
        }
    }

    fn pause(&mut self, at: Timestamp) {
        if let (true, Some(before)) = (self.watched, self.before) {
            thread::sleep(pause(before, at, self.speed));
        }
        self.before = Some(at);
    }
}

fn is_gap(entry: &telling::Told) -> bool {
    entry.tone == Tone::Gap && entry.kind == "capture.gap"
}

fn pause(before: Timestamp, now: Timestamp, speed: f64) -> Duration {
    let real = now.since(before).as_seconds_f64().max(0.0);
    Duration::try_from_secs_f64(real / speed)
        .unwrap_or(LONGEST_PAUSE)
        .min(LONGEST_PAUSE)
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|speed| speed.is_finite() && *speed > 0.0)
        .ok_or_else(|| format!("`{text}` is not a speed; 1 is as it was, 10 ten times faster"))
}
