//! What an export claims beyond its chains: that members are who signed for themselves, and that what was lent was
//! signed by who lent it. Checked offline, with nothing but the file.

use std::io::BufRead;

use delegation::{Keyring, verify_witness};
use serde::Serialize;
use trace_store::{
    BodyState, ChainId,
    export::{self, Verified, VerifiedEntry, VerifyError},
};
use vocabulary::WorkspaceId;

use crate::{
    kind::EntryKind,
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
}

/// A delegation whose lender's signature holds.
#[derive(Debug, Serialize)]
pub struct ProvedDelegation {
    /// Which.
    pub id: vocabulary::DelegationId,
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
    let verified = export::verify_each(reader, |entry| {
        let kind = entry.entry.kind.as_str().parse();
        if matches!(kind, Ok(EntryKind::MemberAdded | EntryKind::DelegationGranted)) {
            claims.push(entry);
        }
    })?;
    let mut proved = Proved {
        verified,
        members: Vec::new(),
        delegations: Vec::new(),
    };
    let (mut keyring, workspace) = (Keyring::default(), proved.verified.workspace);
    for claim in &claims {
        check(&mut proved, &mut keyring, workspace, claim).map_err(|why| ProveError::Claim {
            line: claim.line,
            chain: claim.entry.chain,
            seq: claim.entry.seq,
            why,
        })?;
    }
    Ok(proved)
}

fn check(
    proved: &mut Proved,
    keyring: &mut Keyring,
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
        let member = added
            .registration
            .verify(workspace)
            .map_err(|error| error.to_string())?;
        keyring
            .insert(added.root_key_id, member.id, member.delegation_key.as_bytes())
            .map_err(|error| error.to_string())?;
        proved.members.push(format!("{} <{}>", member.name, member.email));
    } else {
        let granted: DelegationGranted = records::read(kind, body).map_err(|error| error.to_string())?;
        let grant = verify_witness(&granted.witness, keyring).map_err(|denial| denial.to_string())?;
        proved.delegations.push(ProvedDelegation {
            id: grant.id,
            words: words::of_grant_in_short(&grant),
        });
    }
    Ok(())
}
