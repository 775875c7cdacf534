//! An entry in a few words, for lists and replays.

use serde_json::Value;
use trace_store::BodyState;
use vocabulary::shown;

use crate::kind::EntryKind;

/// How long a summary may be, in characters.
const SUMMARY_CHARS: usize = 200;

/// What an entry of this kind with this body says, on one line.
#[must_use]
pub fn summarize(kind: &str, body: &BodyState) -> String {
    let bytes = match body {
        BodyState::Present(bytes) => bytes,
        BodyState::Erased => return "[body erased]".to_owned(),
        BodyState::None => return String::new(),
    };
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
        return shown(&String::from_utf8_lossy(bytes), SUMMARY_CHARS);
    };
    let text = |pointer: &str| {
        body.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let refusal = |pointer: &str| {
        let (code, message) = (
            text(&format!("{pointer}/code")),
            text(&format!("{pointer}/message")),
        );
        format!("{code}: {message}")
    };
    let line = match kind.parse() {
        Ok(EntryKind::WorkspaceCreated) => text("/workspace"),
        Ok(EntryKind::MemberAdded) => {
            format!(
                "{} <{}>",
                text("/registration/member/name"),
                text("/registration/member/email")
            )
        }
        Ok(EntryKind::DelegationGranted) => String::new(),
        Ok(EntryKind::DelegationRevoked) => format!("{} {}", text("/delegation"), text("/why")),
        Ok(EntryKind::StoreRefused) => {
            let number = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or_default();
            format!(
                "a store of {} entries in the place of one of {}, {} times until {}",
                number("found"),
                number("marked"),
                number("times"),
                text("/last_at")
            )
        }
        Ok(EntryKind::AccessDenied) => refusal("/refusal"),
        Ok(EntryKind::WorkItemProposed) => text("/proposal/title"),
        Ok(EntryKind::ProgressReported) => {
            let word = |name: &str| text(&format!("/report/{name}"));
            format!("{} {} {}", word("state"), word("pull_request"), word("why"))
        }
        Ok(EntryKind::WorkItemExpired) => text("/work_item"),
        Ok(EntryKind::EvidenceRecorded) => {
            let word = |name: &str| text(&format!("/finding/{name}"));
            format!(
                "{} {} by {}: {}",
                word("kind"),
                word("outcome"),
                word("tool"),
                word("summary")
            )
        }
        Ok(EntryKind::ChangeProposed) => {
            format!("tree {} for {}", text("/change/tree"), text("/change/work_item"))
        }
        Ok(EntryKind::ChangeDecided) => {
            let said: Value = serde_json::from_str(&text("/made/signed/decision")).unwrap_or_default();
            let word = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
            let due = text("/review_due");
            let exception = if due.is_empty() {
                String::new()
            } else {
                format!(" (exception, review due by {due})")
            };
            format!(
                "{} {}{exception} {}",
                word("verb"),
                word("subject"),
                word("rationale")
            )
        }
        Ok(EntryKind::DecisionMade | EntryKind::MemberRevoked | EntryKind::BodyErased) => {
            let said: Value = serde_json::from_str(&text("/signed/decision")).unwrap_or_default();
            let word = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", word("verb"), word("subject"), word("rationale"))
        }
        Ok(EntryKind::PasskeyEnrolled | EntryKind::TouchKeyEnrolled) => {
            let said: Value = serde_json::from_str(&text("/signed/enrolment")).unwrap_or_default();
            let word = |name: &str| {
                said.pointer(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            format!(
                "{}{} for {}",
                word("/passkey/id"),
                word("/touch_key"),
                word("/member")
            )
        }
        Ok(EntryKind::PasskeyRemoved) => text("/credential"),
        Ok(EntryKind::TouchKeyRemoved) => text("/fingerprint"),
        Ok(EntryKind::DecisionRefused) => refusal("/refusal"),
        Ok(EntryKind::SessionOpened | EntryKind::SessionResumed) => {
            format!("{} token until {}", text("/reason"), text("/expires_at"))
        }
        Ok(EntryKind::SessionClosed) => String::new(),
        Ok(EntryKind::ToolCalled) => {
            let arguments = body
                .pointer("/arguments")
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("{} {arguments}", text("/tool"))
        }
        Ok(EntryKind::ToolReturned) => body
            .pointer("/returned")
            .map(ToString::to_string)
            .unwrap_or_default(),
        Ok(EntryKind::ToolDenied) => refusal("/denied"),
        Ok(EntryKind::ToolRejected) => refusal("/rejected"),
        Ok(EntryKind::NoteAppended) => text("/text"),
        Ok(EntryKind::ProtocolError) => text("/observation/protocol_error/message"),
        Ok(EntryKind::CallCancelled) => {
            format!(
                "request {} {}",
                text("/observation/cancelled/request"),
                text("/observation/cancelled/reason")
            )
        }
        Ok(EntryKind::SessionStarted) => {
            format!("{} {} in {}", text("/source"), text("/model"), text("/cwd"))
        }
        Ok(EntryKind::SessionEnded) => text("/reason"),
        Ok(EntryKind::Prompt) => text("/text"),
        Ok(EntryKind::ToolFailed) => format!("{}: {}", text("/tool"), text("/error")),
        Ok(EntryKind::FileEdited) => format!("{} {} by {}", text("/change"), text("/path"), text("/tool")),
        Ok(EntryKind::FileChanged) => {
            format!("{} {}, by no recorded edit", text("/change"), text("/path"))
        }
        Ok(EntryKind::CommandRun) => {
            let code = body.get("exit_code").map(|code| format!(" (exit {code})"));
            format!(
                "{}{} {}",
                text("/command"),
                code.unwrap_or_default(),
                text("/output")
            )
        }
        Ok(EntryKind::GateDenied | EntryKind::GateObserved) => {
            format!("{}: {}", text("/code"), text("/because"))
        }
        Ok(EntryKind::GateRules) => match &*text("/mode") {
            "" => format!("none any more in {}", text("/root")),
            mode => format!("{mode} in {}", text("/root")),
        },
        Ok(EntryKind::PermissionAsked) => {
            let arguments = body.get("arguments").map(ToString::to_string);
            format!("{} {}", text("/tool"), arguments.unwrap_or_default())
        }
        Ok(EntryKind::PermissionGiven | EntryKind::PermissionRefused) => {
            format!("{} {}", text("/tool"), text("/reason"))
        }
        Ok(EntryKind::SubAgentStarted | EntryKind::SubAgentStopped) => {
            format!(
                "{} {} {}",
                text("/agent/kind"),
                text("/agent/id"),
                text("/last_message")
            )
        }
        Ok(EntryKind::ContextCompacted) => format!("{} {}", text("/trigger"), text("/summary")),
        Ok(EntryKind::TurnEnded) => text("/last_message"),
        Ok(EntryKind::TurnInterrupted) => match body.pointer("/unfinished").and_then(Value::as_array) {
            Some(calls) => format!("calls of whose ends nothing was told: {}", calls.len()),
            None => "between two calls".to_owned(),
        },
        Ok(EntryKind::ClientEvent) => {
            let said = body.get("said").map(ToString::to_string);
            format!("{} {}", text("/event"), said.unwrap_or_default())
        }
        Ok(EntryKind::CaptureGap) => gap(&body),
        Ok(EntryKind::ModelAnswered) => {
            let output = body.pointer("/usage/output").and_then(Value::as_u64);
            let took = output.map(|tokens| format!(" ({tokens} tokens)"));
            format!("{}{} {}", text("/model"), took.unwrap_or_default(), text("/text"))
        }
        Ok(EntryKind::TranscriptRead) => {
            let bytes = body["bytes"].as_u64().unwrap_or_default();
            format!("{} up to byte {bytes}", text("/path"))
        }
        Ok(EntryKind::SessionImported) => {
            format!("{} {} of {}", text("/client"), text("/session"), text("/file"))
        }
        Ok(EntryKind::ImportEnded) => {
            let bytes = body["bytes"].as_u64().unwrap_or_default();
            format!("whole, {bytes} bytes, digest {}", text("/digest"))
        }
        Err(_) => body.to_string(),
    };
    shown(line.trim(), SUMMARY_CHARS)
}

/// What a gap says: its body is one member, with the name of the gap.
fn gap(body: &Value) -> String {
    let Some((kind, said)) = body.as_object().and_then(|body| body.iter().next()) else {
        return String::new();
    };
    let text = |name: &str| said[name].as_str().unwrap_or_default();
    let number = |name: &str| said[name].as_u64().unwrap_or_default();
    let missed = || {
        let turns = said["turns"].as_array().map(Vec::len).unwrap_or_default();
        let (calls, answers) = (number("calls"), number("answers"));
        format!("{turns} turns, {calls} calls and {answers} answers")
    };
    match kind.as_str() {
        "unreadable" => text("why").to_owned(),
        "unannounced" => format!("no hook announced {}", text("tool")),
        "settings_changed" => format!("the client's settings changed: {}", text("path")),
        "uncovered" => format!("no hook told of {} that the client's own record has", missed()),
        "began_before" => format!(
            "the client's own record has {} from before the first event",
            missed()
        ),
        "transcript_changed" => {
            let (path, bytes) = (text("path"), number("bytes"));
            format!("{path} is not what was read of it, {bytes} bytes, any more")
        }
        "too_late" => format!(
            "what is said to have happened at {} came when the trace had gone on",
            text("claimed_at")
        ),
        "not_taken_in" => format!(
            "what is said to have happened at {} was told, and hubs did not survive taking it in",
            text("claimed_at")
        ),
        "line_cut" => format!(
            "{} more entries stand in one line of the client's own record",
            number("entries")
        ),
        "too_many_calls" => format!(
            "{} entries of the client's own record are of more calls than are followed",
            number("entries")
        ),
        "unwatched" => format!("{} was not watched: {}", text("folder"), text("why")),
        "left_out" => format!("{} more files changed by no recorded edit", number("changes")),
        "not_looked_at" => format!("what was told since {} was not looked at", text("since")),
        "silent" => format!("nothing was heard since {}", text("since")),
        _ => body.to_string(),
    }
}
