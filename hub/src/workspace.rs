//! A workspace's current state: a fold over its chain, and nothing that the ledger does not say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use delegation::{Denial, Grant, Revocations, TokenCache, verify_witness};
use identity::{Challenge, CredentialId, Decision, Digest, Subject};
use serde::de::DeserializeOwned;
use trace_store::{BodyState, ChainId, Draft, ReadError, Store, Stored};
use vocabulary::{DelegationId, MemberId, SessionId, Timestamp, TraceId, WorkspaceId};
use work_items::{Event, Evidence, Proposed, Reported, WorkItem, WorkItems};

use crate::{
    decisions::{self, Challenges},
    expiry,
    gating::Remembered,
    inbox::Visitors,
    kind::{EntryKind, UnknownKind},
    lately::Lately,
    membership::{self, Members},
    news::News,
    records::{
        self, BodyError, ChangeDecided, ChangeProposed, DecisionMade, DelegationGranted, DelegationRevoked,
        Enrolled, MemberAdded, PasskeyRemoved, TouchKeyRemoved, WorkItemExpired,
    },
    said::{Said, lent_so},
    session::Session,
    telling::Outlines,
    throttle::Throttle,
};

/// How many verified session tokens are remembered.
const REMEMBERED_TOKENS: usize = 256;

/// How many entries are read at a time while folding.
const PAGE: usize = 1_024;

/// Everything the hub knows of a workspace. Lives on the ledger's writer thread.
#[derive(Debug)]
pub struct Workspace {
    /// Which.
    pub id: WorkspaceId,
    /// Its members.
    pub members: Members,
    /// What was lent, whether or not it still is.
    pub delegations: BTreeMap<DelegationId, Lent>,
    /// What is refused from now on.
    pub revocations: Revocations,
    /// What was proposed.
    pub work_items: WorkItems,
    /// Sessions that asked something since the hub started.
    pub(crate) sessions: HashMap<SessionId, Session>,
    /// The rules of repositories that sessions met, of those that asked the gate lately.
    pub(crate) met: Remembered,
    /// Whose processes live for one request each.
    pub(crate) heard: Lately,
    pub(crate) tokens: TokenCache,
    /// What those who prove nothing make the ledger write.
    pub(crate) strangers: Throttle,
    /// What those make it write who prove who they are and may not come in.
    pub(crate) turned_away: Throttle,
    /// What people were shown and have not decided yet.
    pub(crate) challenges: Challenges,
    /// What refused decisions make the ledger write.
    pub(crate) refused: Throttle,
    /// What refused decisions make it write that a member had signed.
    pub(crate) refused_of_members: Throttle,
    /// Who looks at the inbox.
    pub(crate) visitors: Visitors,
    /// Every challenge that was ever answered: none is answered twice.
    pub(crate) answered: BTreeSet<Challenge>,
    /// Outlines of the traces that people look at.
    pub(crate) outlines: Outlines,
    /// Who is told when something is taken back.
    news: News,
}

/// A delegation as the workspace knows it.
#[derive(Debug, Clone)]
pub struct Lent {
    /// What was lent.
    pub grant: Grant,
    /// When.
    pub granted_at: Timestamp,
    /// When it was taken back, and why.
    pub revoked: Option<(Timestamp, Option<String>)>,
}

/// The workspace chain does not add up.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The store refuses to be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Written by a newer version.
    #[error("{chain} #{seq}: {source}")]
    Unknown {
        /// Which chain.
        chain: ChainId,
        /// Which entry.
        seq: u64,
        /// What is unknown.
        source: UnknownKind,
    },
    /// A body is missing that the state depends on.
    #[error("{chain} #{seq} ({kind}): its body is gone, and with it what it said")]
    NoBody {
        /// Which chain.
        chain: ChainId,
        /// Which entry.
        seq: u64,
        /// What it is.
        kind: &'static str,
    },
    /// A body says something else than its kind.
    #[error("{chain} #{seq}: {source}")]
    Body {
        /// Which chain.
        chain: ChainId,
        /// Which entry.
        seq: u64,
        /// What is wrong.
        source: BodyError,
    },
    /// A signature does not hold.
    #[error("{chain} #{seq} ({kind}): {problem}; nothing that rests on it counts")]
    Unproved {
        /// Which chain.
        chain: ChainId,
        /// Which entry.
        seq: u64,
        /// What it is.
        kind: &'static str,
        /// Why it does not hold.
        problem: String,
    },
}

