//! Somebody beside Alice: let in by her, with a key and a passkey of their own.

use std::{fs, path::PathBuf};

use delegation::{DelegationToken, Grant, RootKey, mint};
use hub::{
    clock,
    companion::{CompanionRequest, MemberRow, PosedRow, ShownWorkItem, WorkItemRow},
};
use identity::{
    Credential, Decision, Digest, Enrolment, History, HumanVerb, Passphrase, Seed, SignedDecision,
    SignedRegistration, Subject, Tier, WorkFactor,
};
use vocabulary::{DelegationId, MemberId, WorkItemId};
use zeroize::Zeroizing;

use super::{Home, Lending, founded::fresh};
use crate::Device;

/// A member whom Alice let in.
#[derive(Debug)]
pub struct Person {
    /// As the ledger names them.
    pub member: MemberId,
    key_number: u32,
    seed: Seed,
    /// What holds their passkey.
    pub device: Device,
}

impl Home {
    /// Bob, whom Alice lets in, and who takes up a passkey.
    ///
    /// # Panics
    /// Where the hub refuses.
    #[must_use]
    pub fn bob(&self) -> Person {
        self.lets_in("Bob", "bob@example.com", 11)
    }

    /// Somebody whom Alice lets in, and who takes up a passkey on the device of that number.
    ///
    /// # Panics
    /// Where the hub refuses.
    #[must_use]
    pub fn lets_in(&self, name: &str, email: &str, device: u8) -> Person {
        let (seed, device) = (Seed::from_entropy(fresh()), Device::new(device));
        let member: MemberId = clock::new_id().expect("the system has randomness");
        let registration = SignedRegistration::sign(
            &seed,
            member,
            name.parse().expect("a name"),
            email.parse().expect("an address"),
            self.workspace(),
        )
        .expect("a registration can be signed");
        let posed: PosedRow = self.ask(&CompanionRequest::PoseNewcomer {
            registration: registration.clone(),
        });
        let canonical = registration.canonical().expect("a registration has a text");
        let signed = self.sign(&Decision {
            workspace: posed.workspace,
            verb: HumanVerb::GrantAccess,
            subject: Subject::Member(member),
            subject_digest: Digest::of_subject(&canonical),
            rationale: None,
            member: self.alice(),
            challenge: posed.challenge,
            history: History {
                size: posed.ledger_size,
                root: posed.ledger_root,
            },
            at: clock::now(),
            tier: Tier::T0,
        });
        let row: MemberRow = self.ask(&CompanionRequest::LetIn { registration, signed });
        let enrolment = Enrolment {
            workspace: self.workspace(),
            member,
            credential: Credential::Passkey(device.passkey()),
            at: clock::now(),
        };
        let signed = enrolment.sign(&seed.decision_key());
        let signed = signed.expect("an enrolment can be signed");
        let _: serde_json::Value = self.ask(&CompanionRequest::Enrol { signed });
        Person {
            member,
            key_number: row.root_key_id,
            seed,
            device,
        }
    }
}

impl Person {
    /// Puts their key into a file named as `auditotter join` does, under [`Home::PASSPHRASE`].
    ///
    /// # Panics
    /// Where it cannot be written.
    #[must_use]
    pub fn key_file(&self, home: &Home) -> PathBuf {
        let passphrase = Passphrase::new(Zeroizing::new(Home::PASSPHRASE.to_owned()));
        let passphrase = passphrase.expect("a passphrase that is long enough");
        let sealed = identity::seal(&self.seed, &passphrase, WorkFactor::lowest());
        let path = home.file(&format!("{}.age", self.member));
        fs::write(&path, sealed.expect("a seed can be sealed")).expect("a key can be stored");
        path
    }

    /// What they would decide by touch on what is shown to them.
    #[must_use]
    pub fn decision(
        &self,
        home: &Home,
        shown: &ShownWorkItem,
        verb: HumanVerb,
        why: Option<&str>,
    ) -> Decision {
        Decision {
            member: self.member,
            tier: Tier::T1,
            ..home.decision(shown, verb, why)
        }
    }

    /// Their signature under a decision, by the tier that it names.
    ///
    /// # Panics
    /// Where it has no text.
    #[must_use]
    pub fn sign(&self, decision: &Decision) -> SignedDecision {
        match decision.tier {
            Tier::T0 => decision
                .sign(&self.seed.decision_key())
                .expect("a decision can be signed"),
            Tier::T1 => {
                let text = decision.text().expect("a decision has a text");
                SignedDecision::touched(text.clone(), self.device.touches(&text))
            }
        }
    }

    /// They decide on a work item by touch.
    ///
    /// # Errors
    /// What the hub answers.
    pub fn decide(
        &self,
        home: &Home,
        id: WorkItemId,
        verb: HumanVerb,
        why: Option<&str>,
    ) -> Result<WorkItemRow, String> {
        let signed = self.sign(&self.decision(home, &home.pose(id), verb, why));
        let asked = home.link().ask(&CompanionRequest::Decide { signed });
        asked.map_err(|error| error.to_string())
    }

    /// Signs a grant with their key. Nobody else knows of it yet.
    ///
    /// # Panics
    /// Where it cannot be minted.
    #[must_use]
    pub fn mint(&self, grant: &Grant) -> DelegationToken {
        let root = RootKey::from_secret(&self.seed.delegation_secret());
        mint(&root, self.key_number, grant, fresh()).expect("a grant can be minted")
    }

    /// They lend something to an agent in the place of Alice: what she lent before is no longer found.
    ///
    /// # Panics
    /// Where the hub refuses.
    pub fn lends(&self, home: &Home, lending: &Lending) -> DelegationId {
        let grant = Grant {
            on_behalf_of: self.member,
            ..home.grant(lending)
        };
        let token = self.mint(&grant);
        home.register(&token);
        home.store_token(&grant.id.to_string(), token.expose());
        grant.id
    }
}
