//! The gate: whether a client may use a tool now. What the tool would change is looked up where the client works, before the
//! writer's thread is asked; there it is judged by what was lent and what was approved in this very session.

pub(crate) mod place;
mod rules;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use capture::{Event, Happened, Used};
use delegation::Repositories;
use gate::{
    ApprovedItem, ApprovedWork, Effect, Lent, Mode, Policy, Surroundings, Verdict, What, effect_of, judge,
};
use protocol::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vocabulary::{RepoPath, Repository, TraceId, WorkItemId};
use work_items::{RiskPolicy, State, WorkItems};

use self::rules::Ruled;
pub(crate) use self::rules::{Met, Remembered};
use crate::{
    clearing::{Clearing, Counts},
    deeds::{Deeds, Reach},
    dispatch::Caller,
    workspace::Workspace,
};

/// In how many repositories with rules of their own one call is judged.
const MOST_REPOSITORIES: usize = 16;

/// Where the clients of this machine work, as the hub sees it.
#[derive(Debug, Clone)]
pub(crate) struct Neighbourhood {
    user: Option<PathBuf>,
    own: PathBuf,
    clearing: Arc<Clearing>,
    ruled: Arc<Ruled>,
    /// What they told that they change.
    pub(crate) deeds: Arc<Deeds>,
}

/// What a call would change, and under which rules of the repository.
#[derive(Debug)]
pub(crate) struct Look {
    effect: Effect,
    /// The folder in which the rules stand, or would.
    root: PathBuf,
    repository: Option<Repository>,
    /// What the rules say that a denial does, and the digest of their file.
    rules: Option<(Mode, String)>,
    /// What is wrong with the repository's rules.
    broken: Option<String>,
    clearing: Arc<Clearing>,
}

/// A session's approved work in a repository, as of when so much had been applied to the work items.
#[derive(Debug)]
pub(crate) struct Approved {
    applied: u64,
    repository: Option<Repository>,
    work: Arc<ApprovedWork>,
}

/// What the gate found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Under which approved work it is done, where that is one.
    pub(crate) covered_by: Option<WorkItemId>,
    /// Why it is not covered.
    pub(crate) denied: Option<GateDenied>,
    /// Whether it is therefore not to happen.
    pub(crate) enforced: bool,
}

/// Body of `gate.denied` and `gate.observed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateDenied {
    /// The rule: `docs/GATE.md` lists them.
    pub code: String,
    /// What would have been changed, and why that is not covered.
    pub because: String,
    /// What the agent can do about it.
    pub next: String,
    /// The paths that are not covered.
    pub paths: Vec<RepoPath>,
    /// What is wrong with the repository's rules, where they cannot be read; then they are enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
}

impl GateDenied {
    /// What the agent is told.
    pub(crate) fn refusal(&self) -> Refusal {
        let Self {
            code,
            because,
            next,
            rules,
            ..
        } = self;
        let rules = rules
            .as_ref()
            .map(|rules| format!("; {rules}"))
            .unwrap_or_default();
        Refusal {
            code: code.clone(),
            message: format!("Audit Otter does not let this happen: {because}. {next}{rules} [{code}]"),
        }
    }
}

impl Neighbourhood {
    /// This process's own.
    pub(crate) fn of(own: &Path, clearing: Arc<Clearing>) -> Self {
        Self {
            clearing,
            ruled: Arc::default(),
            deeds: Arc::default(),
            user: std::env::home_dir().filter(|home| home.is_absolute()),
            own: own.canonicalize().unwrap_or_else(|_| own.to_owned()),
        }
    }

    /// Clears of secrets what was said in a folder, and says how many there were.
    pub(crate) fn clear(&self, value: &mut Value, cwd: Option<&str>) -> Counts {
        let cwd = cwd.map(Path::new).filter(|cwd| cwd.is_absolute());
        self.clearing.clear(value, cwd.map(place::root_of).as_deref())
    }

