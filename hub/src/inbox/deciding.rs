//! Deciding in the browser: what is shown is posed, what is posed becomes a decision's text, and the touch is over that text.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::{
    Assertion, Bytes, Challenge, Decision, Digest, HumanVerb, Rationale, SignedDecision, Subject, Tier,
    touch_challenge,
};
use protocol::{Refusal, RefusalCode};
use serde::{Deserialize, Serialize};
use trace_store::Draft;
use vocabulary::{MemberId, WorkItemId};

use super::{Inbox, door::Visitor, pages::Failure};
use crate::{
    companion::landing,
    decisions::{self, ShownTo, no_work_item},
    http::Problem,
    workspace::Workspace,
};

/// What a page shows, when somebody begins to look at it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Looking {
    /// The digest of exactly that.
    digest: Digest,
}

/// A change that a page shows, when somebody begins to look at it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookingAtChange {
    /// The digest of exactly that, with all that is known of its work item.
    digest: Digest,
    /// As whom the page says that they would say yes.
    said_as: String,
}

/// What makes the answer count once.
#[derive(Debug, Serialize)]
pub(super) struct Posed {
    challenge: Challenge,
}

/// What somebody is about to decide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meant {
    challenge: Challenge,
    verdict: Verdict,
    #[serde(default)]
    rationale: Option<Rationale>,
}

/// The two answers that a page has buttons for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Yes,
    No,
}

/// What a passkey is to sign.
#[derive(Debug, Serialize)]
pub(super) struct Text {
    decision: String,
    challenge: String,
    rp_id: String,
    credentials: Vec<Bytes>,
}

/// What it signed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    decision: String,
    assertion: Assertion,
}

/// Where the work item stands now.
#[derive(Debug, Serialize)]
pub(super) struct Decided {
    id: WorkItemId,
    state: String,
    /// Whether the change may land, in words, where that was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    may_land: Option<String>,
}

/// From here on the time counts that somebody looks.
pub(super) async fn challenge(
    State(inbox): State<Inbox>,
    Path(id): Path<WorkItemId>,
    visitor: Visitor,
    looking: Result<Json<Looking>, JsonRejection>,
) -> Result<Json<Posed>, Problem> {
    let Json(looking) = looking.map_err(|error| Problem::unread(&error))?;
    let posed = inbox
        .attempt(move |workspace, draft| {
            let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
            if item.digest != looking.digest {
                let message = format!("{id} is not any more what your page shows; look at it again");
                return Err(Refusal::new(RefusalCode::DecisionNotAllowed, &message));
            }
            decisions::pose(workspace, draft, ShownTo::Member(visitor.member), id)
        })
        .await?;
    Ok(Json(Posed {
        challenge: posed.challenge,
    }))
}

/// The same for a change that is to land.
pub(super) async fn landing_challenge(
    State(inbox): State<Inbox>,
    Path(id): Path<WorkItemId>,
    visitor: Visitor,
    looking: Result<Json<LookingAtChange>, JsonRejection>,
) -> Result<Json<Posed>, Problem> {
    let Json(LookingAtChange { digest, said_as }) = looking.map_err(|error| Problem::unread(&error))?;
    let posed = inbox
        .attempt(move |workspace, draft| {
            decisions::pose_shown_change(workspace, draft, visitor.member, id, (digest, &said_as))
        })
        .await?;
    Ok(Json(Posed {
        challenge: posed.challenge,
    }))
}

/// The decision in the words that are signed.
pub(super) async fn text(
    State(inbox): State<Inbox>,
    Path(id): Path<WorkItemId>,
    visitor: Visitor,
    meant: Result<Json<Meant>, JsonRejection>,
) -> Result<Json<Text>, Problem> {
    written(
        inbox,
        visitor,
        meant,
        move |subject| matches!(subject, Subject::WorkItem { id: posed, .. } if *posed == id),
    )
    .await
}

