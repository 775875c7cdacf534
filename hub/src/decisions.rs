//! What people decide: posing the challenge, checking what comes back, and recording it once.
//!
//! Who may come in: anybody of the same user may look and may send a decision; it counts only with a member's own
//! signature over what was shown, and only as the answer to a challenge that was posed for that and is not answered
//! yet. Whatever else is sent is refused, and recorded.

use std::collections::{BTreeSet, HashMap};

use identity::{
    Bytes, Challenge, Decision, Digest, Enrolment, History, HumanVerb, Signed, SignedDecision,
    SignedEnrolment, SignedRegistration, Subject,
};
use protocol::{Refusal, RefusalCode};
use time::Duration;
use trace_store::{BodyState, ChainId, Draft, Entry, Refs, Store, Stored};
use vocabulary::{MemberId, Timestamp, TraceId, WorkItemId};
use work_items::{Event, Proposed, WorkItem};

use crate::{
    clock,
    dispatch::unreadable,
    kind::EntryKind,
    membership,
    record::{self, By, RecordError, not_recorded},
    records::{DecisionMade, DecisionRefused, MemberAdded, PasskeyEnrolled, PasskeyRemoved},
    workspace::Workspace,
};

/// How long a challenge may be answered.
pub(crate) const CHALLENGE_TTL: Duration = Duration::minutes(15);

/// How far the clock of whoever decides may be from the ledger's.
const CLOCK_TOLERANCE: Duration = Duration::minutes(2);

/// The most challenges that are open at a time: each is somebody looking.
const MOST_CHALLENGES: usize = 1_000;

/// How much of a refused decision is recorded, in bytes.
const SAID_BYTES: usize = 2_048;

/// What people were shown, until they decide or turn away. Not of the ledger: after a restart they look again.
#[derive(Debug, Default)]
pub(crate) struct Challenges(HashMap<Challenge, Posed>);

/// What somebody was shown.
#[derive(Debug, Clone)]
pub(crate) struct Posed {
    pub(crate) challenge: Challenge,
    pub(crate) subject: Subject,
    pub(crate) digest: Digest,
    pub(crate) history: History,
    pub(crate) at: Timestamp,
}

impl Challenges {
    fn forget_old(&mut self, now: Timestamp) {
        self.0.retain(|_, posed| now < posed.ends());
    }

    /// Who asks for ever more challenges loses the oldest, and keeps nobody from deciding.
    fn make_room(&mut self) {
        if self.0.len() < MOST_CHALLENGES {
            return;
        }
        let oldest = self.0.values().min_by_key(|posed| posed.at);
        if let Some(challenge) = oldest.map(|posed| posed.challenge) {
            tracing::warn!(%challenge, "more work items are shown than people can look at; the oldest challenge is void");
            self.0.remove(&challenge);
        }
    }
}

impl Posed {
    pub(crate) fn ends(&self) -> Timestamp {
        self.at.saturating_add(CHALLENGE_TTL)
    }
}

/// What was posed with this challenge, if it can be answered still.
pub(crate) fn posed<'w>(workspace: &'w Workspace, challenge: &Challenge) -> Result<&'w Posed, Refusal> {
    workspace.challenges.0.get(challenge).ok_or_else(|| {
        let message = "what was shown cannot be answered any more; look at it again, then decide";
        Refusal::new(RefusalCode::ChallengeSpent, &message)
    })
}

/// Poses a challenge for a work item as it stands.
pub(crate) fn pose(workspace: &mut Workspace, draft: &Draft<'_>, id: WorkItemId) -> Result<Posed, Refusal> {
    let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
    let (subject, digest) = (item.subject(), item.digest);
    pose_for(workspace, draft, subject, digest)
}

/// Poses a challenge for somebody who is to be a member.
pub(crate) fn pose_newcomer(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    registration: &SignedRegistration,
) -> Result<Posed, Refusal> {
    let refused = |error: String| Refusal::new(RefusalCode::DecisionNotAllowed, &error);
    workspace
        .members
        .newcomer(workspace.id, registration)
        .map_err(refused)?;
    let (subject, digest) = membership::subject_of(registration).map_err(refused)?;
    pose_for(workspace, draft, subject, digest)
}

