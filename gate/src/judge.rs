//! Whether what a call would change is covered.

use std::fmt;

use vocabulary::{RepoPath, Risk, WorkItemId};

use crate::{
    approved::ApprovedWork,
    effect::{Effect, What},
    path::fold,
};

/// What a delegation lends.
#[derive(Clone, Copy)]
pub struct Lent<'a> {
    /// Whether it lends a path of this repository.
    pub covers: &'a dyn Fn(&RepoPath) -> bool,
    /// The highest risk that it lends.
    pub ceiling: Risk,
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It changes nothing of the repository.
    Free,
    /// It is covered by this approved work, each named once.
    Covered {
        /// Sorted.
        by: Vec<WorkItemId>,
    },
    /// It is not covered.
    Denied(Denial),
}

/// Why a call is denied, for the agent that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The rule.
    pub code: Code,
    /// What happened, to what.
    pub because: String,
    /// What to do next.
    pub next: String,
    /// The paths that were not covered.
    pub paths: Vec<RepoPath>,
}

/// The rules by which calls are denied; their names are stable. The first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// No agent writes there.
    ProtectedPath,
    /// No work item can plan that name.
    PathCannotBeNamed,
    /// The delegation does not lend the path, or not at its risk.
    PathNotLent,
    /// Nothing is approved in this session.
    NoApprovedWorkItem,
    /// What is approved does not plan the path.
    PathNotApproved,
    /// What plans the path was approved at a lower risk.
    RiskAboveApproved,
    /// It may write anywhere, and nothing is approved in this session.
    CannotBeTold,
}

impl Code {
    /// Every code, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::ProtectedPath,
        Self::PathCannotBeNamed,
        Self::PathNotLent,
        Self::NoApprovedWorkItem,
        Self::PathNotApproved,
        Self::RiskAboveApproved,
        Self::CannotBeTold,
    ];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProtectedPath => "protected_path",
            Self::PathCannotBeNamed => "path_cannot_be_named",
            Self::PathNotLent => "path_not_lent",
            Self::NoApprovedWorkItem => "no_approved_work_item",
            Self::PathNotApproved => "path_not_approved",
            Self::RiskAboveApproved => "risk_above_approved",
            Self::CannotBeTold => "cannot_be_told",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Judges what a call would change by what was lent, what was approved, and the risk of a path.
///
/// A path counts as approved or lent only as it is written; it is as risky as the riskiest way in which a disk could read it.
#[must_use]
pub fn judge(
    effect: &Effect,
    lent: &Lent<'_>,
    approved: &ApprovedWork,
    risk_of: &dyn Fn(&RepoPath) -> Risk,
) -> Verdict {
    let mut by = Vec::new();
    let mut found: Vec<Finding<'_>> = Vec::new();
    for change in effect.changes() {
        let because = change.because.as_str();
        let outcome = match &change.what {
            What::Outside(_) | What::Elsewhere(_) => continue,
            What::Protected { path, what } => Err(Refused {
                code: Code::ProtectedPath,
                why: format!("{path} is {what}"),
                path: None,
            }),
            What::Unnameable(path) => Err(Refused {
                code: Code::PathCannotBeNamed,
                why: format!("no work item can plan `{path}`"),
                path: None,
            }),
            What::Anywhere => approved.latest().ok_or_else(|| Refused {
                code: Code::CannotBeTold,
                why: "it may write anywhere in the repository".to_owned(),
                path: None,
            }),
            What::Commit | What::Push => approved.latest().ok_or_else(|| Refused {
                code: Code::NoApprovedWorkItem,
                why: "nothing is approved in this session".to_owned(),
                path: None,
            }),
            What::Path(path) => of_path(path, lent, approved, risk_of),
        };
        match outcome {
            Ok(id) => by.push(id),
            Err(refused) => found.push(Finding { refused, because }),
        }
    }
    found.sort_by_key(|finding| finding.refused.code);
    if let Some(first) = found.first() {
        return Verdict::Denied(denial(first, &found));
    }
    by.sort();
    by.dedup();
    if by.is_empty() {
        Verdict::Free
    } else {
        Verdict::Covered { by }
    }
}