/// The same for a change that is to land.
pub(super) async fn landing_text(
    State(inbox): State<Inbox>,
    Path(id): Path<WorkItemId>,
    visitor: Visitor,
    meant: Result<Json<Meant>, JsonRejection>,
) -> Result<Json<Text>, Problem> {
    written(
        inbox,
        visitor,
        meant,
        move |subject| matches!(subject, Subject::Change { id: posed, .. } if *posed == id),
    )
    .await
}

async fn written(
    inbox: Inbox,
    visitor: Visitor,
    meant: Result<Json<Meant>, JsonRejection>,
    is_shown: impl FnOnce(&Subject) -> bool + Send + 'static,
) -> Result<Json<Text>, Problem> {
    let Json(meant) = meant.map_err(|error| Problem::unread(&error))?;
    let (host, member) = (inbox.site.host().to_owned(), visitor.member);
    let text = inbox
        .attempt(move |workspace, draft| {
            let decision = decision_of(workspace, draft, member, is_shown, meant)?;
            let decision = decision
                .text()
                .map_err(|error| Refusal::new(RefusalCode::NotExpressible, &error))?;
            let own = workspace.members.passkeys_of(member);
            Ok(Text {
                challenge: URL_SAFE_NO_PAD.encode(touch_challenge(&decision)),
                decision,
                credentials: own
                    .filter(|passkey| passkey.rp_id == host)
                    .map(|passkey| passkey.id.clone())
                    .collect(),
                rp_id: host,
            })
        })
        .await?;
    Ok(Json(text))
}

/// Who sends it is of no weight; whose touch it is, is.
pub(super) async fn decide(
    State(inbox): State<Inbox>,
    signed: Result<Json<Signed>, JsonRejection>,
) -> Result<Json<Decided>, Problem> {
    let Json(signed) = signed.map_err(|error| Problem::unread(&error))?;
    let signed = SignedDecision::touched(signed.decision, signed.assertion);
    // Here, and not on the ledger's one thread, for anybody may send anything.
    let form = signed.check_form();
    let decided = inbox
        .attempt(move |workspace, draft| {
            form.map_err(|error| decisions::refuse_unread(workspace, draft, signed.text(), &error))?;
            let (id, tree) = decisions::decide_as_shown(workspace, draft, &signed)?;
            let anew = draft.changes_something();
            let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
            let decided = Decided {
                id,
                state: item.state.to_string(),
                may_land: tree.map(|tree| landing::verdict(workspace, item, tree).words),
            };
            Ok((decided, anew))
        })
        .await?;
    let (decided, anew) = decided;
    if anew {
        inbox.news.decided();
    }
    Ok(Json(decided))
}

fn decision_of(
    workspace: &Workspace,
    draft: &Draft<'_>,
    member: MemberId,
    is_shown: impl FnOnce(&Subject) -> bool,
    meant: Meant,
) -> Result<Decision, Refusal> {
    let posed = decisions::posed(workspace, &meant.challenge)?;
    if !posed.is_of_page_of(member) || !is_shown(&posed.subject) {
        let message = "what was shown is something else than what this page is of; look at it again";
        return Err(Refusal::new(RefusalCode::ChallengeSpent, &message));
    }
    Ok(Decision {
        workspace: workspace.id,
        verb: match meant.verdict {
            Verdict::Yes => HumanVerb::Approve,
            Verdict::No => HumanVerb::Reject,
        },
        subject: posed.subject,
        subject_digest: posed.digest,
        rationale: meant.rationale,
        member,
        challenge: posed.challenge,
        history: posed.history,
        at: draft.now(),
        tier: Tier::T1,
    })
}

impl Inbox {
    /// Does what can be refused.
    pub(super) async fn attempt<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Workspace, &mut Draft<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Problem> {
        let done = self.run(job).await.map_err(Failure::into_problem)?;
        done.map_err(|refusal| Problem::of(&refusal))
    }
}
