//! Whether evidence is recorded as that of those whom it names: one rule, for the hub's state and for whoever verifies an
//! export.

use delegation::{AgentVerb, Grant};
use trace_store::Entry;
use work_items::{Evidence, WorkItem};

/// Whether an entry says the same as the evidence in it, of those whom it names, and stands where it is looked for.
pub(crate) fn recorded_so(entry: &Entry, evidence: &Evidence, item: &WorkItem) -> Result<(), String> {
    let (id, trace) = (evidence.work_item.to_string(), item.proposed.trace.to_string());
    let said = entry.on_behalf_of == Some(evidence.on_behalf_of)
        && entry.delegation == Some(evidence.delegation)
        && entry.at == evidence.recorded_at
        && entry
            .via
            .as_ref()
            .is_some_and(|via| via.agent() == evidence.via || evidence.via.is_empty())
        && entry.refs.get("work_item") == Some(id.as_str())
        && entry.refs.get("trace") == Some(trace.as_str());
    if said {
        Ok(())
    } else {
        Err("the evidence is not recorded as that of those whom it names".to_owned())
    }
}

/// Whether somebody lent what it took to record this.
pub(crate) fn was_lent(grant: &Grant, evidence: &Evidence) -> Result<(), String> {
    if grant.on_behalf_of != evidence.on_behalf_of {
        return Err(format!(
            "the evidence names {} under {}, which {} lent",
            evidence.on_behalf_of, grant.id, grant.on_behalf_of
        ));
    }
    if !grant.verbs.contains(&AgentVerb::RecordEvidence) {
        return Err(format!(
            "{} does not lend {}",
            grant.id,
            AgentVerb::RecordEvidence
        ));
    }
    // A token's end is in whole seconds.
    if evidence.recorded_at.unix_seconds() >= grant.expires_at.unix_seconds() {
        return Err(format!(
            "the evidence was recorded under {}, which had ended at {}",
            grant.id, grant.expires_at
        ));
    }
    Ok(())
}
