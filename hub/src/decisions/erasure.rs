//! Erasing what an entry of a trace said.

use identity::{Decision, Digest, HumanVerb, SignedDecision, Subject};
use protocol::{Refusal, RefusalCode};
use trace_store::{BodyState, ChainId, Draft, Entry, Stored};
use vocabulary::TraceId;

use super::{
    challenges::{Posed, ShownTo, pose_for},
    not_allowed, record_as, recorded_either_way,
};
use crate::{dispatch::unreadable, kind::EntryKind, membership, workspace::Workspace};

/// Poses a challenge for an entry of a trace whose body is to be erased; also says what that is.
pub(crate) fn pose_erasure(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    trace: TraceId,
    seq: u64,
) -> Result<(Posed, Stored), Refusal> {
    let stored = erasable(draft, trace, seq)?;
    let digest = Digest::of_subject(&stored.bytes);
    let posed = pose_for(
        workspace,
        draft,
        ShownTo::Terminal,
        (Subject::Entry { trace, seq }, digest),
    )?;
    Ok((posed, stored))
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
