//! How a member enters the ledger: a statement about oneself, signed by the key it names.

use serde::{Deserialize, Serialize};
use vocabulary::{MemberId, WorkspaceId};

use crate::{DecisionSignature, Email, KeyError, Member, PersonName, Seed};

const CONTEXT: &str = "auditotter 2026 member registration v1";

/// A member's own statement of name, address and public keys for one workspace. It proves that whoever registered
/// holds the decision key; that the person is who they say is for the other members to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRegistration {
    member: Member,
    signature: DecisionSignature,
}

/// Why a registration does not count.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The signature does not fit.
    #[error("the registration of {member} in {workspace} is not signed by the key it names: {source}")]
    Signature {
        /// Whose.
        member: MemberId,
        /// Where.
        workspace: WorkspaceId,
        /// What is wrong.
        source: KeyError,
    },
    /// It has no canonical form.
    #[error("the registration has no canonical form: {0}")]
    Canonical(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Statement<'a> {
    workspace: WorkspaceId,
    member: &'a Member,
}

impl SignedRegistration {
    /// Registers the holder of a seed.
    ///
    /// # Errors
    /// [`RegistrationError::Canonical`], which no member that could be parsed causes.
    pub fn sign(
        seed: &Seed,
        id: MemberId,
        name: PersonName,
        email: Email,
        workspace: WorkspaceId,
    ) -> Result<Self, RegistrationError> {
        let key = seed.decision_key();
        let member = Member {
            id,
            name,
            email,
            delegation_key: seed.delegation_public(),
            decision_key: key.public(),
        };
        let signature = key.sign(CONTEXT, &statement(workspace, &member)?);
        Ok(Self { member, signature })
    }

    /// Who it is to be: a claim, until it is verified.
    #[must_use]
    pub const fn claims(&self) -> MemberId {
        self.member.id
    }

    /// Its canonical bytes: what a decision to let this member in is about.
    ///
    /// # Errors
    /// [`RegistrationError::Canonical`], which no registration that could be parsed causes.
    pub fn canonical(&self) -> Result<Vec<u8>, RegistrationError> {
        Ok(serde_json_canonicalizer::to_vec(self)?)
    }

    /// The member, if the registration was made for this workspace by the holder of the key it names.
    ///
    /// # Errors
    /// [`RegistrationError`].
    pub fn verify(&self, workspace: WorkspaceId) -> Result<Member, RegistrationError> {
        let said = statement(workspace, &self.member)?;
        self.member
            .decision_key
            .verify(CONTEXT, &said, &self.signature)
            .map_err(|source| RegistrationError::Signature {
                member: self.member.id,
                workspace,
                source,
            })?;
        Ok(self.member.clone())
    }
}

fn statement(workspace: WorkspaceId, member: &Member) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(&Statement { workspace, member })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn registered() -> (WorkspaceId, SignedRegistration) {
        let workspace = WorkspaceId::new(1, [1; 10]);
        let signed = SignedRegistration::sign(
            &Seed::from_entropy([3; 32]),
            MemberId::new(2, [2; 10]),
            "Alice".parse().unwrap(),
            "alice@example.com".parse().unwrap(),
            workspace,
        );
        (workspace, signed.unwrap())
    }

    #[test]
    fn a_registration_holds_in_its_own_workspace_only() {
        let (workspace, signed) = registered();
        assert_eq!(signed.verify(workspace).unwrap().name.to_string(), "Alice");
        let elsewhere = WorkspaceId::new(9, [9; 10]);
        assert!(matches!(
            signed.verify(elsewhere),
            Err(RegistrationError::Signature { .. })
        ));
    }

    #[test]
    fn the_delegation_key_registers_nobody() {
        let (workspace, mut signed) = registered();
        let own = signed.member.decision_key;
        signed.member.decision_key = signed.member.delegation_key;
        assert!(matches!(
            signed.verify(workspace),
            Err(RegistrationError::Signature { .. })
        ));
        signed.member.decision_key = own;
        assert_eq!(signed.verify(workspace).unwrap().decision_key, own);
    }

    /// What is signed is these bytes after the context and a zero byte, so that others can check it with their own
    /// tools; and Ed25519 signs the same bytes the same way, always.
    #[test]
    fn what_is_signed_is_fixed() {
        let (workspace, signed) = registered();
        assert_eq!(
            String::from_utf8(statement(workspace, &signed.member).unwrap()).unwrap(),
            include_str!("registration/statement.json").trim_end()
        );
        assert_eq!(
            serde_json::to_string_pretty(&signed).unwrap(),
            include_str!("registration/signed.json").trim_end()
        );
    }

    #[test]
    fn no_field_can_be_changed_afterwards() {
        let (workspace, signed) = registered();
        let other = Seed::from_entropy([4; 32]);
        for (pointer, forged) in [
            ("/member/name", json!("Bob")),
            ("/member/email", json!("bob@example.com")),
            ("/member/id", json!(MemberId::new(5, [5; 10]))),
            ("/member/delegation_key", json!(other.delegation_public())),
            ("/member/decision_key", json!(other.decision_key().public())),
        ] {
            let mut value: Value = serde_json::to_value(&signed).unwrap();
            *value.pointer_mut(pointer).unwrap() = forged;
            let forged: SignedRegistration = serde_json::from_value(value).unwrap();
            assert!(
                matches!(forged.verify(workspace), Err(RegistrationError::Signature { .. })),
                "{pointer}"
            );
        }
    }

    #[test]
    fn a_registration_with_more_to_say_is_refused() {
        let (_, signed) = registered();
        let mut value: Value = serde_json::to_value(&signed).unwrap();
        value["member"]["role"] = json!("owner");
        assert!(serde_json::from_value::<SignedRegistration>(value).is_err());
    }
}
