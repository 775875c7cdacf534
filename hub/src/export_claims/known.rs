//! What of an export is proved, claim by claim, each on what was proved before it.

use std::collections::{BTreeMap, BTreeSet};

use delegation::{Grant, verify_witness};
use identity::{Challenge, CredentialId, Decision, Digest, Signed, Subject};
use serde::de::DeserializeOwned;
use trace_store::{
    BodyState, ChainId, TreeHash,
    export::{Verified, VerifiedEntry},
};
use vocabulary::{DelegationId, MemberId, TraceId, WorkspaceId};
use work_items::{Event, Evidence, Landing, Proposed, Reported, WorkItem, WorkItems};

use super::{
    Proved, ProvedDecision, ProvedDelegation, ProvedErasure, ProvedEvidence, ProvedLanding, ProvedWorkItem,
};
use crate::{
    decisions, expiry,
    kind::EntryKind,
    membership::{self, Members},
    records::{
        self, ChangeDecided, DecisionMade, DelegationGranted, DelegationRevoked, Enrolled, MemberAdded,
        PasskeyRemoved, TouchKeyRemoved, WorkItemExpired,
    },
    said::{Said, lent_so},
    words,
};

/// What was proved so far, on which later claims rest.
pub(super) struct Known<'a> {
    workspace: WorkspaceId,
    trace: TraceId,
    /// The digests of the trace's entries whose bodies are gone.
    gone: &'a BTreeMap<u64, Digest>,
    members: Members,
    pub(super) grants: BTreeMap<DelegationId, Grant>,
    /// What was taken back by then.
    taken_back: BTreeSet<DelegationId>,
    work_items: WorkItems,
    history: BTreeMap<u64, TreeHash>,
    answered: BTreeSet<Challenge>,
}

impl<'a> Known<'a> {
    pub(super) fn new(verified: &Verified, gone: &'a BTreeMap<u64, Digest>) -> Self {
        let history = verified.history.iter();
        Self {
            workspace: verified.workspace,
            trace: verified.trace,
            gone,
            members: Members::default(),
            grants: BTreeMap::new(),
            taken_back: BTreeSet::new(),
            work_items: WorkItems::default(),
            history: history.map(|past| (past.size, past.root)).collect(),
            answered: BTreeSet::new(),
        }
    }

