//! Becoming somebody who may decide, without anybody who may let one in.

use hub::{
    clock,
    companion::{CompanionRequest, MemberRow, PosedRow},
};
use identity::{
    Decision, Digest, History, HumanVerb, Seed, SignedDecision, SignedRegistration, Subject, Tier,
};
use testkit::Home;
use vocabulary::{MemberId, WorkspaceId};

/// A key that nobody knows, and what its holder says of themselves.
pub(crate) struct Newcomer {
    pub(crate) seed: Seed,
    pub(crate) member: MemberId,
    pub(crate) registration: SignedRegistration,
}

impl Newcomer {
    pub(crate) fn of(workspace: WorkspaceId, name: &str, email: &str) -> Self {
        let seed = Seed::from_entropy(clock::random().unwrap());
        let member: MemberId = clock::new_id().unwrap();
        let registration = SignedRegistration::sign(
            &seed,
            member,
            name.parse().unwrap(),
            email.parse().unwrap(),
            workspace,
        );
        Self {
            seed,
            member,
            registration: registration.unwrap(),
        }
    }

    fn mallory(home: &Home) -> Self {
        Self::of(home.workspace(), "Bob", "bob@example.com")
    }

    fn posed(&self, home: &Home) -> PosedRow {
        home.ask(&CompanionRequest::PoseNewcomer {
            registration: self.registration.clone(),
        })
    }

    /// The decision to let this one in, by whoever is named.
    pub(crate) fn granted_by(&self, home: &Home, member: MemberId) -> Decision {
        let posed = self.posed(home);
        Decision {
            workspace: posed.workspace,
            verb: HumanVerb::GrantAccess,
            subject: Subject::Member(self.member),
            subject_digest: Digest::of_subject(&self.registration.canonical().unwrap()),
            rationale: None,
            member,
            challenge: posed.challenge,
            history: History {
                size: posed.ledger_size,
                root: posed.ledger_root,
            },
            at: clock::now(),
            tier: Tier::T0,
        }
    }

    pub(crate) fn tries(&self, home: &Home, signed: SignedDecision) -> Result<MemberRow, String> {
        let registration = self.registration.clone();
        let asked = home.link().ask(&CompanionRequest::LetIn { registration, signed });
        asked.map_err(|error| error.to_string())
    }
}

fn members(home: &Home) -> usize {
    let status: hub::companion::Status = home.ask(&CompanionRequest::Status);
    status.members.len()
}

#[test]
fn nobody_lets_themselves_in() {
    let home = Home::founded();
    let mallory = Newcomer::mallory(&home);
    let own = mallory.granted_by(&home, mallory.member);
    let refused = mallory.tries(&home, own.sign(&mallory.seed.decision_key()).unwrap());
    assert!(refused.unwrap_err().contains("is no member"));
    let in_her_name = mallory.granted_by(&home, home.alice());
    let refused = mallory.tries(&home, in_her_name.sign(&mallory.seed.decision_key()).unwrap());
    assert!(refused.unwrap_err().contains("is not signed by the key of"));
    assert_eq!(members(&home), 1);
    let refusals = home
        .workspace_chain()
        .iter()
        .filter(|recorded| recorded.kind == "decision.refused")
        .count();
    assert_eq!(refusals, 2);
}

#[test]
fn a_grant_for_one_lets_in_nobody_else() {
    let home = Home::founded();
    let bob = Newcomer::of(home.workspace(), "Bob", "bob@example.com");
    let mallory = Newcomer::of(home.workspace(), "Bob", "bob@example.org");
    let for_bob = home.sign(&bob.granted_by(&home, home.alice()));
    let refused = mallory.tries(&home, for_bob.clone());
    assert!(refused.unwrap_err().contains("somebody else"));
    assert_eq!(bob.tries(&home, for_bob.clone()).unwrap().id, bob.member);
    // The same again is the same; and a challenge is answered once.
    assert_eq!(bob.tries(&home, for_bob).unwrap().id, bob.member);
    assert_eq!(members(&home), 2);
    home.stop_hub();
    assert_eq!(members(&home), 2, "also after a restart");
}

#[test]
fn an_approval_is_no_grant_and_a_registration_for_elsewhere_none_for_here() {
    let home = Home::founded();
    let bob = Newcomer::of(home.workspace(), "Bob", "bob@example.com");
    let approved = Decision {
        verb: HumanVerb::Approve,
        subject: Subject::WorkItem {
            id: clock::new_id().unwrap(),
            policy: Digest::from_bytes([1; 32]),
            risk: vocabulary::Risk::Low,
        },
        ..bob.granted_by(&home, home.alice())
    };
    let refused = bob.tries(&home, home.sign(&approved)).unwrap_err();
    assert!(refused.contains("somebody else, or something else"), "{refused}");
    let elsewhere = Newcomer::of(WorkspaceId::new(1, [1; 10]), "Bob", "bob@example.com");
    let asked = home.link().ask::<PosedRow>(&CompanionRequest::PoseNewcomer {
        registration: elsewhere.registration,
    });
    assert!(
        asked
            .unwrap_err()
            .to_string()
            .contains("is not signed by the key it names")
    );
    assert_eq!(members(&home), 1);
}

#[test]
fn nobody_comes_in_as_somebody_who_is_there() {
    let home = Home::founded();
    let twin = Newcomer::of(home.workspace(), "Alice", "ALICE@example.com");
    let asked = home.link().ask::<PosedRow>(&CompanionRequest::PoseNewcomer {
        registration: twin.registration,
    });
    assert!(asked.unwrap_err().to_string().contains("is a member already"));
}
