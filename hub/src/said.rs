//! What agents said of work items: whether it is recorded as the word of those whom it names. One rule, for the hub's state
//! and for whoever verifies an export.

use delegation::{AgentVerb, Grant};
use trace_store::Entry;
use vocabulary::{DelegationId, MemberId, Timestamp, WorkItemId};
use work_items::{Evidence, Reported, WorkItem};

/// Something that an agent said, and who is to have said it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) work_item: WorkItemId,
    pub(crate) on_behalf_of: MemberId,
    pub(crate) via: &'a str,
    pub(crate) delegation: DelegationId,
    pub(crate) at: Timestamp,
    /// What it took to say so.
    verb: AgentVerb,
}

impl<'a> From<&'a Evidence> for Said<'a> {
    fn from(evidence: &'a Evidence) -> Self {
        Self {
            work_item: evidence.work_item,
            on_behalf_of: evidence.on_behalf_of,
            via: &evidence.via,
            delegation: evidence.delegation,
            at: evidence.recorded_at,
            verb: AgentVerb::RecordEvidence,
        }
    }
}

impl<'a> From<&'a Reported> for Said<'a> {
    fn from(reported: &'a Reported) -> Self {
        Self {
            work_item: reported.work_item,
            on_behalf_of: reported.on_behalf_of,
            via: &reported.via,
            delegation: reported.delegation,
            at: reported.reported_at,
            verb: AgentVerb::ProposeWorkItem,
        }
    }
}

/// Whether an entry names the grant that its witness proves, and the first under that number.
pub(crate) fn lent_so(entry: &Entry, grant: &Grant, before: bool) -> Result<(), String> {
    if before {
        return Err(format!("{} was lent before", grant.id));
    }
    if entry.delegation != Some(grant.id) || entry.on_behalf_of != Some(grant.on_behalf_of) {
        return Err(format!(
            "it names another delegation than {}, or another lender",
            grant.id
        ));
    }
    Ok(())
}

impl Said<'_> {
    /// Whether an entry says the same of those whom it names, and stands where it is looked for.
    pub(crate) fn recorded_so(&self, entry: &Entry, item: &WorkItem) -> Result<(), String> {
        let (id, trace) = (self.work_item.to_string(), item.proposed.trace.to_string());
        let said = entry.on_behalf_of == Some(self.on_behalf_of)
            && entry.delegation == Some(self.delegation)
            && entry.at == self.at
            && entry
                .via
                .as_ref()
                .is_some_and(|via| via.agent() == self.via || self.via.is_empty())
            && entry.refs.get("work_item") == Some(id.as_str())
            && entry.refs.get("trace") == Some(trace.as_str());
        if said {
            Ok(())
        } else {
            Err("what was said is not recorded as that of those whom it names".to_owned())
        }
    }

    /// Whether somebody lent what it took to say this.
    pub(crate) fn was_lent(&self, grant: &Grant) -> Result<(), String> {
        if grant.on_behalf_of != self.on_behalf_of {
            return Err(format!(
                "it names {} under {}, which {} lent",
                self.on_behalf_of, grant.id, grant.on_behalf_of
            ));
        }
        if !grant.verbs.contains(&self.verb) {
            return Err(format!("{} does not lend {}", grant.id, self.verb));
        }
        // A token's end is in whole seconds.
        if self.at.unix_seconds() >= grant.expires_at.unix_seconds() {
            return Err(format!(
                "it was said under {}, which had ended at {}",
                grant.id, grant.expires_at
            ));
        }
        Ok(())
    }
}