impl Workspace {
    /// The state that a store's workspace chain amounts to. Every signature in it is checked.
    ///
    /// # Errors
    /// [`FoldError`] with the entry that does not add up.
    pub fn fold(id: WorkspaceId, store: &Store) -> Result<Self, FoldError> {
        let mut workspace = Self {
            id,
            members: Members::default(),
            delegations: BTreeMap::new(),
            revocations: Revocations::default(),
            work_items: WorkItems::default(),
            sessions: HashMap::new(),
            met: Remembered::default(),
            heard: Lately::default(),
            tokens: TokenCache::new(REMEMBERED_TOKENS),
            strangers: Throttle::default(),
            turned_away: Throttle::default(),
            outlines: Outlines::default(),
            challenges: Challenges::default(),
            refused: Throttle::default(),
            refused_of_members: Throttle::default(),
            visitors: Visitors::default(),
            answered: BTreeSet::new(),
            news: News::default(),
        };
        let chain = ChainId::Workspace(id);
        let mut next = 0;
        loop {
            let page = store.chain(chain, next, PAGE)?;
            for stored in &page {
                workspace.apply(store, stored)?;
            }
            match page.last() {
                Some(last) => next = last.entry.seq + 1,
                None => return Ok(workspace),
            }
        }
    }

    /// The same, which tells those who remember whom they let in when something is taken back.
    pub(crate) fn telling(mut self, news: &News) -> Self {
        self.news = news.clone();
        self.news.taken_back();
        self
    }

    /// The member for whom something is done, as people name them.
    #[must_use]
    pub fn name_of(&self, member: MemberId) -> String {
        self.members
            .name_of(member)
            .map_or_else(|| member.to_string(), ToString::to_string)
    }

    /// "Alice (via claude-code)".
    #[must_use]
    pub fn attribution(&self, member: MemberId, agent: &str) -> String {
        format!("{} (via {agent})", self.name_of(member))
    }

    /// Takes up a grant whose witness was verified.
    pub(crate) fn granted(&mut self, grant: Grant, at: Timestamp) {
        let lent = Lent {
            grant,
            granted_at: at,
            revoked: None,
        };
        self.delegations.insert(lent.grant.id, lent);
    }

    /// What was recorded of exactly this grant. A member's key signs as many others under the same number as its owner likes.
    pub(crate) fn lent(&self, grant: &Grant) -> Option<&Lent> {
        self.delegations
            .get(&grant.id)
            .filter(|lent| lent.grant == *grant)
    }

    /// Takes a delegation back.
    pub(crate) fn revoked(&mut self, id: DelegationId, at: Timestamp, why: Option<String>) {
        self.revocations.revoke_delegation(id);
        self.news.taken_back();
        if let Some(lent) = self.delegations.get_mut(&id) {
            lent.revoked.get_or_insert((at, why));
        }
    }

    /// Checks that a witness proves a grant by a member of this workspace, to that very member's name.
    pub(crate) fn prove_grant(&self, witness: &str) -> Result<Grant, Denial> {
        verify_witness(witness, self.members.keyring())
    }

    /// What was decided in an entry, if that is signed, in time, and over this ledger.
    fn stands(&mut self, store: &Store, stored: &Stored, made: &DecisionMade) -> Result<Decision, String> {
        let signed = self
            .members
            .verify(self.id, &made.signed)
            .map_err(|error| error.to_string())?;
        let decision = signed.into_inner();
        decisions::vouches(store, &decision, stored.index)?;
        decisions::in_its_time(&stored.entry, made, &decision)?;
        decisions::answers(&mut self.answered, &decision)?;
        Ok(decision)
    }

