//! Who is a member: one rule, for the hub's state and for whoever verifies an export.

use std::collections::{BTreeMap, BTreeSet};

use delegation::Keyring;
use identity::{
    Credential, CredentialId, Decision, DecisionError, Digest, Enrolment, HumanVerb, Member, Passkey,
    PersonName, Signed, SignedDecision, SignedEnrolment, SignedRegistration, Signer, Subject, Tier, TouchKey,
};
use vocabulary::{MemberId, Timestamp, WorkspaceId};

use crate::{
    decisions::CHALLENGE_TTL,
    kind::EntryKind,
    records::{DecisionMade, MemberAdded},
};

/// Where in a workspace's chain its founder stands: right after the entry that creates it.
const FOUNDER_SEQ: u64 = 1;

/// The number by which tokens name the founder's key.
pub(crate) const FOUNDER_KEY: u32 = 0;

/// The members of a workspace, and the keys under which they lend.
#[derive(Debug, Default)]
pub struct Members {
    by_id: BTreeMap<MemberId, Member>,
    keyring: Keyring,
    credentials: BTreeMap<MemberId, Vec<Credential>>,
    ever_enrolled: BTreeSet<CredentialId>,
    /// Who was one. Their names stay, for what they answer for.
    former: BTreeMap<MemberId, Member>,
}

impl Members {
    /// One of them.
    #[must_use]
    pub fn get(&self, id: MemberId) -> Option<&Member> {
        self.by_id.get(&id)
    }

    /// What somebody is called who is or was one.
    #[must_use]
    pub fn name_of(&self, id: MemberId) -> Option<&PersonName> {
        let known = self.by_id.get(&id).or_else(|| self.former.get(&id));
        known.map(|member| &member.name)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Member> {
        self.by_id.values()
    }

    /// All of them, and all who were.
    pub fn ever(&self) -> impl Iterator<Item = &Member> {
        self.by_id.values().chain(self.former.values())
    }

    /// Their delegation keys, by the number under which tokens name them.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// What one of them signed.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub(crate) fn verify(
        &self,
        workspace: WorkspaceId,
        sent: &SignedDecision,
    ) -> Result<Signed<Decision>, DecisionError> {
        sent.verify(workspace, |id| {
            Some(Signer {
                member: self.get(id)?,
                credentials: self.credentials_of(id),
            })
        })
    }

    /// Somebody's passkeys and touch keys.
    #[must_use]
    pub fn credentials_of(&self, member: MemberId) -> &[Credential] {
        self.credentials.get(&member).map_or(&[], Vec::as_slice)
    }

    /// Somebody's passkeys.
    pub fn passkeys_of(&self, member: MemberId) -> impl Iterator<Item = &Passkey> + Clone {
        self.credentials_of(member).iter().filter_map(Credential::passkey)
    }

    /// Somebody's touch keys.
    pub fn touch_keys_of(&self, member: MemberId) -> impl Iterator<Item = &TouchKey> {
        self.credentials_of(member)
            .iter()
            .filter_map(Credential::touch_key)
    }

    /// Every passkey, and whose it is.
    pub fn passkeys(&self) -> impl Iterator<Item = (MemberId, &Passkey)> {
        self.credentials()
            .filter_map(|(member, credential)| Some((member, credential.passkey()?)))
    }

    /// Every passkey and touch key, and whose it is.
    pub fn credentials(&self) -> impl Iterator<Item = (MemberId, &Credential)> {
        let all = self.credentials.iter();
        all.flat_map(|(member, own)| own.iter().map(|credential| (*member, credential)))
    }

    /// Whose passkey or touch key this is.
    #[must_use]
    pub fn holder_of(&self, id: &CredentialId) -> Option<(MemberId, &Credential)> {
        self.credentials().find(|(_, credential)| credential.id() == *id)
    }

    /// Whether a passkey or touch key can be taken up that is enrolled at this moment. None is taken up twice: who has a copy
    /// of what was signed could otherwise undo that it was removed.
    pub(crate) fn may_enrol(&self, enrolment: &Enrolment, recorded: Timestamp) -> Result<(), String> {
        if self.ever_enrolled.contains(&enrolment.credential.id()) {
            let what = word_for(&enrolment.credential);
            return Err(format!(
                "the {what} is enrolled already, or was once; make another"
            ));
        }
        if enrolment.at.since(recorded).abs() > CHALLENGE_TTL {
            return Err(format!(
                "it says that it was enrolled at {}, and the ledger's time is {recorded}; enrol it again",
                enrolment.at
            ));
        }
        Ok(())
    }