/// Poses a challenge for somebody who is to be a member no longer.
pub(crate) fn pose_departure(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    id: MemberId,
) -> Result<Posed, Refusal> {
    let member = workspace.members.may_go(id).map_err(not_allowed)?;
    let digest = membership::digest_of(member).map_err(not_allowed)?;
    pose_for(workspace, draft, Subject::Member(id), digest)
}

/// Poses a challenge for an entry of a trace whose body is to be erased; also says what that is.
pub(crate) fn pose_erasure(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    trace: TraceId,
    seq: u64,
) -> Result<(Posed, Stored), Refusal> {
    let stored = erasable(draft, trace, seq)?;
    let digest = Digest::of_subject(&stored.bytes);
    let posed = pose_for(workspace, draft, Subject::Entry { trace, seq }, digest)?;
    Ok((posed, stored))
}

/// An entry of a trace that still says something. What the workspace's own chain says is never erased: its state is
/// made of that.
fn erasable(draft: &Draft<'_>, trace: TraceId, seq: u64) -> Result<Stored, Refusal> {
    let found = draft.store().entry(ChainId::Trace(trace), seq);
    let found = found.map_err(|error| unreadable(&error))?;
    match found {
        Some(stored) if matches!(stored.body, BodyState::Present(_)) => Ok(stored),
        Some(_) => Err(not_allowed(format!(
            "entry {seq} of {trace} has no body that could be erased"
        ))),
        None => {
            let message =
                format!("there is no entry {seq} in {trace}; `auditotter trace show` shows which there are");
            Err(Refusal::new(RefusalCode::NotFound, &message))
        }
    }
}

fn not_allowed(why: String) -> Refusal {
    Refusal::new(RefusalCode::DecisionNotAllowed, &why)
}

/// Poses a challenge over the ledger as it stands.
fn pose_for(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    subject: Subject,
    digest: Digest,
) -> Result<Posed, Refusal> {
    let (now, store) = (draft.now(), draft.store());
    let size = store.len();
    let root = store.root(size).map_err(|error| unreadable(&error))?;
    workspace.challenges.forget_old(now);
    workspace.challenges.make_room();
    let entropy = clock::random().map_err(|error| Refusal::new(RefusalCode::NoEntropy, &error))?;
    let posed = Posed {
        challenge: Challenge::from_entropy(entropy),
        subject,
        digest,
        history: History {
            size,
            root: Digest::from_bytes(*root.as_bytes()),
        },
        at: now,
    };
    workspace.challenges.0.insert(posed.challenge, posed.clone());
    Ok(posed)
}

/// Records a decision on a work item that stands, and what follows from it. The same one again changes nothing.
pub(crate) fn decide(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    sent: &SignedDecision,
) -> Result<WorkItemId, Refusal> {
    recorded_either_way(workspace, draft, sent, |workspace, draft, signed| {
        record_decision(workspace, draft, sent, signed)
    })
}

/// Lets somebody in whom a member vouches for. The same decision again changes nothing.
pub(crate) fn let_in(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    registration: SignedRegistration,
    sent: &SignedDecision,
) -> Result<MemberId, Refusal> {
    recorded_either_way(workspace, draft, sent, |workspace, draft, signed| {
        record_newcomer(workspace, draft, registration, sent, &signed)
    })
}

/// Lets go of a member. The same decision again changes nothing.
pub(crate) fn let_go(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    sent: &SignedDecision,
) -> Result<MemberId, Refusal> {
    recorded_either_way(workspace, draft, sent, |workspace, draft, signed| {
        let decision = signed.get();
        let Subject::Member(id) = decision.subject else {
            return Err(not_allowed("the decision is about no member".to_owned()));
        };
        let member = workspace.members.may_go(id).map_err(not_allowed)?;
        membership::may_let_go(decision, member).map_err(not_allowed)?;
        let refs = [("member", id.to_string())];
        record_as(workspace, draft, EntryKind::MemberRevoked, sent, decision, &refs)?;
        workspace.let_go(decision, draft.now()).map_err(not_allowed)?;
        Ok(id)
    })
}

