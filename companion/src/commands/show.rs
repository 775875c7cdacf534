//! `auditotter show`: one work item, and what was decided.

use std::process::ExitCode;

use hub::{
    companion::{CompanionRequest, LandingRow, WorkItemRow},
    words,
};
use vocabulary::{WorkItemId, shown};

use crate::{home::Workspace, output};

/// Show a work item: what is proposed, how it was judged and why, and what was decided
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which, as wi_...
    work_item: WorkItemId,
    /// Print an object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let request = CompanionRequest::WorkItem { id: args.work_item };
    let row: WorkItemRow = workspace.hub()?.ask(&request)?;
    if args.json {
        output::json(&row)?;
    } else {
        output::line(&in_words(&row));
    }
    Ok(ExitCode::SUCCESS)
}

fn in_words(row: &WorkItemRow) -> String {
    let mut lines = vec![
        format!("{}  {}", row.id, row.state),
        format!("  {}", row.title),
        format!(
            "  proposed by  {} at {}",
            row.proposed_by,
            words::moment(row.proposed_at)
        ),
        format!(
            "  type         {}: {}",
            row.item_type,
            row.type_reasons.join("; ")
        ),
        format!("  risk         {}: {}", row.risk, row.risk_reasons.join("; ")),
    ];
    if let Some(repository) = &row.repository {
        lines.push(format!("  repository   {repository}"));
    }
    if !row.paths.is_empty() {
        lines.push(format!("  paths        {}", row.paths.join(" ")));
    }
    lines.push(format!("  delegation   {}", row.delegation));
    lines.push(format!(
        "  trace        {} (auditotter trace replay {})",
        row.trace, row.trace
    ));
    for line in row.description.iter().flat_map(|text| text.lines()) {
        lines.push(format!("  | {line}"));
    }
    lines.extend(row.stale.iter().map(|stale| format!("  {stale}")));
    if let Some(end) = row.expires_at {
        let verb = if row.state == "expired" { "ended" } else { "ends" };
        lines.push(format!("  {verb:<12} {} if nobody decides", words::moment(end)));
    }
    for evidence in &row.evidence {
        lines.push(format!(
            "  evidence     {} {} by {}, says {} at {}",
            evidence.kind,
            evidence.outcome,
            evidence.tool,
            evidence.by,
            words::moment(evidence.at)
        ));
        for line in evidence.summary.lines() {
            lines.push(format!("  | {}", shown(line, 2_000)));
        }
        let known = [
            ("commit", evidence.commit.as_ref().map(ToString::to_string)),
            ("tree", evidence.tree.as_ref().map(ToString::to_string)),
            ("report", evidence.digest.as_ref().map(ToString::to_string)),
            (
                "changed lines",
                evidence.changed_lines.map(|lines| lines.to_string()),
            ),
        ];
        for (name, value) in known {
            lines.extend(value.map(|value| format!("  {name:<13}{value}")));
        }
    }
    for decision in &row.decisions {
        let lines_changed = decision
            .changed_lines
            .map_or_else(String::new, |lines| format!(" with {lines} changed lines"));
        lines.push(format!(
            "  {:<12} by {} at {}, signed {}, {} after it was shown{lines_changed}, over a ledger of {} entries",
            decision.verb,
            decision.by,
            words::moment(decision.at),
            decision.tier,
            words::span(decision.took_seconds),
            decision.ledger_size
        ));
        for line in decision.rationale.iter().flat_map(|text| text.lines()) {
            lines.push(format!("  > {line}"));
        }
    }
    if let Some(to_land) = &row.to_land {
        lines.push(format!(
            "  to land      tree {} of commit {}, said to be made by {}, put forward at {} as nobody's word",
            to_land.tree,
            to_land.head,
            to_land.committers.join(", "),
            words::moment(to_land.at)
        ));
    }
    for verdict in &row.verdicts {
        lines.push(format!("  may land     tree {}: {}", verdict.tree, verdict.words));
    }
    for landing in &row.landings {
        lines.extend(landing_lines(landing));
    }
    for report in &row.reports {
        lines.push(format!(
            "  {:<12} says {} at {} {}",
            report.state,
            report.by,
            words::moment(report.at),
            report.pull_request.as_deref().unwrap_or_default()
        ));
        for line in report.why.iter().flat_map(|text| text.lines()) {
            lines.push(format!("  | {line}"));
        }
    }
    lines.join("\n")
}

fn landing_lines(landing: &LandingRow) -> Vec<String> {
    let mut lines = vec![
        format!(
            "  {:<12} tree {} by {} ({}) at {}, signed {}, {} after it was shown",
            landing.verb,
            landing.tree,
            landing.by,
            landing.role,
            words::moment(landing.at),
            landing.tier,
            words::span(landing.took_seconds)
        ),
        format!(
            "  made by      {}, commits {}..{}",
            landing.committers.join(", "),
            landing.base,
            landing.head
        ),
    ];
    lines.extend(landing.stale.as_ref().map(|why| format!("  stale        {why}")));
    let review = landing.review_due.map(|due| match &landing.reviewed_by {
        Some(who) => format!("  exception    nobody independent could decide; {who} reviewed it since"),
        None => format!(
            "  exception    nobody independent could decide; to be reviewed by {}",
            words::moment(due)
        ),
    });
    lines.extend(review);
    let rationale = landing.rationale.iter().flat_map(|text| text.lines());
    lines.extend(rationale.map(|line| format!("  > {line}")));
    lines
}
