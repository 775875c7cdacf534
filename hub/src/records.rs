//! The bodies of the entries that this hub writes. Field names are the format: docs/TRACE-FORMAT.md lists them.

use std::collections::BTreeMap;

use delegation::VerifiedToken;
use identity::{Bytes, Fingerprint, SignedDecision, SignedEnrolment, SignedRegistration};
use protocol::{Call, Observation, Refusal};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use vocabulary::{Client, DelegationId, MemberId, SessionId, Timestamp, WorkItemId, WorkspaceId};
use work_items::Change;

/// How much is kept of the arguments of a call that comes to nothing.
const MOST_BEGINNING_BYTES: usize = 2 * 1024;

/// How much is kept of the names in it.
const MOST_NAME_CHARS: usize = 256;

/// Body of `workspace.created`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceCreated {
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// The public key, in hex, that signs checkpoints.
    pub hub_key: String,
}

/// Body of `member.added`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberAdded {
    /// The member's own, signed statement of name, address and public keys.
    pub registration: SignedRegistration,
    /// The number by which Biscuits name this member's delegation key.
    pub root_key_id: u32,
    /// Who let the member in; nobody has to, for the founder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<DecisionMade>,
}

/// Body of `passkey.enrolled` and of `touch_key.enrolled`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// The member's own statement, signed by the member's decision key.
    pub signed: SignedEnrolment,
}

/// Body of `passkey.removed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasskeyRemoved {
    /// Which.
    pub credential: Bytes,
}

/// Body of `touch_key.removed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TouchKeyRemoved {
    /// Which.
    pub fingerprint: Fingerprint,
}

/// Body of `delegation.granted`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelegationGranted {
    /// The delegation with one more block that can never hold: proof of the grant, without its power.
    pub witness: String,
}

/// Body of `delegation.revoked`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelegationRevoked {
    /// Which.
    pub delegation: DelegationId,
    /// Why, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Body of `access.denied`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessDenied {
    /// Why.
    pub refusal: Refusal,
    /// The BLAKE3 digest, in hex, of the token that was shown.
    pub token_digest: String,
    /// How many more were denied since the last such entry and not written one by one.
    pub unrecorded: u64,
}

/// Body of `store.refused`: an older copy, or another store, lay in this one's place, and the hub did not serve it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreRefused {
    /// How many entries the ledger had had.
    pub marked: u64,
    /// Its root then, in hex.
    pub marked_root: String,
    /// How many entries the refused store had.
    pub found: u64,
    /// Its root, in hex.
    pub found_root: String,
    /// When it was refused first, by the machine's clock.
    pub first_at: Timestamp,
    /// When it was refused last, by the machine's clock.
    pub last_at: Timestamp,
    /// How often.
    pub times: u64,
    /// How many refusals of yet other stores are not told one by one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unrecorded: u64,
}

/// Body of `work_item.expired`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkItemExpired {
    /// Which.
    pub work_item: WorkItemId,
}

/// Body of `decision.made`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionMade {
    /// What was decided, as it was signed.
    pub signed: SignedDecision,
    /// When the challenge was posed: what was shown was looked at from then on.
    pub posed_at: Timestamp,
    /// How many lines the change has that was decided on, as the evidence shown says. Only of work items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_lines: Option<u32>,
}

/// Body of `change.proposed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeProposed {
    /// What git is said to have: the word of whoever put it forward, signed by nobody.
    pub change: Change,
}

/// Body of `change.decided`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeDecided {
    /// What was decided.
    pub made: DecisionMade,
    /// On what, as it was shown to whoever decided: read from git, or put forward.
    pub change: Change,
    /// Who was a member then, in order: whoever left one out of a file could make anything look like an exception.
    pub members: Vec<MemberId>,
    /// Until when somebody independent has to look: there where nobody independent could have decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<Timestamp>,
}

/// Body of `decision.refused`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionRefused {
    /// Why.
    pub refusal: Refusal,
    /// What it said, whether or not that was signed; its beginning, where it was long.
    pub said: String,
    /// How many more were refused since the last such entry and not written one by one.
    pub unrecorded: u64,
}

/// Body of `session.opened`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionOpened {
    /// Which session.
    pub session: SessionId,
    /// The session's own public key, in hex: only who holds it may go on with the session.
    pub holder: String,
    /// The BLAKE3 digest, in hex, of the session token.
    pub token_digest: String,
    /// When that token ends.
    pub expires_at: Timestamp,
}

impl SessionOpened {
    /// That this token's session begins.
    #[must_use]
    pub fn under(token: &VerifiedToken) -> Self {
        Self {
            session: token.session(),
            holder: token.holder().to_string(),
            token_digest: token.digest().to_string(),
            expires_at: token.expires_at(),
        }
    }
}

