//! What the hub answers the companion: rows that a command shows, or prints with `--json`.

use std::collections::BTreeMap;

use identity::{Bytes, Challenge, Digest, Email, Fingerprint, PersonName, TouchKey};
use protocol::Via;
use serde::{Deserialize, Serialize};
use vocabulary::{
    DelegationId, EvidenceKind, EvidenceOutcome, GitObject, MemberId, Risk, Timestamp, TraceId, WorkItemId,
    WorkspaceId,
};

/// How the hub and its workspace are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// The hub's version.
    pub version: String,
    /// The hub's process.
    pub pid: u32,
    /// The hub's clock: never before the last entry.
    pub now: Timestamp,
    /// How many entries the ledger has.
    pub entries: u64,
    /// The public key that signs checkpoints, in hex.
    pub hub_key: String,
    /// The address under which people reach the inbox, where it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbox: Option<String>,
    /// Who is a member.
    pub members: Vec<MemberRow>,
}

/// A member.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberRow {
    /// Which.
    pub id: MemberId,
    /// Name.
    pub name: PersonName,
    /// Address.
    pub email: Email,
    /// The number by which tokens name the member's delegation key.
    pub root_key_id: u32,
    /// All that is known of the member, in canonical JSON: what a decision to let go of them is about.
    pub canonical: String,
}

/// A work item that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InboxRow {
    /// Which.
    pub id: WorkItemId,
    /// As it was proposed.
    pub title: String,
    /// Where it stands.
    pub state: String,
    /// What kind of work it is.
    #[serde(rename = "type")]
    pub item_type: String,
    /// How much it could hurt.
    pub risk: Risk,
    /// For whom, via what.
    pub proposed_by: String,
    /// When.
    pub proposed_at: Timestamp,
}

/// A change that was put forward, as nobody's word, and waits for somebody to say whether it may land.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToLandRow {
    /// For which work item.
    pub id: WorkItemId,
    /// As that was proposed.
    pub title: String,
    /// How much it could hurt.
    pub risk: Risk,
    /// For whom the work was proposed, via what.
    pub proposed_by: String,
    /// What is to land.
    pub tree: GitObject,
    /// The commit that is said to have it.
    pub head: GitObject,
    /// The commit on which it is to land.
    pub base: GitObject,
    /// Who is said to have made it, by address.
    pub committers: Vec<String>,
    /// How many lines it is said to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_lines: Option<u32>,
    /// When it was put forward.
    pub at: Timestamp,
}

/// A work item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkItemRow {
    /// Which.
    pub id: WorkItemId,
    /// As it was proposed.
    pub title: String,
    /// As it was proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it stands.
    pub state: String,
    /// What kind of work it is.
    #[serde(rename = "type")]
    pub item_type: String,
    /// Why.
    pub type_reasons: Vec<String>,
    /// How much it could hurt.
    pub risk: Risk,
    /// Why.
    pub risk_reasons: Vec<String>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// On what.
    pub paths: Vec<String>,
    /// For whom.
    pub on_behalf_of: MemberId,
    /// For whom, via what.
    pub proposed_by: String,
    /// Under which delegation.
    pub delegation: DelegationId,
    /// In which trace.
    pub trace: TraceId,
    /// When.
    pub proposed_at: Timestamp,
    /// The digest of what is decided on.
    pub digest: Digest,
    /// What was decided, in order.
    pub decisions: Vec<DecisionRow>,
    /// What was run on it, in order, as whoever ran it says.
    #[serde(default)]
    pub evidence: Vec<EvidenceRow>,
    /// The change that waits for somebody to say whether it may land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_land: Option<ToLandRow>,
    /// What was decided on changes that were to land for it, in order.
    #[serde(default)]
    pub landings: Vec<LandingRow>,
    /// What that amounts to for each tree, newest first.
    #[serde(default)]
    pub verdicts: Vec<VerdictRow>,
    /// What its agents said became of it, in order.
    #[serde(default)]
    pub reports: Vec<ReportRow>,
    /// Why its approval no longer fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
    /// When it ends, or ended, if nobody decides; only while nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A decision on whether a change may land.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LandingRow {
    /// What was to land.
    pub tree: GitObject,
    /// The commit that has it.
    pub head: GitObject,
    /// The commit on which it was to land.
    pub base: GitObject,
    /// Who made it, by address, as it was shown to whoever decided.
    pub committers: Vec<String>,
    /// How many lines it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_lines: Option<u32>,
    /// What was decided.
    pub verb: String,
    /// As whom: independent, exception, review or objection.
    pub role: String,
    /// Who.
    pub member: MemberId,
    /// Who, by name.
    pub by: String,
    /// When, by the clock of whoever decided.
    pub at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// How it was signed.
    pub tier: String,
    /// The time between showing and deciding, in whole seconds.
    pub took_seconds: u64,
    /// Until when somebody independent has to look, where nobody independent could decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<Timestamp>,
    /// Who did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_by: Option<String>,
    /// Why it fits no more, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
}