    /// What a recorded decision on a change amounts to, if it stands.
    fn landing(&mut self, store: &Store, stored: &Stored, decided: ChangeDecided) -> Result<Event, String> {
        let made = &decided.made;
        let verified = self.members.verify(self.id, &made.signed);
        let signed = verified.map_err(|error| error.to_string())?;
        let decision = signed.get();
        decisions::vouches(store, decision, stored.index)?;
        decisions::in_its_time(&stored.entry, made, decision)?;
        decisions::answers(&mut self.answered, decision)?;
        let electors = decisions::electors(&self.members);
        let found = self.work_items.may_land(decision, &decided.change, &electors);
        let found = found.map_err(|error| error.to_string())?;
        decisions::landed_so(&stored.entry, decided, signed, found, electors)
    }

    /// Whether an agent said something under what was lent then, as the entry says.
    fn believe(&self, stored: &Stored, said: Said<'_>, item: &WorkItem) -> Result<(), String> {
        said.recorded_so(&stored.entry, item)?;
        let lent = self.delegations.get(&said.delegation);
        let lent = lent
            .filter(|lent| lent.revoked.is_none())
            .ok_or_else(|| format!("it was said under {}, which was not lent then", said.delegation))?;
        said.was_lent(&lent.grant)
    }

    /// Lets go of a member, and takes back what they lent.
    pub(crate) fn let_go(&mut self, decision: &Decision, at: Timestamp) -> Result<(), String> {
        let Subject::Member(id) = decision.subject else {
            return Err("the decision is about no member".to_owned());
        };
        membership::may_let_go(decision, self.members.may_go(id)?)?;
        self.members.revoke(id)?;
        let lent: Vec<DelegationId> = self
            .delegations
            .values()
            .filter(|lent| lent.grant.on_behalf_of == id)
            .map(|lent| lent.grant.id)
            .collect();
        for delegation in lent {
            self.revoked(
                delegation,
                at,
                Some("its lender is a member no longer".to_owned()),
            );
        }
        Ok(())
    }

    /// Lets go of a session's state, which its trace has as well, unless this very batch still adds to that trace.
    pub(crate) fn forget(&mut self, draft: &Draft<'_>, session: SessionId) -> Result<(), ReadError> {
        let chain = ChainId::Trace(TraceId::from_uuid(session.uuid()));
        if draft.head(chain)? == draft.store().head(chain)? {
            self.sessions.remove(&session);
        }
        Ok(())
    }

