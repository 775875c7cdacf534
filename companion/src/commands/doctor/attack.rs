//! `auditotter doctor --attack`: what an agent with a shell would try first, against this very installation. Nothing here
//! names anything that exists but its members: what got through would change nothing, and would be said loudly.

mod web;

use std::collections::BTreeSet;

use anyhow::Context as _;
use delegation::{Grant, PathGlobs, Repositories, RootKey, mint};
use hub::{
    clock,
    companion::{CompanionLink, CompanionRequest, LinkError, Status, VerifiedChain},
    words,
};
use identity::{
    Assertion, Bytes, Challenge, Credential, Decision, Digest, Enrolment, History, HumanVerb, Passkey,
    Passphrase, Seed, SignedDecision, SignedRegistration, Subject, Tier,
};
use protocol::home::Home;
use serde_json::Value;
use time::Duration;
use vocabulary::{MemberId, Risk, TraceId, WorkItemId};
use zeroize::Zeroizing;

use super::{Finding, files};
use crate::home::Workspace;

/// Passphrases that whoever has the key file tries first.
const GUESSES: [&str; 4] = [
    "passphrase",
    "password1234",
    "correct horse battery staple",
    "auditotter",
];

const REMEDY: &str =
    "take this home out of use, keep a copy of it as it is, and report it as SECURITY.md says";

/// Everything that can be tried here without harm.
pub(super) fn run(workspace: &Workspace) -> anyhow::Result<Vec<Finding>> {
    let hub = workspace.hub()?;
    let before: Status = hub.ask(&CompanionRequest::Status)?;
    let impostor = Impostor::of(&before)?;
    let mut findings = impostor.tries(&hub)?;
    match before.inbox.as_deref() {
        Some(url) if is_own_machine(url) => findings.extend(web::tries(url, &impostor)?),
        Some(url) => findings.push(Finding::untried(
            "web",
            &format!("{url} is encrypted; from here only http://localhost is tried"),
        )),
        None => findings.push(Finding::untried(
            "web",
            "no inbox is open; start one with `auditotter serve`",
        )),
    }
    findings.push(guesses(&workspace.home));
    findings.push(nothing_changed(&hub, &before)?);
    Ok(findings)
}

/// Somebody with a key of their own, who says that it is a member's.
pub(super) struct Impostor {
    seed: Seed,
    posing_as: MemberId,
    status: Status,
    item: WorkItemId,
    trace: TraceId,
}

impl Impostor {
    fn of(status: &Status) -> anyhow::Result<Self> {
        let founder = status.members.first().context("this workspace has no member")?;
        Ok(Self {
            seed: Seed::from_entropy(clock::random()?),
            posing_as: founder.id,
            status: status.clone(),
            item: clock::new_id()?,
            trace: clock::new_id()?,
        })
    }

    /// A decision that says it is the member's.
    fn decision(&self, verb: HumanVerb, subject: Subject, tier: Tier) -> anyhow::Result<Decision> {
        Ok(Decision {
            workspace: self.status.workspace,
            verb,
            subject,
            subject_digest: Digest::from_bytes([7; 32]),
            rationale: "this was tried by `auditotter doctor --attack`".parse().ok(),
            member: self.posing_as,
            challenge: Challenge::from_entropy(clock::random()?),
            history: History {
                size: 0,
                root: Digest::from_bytes([0; 32]),
            },
            at: clock::now(),
            tier,
        })
    }

    fn signed(&self, verb: HumanVerb, subject: Subject) -> anyhow::Result<SignedDecision> {
        Ok(self
            .decision(verb, subject, Tier::T0)?
            .sign(&self.seed.decision_key())?)
    }

    fn work_item(&self) -> Subject {
        Subject::WorkItem {
            id: self.item,
            policy: Digest::from_bytes([7; 32]),
            risk: Risk::Low,
        }
    }

