//! A workspace of Alice's, made without a terminal: by the library, with a key that costs nothing to open.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use delegation::{AgentVerb, DelegationToken, Grant, PathGlobs, Repositories, RootKey, mint};
use hub::{
    clock,
    companion::{
        CompanionLink, CompanionRequest, DelegationRow, PosedRow, ShownWorkItem, Status, WorkItemRow,
    },
    create,
};
use identity::{
    Decision, Digest, Enrolment, History, HumanVerb, Passphrase, Seed, SignedDecision, SignedEnrolment,
    SignedRegistration, Subject, Tier, WorkFactor,
};
use time::Duration;
use vocabulary::{DelegationId, MemberId, Risk, WorkItemId, WorkspaceId};
use work_items::Proposed;
use zeroize::Zeroizing;

use super::Home;
use crate::{StdioClient, program};

/// Who founded the workspace, and the seed that signs for her.
pub(super) struct Founder {
    workspace: WorkspaceId,
    member: MemberId,
    seed: Seed,
}

impl std::fmt::Debug for Founder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Founder")
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

/// What Alice lends to an agent.
#[derive(Debug, Clone)]
pub struct Lending {
    /// To whom.
    pub agent: String,
    /// In which repositories; in any where there is none.
    pub repositories: Vec<String>,
    /// On which paths; on all where there is none.
    pub paths: Vec<String>,
    /// What.
    pub verbs: Vec<AgentVerb>,
    /// Up to what risk.
    pub risk_ceiling: Risk,
    /// For how long.
    pub ttl: Duration,
}

impl Lending {
    /// Everything, everywhere, for an hour.
    #[must_use]
    pub fn to(agent: &str) -> Self {
        Self {
            agent: agent.to_owned(),
            repositories: Vec::new(),
            paths: Vec::new(),
            verbs: AgentVerb::ALL.to_vec(),
            risk_ceiling: Risk::Critical,
            ttl: Duration::HOUR,
        }
    }

    /// Only in this repository and on this path.
    #[must_use]
    pub fn within(mut self, repository: &str, path: &str) -> Self {
        self.repositories.push(repository.to_owned());
        self.paths.push(path.to_owned());
        self
    }
}

impl Home {
    /// The passphrase of Alice's key in a founded home.
    pub const PASSPHRASE: &str = "otters hold hands while asleep";

    /// A home with a workspace that Alice founded.
    ///
    /// # Panics
    /// Where it cannot be made.
    #[must_use]
    pub fn founded() -> Self {
        let mut home = Self::empty();
        home.found();
        home
    }

    /// Alice's home, with everything lent to Claude Code.
    ///
    /// # Panics
    /// Where it cannot be made.
    #[must_use]
    pub fn lent() -> Self {
        let home = Self::founded();
        home.lend(&Lending::to("claude-code"));
        home
    }

    /// Claude Code, at work in this home.
    #[must_use]
    pub fn claude_code(&self) -> StdioClient {
        StdioClient::claude_code(&mut self.auditotter_mcp(&[]))
    }

    /// Lets Alice found a workspace in this home.
    ///
    /// # Panics
    /// Where it cannot be made.
    pub fn found(&mut self) {
        let seed = Seed::from_entropy(clock::random().expect("the system has randomness"));
        let member: MemberId = clock::new_id().expect("the system has randomness");
        let workspace: WorkspaceId = clock::new_id().expect("the system has randomness");
        let registration = SignedRegistration::sign(
            &seed,
            member,
            "Alice".parse().expect("a name"),
            "alice@example.com".parse().expect("an address"),
            workspace,
        )
        .expect("a registration can be signed");
        let passphrase = Passphrase::new(Zeroizing::new(Self::PASSPHRASE.to_owned()))
            .expect("a passphrase that is long enough");
        let sealed_seed =
            identity::seal(&seed, &passphrase, WorkFactor::lowest()).expect("a seed can be sealed");
        let founding = create::Founding {
            workspace,
            registration,
            member,
            sealed_seed,
            listen: None,
        };
        create::workspace(&self.layout(), founding).expect("a workspace can be created");
        self.founder = Some(Founder {
            workspace,
            member,
            seed,
        });
    }

