//! What an export claims beyond its chains: that members are who signed for themselves, and that what was lent was
//! signed by who lent it. Checked offline, with nothing but the file.

use std::{collections::BTreeMap, io::BufRead};

use delegation::{Grant, Keyring, verify_witness};
use serde::Serialize;
use trace_store::{
    BodyState, ChainId,
    export::{self, Verified, VerifiedEntry, VerifyError},
};
use vocabulary::{DelegationId, MemberId, WorkspaceId};

use crate::{
    kind::EntryKind,
    membership,
    records::{self, DelegationGranted, MemberAdded},
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
        Ok(EntryKind::MemberAdded | EntryKind::DelegationGranted) => claims.push(entry),
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
        unproved: Vec::new(),
    };
    let (mut keyring, workspace) = (Keyring::default(), proved.verified.workspace);
    let mut grants = BTreeMap::new();
    for claim in &claims {
        check(&mut proved, &mut keyring, &mut grants, workspace, claim)
            .map_err(|why| Place::of(claim).claims(why))?;
    }
    let mut said: Vec<(Attribution, Place)> = said.into_iter().collect();
    said.sort_by_key(|(_, place)| place.line);
    for (attribution, place) in said {
        let grant = attribution.delegation.and_then(|id| grants.get(&id));
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

fn check(
    proved: &mut Proved,
    keyring: &mut Keyring,
    grants: &mut BTreeMap<DelegationId, Grant>,
    workspace: WorkspaceId,
    claim: &VerifiedEntry,
) -> Result<(), String> {
    let BodyState::Present(body) = &claim.body else {
        // An erased claim is unknown, and what rests on it is not proved; but nothing is false.
        return Ok(());
    };
    let kind = claim.entry.kind.as_str();
    if kind == EntryKind::MemberAdded.as_str() {
        let added: MemberAdded = records::read(kind, body).map_err(|error| error.to_string())?;
        let member = membership::add(keyring, workspace, &claim.entry, &added)?;
        proved.members.push(format!("{} <{}>", member.name, member.email));
    } else {
        let granted: DelegationGranted = records::read(kind, body).map_err(|error| error.to_string())?;
        let grant = verify_witness(&granted.witness, keyring).map_err(|denial| denial.to_string())?;
        proved.delegations.push(ProvedDelegation {
            id: grant.id,
            words: words::of_grant_in_short(&grant),
        });
        grants.insert(grant.id, grant);
    }
    Ok(())
}