/// Erases what an entry of a trace said, and leaves that it said something, and by whom and why it was erased.
pub(crate) fn erase(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    sent: &SignedDecision,
) -> Result<(TraceId, u64), Refusal> {
    recorded_either_way(workspace, draft, sent, |workspace, draft, signed| {
        let decision = signed.get();
        let Subject::Entry { trace, seq } = decision.subject else {
            return Err(not_allowed("the decision is about no entry".to_owned()));
        };
        let stored = erasable(draft, trace, seq)?;
        membership::by_passphrase(decision).map_err(not_allowed)?;
        if decision.rationale.is_none() {
            return Err(not_allowed("to erase something takes a word on why".to_owned()));
        }
        if decision.verb != HumanVerb::EraseBody
            || decision.subject_digest != Digest::of_subject(&stored.bytes)
        {
            return Err(not_allowed("the decision is to erase something else".to_owned()));
        }
        let refs = [("trace", trace.to_string()), ("seq", seq.to_string())];
        record_as(workspace, draft, EntryKind::BodyErased, sent, decision, &refs)?;
        draft
            .erase_body(ChainId::Trace(trace), seq)
            .map_err(|error| not_allowed(error.to_string()))?;
        Ok((trace, seq))
    })
}

/// Whether a recorded decision to erase something is one, and says of what.
pub(crate) fn may_erase(decision: &Decision, entry: &Entry) -> Result<(), String> {
    let Subject::Entry { trace, seq } = decision.subject else {
        return Err("the decision is about no entry".to_owned());
    };
    membership::by_passphrase(decision)?;
    let (trace, seq) = (trace.to_string(), seq.to_string());
    let placed =
        entry.refs.get("trace") == Some(trace.as_str()) && entry.refs.get("seq") == Some(seq.as_str());
    if decision.verb == HumanVerb::EraseBody && decision.rationale.is_some() && placed {
        Ok(())
    } else {
        Err("the decision is to erase something else, or does not say why".to_owned())
    }
}

