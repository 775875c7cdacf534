//! The key of whoever sits here: found in the home, opened with a passphrase, and used by this machine's clock.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use hub::{
    companion::{CompanionLink, CompanionRequest, MemberRow, PasskeyRow, PosedRow, Status, TouchKeyRow},
    words,
};
use identity::{
    Bytes, Decision, Digest, History, HumanVerb, Rationale, Seed, SignedDecision, Subject, Tier,
    touch_challenge,
};
use time::Duration;
use vocabulary::Timestamp;

use crate::{home::Workspace, shown::Shown, terminal, touch, touch_key};

/// How far the ledger's clock may be from this machine's.
const CLOCK_TOLERANCE: Duration = Duration::minutes(2);

/// How somebody signs.
#[derive(Debug)]
pub(crate) enum Means {
    /// With their own key, which a passphrase opens.
    Passphrase,
    /// With a passkey, in a browser.
    Passkey,
    /// With a touch key: the one in this file, or else the one in `~/.ssh`.
    TouchKey(Option<PathBuf>),
}

impl Means {
    /// What a decision that is signed so says of it.
    pub(crate) const fn tier(&self) -> Tier {
        match self {
            Self::Passphrase => Tier::T0,
            Self::Passkey | Self::TouchKey(_) => Tier::T1,
        }
    }
}

/// A member's sealed key, and the member whose it is.
#[derive(Debug)]
pub(crate) struct OwnKey {
    pub(crate) member: MemberRow,
    path: PathBuf,
}

impl OwnKey {
    /// The key in this file, or the one key in this home that is a member's. Whose it is, its name says.
    pub(crate) fn find(workspace: &Workspace, status: &Status, file: Option<&Path>) -> anyhow::Result<Self> {
        let folder = workspace.home.keys();
        if let Some(path) = file {
            let whose = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
            let member = status
                .members
                .iter()
                .find(|member| member.id.to_string() == whose);
            return match member {
                Some(member) => Ok(Self {
                    member: member.clone(),
                    path: path.to_owned(),
                }),
                None => bail!(
                    "{} is not named after a member, as me_....age; `auditotter members` shows who they are",
                    path.display()
                ),
            };
        }
        let mut own = status.members.iter().filter_map(|member| {
            let path = folder.join(format!("{}.age", member.id));
            path.exists().then(|| Self {
                member: member.clone(),
                path,
            })
        });
        match (own.next(), own.next()) {
            (Some(found), None) => Ok(found),
            (None, _) => bail!(
                "no member's key is in {}; this needs your key file",
                folder.display()
            ),
            (Some(_), Some(_)) => bail!(
                "several members' keys are in {}; keep only your own there",
                folder.display()
            ),
        }
    }

    /// What this key's owner decides, on what is shown, to be signed in this way.
    pub(crate) fn decision(
        &self,
        posed: &PosedRow,
        verb: HumanVerb,
        (subject, subject_digest): (Subject, Digest),
        rationale: Option<Rationale>,
        (at, tier): (Timestamp, Tier),
    ) -> Decision {
        Decision {
            workspace: posed.workspace,
            verb,
            subject,
            subject_digest,
            rationale,
            member: self.member.id,
            challenge: posed.challenge,
            history: History {
                size: posed.ledger_size,
                root: posed.ledger_root,
            },
            at,
            tier,
        }
    }

    /// Signs a decision by these means, of whose tier it is. `shown` is what is signed, `to` what for, and `otherwise` what
    /// did not happen where nobody signs.
    pub(crate) fn sign(
        &self,
        hub: &CompanionLink,
        (decision, means): (&Decision, &Means),
        (shown, to, otherwise): (&Shown, &str, &str),
    ) -> anyhow::Result<SignedDecision> {
        match means {
            Means::Passphrase => {
                let seed = self.open(&shown.to_string(), to, otherwise)?;
                Ok(decision.sign(&seed.decision_key())?)
            }
            Means::Passkey => {
                let all: Vec<PasskeyRow> = hub.ask(&CompanionRequest::Passkeys)?;
                let own: Vec<Bytes> = all
                    .into_iter()
                    .filter(|passkey| passkey.member == self.member.id && passkey.rp_id == touch::RP_ID)
                    .map(|passkey| passkey.id)
                    .collect();
                if own.is_empty() {
                    bail!(
                        "{} has no passkey on this machine, {otherwise}; make one with: auditotter passkey add",
                        self.member.name
                    );
                }
                terminal::show(&shown.to_string())?;
                let signed = decision.text()?;
                let touched = touch::assertion(shown, &touch_challenge(&signed), &own)
                    .with_context(|| otherwise.to_owned())?;
                Ok(SignedDecision::touched(signed, touched))
            }
            Means::TouchKey(file) => {
                let all: Vec<TouchKeyRow> = hub.ask(&CompanionRequest::TouchKeys)?;
                let own: Vec<TouchKeyRow> = all
                    .into_iter()
                    .filter(|key| key.member == self.member.id)
                    .collect();
                if own.is_empty() {
                    bail!(
                        "{} has no touch key, {otherwise}; take one up with: auditotter touch-key add FILE.pub",
                        self.member.name
                    );
                }
                let text = decision.text()?;
                let signature = touch_key::signature(shown, &text, file.as_deref(), &own)
                    .with_context(|| otherwise.to_owned())?;
                Ok(SignedDecision::by_touch_key(text, signature))
            }
        }
    }

    /// Shows what is to be signed, asks for the passphrase `to` do so, and opens the key; `otherwise` says what did not
    /// happen where it stays closed.
    pub(crate) fn open(&self, text: &str, to: &str, otherwise: &str) -> anyhow::Result<Seed> {
        let shown = self.path.display();
        let sealed = fs::read(&self.path).with_context(|| format!("the key {shown} cannot be read"))?;
        let passphrase = terminal::ask_passphrase(text, &self.member.name.to_string(), to)?;
        identity::open(&sealed, &passphrase)
            .with_context(|| format!("the key {shown} was not opened, {otherwise}"))
    }
}

/// This machine's time, if the ledger's is the same. The socket is no proof of who answers there: what is signed is of
/// our own clock.
pub(crate) fn now_as_the_ledger(status: &Status) -> anyhow::Result<Timestamp> {
    let now = hub::clock::now();
    if status.now.since(now).abs() <= CLOCK_TOLERANCE {
        return Ok(now);
    }
    bail!(
        "the ledger's time is {} and this machine's {}; set the clock right before you sign by it, `auditotter doctor` says more",
        words::moment(status.now),
        words::moment(now)
    )
}
