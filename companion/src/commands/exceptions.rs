//! `auditotter exceptions`: changes that nobody else could judge, and whether somebody has looked since.

use std::process::ExitCode;

use hub::{
    companion::{CompanionRequest, ExceptionRow},
    words,
};

use crate::{home::Workspace, output};

/// Show which changes were let through by one of those who made them, and by when another has to look
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Those that were looked at as well
    #[arg(long)]
    all: bool,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let mut rows: Vec<ExceptionRow> = workspace.hub()?.ask(&CompanionRequest::Exceptions)?;
    rows.retain(|row| args.all || row.reviewed_by.is_none());
    if args.json {
        output::json(&rows)?;
    } else if rows.is_empty() {
        output::line("No exception waits for a review.");
    } else {
        let cells: Vec<[String; 6]> = rows.iter().map(cells).collect();
        output::table(
            [
                "WORK ITEM",
                "TREE",
                "MADE BY",
                "LET THROUGH BY",
                "REVIEW",
                "TITLE",
            ],
            &cells,
        );
        output::line(
            "Somebody who neither made it nor had it made reviews it, in its repository, with: auditotter land wi_... --rev REV",
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn cells(row: &ExceptionRow) -> [String; 6] {
    let mut review = match &row.reviewed_by {
        Some(who) => format!("approved by {who}"),
        None if row.overdue => format!("OVERDUE since {}", words::moment(row.review_due)),
        None => format!("due by {}", words::moment(row.review_due)),
    };
    if !row.objected.is_empty() {
        review.push_str(&format!("; {} said no", row.objected.join(", ")));
    }
    [
        row.id.to_string(),
        row.tree.to_string(),
        row.committers.join(", "),
        row.by.clone(),
        review,
        row.title.clone(),
    ]
}