    /// Which workspace it is.
    ///
    /// # Panics
    /// Where nobody founded this home.
    #[must_use]
    pub fn workspace(&self) -> WorkspaceId {
        self.founder().workspace
    }

    /// What Alice would sign to lend this.
    ///
    /// # Panics
    /// Where it makes no sense.
    #[must_use]
    pub fn grant(&self, lending: &Lending) -> Grant {
        let repositories = if lending.repositories.is_empty() {
            Repositories::Any
        } else {
            let named = lending.repositories.iter();
            Repositories::Only(named.map(|name| name.parse().expect("owner/name")).collect())
        };
        let paths = if lending.paths.is_empty() {
            PathGlobs::everything()
        } else {
            PathGlobs::parse(&lending.paths).expect("globs")
        };
        Grant {
            id: clock::new_id().expect("the system has randomness"),
            on_behalf_of: self.founder().member,
            agent: lending.agent.parse().expect("an agent's name"),
            verbs: lending.verbs.iter().copied().collect(),
            repositories,
            paths,
            risk_ceiling: lending.risk_ceiling,
            expires_at: hub::words::whole_seconds(clock::now().saturating_add(lending.ttl)),
        }
    }

    /// Signs a grant with Alice's key. Nobody else knows of it yet.
    ///
    /// # Panics
    /// Where it cannot be minted.
    #[must_use]
    pub fn mint(&self, grant: &Grant) -> DelegationToken {
        let root = RootKey::from_secret(&self.founder().seed.delegation_secret());
        mint(&root, 0, grant, fresh()).expect("a grant can be minted")
    }

    /// Tells the hub what Alice signed.
    ///
    /// # Panics
    /// Where the hub refuses.
    pub fn register(&self, token: &DelegationToken) -> DelegationRow {
        let witness = token
            .witness(fresh())
            .expect("a token has a witness")
            .as_str()
            .to_owned();
        self.ask(&CompanionRequest::Grant { witness })
    }

