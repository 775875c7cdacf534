//! Challenges: what people were shown, and whether what they send answers that.

use std::collections::HashMap;

use identity::{Challenge, Decision, Digest, History, Subject};
use protocol::{Refusal, RefusalCode};
use time::Duration;
use trace_store::Draft;
use vocabulary::{MemberId, Timestamp};

use crate::{clock, dispatch::unreadable, workspace::Workspace};

/// How long a challenge may be answered.
pub(crate) const CHALLENGE_TTL: Duration = Duration::minutes(15);

/// How far the clock of whoever decides may be from the ledger's.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::minutes(2);

/// The most challenges that are open for one member at a time, and for all terminals: each is somebody looking.
const MOST_OF_ONE: usize = 100;
const MOST_OF_TERMINALS: usize = 1_000;

/// Who is shown something. Who asks for ever more challenges loses their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShownTo {
    /// A member who is logged in.
    Member(MemberId),
    /// Somebody at a terminal of this machine, who proves by signing who it is.
    Terminal,
}

/// What people were shown, until they decide or turn away. Not of the ledger: after a restart they look again.
#[derive(Debug, Default)]
pub(crate) struct Challenges(HashMap<Challenge, Posed>);

/// What somebody was shown.
#[derive(Debug, Clone)]
pub(crate) struct Posed {
    shown_to: ShownTo,
    pub(crate) challenge: Challenge,
    pub(crate) subject: Subject,
    pub(crate) digest: Digest,
    pub(crate) history: History,
    pub(crate) at: Timestamp,
    /// As whom a page said that a change would be approved by whoever looks: nobody lets one through by exception who was not told so.
    pub(super) said_as: Option<&'static str>,
}

impl Challenges {
    /// Nobody answers a challenge twice.
    pub(super) fn spend(&mut self, challenge: &Challenge) {
        self.0.remove(challenge);
    }

    fn forget_old(&mut self, now: Timestamp) {
        self.0.retain(|_, posed| now < posed.ends());
    }

    fn make_room(&mut self, shown_to: ShownTo) {
        let most = match shown_to {
            ShownTo::Member(_) => MOST_OF_ONE,
            ShownTo::Terminal => MOST_OF_TERMINALS,
        };
        let own = self.0.values().filter(|posed| posed.shown_to == shown_to);
        if own.clone().count() < most {
            return;
        }
        let oldest = own.min_by_key(|posed| posed.at);
        if let Some(challenge) = oldest.map(|posed| posed.challenge) {
            tracing::warn!(%challenge, "more work items are shown than people can look at; the oldest challenge is void");
            self.0.remove(&challenge);
        }
    }
}

impl Posed {
    /// Whether a page showed it to this member: one of a change says there as whom they would decide.
    pub(crate) fn is_of_page_of(&self, member: MemberId) -> bool {
        self.shown_to == ShownTo::Member(member)
    }

    pub(crate) fn ends(&self) -> Timestamp {
        self.at.saturating_add(CHALLENGE_TTL)
    }
}

/// Poses a challenge over the ledger as it stands.
pub(super) fn pose_for(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    shown_to: ShownTo,
    about: (Subject, Digest),
) -> Result<Posed, Refusal> {
    pose_as(workspace, draft, shown_to, about, None)
}

/// The same, by a page that says as whom whoever looks would decide.
pub(super) fn pose_as(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    shown_to: ShownTo,
    (subject, digest): (Subject, Digest),
    said_as: Option<&'static str>,
) -> Result<Posed, Refusal> {
    let (now, store) = (draft.now(), draft.store());
    let size = store.len();
    let root = store.root(size).map_err(|error| unreadable(&error))?;
    workspace.challenges.forget_old(now);
    workspace.challenges.make_room(shown_to);
    let entropy = clock::random().map_err(|error| Refusal::new(RefusalCode::NoEntropy, &error))?;
    let posed = Posed {
        shown_to,
        challenge: Challenge::from_entropy(entropy),
        subject,
        digest,
        history: History {
            size,
            root: Digest::from_bytes(*root.as_bytes()),
        },
        at: now,
        said_as,
    };
    workspace.challenges.0.insert(posed.challenge, posed.clone());
    Ok(posed)
}

/// What was posed with this challenge, if it can be answered still.
pub(crate) fn posed<'w>(workspace: &'w Workspace, challenge: &Challenge) -> Result<&'w Posed, Refusal> {
    workspace.challenges.0.get(challenge).ok_or_else(|| {
        let message = "what was shown cannot be answered any more; look at it again, then decide";
        Refusal::new(RefusalCode::ChallengeSpent, &message)
    })
}

/// The challenge that a decision answers, if it was posed for exactly that, and lately.
pub(super) fn answered(workspace: &Workspace, decision: &Decision, now: Timestamp) -> Result<Posed, Refusal> {
    let spent = |why: &str| {
        let message = format!("the challenge {why}; look at it again, then decide");
        Refusal::new(RefusalCode::ChallengeSpent, &message)
    };
    let posed = workspace
        .challenges
        .0
        .get(&decision.challenge)
        .ok_or_else(|| spent("is not open: it was answered, or the hub was started anew"))?;
    if now >= posed.ends() {
        return Err(spent("is over 15 minutes old"));
    }
    // Posing leaves no entry, and so does not keep the ledger's time from going back with the machine's.
    if now < posed.at {
        let message = format!(
            "it was shown at {}, and the ledger's time is {now}: the machine's clock was set back; look at it again, then decide",
            posed.at
        );
        return Err(Refusal::new(RefusalCode::ClockMismatch, &message));
    }
    let shown = decision.subject == posed.subject
        && decision.subject_digest == posed.digest
        && decision.history == posed.history;
    if !shown {
        return Err(spent("was posed for something else"));
    }
    let earliest = posed.at.saturating_add(-CLOCK_TOLERANCE);
    let latest = now.saturating_add(CLOCK_TOLERANCE);
    if decision.at < earliest || decision.at > latest {
        let message = format!(
            "it says that it was made at {}, and the ledger's time is {now}; check the machine's clock",
            decision.at
        );
        return Err(Refusal::new(RefusalCode::ClockMismatch, &message));
    }
    Ok(posed.clone())
}