    fn apply(&mut self, store: &Store, stored: &Stored) -> Result<(), FoldError> {
        let (entry, body) = (&stored.entry, &stored.body);
        let place = Place {
            chain: entry.chain,
            seq: entry.seq,
        };
        let kind: EntryKind = entry.kind.as_str().parse().map_err(|source| FoldError::Unknown {
            chain: place.chain,
            seq: place.seq,
            source,
        })?;
        match kind {
            EntryKind::MemberAdded => {
                let added: MemberAdded = place.body(kind, body)?;
                let answered = &mut self.answered;
                self.members
                    .add(self.id, entry.seq, &added, |granted, decision| {
                        decisions::vouches(store, decision, stored.index)?;
                        decisions::in_its_time(entry, granted, decision)?;
                        decisions::answers(answered, decision)
                    })
                    .map_err(|problem| place.unproved(kind, problem))?;
            }
            EntryKind::MemberRevoked => {
                let made: DecisionMade = place.body(kind, body)?;
                let decision = self
                    .stands(store, stored, &made)
                    .map_err(|problem| place.unproved(kind, problem))?;
                self.let_go(&decision, entry.at)
                    .map_err(|problem| place.unproved(kind, problem))?;
            }
            EntryKind::BodyErased => {
                let made: DecisionMade = place.body(kind, body)?;
                let decision = self
                    .stands(store, stored, &made)
                    .map_err(|problem| place.unproved(kind, problem))?;
                decisions::may_erase(&decision, entry).map_err(|problem| place.unproved(kind, problem))?;
            }
            EntryKind::PasskeyEnrolled | EntryKind::TouchKeyEnrolled => {
                let enrolled: Enrolled = place.body(kind, body)?;
                self.members
                    .enrol(self.id, &enrolled.signed, (kind, entry.at))
                    .map_err(|problem| place.unproved(kind, problem))?;
            }
            EntryKind::PasskeyRemoved => {
                let removed: PasskeyRemoved = place.body(kind, body)?;
                self.members.forget(&CredentialId::Passkey(removed.credential));
            }
            EntryKind::TouchKeyRemoved => {
                let removed: TouchKeyRemoved = place.body(kind, body)?;
                self.members.forget(&CredentialId::TouchKey(removed.fingerprint));
            }
            EntryKind::DelegationGranted => {
                let granted: DelegationGranted = place.body(kind, body)?;
                let grant = self
                    .prove_grant(&granted.witness)
                    .map_err(|denial| place.unproved(kind, denial.to_string()))?;
                lent_so(entry, &grant, self.delegations.contains_key(&grant.id))
                    .map_err(|why| place.unproved(kind, why))?;
                self.granted(grant, entry.at);
            }
            EntryKind::DelegationRevoked => {
                let revoked: DelegationRevoked = place.body(kind, body)?;
                self.revoked(revoked.delegation, entry.at, revoked.why);
            }
            EntryKind::WorkItemProposed => {
                let bytes = place.bytes(kind, body)?;
                let (proposed, digest): (Proposed, _) = (place.read(kind, bytes)?, Digest::of_subject(bytes));
                decisions::proposed_so(entry, &proposed).map_err(|problem| place.unproved(kind, problem))?;
                self.work_items
                    .apply(Event::Proposed(proposed, digest))
                    .map_err(|error| place.unproved(kind, error.to_string()))?;
            }
            EntryKind::EvidenceRecorded => {
                let bytes = place.bytes(kind, body)?;
                let (found, digest): (Evidence, _) = (place.read(kind, bytes)?, Digest::of_subject(bytes));
                self.work_items
                    .may_record(&found)
                    .map_err(|error| error.to_string())
                    .and_then(|item| self.believe(stored, Said::from(&found), item))
                    .map_err(|problem| place.unproved(kind, problem))?;
                self.work_items
                    .apply(Event::Evidence(found, digest))
                    .map_err(|error| place.unproved(kind, error.to_string()))?;
            }
            EntryKind::ProgressReported => {
                let reported: Reported = place.body(kind, body)?;
                self.work_items
                    .may_report(&reported)
                    .map_err(|error| error.to_string())
                    .and_then(|(item, _)| self.believe(stored, Said::from(&reported), item))
                    .map_err(|problem| place.unproved(kind, problem))?;
                self.work_items
                    .apply(Event::Reported(reported))
                    .map_err(|error| place.unproved(kind, error.to_string()))?;
            }
            EntryKind::WorkItemExpired => {
                let WorkItemExpired { work_item } = place.body(kind, body)?;
                if let Some(item) = self.work_items.get(work_item) {
                    expiry::recorded_so(entry, item).map_err(|problem| place.unproved(kind, problem))?;
                }
                self.work_items
                    .apply(Event::Expired(work_item, entry.at))
                    .map_err(|error| place.unproved(kind, error.to_string()))?;
            }
            EntryKind::DecisionMade => {
                let made: DecisionMade = place.body(kind, body)?;
                let signed = self
                    .members
                    .verify(self.id, &made.signed)
                    .map_err(|error| place.unproved(kind, error.to_string()))?;
                let decision = signed.get();
                decisions::vouches(store, decision, stored.index)
                    .and_then(|()| decisions::in_its_time(entry, &made, decision))
                    .and_then(|()| decisions::answers(&mut self.answered, decision))
                    .map_err(|problem| place.unproved(kind, problem))?;
                if let Ok((item, _)) = self.work_items.after(decision) {
                    decisions::in_its_place(entry, item, &made)
                        .map_err(|problem| place.unproved(kind, problem))?;
                }
                self.work_items
                    .apply(Event::Decided(signed, decisions::circumstances(entry, &made)))
                    .map_err(|error| place.unproved(kind, error.to_string()))?;
            }
            EntryKind::ChangeProposed => {
                let ChangeProposed { change } = place.body(kind, body)?;
                if let Some(item) = self.work_items.get(change.work_item()) {
                    decisions::change_proposed_so(entry, item, &change)
                        .map_err(|problem| place.unproved(kind, problem))?;
                }
                self.work_items
                    .apply(Event::ChangeProposed(change, entry.at))
                    .map_err(|error| place.unproved(kind, error.to_string()))?;
            }
            EntryKind::ChangeDecided => {
                let decided: ChangeDecided = place.body(kind, body)?;
                let event = self.landing(store, stored, decided);
                let event = event.map_err(|problem| place.unproved(kind, problem))?;
                self.work_items
                    .apply(event)
                    .map_err(|error| place.unproved(kind, error.to_string()))?;
            }
            // They say something about the past and change nothing of the present.
            EntryKind::WorkspaceCreated
            | EntryKind::AccessDenied
            | EntryKind::DecisionRefused
            | EntryKind::StoreRefused => {}
            EntryKind::SessionOpened
            | EntryKind::SessionResumed
            | EntryKind::SessionClosed
            | EntryKind::ToolCalled
            | EntryKind::ToolReturned
            | EntryKind::ToolDenied
            | EntryKind::ToolRejected
            | EntryKind::NoteAppended
            | EntryKind::ProtocolError
            | EntryKind::CallCancelled
            | EntryKind::SessionStarted
            | EntryKind::SessionEnded
            | EntryKind::Prompt
            | EntryKind::ToolFailed
            | EntryKind::FileEdited
            | EntryKind::FileChanged
            | EntryKind::CommandRun
            | EntryKind::GateDenied
            | EntryKind::GateObserved
            | EntryKind::GateRules
            | EntryKind::PermissionAsked
            | EntryKind::PermissionGiven
            | EntryKind::PermissionRefused
            | EntryKind::SubAgentStarted
            | EntryKind::SubAgentStopped
            | EntryKind::ContextCompacted
            | EntryKind::TurnEnded
            | EntryKind::TurnInterrupted
            | EntryKind::ClientEvent
            | EntryKind::CaptureGap
            | EntryKind::ModelAnswered
            | EntryKind::TranscriptRead
            | EntryKind::SessionImported
            | EntryKind::ImportEnded => {
                return Err(place.unproved(kind, "it belongs into a trace".to_owned()));
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Place {
    chain: ChainId,
    seq: u64,
}

impl Place {
    fn body<T: DeserializeOwned>(self, kind: EntryKind, body: &BodyState) -> Result<T, FoldError> {
        self.read(kind, self.bytes(kind, body)?)
    }

    fn bytes(self, kind: EntryKind, body: &BodyState) -> Result<&[u8], FoldError> {
        let Self { chain, seq } = self;
        match body {
            BodyState::Present(bytes) => Ok(bytes),
            BodyState::Erased | BodyState::None => Err(FoldError::NoBody {
                chain,
                seq,
                kind: kind.as_str(),
            }),
        }
    }

    fn read<T: DeserializeOwned>(self, kind: EntryKind, bytes: &[u8]) -> Result<T, FoldError> {
        let Self { chain, seq } = self;
        records::read(kind.as_str(), bytes).map_err(|source| FoldError::Body { chain, seq, source })
    }

    fn unproved(self, kind: EntryKind, problem: String) -> FoldError {
        FoldError::Unproved {
            chain: self.chain,
            seq: self.seq,
            kind: kind.as_str(),
            problem,
        }
    }
}