    /// Puts a token where agents' processes look for what was lent, for its owner only.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn store_token(&self, name: &str, text: &str) -> PathBuf {
        let path = self.layout().delegations().join(format!("{name}.token"));
        fs::write(&path, text).expect("a token can be stored");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        path
    }

    /// Lends something to an agent, as `auditotter delegate` does.
    ///
    /// # Panics
    /// Where nobody founded this home, or the hub refuses.
    pub fn lend(&self, lending: &Lending) -> DelegationId {
        let grant = self.grant(lending);
        let token = self.mint(&grant);
        self.register(&token);
        self.store_token(&grant.id.to_string(), token.expose());
        grant.id
    }

    /// Alice, as the ledger names her.
    #[must_use]
    pub fn alice(&self) -> MemberId {
        self.founder().member
    }

    /// What the hub shows to somebody who may decide on a work item.
    ///
    /// # Panics
    /// Where the hub refuses.
    #[must_use]
    pub fn pose(&self, id: WorkItemId) -> ShownWorkItem {
        self.ask(&CompanionRequest::Pose { id })
    }

    /// What Alice would decide on what is shown to her.
    ///
    /// # Panics
    /// Where what is shown is no work item.
    #[must_use]
    pub fn decision(&self, shown: &ShownWorkItem, verb: HumanVerb, why: Option<&str>) -> Decision {
        let proposed: Proposed = serde_json::from_str(&shown.recorded).expect("a work item is shown");
        Decision {
            workspace: shown.posed.workspace,
            verb,
            subject: Subject::WorkItem {
                id: proposed.id,
                policy: proposed.assessment.policy_digest,
                risk: proposed.assessment.risk,
            },
            subject_digest: digest_of(shown),
            rationale: why.map(|why| why.parse().expect("a rationale")),
            member: self.founder().member,
            challenge: shown.posed.challenge,
            history: History {
                size: shown.posed.ledger_size,
                root: shown.posed.ledger_root,
            },
            at: clock::now(),
            tier: Tier::T0,
        }
    }

    /// Alice's signature under a decision.
    ///
    /// # Panics
    /// Where it has no text.
    #[must_use]
    pub fn sign(&self, decision: &Decision) -> SignedDecision {
        let key = self.founder().seed.decision_key();
        decision.sign(&key).expect("a decision can be signed")
    }

    /// Alice's signature under an enrolment, told to nobody.
    ///
    /// # Panics
    /// Where it has no text.
    #[must_use]
    pub fn enrol_later(&self, enrolment: &Enrolment) -> SignedEnrolment {
        let key = self.founder().seed.decision_key();
        enrolment.sign(&key).expect("an enrolment can be signed")
    }

    /// Alice takes up a passkey or touch key, without a terminal.
    ///
    /// # Panics
    /// Where the hub refuses.
    pub fn enrol(&self, enrolment: &Enrolment) -> SignedEnrolment {
        let signed = self.enrol_later(enrolment);
        let request = CompanionRequest::Enrol {
            signed: signed.clone(),
        };
        let _: serde_json::Value = self.ask(&request);
        signed
    }

    /// Alice decides, without a terminal.
    ///
    /// # Panics
    /// Where the hub refuses.
    pub fn decide(&self, id: WorkItemId, verb: HumanVerb, why: Option<&str>) -> WorkItemRow {
        let signed = self.sign(&self.decision(&self.pose(id), verb, why));
        self.ask(&CompanionRequest::Decide { signed })
    }

    /// Alice lets go of a member, without a terminal.
    ///
    /// # Panics
    /// Where the hub refuses.
    pub fn let_go(&self, member: MemberId, why: &str) {
        let status: Status = self.ask(&CompanionRequest::Status);
        let known = status.members.iter().find(|row| row.id == member);
        let canonical = &known.expect("somebody who is a member").canonical;
        let posed: PosedRow = self.ask(&CompanionRequest::PoseDeparture { member });
        let decision = Decision {
            workspace: posed.workspace,
            verb: HumanVerb::RevokeMember,
            subject: Subject::Member(member),
            subject_digest: Digest::of_subject(canonical.as_bytes()),
            rationale: Some(why.parse().expect("a rationale")),
            member: self.founder().member,
            challenge: posed.challenge,
            history: History {
                size: posed.ledger_size,
                root: posed.ledger_root,
            },
            at: clock::now(),
            tier: Tier::T0,
        };
        let signed = self.sign(&decision);
        let _: serde_json::Value = self.ask(&CompanionRequest::LetGo { signed });
    }

    fn founder(&self) -> &Founder {
        let Some(founder) = &self.founder else {
            panic!("this home has no founder; make it with Home::founded()");
        };
        founder
    }

    /// Asks this home's hub what the companion asks, starting it where none runs.
    ///
    /// # Panics
    /// Where it does not answer.
    pub fn ask<T: serde::de::DeserializeOwned>(&self, request: &CompanionRequest) -> T {
        self.link()
            .ask(request)
            .unwrap_or_else(|error| panic!("{request:?}: {error}"))
    }

    /// The companion's link to this home's hub.
    #[must_use]
    pub fn link(&self) -> CompanionLink {
        CompanionLink::new(self.layout(), program::path("auditotter"))
    }
}

/// The digest of all that is shown to somebody who may decide.
#[must_use]
pub fn digest_of(shown: &ShownWorkItem) -> Digest {
    let evidence = shown.evidence.iter();
    evidence.fold(Digest::of_subject(shown.recorded.as_bytes()), |digest, text| {
        digest.with_evidence(&Digest::of_subject(text.as_bytes()))
    })
}

pub(super) fn fresh() -> [u8; 32] {
    clock::random().expect("the system has randomness")
}