    /// Takes up a claim, if it is proved.
    pub(super) fn check(&mut self, proved: &mut Proved, claim: &VerifiedEntry) -> Result<(), String> {
        // Anybody's chain can say anything; what counts is what the hub's state is made of.
        if claim.entry.chain != ChainId::Workspace(self.workspace) {
            return Err("it belongs into the workspace's own chain".to_owned());
        }
        let body = match &claim.body {
            BodyState::Present(body) => body,
            // Only what traces say can be erased: state is made of these.
            BodyState::Erased => return Err("what it said is gone, and nobody can erase that".to_owned()),
            // It never said anything, so nothing rests on it.
            BodyState::None => return Ok(()),
        };
        let kind = claim.entry.kind.as_str();
        match kind.parse() {
            Ok(EntryKind::MemberAdded) => {
                let added: MemberAdded = read(kind, body)?;
                let (history, seq, index) = (&self.history, claim.entry.seq, claim.index);
                let (entry, answered) = (&claim.entry, &mut self.answered);
                let member = self
                    .members
                    .add(self.workspace, seq, &added, |granted, decision| {
                        began_so(history, decision, index)?;
                        decisions::in_its_time(entry, granted, decision)?;
                        decisions::answers(answered, decision)
                    })?;
                proved.members.push(format!("{} <{}>", member.name, member.email));
            }
            Ok(EntryKind::DelegationGranted) => {
                let granted: DelegationGranted = read(kind, body)?;
                let grant = verify_witness(&granted.witness, self.members.keyring())
                    .map_err(|denial| denial.to_string())?;
                lent_so(&claim.entry, &grant, self.grants.contains_key(&grant.id))?;
                proved.delegations.push(ProvedDelegation {
                    id: grant.id,
                    words: words::of_grant_in_short(&grant),
                });
                self.grants.insert(grant.id, grant);
            }
            Ok(EntryKind::DelegationRevoked) => {
                let revoked: DelegationRevoked = read(kind, body)?;
                self.taken_back.insert(revoked.delegation);
            }
            Ok(EntryKind::WorkItemProposed) => {
                let proposed: Proposed = read(kind, body)?;
                decisions::proposed_so(&claim.entry, &proposed)?;
                self.work_items
                    .apply(Event::Proposed(proposed, Digest::of_subject(body)))
                    .map_err(|error| error.to_string())?;
            }
            Ok(EntryKind::EvidenceRecorded) => {
                let found: Evidence = read(kind, body)?;
                proved.evidence.push(self.evidence(found, body, claim)?);
            }
            Ok(EntryKind::ProgressReported) => {
                let reported: Reported = read(kind, body)?;
                let found = self.work_items.may_report(&reported);
                let (item, _) = found.map_err(|error| error.to_string())?;
                self.believe(Said::from(&reported), item, claim)?;
                self.work_items
                    .apply(Event::Reported(reported))
                    .map_err(|error| error.to_string())?;
            }
            Ok(EntryKind::WorkItemExpired) => {
                let WorkItemExpired { work_item } = read(kind, body)?;
                if let Some(item) = self.work_items.get(work_item) {
                    expiry::recorded_so(&claim.entry, item)?;
                }
                self.work_items
                    .apply(Event::Expired(work_item, claim.entry.at))
                    .map_err(|error| error.to_string())?;
            }
            Ok(EntryKind::DecisionMade) => {
                let made: DecisionMade = read(kind, body)?;
                proved.decisions.push(self.decide(&made, claim)?);
            }
            Ok(EntryKind::ChangeDecided) => {
                let decided: ChangeDecided = read(kind, body)?;
                let signed = self.signed(&decided.made, claim)?;
                let electors = decisions::electors(&self.members);
                let found = self.work_items.may_land(signed.get(), &decided.change, &electors);
                let found = found.map_err(|error| error.to_string())?;
                let event = decisions::landed_so(&claim.entry, decided, signed, found, electors)?;
                self.work_items.apply(event).map_err(|error| error.to_string())?;
            }
            Ok(EntryKind::MemberRevoked) => {
                let made: DecisionMade = read(kind, body)?;
                let decision = self.signed(&made, claim)?.into_inner();
                let Subject::Member(id) = decision.subject else {
                    return Err("the decision is about no member".to_owned());
                };
                membership::may_let_go(&decision, self.members.may_go(id)?)?;
                self.members.revoke(id)?;
            }
            Ok(EntryKind::BodyErased) => {
                let made: DecisionMade = read(kind, body)?;
                proved.erasures.push(self.erasure(&made, claim)?);
            }
            Ok(enrolled_as @ (EntryKind::PasskeyEnrolled | EntryKind::TouchKeyEnrolled)) => {
                let enrolled: Enrolled = read(kind, body)?;
                self.members
                    .enrol(self.workspace, &enrolled.signed, (enrolled_as, claim.entry.at))?;
            }
            Ok(EntryKind::PasskeyRemoved) => {
                let removed: PasskeyRemoved = read(kind, body)?;
                self.members.forget(&CredentialId::Passkey(removed.credential));
            }
            Ok(EntryKind::TouchKeyRemoved) => {
                let removed: TouchKeyRemoved = read(kind, body)?;
                self.members.forget(&CredentialId::TouchKey(removed.fingerprint));
            }
            _ => {}
        }
        Ok(())
    }

    /// What a member signed, by the same rules as the hub's: the signature, the ledger until then, and the time.
    fn signed(&mut self, made: &DecisionMade, claim: &VerifiedEntry) -> Result<Signed<Decision>, String> {
        let verified = self.members.verify(self.workspace, &made.signed);
        let signed = verified.map_err(|error| error.to_string())?;
        let decision = signed.get();
        began_so(&self.history, decision, claim.index)?;
        decisions::in_its_time(&claim.entry, made, decision)?;
        decisions::answers(&mut self.answered, decision)?;
        Ok(signed)
    }

    fn decide(&mut self, made: &DecisionMade, claim: &VerifiedEntry) -> Result<ProvedDecision, String> {
        let signed = self.signed(made, claim)?;
        let decision = signed.get();
        let Subject::WorkItem { id, .. } = decision.subject else {
            return Err("it decides on no work item".to_owned());
        };
        if let Some(item) = self.work_items.get(id) {
            decisions::in_its_place(&claim.entry, item, made)?;
        }
        let proved = ProvedDecision {
            id,
            verb: decision.verb.to_string(),
            by: decision.member,
            name: self.name_of(decision.member),
            at: decision.at,
            tier: decision.tier.to_string(),
            ledger_size: decision.history.size,
        };
        self.work_items
            .apply(Event::Decided(
                signed,
                decisions::circumstances(&claim.entry, made),
            ))
            .map_err(|error| error.to_string())?;
        Ok(proved)
    }