    /// The root of the repository that a folder is in, where that has rules of its own for secrets.
    pub(crate) fn root_with_rules(&self, folder: &str) -> Option<String> {
        let root = place::root_of(Path::new(folder));
        let root = Some(root).filter(|root| Clearing::has_rules(root))?;
        // A name that is no text leads there by the one that is.
        Some(
            root.into_os_string()
                .into_string()
                .unwrap_or_else(|_| folder.to_owned()),
        )
    }

    /// Whether the rules of the repository that a folder is in are enforced.
    pub(crate) fn enforces(&self, cwd: Option<&str>) -> bool {
        let cwd = cwd.map(Path::new).filter(|cwd| cwd.is_absolute());
        let file = cwd.and_then(|cwd| place::policy_of(&place::root_of(cwd)));
        file.is_some_and(|file| Policy::of_file(Some(&file)).policy.mode() == Mode::Enforce)
    }

    /// Looks at what an event announces, under the rules of each repository that it would change something in, whatever folder
    /// it is done from. Nothing, where it announces nothing that would change anything.
    pub(crate) fn look(&self, event: &Event) -> Vec<Look> {
        let Happened::ToolCalled(used) = &event.happened else {
            return Vec::new();
        };
        let cwd = event.cwd.as_deref().map(Path::new);
        // Somewhere, and nobody knows where: then every path is strange.
        let cwd = cwd
            .filter(|cwd| cwd.is_absolute())
            .unwrap_or_else(|| Path::new("/"));
        let cwd = &cwd.canonicalize().unwrap_or_else(|_| cwd.to_owned());
        let root = self.ruled.root_of(cwd);
        let own = self.look_under(&root, cwd, used);
        let mut roots = vec![root];
        for change in own.effect.changes() {
            let reached = match &change.what {
                What::Path(path) => self.ruled.root_of(&roots[0].join(path.as_str())),
                What::Outside(path) => self.ruled.root_of(path),
                _ => continue,
            };
            if !roots.contains(&reached)
                && roots.len() < MOST_REPOSITORIES
                && (place::policy_of(&reached).is_some() || self.ruled.knows(&reached))
            {
                roots.push(reached);
            }
        }
        let others = roots.iter().skip(1).map(|root| self.look_under(root, cwd, used));
        let looks: Vec<Look> = others.collect();
        let changes = |look: &Look| !look.effect.is_nothing();
        std::iter::once(own).chain(looks).filter(changes).collect()
    }

    fn look_under(&self, root: &Path, cwd: &Path, used: &Used) -> Look {
        let file = place::policy_of(root);
        if file.is_some() {
            self.ruled.note(root);
        }
        let read = Policy::of_file(file.as_deref());
        let around = Surroundings {
            root,
            cwd,
            home: self.user.as_deref(),
            own_home: Some(&self.own),
            look: &place::look,
        };
        Look {
            effect: effect_of(&used.tool, &used.input, &around, &read.policy),
            root: root.to_owned(),
            repository: place::repository_of(root),
            // Where there are no rules, nobody asked for a gate.
            rules: file.map(|file| (read.policy.mode(), blake3::hash(&file).to_hex().to_string())),
            broken: read.broken.map(|broken| broken.to_string()),
            clearing: Arc::clone(&self.clearing),
        }
    }
}

impl Found {
    /// Of what was found in two repositories, what counts: a denial that is enforced before one that is observed.
    pub(crate) fn stricter(self, other: Self) -> Self {
        let weight = |found: &Self| (found.denied.is_some(), found.enforced);
        if weight(&other) > weight(&self) || (self.denied.is_none() && self.covered_by.is_none()) {
            other
        } else {
            self
        }
    }
}

impl Look {
    /// Takes note of the rules that it is done under; says what is to be recorded of them, without secrets.
    pub(crate) fn meet(&self, met: &mut Met) -> Option<Value> {
        let mut said = serde_json::to_value(met.meet(&self.root, self.rules.clone())?).ok()?;
        self.clearing.clear(&mut said, None);
        Some(said)
    }

    /// What a denial does, where anybody asked for a gate.
    fn mode(&self, workspace: &Workspace, caller: &Caller) -> Option<Mode> {
        let met = workspace.met.known(caller.trace);
        if met.is_some_and(|met| met.enforce(&self.root, &self.effect, self.rules.is_some())) {
            return Some(Mode::Enforce);
        }
        self.rules.as_ref().map(|(mode, _)| *mode)
    }