/// Body of `session.resumed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionResumed {
    /// Why.
    pub reason: ResumeReason,
    /// The BLAKE3 digest, in hex, of the session token.
    pub token_digest: String,
    /// When that token ends.
    pub expires_at: Timestamp,
}

/// Why a session was opened once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumeReason {
    /// The connection or the hub had ended.
    Reconnected,
    /// The token was about to end.
    Renewed,
}

/// Body of `tool.called`: the call as the server received it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCalled {
    /// The tool's name, as it came.
    pub tool: String,
    /// The arguments, as they came; their beginning, as text, where the call came to nothing and they were long.
    pub arguments: Value,
    /// How many bytes they had, where only their beginning is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<u64>,
    /// The resource whose reading this was, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What the client said of its session and turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Value>,
    /// How many secrets were replaced in the arguments, by rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redacted: BTreeMap<String, u32>,
}

impl ToolCalled {
    /// A call as it came.
    #[must_use]
    pub fn whole(call: &Call) -> Self {
        Self {
            tool: call.tool.clone(),
            arguments: call.arguments.clone(),
            cut: None,
            resource: call.resource.clone(),
            client: call.client.clone(),
            redacted: BTreeMap::new(),
        }
    }

    /// A call that comes to nothing: nobody is to fill the ledger with what they may not do.
    #[must_use]
    pub fn beginning(call: &Call) -> Self {
        let (arguments, cut) = beginning(&call.arguments);
        let name = |text: &String| text.chars().take(MOST_NAME_CHARS).collect();
        Self {
            tool: name(&call.tool),
            arguments,
            cut,
            resource: call.resource.as_ref().map(name),
            client: call.client.as_ref().map(|client| beginning(client).0),
            redacted: BTreeMap::new(),
        }
    }
}

/// A value where it is short, and otherwise how it begins and how many bytes it has.
fn beginning(value: &Value) -> (Value, Option<u64>) {
    let text = value.to_string();
    if text.len() <= MOST_BEGINNING_BYTES {
        return (value.clone(), None);
    }
    let kept = &text[..text.floor_char_boundary(MOST_BEGINNING_BYTES)];
    (Value::String(kept.to_owned()), Some(text.len() as u64))
}

/// Body of `note.appended`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteAppended {
    /// The agent's words.
    pub text: String,
    /// What they are about.
    pub refs: Vec<String>,
}

/// Body of `protocol.error` and `call.cancelled`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// What was seen.
    pub observation: Observation,
    /// When the agent side says that it happened, where no hub could be reached at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
}

/// Body of `capture.gap`: what should have been recorded and was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CaptureGap {
    /// A hook was given what is no event.
    Unreadable {
        /// Whose hook.
        client: Client,
        /// What is wrong with it.
        why: String,
        /// How it begins.
        received: String,
    },
    /// Our own server was asked for something that no hook had announced, in a session whose hooks tell what it does.
    Unannounced {
        /// The tool.
        tool: String,
    },
    /// What was told while no hub could be reached, and came when its trace had gone on: it lies in the spool's `refused`.
    TooLate {
        /// When it says that it happened.
        claimed_at: Timestamp,
    },
    /// What was told while no hub could be reached, and what hubs did not survive taking in: it lies in the spool's `refused`.
    NotTakenIn {
        /// When it says that it happened.
        claimed_at: Timestamp,
    },
    /// The client's settings changed, in which its hooks stand: what comes after may not be told.
    SettingsChanged {
        /// Which settings, as the client says.
        source: String,
        /// In which file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// The client's own record has turns or calls of which its hooks told nothing. What it says of them stands before this.
    Uncovered(Missed),
    /// The client's own record begins before the session's first event. What it says of that time is not taken up.
    BeganBefore(Missed),
    /// The client's own record is not what was read of it any more.
    TranscriptChanged {
        /// Which file.
        path: String,
        /// How much had been read of it.
        bytes: u64,
    },
    /// One line of the client's own record says more than is taken of one. Its beginning stands before this.
    LineCut {
        /// Where the line ends in the file.
        end: u64,
        /// How many entries were left out.
        entries: u64,
    },
    /// The trace has more calls than are followed. What the client's own record says of others is left out: nobody could say whether it stands
    /// there already.
    TooManyCalls {
        /// How many entries were left out, or stand there.
        entries: u64,
    },
    /// The client's hooks fell silent, and nobody said why: in the middle of a turn, or for good.
    Silent {
        /// When something was heard last.
        since: Timestamp,
    },
    /// Nobody looked at what the client's own record says, and what files are, since something was told that has that looked at: hubs did
    /// not survive it, or too many sessions were left at once.
    NotLookedAt {
        /// When the first of it was told.
        since: Timestamp,
    },
    /// Files may have changed in a folder, and nobody compared what was with what is.
    Unwatched {
        /// The repository's root, or the folder in which the client works.
        folder: String,
        /// Why.
        why: Unwatched,
    },
    /// More files changed by no recorded edit than are told one by one.
    LeftOut {
        /// How many more.
        changes: u64,
    },
}