    /// Whether an agent said something, under what its human had lent and not taken back.
    fn believe(&self, said: Said<'_>, item: &WorkItem, claim: &VerifiedEntry) -> Result<(), String> {
        said.recorded_so(&claim.entry, item)?;
        let grant = self.grants.get(&said.delegation).ok_or_else(|| {
            format!(
                "it was said under {}, whose grant is not in the file",
                said.delegation
            )
        })?;
        said.was_lent(grant)?;
        let gone = self.members.get(said.on_behalf_of).is_none();
        if gone || self.taken_back.contains(&said.delegation) {
            return Err(format!(
                "it was said under {}, which was taken back by then",
                said.delegation
            ));
        }
        Ok(())
    }

    /// What was decided on changes that were to land.
    pub(super) fn landings(&self) -> Vec<ProvedLanding> {
        let items = self.work_items.newest_first(None);
        items
            .flat_map(|item| item.landings.iter().map(move |landing| (item, landing)))
            .map(|(item, landing)| ProvedLanding {
                change: landing.change.clone(),
                verb: landing.decision.verb.to_string(),
                by: landing.decision.member,
                name: self.name_of(landing.decision.member),
                at: landing.decision.at,
                role: landing.role.as_str().to_owned(),
                review_due: landing.review_due(),
                reviewed_by: reviewed_by(item, landing).map(|review| self.name_of(review.decision.member)),
            })
            .collect()
    }

    /// Where each work item stands.
    pub(super) fn work_items(&self) -> Vec<ProvedWorkItem> {
        let newest_first = self.work_items.newest_first(None);
        newest_first
            .map(|item| ProvedWorkItem {
                id: item.proposed.id,
                state: item.state.to_string(),
                gated: item.state.is_gated(),
            })
            .collect()
    }

    /// What somebody's agent said, under what that human had lent: a human's approval may rest on it.
    fn evidence(
        &mut self,
        found: Evidence,
        body: &[u8],
        claim: &VerifiedEntry,
    ) -> Result<ProvedEvidence, String> {
        let item = self
            .work_items
            .may_record(&found)
            .map_err(|error| error.to_string())?;
        self.believe(Said::from(&found), item, claim)?;
        let proved = ProvedEvidence {
            id: found.work_item,
            kind: found.finding.kind(),
            outcome: found.finding.outcome(),
            tool: found.finding.tool().to_owned(),
            by: format!("{} (via {})", self.name_of(found.on_behalf_of), found.via),
            at: found.recorded_at,
        };
        self.work_items
            .apply(Event::Evidence(found, Digest::of_subject(body)))
            .map_err(|error| error.to_string())?;
        Ok(proved)
    }

    fn erasure(&mut self, made: &DecisionMade, claim: &VerifiedEntry) -> Result<ProvedErasure, String> {
        let decision = self.signed(made, claim)?.into_inner();
        decisions::may_erase(&decision, &claim.entry)?;
        let Subject::Entry { trace, seq } = decision.subject else {
            return Err("the decision is about no entry".to_owned());
        };
        if trace != self.trace || self.gone.get(&seq) != Some(&decision.subject_digest) {
            return Err(format!(
                "it erases entry {seq} of {trace}, and that is not what is erased here"
            ));
        }
        Ok(ProvedErasure {
            seq,
            by: decision.member,
            name: self.name_of(decision.member),
            at: decision.at,
            why: decision.rationale.map(|why| why.to_string()).unwrap_or_default(),
        })
    }

    fn name_of(&self, member: MemberId) -> String {
        let name = self.members.name_of(member);
        name.map(ToString::to_string).unwrap_or_default()
    }
}

/// Whether the ledger began as a decision vouches, before the entry with this index.
fn began_so(history: &BTreeMap<u64, TreeHash>, decision: &Decision, before: u64) -> Result<(), String> {
    let size = decision.history.size;
    let vouched = history.get(&size).map(|root| *root.as_bytes());
    if size > before || vouched != Some(*decision.history.root.as_bytes()) {
        return Err(format!(
            "it vouches for a ledger of {size} entries that is not how this ledger began"
        ));
    }
    Ok(())
}

fn read<T: DeserializeOwned>(kind: &str, body: &[u8]) -> Result<T, String> {
    records::read(kind, body).map_err(|error| error.to_string())
}

/// Who looked after the fact at what was let through by exception.
fn reviewed_by<'i>(item: &'i WorkItem, landing: &Landing) -> Option<&'i Landing> {
    let mut exceptions = item.exceptions();
    exceptions
        .find(|(exception, _)| *exception == landing)
        .and_then(|(_, review)| review)
}