    /// Where it would be changed.
    pub(crate) fn reach(looks: &[Self]) -> Reach {
        let mut reach = Reach::default();
        for look in looks {
            reach.add(&look.root, &look.effect);
        }
        reach
    }

    /// Judges it, on the writer's thread.
    pub(crate) fn judged(&self, workspace: &mut Workspace, caller: &Caller) -> Found {
        let grant = caller.token.grant();
        let lends = match &self.repository {
            Some(repository) => grant.repositories.covers(repository),
            // Nobody can tell which it is: only who was lent all of them was lent this one.
            None => grant.repositories == Repositories::Any,
        };
        let lent = Lent {
            covers: &|path| lends && grant.paths.covers(path),
            ceiling: grant.risk_ceiling,
        };
        let approved = self.approved(workspace, caller);
        let mode = self.mode(workspace, caller);
        let rules = RiskPolicy::built_in();
        match judge(&self.effect, &lent, &approved, &|path| rules.risk_of(path)) {
            Verdict::Free => Found::default(),
            Verdict::Covered { by } => Found {
                covered_by: <[WorkItemId; 1]>::try_from(by).ok().map(|[id]| id),
                ..Found::default()
            },
            Verdict::Denied(_) if mode.is_none() => Found::default(),
            Verdict::Denied(denial) => Found {
                covered_by: None,
                denied: Some(self.cleared(GateDenied {
                    code: denial.code.as_str().to_owned(),
                    because: denial.because,
                    next: denial.next,
                    paths: denial.paths,
                    rules: self.broken.clone(),
                })),
                enforced: mode == Some(Mode::Enforce),
            },
        }
    }

    /// The same without secrets: it quotes what was to be run.
    fn cleared(&self, denied: GateDenied) -> GateDenied {
        let code = denied.code.clone();
        let nothing = |_| GateDenied {
            code,
            because: "what it is about holds a secret".to_owned(),
            next: String::new(),
            paths: Vec::new(),
            rules: None,
        };
        serde_json::to_value(denied)
            .and_then(|mut said| {
                self.clearing.clear(&mut said, None);
                serde_json::from_value(said)
            })
            .unwrap_or_else(nothing)
    }

    /// What is approved in a session, arranged for finding: made once, for as long as no work item changes.
    fn approved(&self, workspace: &mut Workspace, caller: &Caller) -> Arc<ApprovedWork> {
        let Workspace {
            work_items, sessions, ..
        } = workspace;
        let session = sessions.get_mut(&caller.token.session());
        let kept = session.as_ref().and_then(|session| session.approved.as_ref());
        let holds =
            |kept: &&Approved| kept.applied == work_items.applied() && kept.repository == self.repository;
        if let Some(kept) = kept.filter(holds) {
            return Arc::clone(&kept.work);
        }
        let work = Arc::new(ApprovedWork::new(self.approved_in(work_items, caller.trace)));
        if let Some(session) = session {
            session.approved = Some(Approved {
                applied: work_items.applied(),
                repository: self.repository.clone(),
                work: Arc::clone(&work),
            });
        }
        work
    }

    /// The work that was proposed in this session for this repository, that a human let begin, and that is not done.
    fn approved_in(&self, work_items: &WorkItems, trace: TraceId) -> impl Iterator<Item = ApprovedItem> {
        let standing = |state| matches!(state, State::Approved | State::InProgress | State::InReview);
        let rules = RiskPolicy::built_in();
        let here = self.repository.as_ref();
        work_items
            .newest_first(None)
            .filter(move |item| item.proposed.trace == trace && standing(item.state))
            .filter(move |item| {
                let named = item.proposed.proposal.repository();
                named.is_none_or(|named| Some(named) == here) && item.stale(rules).is_none()
            })
            .map(|item| ApprovedItem {
                id: item.proposed.id,
                paths: item.proposed.proposal.paths().to_vec(),
                risk: item.proposed.assessment.risk,
            })
    }
}