    /// Takes up what a member said is theirs, in an entry of this kind and moment.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn enrol(
        &mut self,
        workspace: WorkspaceId,
        signed: &SignedEnrolment,
        (kind, recorded): (EntryKind, Timestamp),
    ) -> Result<(), String> {
        let enrolment = signed
            .verify(workspace, |id| self.get(id))
            .map_err(|error| error.to_string())?;
        if enrolled_as(&enrolment.credential) != kind {
            return Err("it is recorded as something else than it is".to_owned());
        }
        self.may_enrol(&enrolment, recorded)?;
        self.ever_enrolled.insert(enrolment.credential.id());
        self.credentials
            .entry(enrolment.member)
            .or_default()
            .push(enrolment.credential);
        Ok(())
    }

    /// Lets go of a passkey or touch key; says whether there was one.
    pub(crate) fn forget(&mut self, id: &CredentialId) -> bool {
        let Some((member, _)) = self.holder_of(id) else {
            return false;
        };
        if let Some(own) = self.credentials.get_mut(&member) {
            own.retain(|credential| credential.id() != *id);
        }
        true
    }

    /// The number by which tokens will name the next member's key.
    pub(crate) fn next_key(&self) -> u32 {
        u32::try_from(self.by_id.len() + self.former.len()).unwrap_or(u32::MAX)
    }

    /// Takes up the member that the entry at `seq` of the workspace's chain adds.
    ///
    /// Whoever can write the store can add a registration that a key of their own signs. So only the founder, whom the
    /// workspace began with, needs nobody else's word; everybody else was let in by a member, whose decision has to
    /// vouch for the ledger until then as any does.
    ///
    /// # Errors
    /// Why nobody was added.
    pub(crate) fn add(
        &mut self,
        workspace: WorkspaceId,
        seq: u64,
        added: &MemberAdded,
        stands: impl FnOnce(&DecisionMade, &Decision) -> Result<(), String>,
    ) -> Result<&Member, String> {
        match &added.granted {
            None if seq != FOUNDER_SEQ || added.root_key_id != FOUNDER_KEY => {
                return Err("it adds a member beside the founder, whom nobody let in".to_owned());
            }
            None => {}
            Some(granted) => {
                let signed = self
                    .verify(workspace, &granted.signed)
                    .map_err(|error| error.to_string())?;
                may_let_in(signed.get(), &added.registration)?;
                stands(granted, signed.get())?;
            }
        }
        let member = self.newcomer(workspace, &added.registration)?;
        let id = member.id;
        self.keyring
            .insert(added.root_key_id, id, member.delegation_key.as_bytes())
            .map_err(|error| error.to_string())?;
        Ok(self.by_id.entry(id).or_insert(member))
    }

    /// Lets go of a member: they lend and decide nothing from now on.
    ///
    /// # Errors
    /// Why they stay: nobody else would be left, or this one is nobody.
    pub(crate) fn revoke(&mut self, id: MemberId) -> Result<(), String> {
        self.may_go(id)?;
        if let Some(member) = self.by_id.remove(&id) {
            self.former.insert(id, member);
        }
        self.credentials.remove(&id);
        self.keyring.remove(id);
        Ok(())
    }

    /// Whether a member can be let go of.
    pub(crate) fn may_go(&self, id: MemberId) -> Result<&Member, String> {
        let member = self.by_id.get(&id).ok_or_else(|| format!("{id} is no member"))?;
        if self.by_id.len() == 1 {
            return Err(format!(
                "{} is the last member, and nobody would be left",
                member.name
            ));
        }
        Ok(member)
    }

    /// Somebody who signed for themselves, and is nobody whom there is already.
    pub(crate) fn newcomer(
        &self,
        workspace: WorkspaceId,
        registration: &SignedRegistration,
    ) -> Result<Member, String> {
        let member = registration
            .verify(workspace)
            .map_err(|error| error.to_string())?;
        let known = self.ever().find(|known| {
            known.id == member.id
                || known.email == member.email
                || known.decision_key == member.decision_key
                || known.delegation_key == member.delegation_key
        });
        match known {
            Some(known) => Err(format!(
                "{} <{}> is a member already, or was one, with the same number, address or key",
                known.name, known.email
            )),
            None => Ok(member),
        }
    }
}

/// The kind of entry that takes up such a credential.
pub(crate) const fn enrolled_as(credential: &Credential) -> EntryKind {
    match credential {
        Credential::Passkey(_) => EntryKind::PasskeyEnrolled,
        Credential::TouchKey(_) => EntryKind::TouchKeyEnrolled,
    }
}

const fn word_for(credential: &Credential) -> &'static str {
    match credential {
        Credential::Passkey(_) => "passkey",
        Credential::TouchKey(_) => "touch key",
    }
}

/// Whether a decision lets in whom this registration is of.
pub(crate) fn may_let_in(decision: &Decision, registration: &SignedRegistration) -> Result<(), String> {
    by_passphrase(decision)?;
    let (subject, digest) = subject_of(registration)?;
    if decision.verb == HumanVerb::GrantAccess
        && decision.subject == subject
        && decision.subject_digest == digest
    {
        Ok(())
    } else {
        Err("the decision is to let in somebody else, or something else".to_owned())
    }
}

/// Whether a decision is signed with the member's own key. A touch shows that somebody was there, and not what a page of
/// this machine showed them: it is enough for one work item, and not for who is a member or what stays on record.
pub(crate) fn by_passphrase(decision: &Decision) -> Result<(), String> {
    match decision.tier {
        Tier::T0 => Ok(()),
        Tier::T1 => Err(format!("to {} takes the passphrase, not a touch", decision.verb)),
    }
}

/// Whether a decision lets go of this member.
pub(crate) fn may_let_go(decision: &Decision, member: &Member) -> Result<(), String> {
    by_passphrase(decision)?;
    let about = decision.verb == HumanVerb::RevokeMember
        && decision.subject == Subject::Member(member.id)
        && decision.subject_digest == digest_of(member)?;
    match (about, &decision.rationale) {
        (true, Some(_)) => Ok(()),
        (true, None) => Err("to let go of somebody takes a word on why".to_owned()),
        (false, _) => Err("the decision is to let go of somebody else, or something else".to_owned()),
    }
}

/// What a decision to let go of somebody is about: all that is known of them.
pub(crate) fn digest_of(member: &Member) -> Result<Digest, String> {
    let bytes = serde_json_canonicalizer::to_vec(member).map_err(|error| error.to_string())?;
    Ok(Digest::of_subject(&bytes))
}

/// What a decision to let somebody in is about.
pub(crate) fn subject_of(registration: &SignedRegistration) -> Result<(Subject, Digest), String> {
    let bytes = registration.canonical().map_err(|error| error.to_string())?;
    Ok((Subject::Member(registration.claims()), Digest::of_subject(&bytes)))
}