/// Whether a tree may land.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VerdictRow {
    /// Which.
    pub tree: GitObject,
    /// Whether it may.
    pub may_land: bool,
    /// The same in words, with why.
    pub words: String,
}

/// A change that was let through by one of those who made it, for there was nobody else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExceptionRow {
    /// For which work item.
    pub id: WorkItemId,
    /// As it was proposed.
    pub title: String,
    /// What was to land.
    pub tree: GitObject,
    /// The commit that has it.
    pub head: GitObject,
    /// The commit on which it was to land.
    pub base: GitObject,
    /// Who made it, by address, as it was shown to whoever let it through.
    pub committers: Vec<String>,
    /// Who let it through.
    pub by: String,
    /// When, by the clock of whoever decided.
    pub at: Timestamp,
    /// Until when somebody independent has to look.
    pub review_due: Timestamp,
    /// Whether that is over, and nobody has.
    pub overdue: bool,
    /// Who looked at it since, and approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_by: Option<String>,
    /// Who said no to it; that closes nothing.
    #[serde(default)]
    pub objected: Vec<String>,
}

/// A change as it is shown to somebody who may decide.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShownChange {
    /// The work item and all that is known of it, and the challenge that was posed for the change.
    pub work_item: ShownWorkItem,
    /// Who may decide without having made it, or had it made.
    pub independent: Vec<MemberId>,
    /// Whether who made it, or had it made, decides by exception, for nobody else could.
    pub excepted: bool,
    /// Whether it was let through by exception, and nobody independent has looked yet.
    pub waits_for_review: bool,
}

/// What an agent said became of work: its word.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReportRow {
    /// Where it stands since.
    pub state: String,
    /// Where the change can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whose word it is, via what.
    pub by: String,
    /// In which session's trace.
    pub trace: TraceId,
    /// When.
    pub at: Timestamp,
}

/// What was run on a change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EvidenceRow {
    /// What looked.
    pub kind: EvidenceKind,
    /// What came of it.
    pub outcome: EvidenceOutcome,
    /// What ran, by name.
    pub tool: String,
    /// What it found.
    pub summary: String,
    /// The digest of the whole report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// How many lines the change has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_lines: Option<u32>,
    /// The commit on which it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<GitObject>,
    /// The tree on which it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<GitObject>,
    /// Whose word it is, via what.
    pub by: String,
    /// Whose word it is.
    pub on_behalf_of: MemberId,
    /// In which session's trace.
    pub trace: TraceId,
    /// When.
    pub at: Timestamp,
}

/// A decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DecisionRow {
    /// What.
    pub verb: String,
    /// Who.
    pub member: MemberId,
    /// Who, by name.
    pub by: String,
    /// When, by the clock of whoever decided.
    pub at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// How it was signed.
    pub tier: String,
    /// How many entries of the ledger it vouches for.
    pub ledger_size: u64,
    /// The time between showing and deciding, in whole seconds: a signal, not a proof of reading.
    pub took_seconds: u64,
    /// How many lines the change had, as the evidence shown said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_lines: Option<u32>,
}

/// A work item as it is shown to somebody who may decide, and what the answer has to name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShownWorkItem {
    /// What was recorded, to the letter: its digest, with that of the evidence, is what is signed.
    pub recorded: String,
    /// The evidence on it, each as it was recorded, to the letter.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// The challenge that was posed for it.
    pub posed: PosedRow,
}

/// An entry as it is shown to somebody who may erase its body, and what the answer has to name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShownEntry {
    /// Its canonical bytes: their digest is what is signed.
    pub entry: String,
    /// What it says, in few words.
    pub summary: String,
    /// The challenge that was posed for it.
    pub posed: PosedRow,
}

/// A passkey.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PasskeyRow {
    /// Which.
    pub id: Bytes,
    /// Whose.
    pub member: MemberId,
    /// Whose, by name.
    pub name: PersonName,
    /// The host name for which it was made.
    pub rp_id: String,
}

