//! What an export claims beyond its chains: that members are who signed for themselves, and that what was lent was
//! signed by who lent it. Checked offline, with nothing but the file.

mod known;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufRead,
};

use delegation::Grant;
use identity::Digest;
use serde::Serialize;
use trace_store::{
    BodyState, ChainId,
    export::{self, Verified, VerifiedEntry, VerifyError},
};
use vocabulary::{DelegationId, EvidenceKind, EvidenceOutcome, MemberId, Timestamp, WorkItemId};
use work_items::Change;

use self::known::Known;
use crate::kind::EntryKind;

/// An export that holds, and the claims in it that were proved.
#[derive(Debug)]
pub struct Proved {
    /// What holds.
    pub verified: Verified,
    /// Members, each with a signature that fits.
    pub members: Vec<String>,
    /// Delegations, each with its lender's signature.
    pub delegations: Vec<ProvedDelegation>,
    /// Decisions, each with its member's signature over what was proposed and over the ledger before it.
    pub decisions: Vec<ProvedDecision>,
    /// Decisions on changes that were to land, each with its member's signature.
    pub landings: Vec<ProvedLanding>,
    /// Evidence on what was proposed: the word of whoever recorded it, under what was lent to them.
    pub evidence: Vec<ProvedEvidence>,
    /// Where each work item stands as far as the file says.
    pub work_items: Vec<ProvedWorkItem>,
    /// Bodies of the trace that a member's signed decision erased.
    pub erasures: Vec<ProvedErasure>,
    /// Entries of the trace whose bodies are gone without such a decision in the file.
    pub unexplained: Vec<u64>,
    /// Entries of the trace that say of something that it should have been recorded and was not.
    pub gaps: Vec<u64>,
    /// Whether the trace says of itself that it was imported: then it is a claim, and nobody recorded it as it happened.
    pub imported: bool,
    /// Delegations under which something was done, and whose grant is not in the file or was erased: for whom it was
    /// done is the hub's word only.
    pub unproved: Vec<DelegationId>,
}

/// A delegation whose lender's signature holds.
#[derive(Debug, Serialize)]
pub struct ProvedDelegation {
    /// Which.
    pub id: DelegationId,
    /// In words.
    pub words: String,
}

/// A decision whose signature holds, on what stands in the file.
#[derive(Debug, Serialize)]
pub struct ProvedDecision {
    /// On what.
    pub id: WorkItemId,
    /// What was decided.
    pub verb: String,
    /// By whom.
    pub by: MemberId,
    /// Their name.
    pub name: String,
    /// When they say that it was.
    pub at: Timestamp,
    /// How it is signed.
    pub tier: String,
    /// How many entries of the ledger it vouches for.
    pub ledger_size: u64,
}

/// A decision on whether a change may land.
#[derive(Debug, Serialize)]
pub struct ProvedLanding {
    /// On what: the word of whoever decided, as it was shown to them.
    #[serde(flatten)]
    pub change: Change,
    /// What was decided.
    pub verb: String,
    /// By whom.
    pub by: MemberId,
    /// Their name.
    pub name: String,
    /// When they say that it was.
    pub at: Timestamp,
    /// As whom: independent, exception, review or objection.
    pub role: String,
    /// Until when somebody independent had to look, where nobody independent could have decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_due: Option<Timestamp>,
    /// Who did, as far as the file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewed_by: Option<String>,
}

/// A work item, and where it stands.
#[derive(Debug, Serialize)]
pub struct ProvedWorkItem {
    /// Which.
    pub id: WorkItemId,
    /// Where it stands.
    pub state: String,
    /// Whether it stands there by somebody's decision; else by an agent's word, or by nobody's.
    pub gated: bool,
}

