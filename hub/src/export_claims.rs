//! What an export claims beyond its chains: that members are who signed for themselves, and that what was lent was
//! signed by who lent it. Checked offline, with nothing but the file.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufRead,
};

use delegation::{Grant, verify_witness};
use identity::{Challenge, Decision, DecisionError, Digest, Subject};
use serde::{Serialize, de::DeserializeOwned};
use trace_store::{
    BodyState, ChainId, TreeHash,
    export::{self, Verified, VerifiedEntry, VerifyError},
};
use vocabulary::{DelegationId, MemberId, Timestamp, WorkItemId, WorkspaceId};
use work_items::{DecideError, Event, FoldError, Proposed, WorkItems};

use crate::{
    decisions,
    kind::EntryKind,
    membership::Members,
    records::{self, DecisionMade, DelegationGranted, MemberAdded, PasskeyEnrolled, PasskeyRemoved},
    words,
};

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
    let mut said = BTreeMap::new();
    let verified = export::verify_each(reader, |entry| match entry.entry.kind.as_str().parse() {
        Ok(
            EntryKind::MemberAdded
            | EntryKind::DelegationGranted
            | EntryKind::WorkItemProposed
            | EntryKind::DecisionMade
            | EntryKind::PasskeyEnrolled
            | EntryKind::PasskeyRemoved,
        ) => claims.push(entry),
        Ok(kind) if matches!(entry.entry.chain, ChainId::Trace(_)) => {
            let attribution = Attribution::of(&entry, kind);
            said.entry(attribution).or_insert_with(|| Place::of(&entry));
        }
        _ => {}
    })?;
    let mut proved = Proved {
        verified,
        members: Vec::new(),
        delegations: Vec::new(),
        decisions: Vec::new(),
        unproved: Vec::new(),
    };
    let mut known = Known::new(&proved.verified);
    for claim in &claims {
        known
            .check(&mut proved, claim)
            .map_err(|why| Place::of(claim).claims(why))?;
    }
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

/// What was proved so far, on which later claims rest.
struct Known {
    workspace: WorkspaceId,
    members: Members,
    grants: BTreeMap<DelegationId, Grant>,
    work_items: WorkItems,
    history: BTreeMap<u64, TreeHash>,
    answered: BTreeSet<Challenge>,
    /// Whether something is not known because it was erased.
    erased: bool,
}

impl Known {
    fn new(verified: &Verified) -> Self {
        let history = verified.history.iter();
        Self {
            workspace: verified.workspace,
            members: Members::default(),
            grants: BTreeMap::new(),
            work_items: WorkItems::default(),
            history: history.map(|past| (past.size, past.root)).collect(),
            answered: BTreeSet::new(),
            erased: false,
        }
    }

    fn check(&mut self, proved: &mut Proved, claim: &VerifiedEntry) -> Result<(), String> {
        // Anybody's chain can say anything; what counts is what the hub's state is made of.
        if claim.entry.chain != ChainId::Workspace(self.workspace) {
            return Err("it belongs into the workspace's own chain".to_owned());
        }
        let BodyState::Present(body) = &claim.body else {
            // An erased claim is unknown, and what rests on it is not proved; but nothing is false.
            self.erased = true;
            return Ok(());
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
                        answers(answered, decision)
                    })?;
                proved.members.push(format!("{} <{}>", member.name, member.email));
            }
            Ok(EntryKind::DelegationGranted) => {
                let granted: DelegationGranted = read(kind, body)?;
                let grant = verify_witness(&granted.witness, self.members.keyring())
                    .map_err(|denial| denial.to_string())?;
                proved.delegations.push(ProvedDelegation {
                    id: grant.id,
                    words: words::of_grant_in_short(&grant),
                });
                self.grants.insert(grant.id, grant);
            }
            Ok(EntryKind::WorkItemProposed) => {
                let proposed: Proposed = read(kind, body)?;
                decisions::proposed_so(&claim.entry, &proposed)?;
                self.work_items
                    .apply(Event::Proposed(proposed, Digest::of_subject(body)))
                    .map_err(|error| error.to_string())?;
            }
            Ok(EntryKind::DecisionMade) => {
                let made: DecisionMade = read(kind, body)?;
                proved.decisions.extend(self.decide(&made, claim)?);
            }
            Ok(EntryKind::PasskeyEnrolled) => {
                let enrolled: PasskeyEnrolled = read(kind, body)?;
                self.members.enrol(self.workspace, &enrolled.signed)?;
            }
            Ok(EntryKind::PasskeyRemoved) => {
                let removed: PasskeyRemoved = read(kind, body)?;
                self.members.forget_passkey(&removed.credential);
            }
            _ => {}
        }
        Ok(())
    }

    /// By the same rules as the hub's: the signature, what was shown, who may decide it, and the ledger until then.
    /// Nothing is proved where what it rests on was erased.
    fn decide(
        &mut self,
        made: &DecisionMade,
        claim: &VerifiedEntry,
    ) -> Result<Option<ProvedDecision>, String> {
        let signed = match self.members.verify(self.workspace, &made.signed) {
            Ok(signed) => signed,
            Err(DecisionError::NoMember(_)) if self.erased => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let decision = signed.get();
        began_so(&self.history, decision, claim.index)?;
        let Subject::WorkItem { id, .. } = decision.subject else {
            return Err("it decides on no work item".to_owned());
        };
        decisions::in_its_time(&claim.entry, made, decision)?;
        answers(&mut self.answered, decision)?;
        if let Some(item) = self.work_items.get(id) {
            decisions::in_its_place(&claim.entry, item, made)?;
        }
        let name = self
            .members
            .get(decision.member)
            .map(|member| member.name.to_string());
        let proved = ProvedDecision {
            id,
            verb: decision.verb.to_string(),
            by: decision.member,
            name: name.unwrap_or_default(),
            at: decision.at,
            tier: decision.tier.to_string(),
            ledger_size: decision.history.size,
        };
        match self.work_items.apply(Event::Decided(signed)) {
            Ok(()) => Ok(Some(proved)),
            Err(FoldError::Decision(DecideError::Unknown(_))) if self.erased => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn answers(answered: &mut BTreeSet<Challenge>, decision: &Decision) -> Result<(), String> {
    if answered.insert(decision.challenge) {
        Ok(())
    } else {
        Err("its challenge was answered before".to_owned())
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
