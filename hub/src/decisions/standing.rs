//! Whether a recorded decision stands: asked of what is read back, by the hub and by whoever verifies an export.

use std::collections::BTreeSet;

use identity::{Challenge, Decision, History};
use trace_store::{Entry, Store};

use super::challenges::{CHALLENGE_TTL, CLOCK_TOLERANCE};
use crate::records::DecisionMade;

/// Whether a decision is recorded as one that was made when it says, and answered in time: asked of what is read back,
/// where nobody can say any more which challenges were open. A decision that somebody held back does not come true later.
pub(crate) fn in_its_time(entry: &Entry, made: &DecisionMade, decision: &Decision) -> Result<(), String> {
    let (posed, recorded) = (made.posed_at, entry.at);
    let answered = posed <= recorded && recorded < posed.saturating_add(CHALLENGE_TTL);
    let dated = decision.at >= posed.saturating_add(-CLOCK_TOLERANCE)
        && decision.at <= recorded.saturating_add(CLOCK_TOLERANCE);
    if !answered || !dated {
        return Err(format!(
            "it was decided at {}, shown at {posed} and recorded at {recorded}: not within the time that a challenge has",
            decision.at
        ));
    }
    let challenge = decision.challenge.to_string();
    if entry.on_behalf_of != Some(decision.member) || entry.refs.get("challenge") != Some(challenge.as_str())
    {
        return Err("it is not recorded as that of who signed it".to_owned());
    }
    Ok(())
}

/// Takes note that a decision answers its challenge, which nothing answered before.
pub(crate) fn answers(answered: &mut BTreeSet<Challenge>, decision: &Decision) -> Result<(), String> {
    if answered.insert(decision.challenge) {
        Ok(())
    } else {
        Err("its challenge was answered before".to_owned())
    }
}

/// Whether a decision vouches for the ledger as it was, before the entry with this index.
pub(crate) fn vouches(store: &Store, decision: &Decision, before: u64) -> Result<(), String> {
    let History { size, root } = decision.history;
    if size > before {
        return Err("it vouches for entries that came after it".to_owned());
    }
    let found = store.root(size).map_err(|error| error.to_string())?;
    if found.as_bytes() == root.as_bytes() {
        Ok(())
    } else {
        Err(format!(
            "it vouches for a ledger of {size} entries with the root {root}, and the root is {found}"
        ))
    }
}