/// Evidence, and whose word it is.
#[derive(Debug, Serialize)]
pub struct ProvedEvidence {
    /// On what.
    pub id: WorkItemId,
    /// What looked.
    pub kind: EvidenceKind,
    /// What came of it.
    pub outcome: EvidenceOutcome,
    /// What ran, by name.
    pub tool: String,
    /// For whom it was recorded, via what.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What a member erased, and why.
#[derive(Debug, Serialize)]
pub struct ProvedErasure {
    /// Which entry of the trace.
    pub seq: u64,
    /// By whom.
    pub by: MemberId,
    /// Their name.
    pub name: String,
    /// When they say that it was.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// Why an export does not count.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The file, its chain or its tree.
    #[error(transparent)]
    Export(#[from] VerifyError),
    /// A signature in one of its entries.
    #[error("does not hold, line {line}, entry {seq} of {chain}: {why}")]
    Claim {
        /// The line, from 1.
        line: u64,
        /// Which chain.
        chain: ChainId,
        /// Which entry.
        seq: u64,
        /// What is not proved.
        why: String,
    },
}

/// Verifies an export and what its entries claim.
///
/// # Errors
/// [`ProveError`] with the first thing that does not hold.
pub fn prove(reader: impl BufRead) -> Result<Proved, ProveError> {
    let mut claims = Vec::new();
    let (mut said, mut erased) = (BTreeMap::new(), BTreeMap::new());
    let (mut gaps, mut imported) = (Vec::new(), false);
    let mut note = |entry: &VerifiedEntry| {
        if let ChainId::Trace(_) = entry.entry.chain {
            match entry.entry.kind.as_str() {
                "capture.gap" => gaps.push(entry.entry.seq),
                "session.imported" => imported = true,
                _ => {}
            }
        }
    };
    let verified = export::verify_each(reader, |entry| {
        note(&entry);
        match entry.entry.kind.as_str().parse() {
            Ok(
                EntryKind::MemberAdded
                | EntryKind::DelegationGranted
                | EntryKind::DelegationRevoked
                | EntryKind::WorkItemProposed
                | EntryKind::EvidenceRecorded
                | EntryKind::ProgressReported
                | EntryKind::WorkItemExpired
                | EntryKind::DecisionMade
                | EntryKind::ChangeDecided
                | EntryKind::MemberRevoked
                | EntryKind::BodyErased
                | EntryKind::PasskeyEnrolled
                | EntryKind::PasskeyRemoved
                | EntryKind::TouchKeyEnrolled
                | EntryKind::TouchKeyRemoved,
            ) => claims.push(entry),
            Ok(kind) if matches!(entry.entry.chain, ChainId::Trace(_)) => {
                if entry.body == BodyState::Erased {
                    erased.insert(entry.entry.seq, Digest::of_subject(&entry.bytes));
                }
                let attribution = Attribution::of(&entry, kind);
                said.entry(attribution).or_insert_with(|| Place::of(&entry));
            }
            _ => {}
        }
    })?;
    let mut proved = Proved {
        verified,
        members: Vec::new(),
        delegations: Vec::new(),
        decisions: Vec::new(),
        landings: Vec::new(),
        evidence: Vec::new(),
        work_items: Vec::new(),
        erasures: Vec::new(),
        unproved: Vec::new(),
        unexplained: Vec::new(),
        gaps,
        imported,
    };
    let mut known = Known::new(&proved.verified, &erased);
    for claim in &claims {
        known
            .check(&mut proved, claim)
            .map_err(|why| Place::of(claim).claims(why))?;
    }
    proved.work_items = known.work_items();
    proved.landings = known.landings();
    let mut said: Vec<(Attribution, Place)> = said.into_iter().collect();
    said.sort_by_key(|(_, place)| place.line);
    for (attribution, place) in said {
        let grant = attribution.delegation.and_then(|id| known.grants.get(&id));
        match (grant, attribution.delegation) {
            (Some(grant), _) => attribution.check(grant).map_err(|why| place.claims(why))?,
            (None, Some(id)) if proved.unproved.contains(&id) => {}
            (None, Some(id)) => proved.unproved.push(id),
            (None, None) => {}
        }
    }
    let explained: BTreeSet<u64> = proved.erasures.iter().map(|erasure| erasure.seq).collect();
    let unexplained = erased.into_keys().filter(|seq| !explained.contains(seq));
    proved.unexplained = unexplained.collect();
    Ok(proved)
}

/// What a trace says of for whom, and under what; as often as it says so, one check is enough.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Attribution {
    delegation: Option<DelegationId>,
    on_behalf_of: Option<MemberId>,
    /// When something was done under it that takes a delegation which has not ended, in whole seconds as these end.
    done_at: Option<u64>,
}

impl Attribution {
    fn of(entry: &VerifiedEntry, kind: EntryKind) -> Self {
        let done = matches!(kind, EntryKind::ToolReturned | EntryKind::NoteAppended);
        Self {
            delegation: entry.entry.delegation,
            on_behalf_of: entry.entry.on_behalf_of,
            done_at: done.then(|| entry.entry.at.unix_seconds()),
        }
    }

    fn check(&self, grant: &Grant) -> Result<(), String> {
        if self.on_behalf_of != Some(grant.on_behalf_of) {
            return Err(format!(
                "it names {} under {}, which {} lent",
                self.on_behalf_of
                    .map_or_else(|| "nobody".to_owned(), |member| member.to_string()),
                grant.id,
                grant.on_behalf_of
            ));
        }
        if self
            .done_at
            .is_some_and(|seconds| seconds >= grant.expires_at.unix_seconds())
        {
            return Err(format!(
                "it was done under {}, which had ended at {}",
                grant.id, grant.expires_at
            ));
        }
        Ok(())
    }
}

/// Where in a file something is claimed.
#[derive(Debug, Clone, Copy)]
struct Place {
    line: u64,
    chain: ChainId,
    seq: u64,
}

impl Place {
    const fn of(entry: &VerifiedEntry) -> Self {
        Self {
            line: entry.line,
            chain: entry.entry.chain,
            seq: entry.entry.seq,
        }
    }

    fn claims(self, why: String) -> ProveError {
        let Self { line, chain, seq } = self;
        ProveError::Claim {
            line,
            chain,
            seq,
            why,
        }
    }
}