    /// A decision by a touch on a passkey that is nobody's: its text, and what a browser would send with it.
    pub(super) fn touched(&self) -> anyhow::Result<(String, Assertion)> {
        let text = self
            .decision(HumanVerb::Approve, self.work_item(), Tier::T1)?
            .text()?;
        Ok((text, nobodys_touch()))
    }

    /// A passkey of the impostor's, as the member's.
    pub(super) fn enrolment(&self) -> anyhow::Result<identity::SignedEnrolment> {
        let mut spki = vec![
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        spki.extend_from_slice(self.seed.decision_key().public().as_bytes());
        let enrolment = Enrolment {
            workspace: self.status.workspace,
            member: self.posing_as,
            credential: Credential::Passkey(Passkey {
                id: Bytes::new(vec![7; 16]),
                public_key: Bytes::new(spki),
                rp_id: "localhost".to_owned(),
            }),
            at: clock::now(),
        };
        Ok(enrolment.sign(&self.seed.decision_key())?)
    }

    /// A delegation that a member's key never signed.
    fn witness(&self) -> anyhow::Result<String> {
        let grant = Grant {
            id: clock::new_id()?,
            on_behalf_of: self.posing_as,
            agent: "doctor".parse()?,
            verbs: BTreeSet::from([delegation::AgentVerb::ReadTrace]),
            repositories: Repositories::Any,
            paths: PathGlobs::everything(),
            risk_ceiling: Risk::Low,
            expires_at: words::whole_seconds(clock::now().saturating_add(Duration::minutes(1))),
        };
        let root = RootKey::from_secret(&self.seed.delegation_secret());
        let number = self
            .status
            .members
            .first()
            .map_or(0, |founder| founder.root_key_id);
        let token = mint(&root, number, &grant, clock::random()?)?;
        Ok(token.witness(clock::random()?)?.as_str().to_owned())
    }

    fn tries(&self, hub: &CompanionLink) -> anyhow::Result<Vec<Finding>> {
        let (text, assertion) = self.touched()?;
        let registration = SignedRegistration::sign(
            &self.seed,
            clock::new_id()?,
            "Doctor".parse()?,
            "doctor@auditotter.invalid".parse()?,
            self.status.workspace,
        )?;
        let newcomer = Subject::Member(registration.claims());
        let (trace, seq) = (self.trace, 0);
        let tried = [
            (
                "decision",
                "an approval under another key than the member's",
                CompanionRequest::Decide {
                    signed: self.signed(HumanVerb::Approve, self.work_item())?,
                },
            ),
            (
                "touch",
                "an approval by a passkey that nobody enrolled",
                CompanionRequest::Decide {
                    signed: SignedDecision::touched(text, assertion),
                },
            ),
            (
                "passkey",
                "a passkey as a member's, without the member's signature",
                CompanionRequest::Enrol {
                    signed: self.enrolment()?,
                },
            ),
            (
                "newcomer",
                "letting in whom no member vouched for",
                CompanionRequest::LetIn {
                    signed: self.signed(HumanVerb::GrantAccess, newcomer)?,
                    registration,
                },
            ),
            (
                "departure",
                "letting go of a member, without a member's signature",
                CompanionRequest::LetGo {
                    signed: self.signed(HumanVerb::RevokeMember, Subject::Member(self.posing_as))?,
                },
            ),
            (
                "erasure",
                "erasing what an entry says, without a member's signature",
                CompanionRequest::Erase {
                    signed: self.signed(HumanVerb::EraseBody, Subject::Entry { trace, seq })?,
                },
            ),
            (
                "delegation",
                "lending in a member's name, without the member's key",
                CompanionRequest::Grant {
                    witness: self.witness()?,
                },
            ),
        ];
        tried
            .into_iter()
            .map(|(id, what, request)| {
                Ok(judged(
                    id,
                    what,
                    &answer(hub, &request)?,
                    &["decision_unproved", "bad_signature"],
                ))
            })
            .collect()
    }
}

/// What an authenticator would send that nobody enrolled.
fn nobodys_touch() -> Assertion {
    Assertion {
        credential: Bytes::new(vec![7; 16]),
        authenticator_data: Bytes::new(vec![5; 37]),
        client_data: Bytes::new(b"{}".to_vec()),
        signature: Bytes::new(vec![7; 64]),
    }
}

/// The code with which it was refused, or what it was answered instead.
fn answer(hub: &CompanionLink, request: &CompanionRequest) -> anyhow::Result<String> {
    match hub.ask::<Value>(request) {
        Err(LinkError::Refused(refusal)) => Ok(refusal.code),
        Err(error) => Err(error.into()),
        Ok(done) => Ok(format!("done: {done}")),
    }
}

/// It held where it was refused for this reason: another one would leave open what comes of it next time.
fn judged(id: &'static str, what: &str, answered: &str, expected: &[&str]) -> Finding {
    if expected.contains(&answered) {
        Finding::well(id, format!("held: {what} ({answered})"))
    } else {
        Finding::ill(
            id,
            format!("{what} was answered: {}", vocabulary::shown(answered, 200)),
            REMEDY,
        )
    }
}

/// A key file is worth what its passphrase is.
fn guesses(home: &Home) -> Finding {
    let sealed: Vec<_> = files(&home.keys(), "age");
    let readable =
        |path: &&std::path::PathBuf| std::fs::read(path).is_ok_and(|bytes| identity::looks_sealed(&bytes));
    if !sealed.iter().any(|path| readable(&path)) {
        return Finding::untried("guesses", "there is no key here that can be read");
    }
    let opened = sealed
        .iter()
        .filter_map(|path| std::fs::read(path).ok())
        .any(|bytes| {
            let open = |guess: &&str| {
                let passphrase = Passphrase::existing(Zeroizing::new((*guess).to_owned()));
                identity::open(&bytes, &passphrase).is_ok()
            };
            GUESSES.iter().any(open)
        });
    if opened {
        Finding::ill(
            "guesses",
            "your key opens with a passphrase that is guessed first",
            "have another member let you in with a new key, and let go of this one",
        )
    } else {
        Finding::well(
            "guesses",
            format!(
                "held: none of {} passphrases that are guessed first opens a key",
                GUESSES.len()
            ),
        )
    }
}

/// Nothing has changed but the ledger's length.
fn nothing_changed(hub: &CompanionLink, before: &Status) -> anyhow::Result<Finding> {
    let after: Status = hub.ask(&CompanionRequest::Status)?;
    let ids = |status: &Status| -> Vec<MemberId> { status.members.iter().map(|member| member.id).collect() };
    let passkeys: Vec<Value> = hub.ask(&CompanionRequest::Passkeys)?;
    let own = Bytes::new(vec![7; 16]).to_string();
    let enrolled = passkeys.iter().any(|row| row["credential"] == own.as_str());
    let chains: Vec<VerifiedChain> = hub.ask(&CompanionRequest::Verify { trace: None })?;
    Ok(if ids(&after) != ids(before) || enrolled {
        Finding::ill("after", "who may decide has changed while this was tried", REMEDY)
    } else if chains.iter().any(|chain| !chain.holds) {
        Finding::ill("after", "the ledger does not hold", REMEDY)
    } else {
        // Refusals are recorded up to 30 a minute, and counted beyond that.
        let more = after.entries.saturating_sub(before.entries);
        Finding::well(
            "after",
            format!("who may decide is as before, the ledger holds, and has {more} entries more"),
        )
    })
}

/// Whether an address is on this very machine: nothing is tried elsewhere.
fn is_own_machine(url: &str) -> bool {
    ["http://localhost:", "http://127.0.0.1:", "http://[::1]:"]
        .iter()
        .any(|own| url.starts_with(own))
}