/// What stands in a client's own record, and of which its hooks told nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missed {
    /// Which turns, by the client's own ids: the first of them.
    pub turns: Vec<String>,
    /// How many calls that were done.
    pub calls: u64,
    /// How many parts of answers.
    pub answers: u64,
    /// When the first of it happened, as the client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// When the last of it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
}

/// Body of `transcript.read`: how far a client's own record was read. Whoever has the file can tell whether it was this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptRead {
    /// Which file.
    pub path: String,
    /// Up to which byte.
    pub bytes: u64,
    /// The plain BLAKE3, in hex, of everything before it.
    pub digest: String,
    /// How many lines said nothing that is known, since it was read before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown: u64,
    /// How many lines were of another session.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub foreign: u64,
}

/// Body of `session.imported`: the first entry of a trace that somebody took in after the fact. Nobody proved anything of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionImported {
    /// Whose record.
    pub client: Client,
    /// What the client calls the session.
    pub session: String,
    /// What it calls the agent, where that was started by another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The file's name.
    pub file: String,
    /// How long it was.
    pub bytes: u64,
    /// The plain BLAKE3, in hex, of all of it.
    pub digest: String,
}

/// Body of `import.ended`: all of a file stands in the trace as far as it was recognized. A trace without is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportEnded {
    /// How long the file was.
    pub bytes: u64,
    /// The plain BLAKE3, in hex, of all of it.
    pub digest: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Why a working tree was not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unwatched {
    /// The hub does not remember how it was: it was started anew, or watches too many others. From here on it is watched.
    Forgotten,
    /// The client went there in the middle of its session. From here on it is watched.
    BeganLate,
    /// No repository of git's is there.
    NoRepository,
    /// There is no git to say which files belong to it.
    NoGit,
    /// Git says nothing of it: it is broken, or belongs to somebody else.
    GitFailed,
    /// It may not be read.
    Unreadable,
    /// It has more files than are compared.
    TooManyFiles,
    /// Comparing it took too long.
    TooLong,
    /// The session works in more repositories than are watched.
    TooManyFolders,
    /// More edits were told since the last look than are remembered.
    TooMuchTold,
    /// What is ignored was changed outside of the tree: what is new may be among that.
    RulesChanged,
}

/// Body of `file.changed`: what a working tree shows and no recorded edit explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileChanged {
    /// The file, below the repository's root.
    pub path: String,
    /// That root; not there where its name is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The bytes of that name in hex, where they are no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// What was done to it.
    pub change: capture::Change,
    /// What it is now, where it is no file that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<Sort>,
    /// Plain BLAKE3 of what it held before, in hex; not there where that is not known, or there was no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Plain BLAKE3 of what it held after, in hex; not there where that is not known, or there is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether it can be run now, where that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<bool>,
    /// What changed, as `diff -u` writes it, where both are known, are texts and are short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Whether it was found when a turn began: it changed while none was under way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub between_turns: bool,
    /// How many secrets were replaced, by rule; then there are no digests.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redacted: BTreeMap<String, u32>,
}

/// What is no file that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// A symbolic link; its digests and its diff are of its text.
    Link,
    /// A file that is too large to be read.
    Large,
    /// No file, or one that may not be read.
    Strange,
}

/// A body is not what its entry's kind says.
#[derive(Debug, thiserror::Error)]
#[error("the body is not that of a `{kind}` entry: {source}")]
pub struct BodyError {
    kind: String,
    source: serde_json::Error,
}

/// Reads a body.
///
/// # Errors
/// [`BodyError`].
pub fn read<T: DeserializeOwned>(kind: &str, body: &[u8]) -> Result<T, BodyError> {
    serde_json::from_slice(body).map_err(|source| BodyError {
        kind: kind.to_owned(),
        source,
    })
}

/// The bytes of a body. Not in canonical form, which would round the numbers that an agent sent; a body's digest is
/// over these bytes.
///
/// # Errors
/// Where a value has no JSON form; none of this module's is such.
pub fn write<T: Serialize>(body: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(body)
}