/// Records a decision that stands as the answer to its challenge.
fn record_as(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    kind: EntryKind,
    sent: &SignedDecision,
    decision: &Decision,
    about: &[(&'static str, String)],
) -> Result<(), Refusal> {
    let posed = answered(workspace, decision, draft.now())?;
    let by = By {
        on_behalf_of: Some(decision.member),
        ..By::default()
    };
    let mut refs = Refs::new();
    let challenge = ("challenge", decision.challenge.to_string());
    for (name, value) in about.iter().chain([&challenge]) {
        refs.insert(name, value.clone())
            .map_err(|error| not_recorded(&error.into()))?;
    }
    let body = DecisionMade {
        signed: sent.clone(),
        posed_at: posed.at,
    };
    record::append(draft, ChainId::Workspace(workspace.id), kind, by, refs, &body)
        .map_err(|error| not_recorded(&error))?;
    workspace.challenges.0.remove(&decision.challenge);
    workspace.answered.insert(decision.challenge);
    Ok(())
}

/// What comes of a decision is recorded, and so is a decision of which nothing comes.
fn recorded_either_way<T>(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    sent: &SignedDecision,
    record: impl FnOnce(&mut Workspace, &mut Draft<'_>, Signed<Decision>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let verified = workspace.members.verify(workspace.id, sent);
    let member = verified.as_ref().ok().map(|signed| signed.get().member);
    let decided = verified
        .map_err(|error| Refusal::new(RefusalCode::DecisionUnproved, &error))
        .and_then(|signed| record(workspace, draft, signed));
    if let Err(refusal) = &decided {
        draft.abort();
        record_refusal(workspace, draft, sent.text(), member, refusal)?;
    }
    decided
}

/// Takes up a passkey that a member said is theirs. The same enrolment again changes nothing.
pub(crate) fn enrol(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    signed: &SignedEnrolment,
) -> Result<(), Refusal> {
    let enrolled = signed
        .verify(workspace.id, |id| workspace.members.get(id))
        .map_err(|error| Refusal::new(RefusalCode::DecisionUnproved, &error))
        .and_then(|enrolment| record_passkey(workspace, draft, signed, &enrolment));
    if let Err(refusal) = &enrolled {
        draft.abort();
        record_refusal(workspace, draft, signed.text(), None, refusal)?;
    }
    enrolled
}

fn record_passkey(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    signed: &SignedEnrolment,
    enrolment: &Enrolment,
) -> Result<(), Refusal> {
    let known = workspace.members.holder_of(&enrolment.passkey.id);
    if known == Some((enrolment.member, &enrolment.passkey)) {
        return Ok(());
    }
    workspace
        .members
        .may_enrol(enrolment, draft.now())
        .map_err(not_allowed)?;
    let by = By {
        on_behalf_of: Some(enrolment.member),
        ..By::default()
    };
    let refs = refs_to(enrolment.member)?;
    let chain = ChainId::Workspace(workspace.id);
    let body = PasskeyEnrolled {
        signed: signed.clone(),
    };
    record::append(draft, chain, EntryKind::PasskeyEnrolled, by, refs, &body)
        .map_err(|error| not_recorded(&error))?;
    workspace
        .members
        .enrol(workspace.id, signed, draft.now())
        .map_err(not_allowed)
}

/// Lets go of a passkey: it decides nothing from now on. Taking power away takes nobody's word.
pub(crate) fn remove_passkey(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    credential: &Bytes,
) -> Result<(), Refusal> {
    let Some((member, _)) = workspace.members.holder_of(credential) else {
        let message =
            format!("there is no passkey {credential}; `auditotter passkey list` shows which there are");
        return Err(Refusal::new(RefusalCode::NotFound, &message));
    };
    let (chain, refs) = (ChainId::Workspace(workspace.id), refs_to(member)?);
    let body = PasskeyRemoved {
        credential: credential.clone(),
    };
    record::append(
        draft,
        chain,
        EntryKind::PasskeyRemoved,
        By::default(),
        refs,
        &body,
    )
    .map_err(|error| not_recorded(&error))?;
    workspace.members.forget_passkey(credential);
    Ok(())
}

fn refs_to(member: MemberId) -> Result<Refs, Refusal> {
    let mut refs = Refs::new();
    refs.insert("member", member.to_string())
        .map_err(|error| not_recorded(&error.into()))?;
    Ok(refs)
}

/// Whether a decision is recorded as one that was made when it says, and answered in time: asked of what is read back,
/// where nobody can say any more which challenges were open. A decision that somebody held back does not come true later.
pub(crate) fn in_its_time(entry: &Entry, made: &DecisionMade, decision: &Decision) -> Result<(), String> {
    let (posed, recorded) = (made.posed_at, entry.at);
    let answered = posed <= recorded && recorded < posed.saturating_add(CHALLENGE_TTL);
    let dated = decision.at >= posed.saturating_add(-CLOCK_TOLERANCE)
        && decision.at <= recorded.saturating_add(CLOCK_TOLERANCE);
    if !answered || !dated {
        return Err(format!(
            "it was decided at {}, shown at {posed} and recorded at {recorded}: not within the time that a challenge has",
            decision.at
        ));
    }
    let challenge = decision.challenge.to_string();
    if entry.on_behalf_of != Some(decision.member) || entry.refs.get("challenge") != Some(challenge.as_str())
    {
        return Err("it is not recorded as that of who signed it".to_owned());
    }
    Ok(())
}

/// Whether a decision on this work item is recorded where it is looked for.
pub(crate) fn in_its_place(entry: &Entry, item: &WorkItem, made: &DecisionMade) -> Result<(), String> {
    let proposed = &item.proposed;
    let (id, trace) = (proposed.id.to_string(), proposed.trace.to_string());
    if entry.refs.get("work_item") != Some(id.as_str()) || entry.refs.get("trace") != Some(trace.as_str()) {
        return Err("it is not recorded as a decision on what it decides".to_owned());
    }
    if made.posed_at < proposed.proposed_at {
        return Err("it was shown before it was proposed".to_owned());
    }
    Ok(())
}

/// Whether a proposal is recorded as that of those whom it names, at that moment.
pub(crate) fn proposed_so(entry: &Entry, proposed: &Proposed) -> Result<(), String> {
    let said = entry.on_behalf_of == Some(proposed.on_behalf_of)
        && entry.delegation == Some(proposed.delegation)
        && entry.at == proposed.proposed_at
        && entry
            .via
            .as_ref()
            .is_some_and(|via| via.agent() == proposed.via || proposed.via.is_empty());
    if said {
        Ok(())
    } else {
        Err("the proposal is not recorded as that of those whom it names".to_owned())
    }
}

/// Takes note that a decision answers its challenge, which nothing answered before.
pub(crate) fn answers(answered: &mut BTreeSet<Challenge>, decision: &Decision) -> Result<(), String> {
    if answered.insert(decision.challenge) {
        Ok(())
    } else {
        Err("its challenge was answered before".to_owned())
    }
}

/// Whether a decision vouches for the ledger as it was, before the entry with this index.
pub(crate) fn vouches(store: &Store, decision: &Decision, before: u64) -> Result<(), String> {
    let History { size, root } = decision.history;
    if size > before {
        return Err("it vouches for entries that came after it".to_owned());
    }
    let found = store.root(size).map_err(|error| error.to_string())?;
    if found.as_bytes() == root.as_bytes() {
        Ok(())
    } else {
        Err(format!(
            "it vouches for a ledger of {size} entries with the root {root}, and the root is {found}"
        ))
    }
}

fn record_decision(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    sent: &SignedDecision,
    signed: Signed<Decision>,
) -> Result<WorkItemId, Refusal> {
    let decision = signed.get();
    let refused =
        |error: &dyn std::fmt::Display| Refusal::new(RefusalCode::DecisionNotAllowed, &error.to_string());
    let Subject::WorkItem { id, .. } = decision.subject else {
        return Err(refused(&"this hub records decisions on work items only"));
    };
    let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
    if item.decisions.contains(decision) {
        return Ok(id);
    }
    workspace
        .work_items
        .after(decision)
        .map_err(|error| refused(&error))?;
    let posed = answered(workspace, decision, draft.now())?;
    let by = By {
        on_behalf_of: Some(decision.member),
        ..By::default()
    };
    let refs = refs_of(decision, item).map_err(|error| not_recorded(&error))?;
    let body = DecisionMade {
        signed: sent.clone(),
        posed_at: posed.at,
    };
    let (chain, challenge) = (ChainId::Workspace(workspace.id), decision.challenge);
    record::append(draft, chain, EntryKind::DecisionMade, by, refs, &body)
        .map_err(|error| not_recorded(&error))?;
    // Last, when nothing can fail any more: the same fold as after a restart.
    workspace
        .work_items
        .apply(Event::Decided(signed))
        .map_err(|error| refused(&error))?;
    workspace.challenges.0.remove(&challenge);
    workspace.answered.insert(challenge);
    Ok(id)
}

fn record_newcomer(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    registration: SignedRegistration,
    sent: &SignedDecision,
    signed: &Signed<Decision>,
) -> Result<MemberId, Refusal> {
    let decision = signed.get();
    let refused = |error: String| Refusal::new(RefusalCode::DecisionNotAllowed, &error);
    membership::may_let_in(decision, &registration).map_err(refused)?;
    let id = registration.claims();
    let known = registration
        .verify(workspace.id)
        .is_ok_and(|member| workspace.members.get(id) == Some(&member));
    if known {
        return Ok(id);
    }
    workspace
        .members
        .newcomer(workspace.id, &registration)
        .map_err(refused)?;
    let posed = answered(workspace, decision, draft.now())?;
    let by = By {
        on_behalf_of: Some(decision.member),
        ..By::default()
    };
    let added = MemberAdded {
        registration,
        root_key_id: workspace.members.next_key(),
        granted: Some(DecisionMade {
            signed: sent.clone(),
            posed_at: posed.at,
        }),
    };
    let mut refs = Refs::new();
    refs.insert("challenge", decision.challenge.to_string())
        .and_then(|()| refs.insert("member", id.to_string()))
        .map_err(|error| not_recorded(&error.into()))?;
    let chain = ChainId::Workspace(workspace.id);
    let written = record::append(draft, chain, EntryKind::MemberAdded, by, refs, &added)
        .map_err(|error| not_recorded(&error))?;
    // Last, by the same rule as after a restart. The history was just compared with what was posed.
    workspace
        .members
        .add(workspace.id, written.seq, &added, |_, _| Ok(()))
        .map_err(refused)?;
    workspace.challenges.0.remove(&decision.challenge);
    workspace.answered.insert(decision.challenge);
    Ok(id)
}

/// The challenge that a decision answers, if it was posed for exactly that, and lately.
fn answered(workspace: &Workspace, decision: &Decision, now: Timestamp) -> Result<Posed, Refusal> {
    let spent = |why: &str| {
        let message = format!("the challenge {why}; look at it again, then decide");
        Refusal::new(RefusalCode::ChallengeSpent, &message)
    };
    let posed = workspace
        .challenges
        .0
        .get(&decision.challenge)
        .ok_or_else(|| spent("is not open: it was answered, or the hub was started anew"))?;
    if now >= posed.ends() {
        return Err(spent("is over 15 minutes old"));
    }
    // Posing leaves no entry, and so does not keep the ledger's time from going back with the machine's.
    if now < posed.at {
        let message = format!(
            "it was shown at {}, and the ledger's time is {now}: the machine's clock was set back; look at it again, then decide",
            posed.at
        );
        return Err(Refusal::new(RefusalCode::ClockMismatch, &message));
    }
    let shown = decision.subject == posed.subject
        && decision.subject_digest == posed.digest
        && decision.history == posed.history;
    if !shown {
        return Err(spent("was posed for something else"));
    }
    let earliest = posed.at.saturating_add(-CLOCK_TOLERANCE);
    let latest = now.saturating_add(CLOCK_TOLERANCE);
    if decision.at < earliest || decision.at > latest {
        let message = format!(
            "it says that it was made at {}, and the ledger's time is {now}; check the machine's clock",
            decision.at
        );
        return Err(Refusal::new(RefusalCode::ClockMismatch, &message));
    }
    Ok(posed.clone())
}

fn refs_of(decision: &Decision, item: &WorkItem) -> Result<Refs, RecordError> {
    let mut refs = Refs::new();
    refs.insert("work_item", item.proposed.id.to_string())?;
    refs.insert("trace", item.proposed.trace.to_string())?;
    refs.insert("challenge", decision.challenge.to_string())?;
    Ok(refs)
}

/// What was tried and did not stand is recorded, and bounded.
fn record_refusal(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    text: &str,
    member: Option<MemberId>,
    refusal: &Refusal,
) -> Result<(), Refusal> {
    // Rubbish does not hide that something was sent which a member had signed.
    let throttle = match member {
        Some(_) => &mut workspace.refused_of_members,
        None => &mut workspace.refused,
    };
    let Some(unrecorded) = throttle.admit(draft.now()) else {
        return Ok(());
    };
    let body = DecisionRefused {
        refusal: refusal.clone(),
        said: String::from_utf8_lossy(&text.as_bytes()[..text.len().min(SAID_BYTES)]).into_owned(),
        unrecorded,
    };
    let by = By {
        on_behalf_of: member,
        ..By::default()
    };
    let chain = ChainId::Workspace(workspace.id);
    record::append(draft, chain, EntryKind::DecisionRefused, by, Refs::new(), &body)
        .map(drop)
        .map_err(|error| not_recorded(&error))
}

pub(crate) fn no_work_item(id: WorkItemId) -> Refusal {
    Refusal::new(
        RefusalCode::NotFound,
        &format!("there is no work item {id}; `auditotter inbox` shows which there are"),
    )
}
