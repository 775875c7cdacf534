//! How a connection begins: the hub's challenge, the agent side's token and proof, and the answer.

use serde::{Deserialize, Serialize};
use vocabulary::{DelegationId, MemberId, SessionId, Timestamp, TraceId, WorkspaceId, misleads};

use crate::{Refusal, Reply, Request};

/// The version of this protocol; a hub and an agent side of different versions refuse each other by name.
pub const VERSION: u32 = 1;

/// Everything the agent side can say on its connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AgentMessage {
    /// Open, take up again or renew the session.
    Open(Open),
    /// Ask something within it.
    Request(Request),
    /// Both at once, and nothing after it: for a process that lives for one request.
    Tell(Tell),
}

/// One request of a session, with what opens it. It is answered with a [`HubMessage::Reply`], or, where the session is not
/// opened, with a refusal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tell {
    /// What opens the session, or takes it up again.
    pub open: Open,
    /// What is asked.
    pub request: Request,
}

/// Everything the hub can say on that connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HubMessage {
    /// Its first words.
    Challenge(Challenge),
    /// To an [`AgentMessage::Open`].
    Opening(OpenReply),
    /// To an [`AgentMessage::Request`].
    Reply(Reply),
}

/// What the hub says first, and again after each [`Opened`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// [`VERSION`] of the hub.
    pub version: u32,
    /// The workspace whose hub this is; a proof for one hub is none for another.
    pub workspace: WorkspaceId,
    /// 32 random bytes in hex, valid for one [`Open`] on this connection.
    pub nonce: String,
}

/// The agent side's answer to a [`Challenge`]: opens a session, takes it up again, or renews its token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The sealed session token.
    pub token: String,
    /// The holder's signature over workspace, nonce and token, in hex.
    pub proof: String,
    /// What acts.
    pub via: Via,
}

/// Which agent, version and instance acts: recorded, never authoritative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Via {
    /// The client's own name, as `claude-code`.
    pub agent: String,
    /// The client's own version; empty where it did not say.
    pub version: String,
    /// Tells apart two instances of one agent on one machine, as a process id.
    pub instance: String,
}

/// Why a claim of what acts is not recorded as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`via.{0}` is over {MAX_VIA_BYTES} bytes or holds characters that would make it read as another")]
pub struct ViaError(&'static str);

const MAX_VIA_BYTES: usize = 64;

impl Via {
    /// Cuts and cleans what a client says of itself to what may be recorded.
    #[must_use]
    pub fn from_client(agent: &str, version: &str, instance: &str) -> Self {
        let clean = |text: &str| {
            let mut kept = String::new();
            for character in text.chars().filter(|c| !misleads(*c)) {
                if kept.len() + character.len_utf8() > MAX_VIA_BYTES {
                    break;
                }
                kept.push(character);
            }
            kept
        };
        Self {
            agent: clean(agent),
            version: clean(version),
            instance: clean(instance),
        }
    }

    /// Checks that each part is short and printable.
    ///
    /// # Errors
    /// [`ViaError`] with the part that is not.
    pub fn check(&self) -> Result<(), ViaError> {
        for (name, part) in [
            ("agent", &self.agent),
            ("version", &self.version),
            ("instance", &self.instance),
        ] {
            if part.len() > MAX_VIA_BYTES || part.chars().any(misleads) {
                return Err(ViaError(name));
            }
        }
        Ok(())
    }
}

/// The hub's answer to an [`Open`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OpenReply {
    /// The session is open.
    Opened(Opened),
    /// It is not.
    Refused(Refusal),
}

/// An open session.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// The session.
    pub session: SessionId,
    /// Its AgentTrace.
    pub trace: TraceId,
    /// The delegation behind it.
    pub delegation: DelegationId,
    /// The human for whom it acts.
    pub on_behalf_of: Party,
    /// When the session token ends.
    pub expires_at: Timestamp,
    /// For the next [`Open`] on this connection.
    pub next: Challenge,
}

/// A member, named for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Which member.
    pub id: MemberId,
    /// The member's name at this moment.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::Via;

    #[test]
    fn what_a_client_says_of_itself_reads_as_what_it_is() {
        let misleading = "claude\u{202e}\u{1b}[2J-code\u{200b}";
        let via = Via::from_client(misleading, "1", "2");
        assert_eq!((via.agent.as_str(), via.check()), ("claude[2J-code", Ok(())));
        let by_hand = Via {
            agent: misleading.to_owned(),
            ..via
        };
        let refused = by_hand.check().unwrap_err().to_string();
        assert!(
            refused.starts_with("`via.agent` is over 64 bytes or holds"),
            "{refused}"
        );
    }
}