struct Finding<'a> {
    refused: Refused,
    because: &'a str,
}

struct Refused {
    code: Code,
    why: String,
    path: Option<RepoPath>,
}

fn of_path(
    path: &RepoPath,
    lent: &Lent<'_>,
    approved: &ApprovedWork,
    risk_of: &dyn Fn(&RepoPath) -> Risk,
) -> Result<WorkItemId, Refused> {
    let refused = |code, why: String| {
        Err(Refused {
            code,
            why,
            path: Some(path.clone()),
        })
    };
    let risk = strictest(path, risk_of);
    if !(lent.covers)(path) {
        return refused(Code::PathNotLent, format!("the delegation does not lend {path}"));
    }
    if risk > lent.ceiling {
        let why = format!(
            "{path} has {risk} risk, and the delegation lends up to {}",
            lent.ceiling
        );
        return refused(Code::PathNotLent, why);
    }
    if approved.latest().is_none() {
        return refused(
            Code::NoApprovedWorkItem,
            "nothing is approved in this session".to_owned(),
        );
    }
    match approved.planning(path).max() {
        None => refused(
            Code::PathNotApproved,
            format!("no approved work item plans {path}"),
        ),
        Some((approved_at, _)) if approved_at < risk => refused(
            Code::RiskAboveApproved,
            format!("{path} has {risk} risk, and what plans it was approved at {approved_at}"),
        ),
        Some((_, id)) => Ok(id),
    }
}

/// The risk of a path, and of the same path on a disk that overlooks case, Unicode forms and hidden characters.
fn strictest(path: &RepoPath, risk_of: &dyn Fn(&RepoPath) -> Risk) -> Risk {
    let folded = fold(&path.to_string());
    match folded.parse::<RepoPath>() {
        Ok(folded) if folded != *path => risk_of(path).max(risk_of(&folded)),
        _ => risk_of(path),
    }
}

fn denial(first: &Finding<'_>, found: &[Finding<'_>]) -> Denial {
    const SHOWN: usize = 20;
    let Finding { refused, because } = first;
    let code = refused.code;
    let alike = found.iter().filter(|finding| finding.refused.code == code);
    let more = alike.count() - 1;
    let more = if more == 0 {
        String::new()
    } else {
        format!(" (and {more} more like it)")
    };
    let mut paths: Vec<RepoPath> = found
        .iter()
        .filter_map(|finding| finding.refused.path.clone())
        .collect();
    paths.sort();
    paths.dedup();
    let mut listed: Vec<String> = paths
        .iter()
        .take(SHOWN)
        .map(|path| format!("{:?}", path.to_string()))
        .collect();
    if paths.len() > SHOWN {
        listed.push("…".to_owned());
    }
    let listed = listed.join(", ");
    let then = "show the link to your human, wait with await_decision, and call this again";
    let next = match code {
        Code::ProtectedPath => {
            "leave it as it is: no approval lets an agent write there. If it has to change, say so and ask your human to do it".to_owned()
        }
        Code::PathCannotBeNamed => "use names without `*`, backslashes and control characters, and fewer of them in one command".to_owned(),
        Code::PathNotLent => format!(
            "stay within what the delegation lends, or ask your human for one that lends [{listed}]: `auditotter delegate`"
        ),
        Code::NoApprovedWorkItem if listed.is_empty() => {
            format!("call propose_work_item with the paths that the work changes, {then}")
        }
        Code::NoApprovedWorkItem | Code::PathNotApproved | Code::RiskAboveApproved => {
            format!("call propose_work_item with paths [{listed}], {then}")
        }
        Code::CannotBeTold => format!(
            "to only look, use a command that reads (rg, cat, ls, git diff), written plainly; to run this, call propose_work_item with the \
             paths that the work changes, {then}"
        ),
    };
    Denial {
        code,
        because: format!("{because}: {}{more}", refused.why),
        next,
        paths,
    }
}

#[cfg(test)]
mod tests;