/// A touch key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TouchKeyRow {
    /// Which.
    pub fingerprint: Fingerprint,
    /// Whose.
    pub member: MemberId,
    /// Whose, by name.
    pub name: PersonName,
    /// Its public half.
    pub public_key: TouchKey,
}

/// What the answer to a challenge has to name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PosedRow {
    /// In which workspace.
    pub workspace: WorkspaceId,
    /// What makes the answer count once.
    pub challenge: Challenge,
    /// The ledger's size at this moment.
    pub ledger_size: u64,
    /// Its root.
    pub ledger_root: Digest,
    /// The ledger's time.
    pub now: Timestamp,
    /// Until when it can be answered.
    pub ends_at: Timestamp,
}

/// A delegation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DelegationRow {
    /// Which.
    pub id: DelegationId,
    /// Who lent.
    pub on_behalf_of: MemberId,
    /// The lender's name.
    pub lent_by: String,
    /// To whom.
    pub agent: String,
    /// What.
    pub verbs: Vec<String>,
    /// Where.
    pub repositories: Vec<String>,
    /// On what.
    pub paths: Vec<String>,
    /// Up to what risk.
    pub risk_ceiling: Risk,
    /// Since when.
    pub granted_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// `lent`, `expired` or `revoked`.
    pub state: String,
    /// When and why it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Why it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What revoking did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevokeOutcome {
    /// Which delegation.
    pub id: DelegationId,
    /// Since when it is revoked; earlier than now where it was already.
    pub revoked_at: Timestamp,
}

/// Whether a token would be accepted now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InspectVerdict {
    /// Whether.
    pub accepted: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// A trace, summed up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TraceRow {
    /// Which.
    pub id: TraceId,
    /// For whom.
    pub on_behalf_of: String,
    /// Via what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Under which delegation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<DelegationId>,
    /// When it began.
    pub began_at: Timestamp,
    /// When its last entry was recorded.
    pub last_at: Timestamp,
    /// How many entries it has.
    pub entries: u64,
    /// The hash of its last entry, in hex.
    pub head: String,
    /// Whether somebody took it in after the fact.
    #[serde(default)]
    pub imported: bool,
}

/// How far an import is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRow {
    /// Into which trace; none, where nothing was recognized so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// How it stands.
    pub state: ImportState,
    /// Up to which byte the file stands there.
    pub bytes: u64,
    /// Folders in which the client worked and that are not here, the first of them: no rules of theirs were used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
}

/// How an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// All of the file had been taken in before.
    Already,
    /// More of it is waited for.
    GoesOn,
    /// All of it is taken in.
    Done,
}

/// A piece of a file that is imported.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportPiece {
    /// The next bytes, in base64.
    Bytes(String),
    /// That was all.
    End,
}

/// An entry with its body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EntryRow {
    /// Its place in the chain.
    pub seq: u64,
    /// Its place in the ledger.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: String,
    /// For whom, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// Via what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// What it is about: the client's call and turn, the work item, and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refs: BTreeMap<String, String>,
    /// In a few words.
    pub summary: String,
    /// The body's JSON, or its text where it is none; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    /// Whether the body was erased.
    #[serde(default)]
    pub erased: bool,
    /// Its hash, in hex.
    pub hash: String,
}

/// What a trace has, without what it says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutlineRow {
    /// How many entries it has.
    pub entries: u64,
    /// Whether it says of itself that it was imported: then it is a claim, and nobody recorded it as it happened.
    pub imported: bool,
    /// How many gaps there are in what was captured.
    pub gaps: u64,
    /// Where each turn begins.
    pub turns: Vec<TurnRow>,
    /// Which files were changed.
    pub files: Vec<TouchedRow>,
    /// For which work items something was done.
    pub work_items: Vec<TouchedRow>,
    /// Whether there is more than is listed.
    pub more: bool,
}

/// Where a turn begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnRow {
    /// Its first entry.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What was said to the agent, in short.
    pub says: String,
}

/// What a session touched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TouchedRow {
    /// What.
    pub name: String,
    /// How often.
    pub times: u64,
    /// The first entry of it.
    pub first: u64,
}

/// The result of verifying one chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VerifiedChain {
    /// Which chain; the workspace's own is `ws_…`, the tree over all is `ledger`.
    pub id: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<ChainSummary>,
    /// Where it does not hold and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// What verifying a chain went through.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChainSummary {
    /// How many entries.
    pub entries: u64,
    /// How many bodies were erased.
    pub erased: u64,
    /// The last entry's hash, in hex; the root for the whole ledger.
    pub head: String,
}
