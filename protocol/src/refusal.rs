//! Why something was refused. The codes are stable; docs/DELEGATION.md explains each.

use std::fmt;

use delegation::Denial;
use serde::{Deserialize, Serialize};

/// Why something was refused, for the one who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("{message}")]
pub struct Refusal {
    /// Stable: a [`RefusalCode`] or a [`delegation::DenialCode`], and a text because a newer hub knows more of them.
    pub code: String,
    /// What happened, to what, and what would have to change.
    pub message: String,
}

impl Refusal {
    /// A refusal that is not about authority.
    #[must_use]
    pub fn new(code: RefusalCode, message: &impl ToString) -> Self {
        Self {
            code: code.as_str().to_owned(),
            message: message.to_string(),
        }
    }

    /// Whether it is for this reason.
    #[must_use]
    pub fn is(&self, code: RefusalCode) -> bool {
        self.code == code.as_str()
    }
}

impl From<&Denial> for Refusal {
    fn from(denial: &Denial) -> Self {
        Self {
            code: denial.code().as_str().to_owned(),
            message: denial.to_string(),
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A stable code for what is refused although the token is good, and for what no token decides.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RefusalCode {
            $($(#[$doc])* $name,)*
        }

        impl RefusalCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The text that is recorded and answered.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// There is no such challenge any more: it was answered, it is too old, or the hub was started anew.
    ChallengeSpent = "challenge_spent";
    /// The session, or the end of its token or of a delegation, is of another time than the hub's clock allows.
    ClockMismatch = "clock_mismatch";
    /// Something else happened at the same moment; nothing was done.
    Conflict = "conflict";
    /// It cannot be decided so: it was decided, it changed, or it takes more.
    DecisionNotAllowed = "decision_not_allowed";
    /// The decision is not signed by who is to have made it.
    DecisionUnproved = "decision_unproved";
    /// A member's key signed the delegation, and the ledger does not know it.
    DelegationNotRecorded = "delegation_not_recorded";
    /// A page of another origin asks over HTTP.
    ForeignOrigin = "foreign_origin";
    /// Nobody was logged in.
    LoginRefused = "login_refused";
    /// The arguments do not fit the tool's schema or its limits.
    MalformedArguments = "malformed_arguments";
    /// What the client says of itself cannot be recorded.
    MalformedVia = "malformed_via";
    /// The system has no randomness to give.
    NoEntropy = "no_entropy";
    /// The answer cannot be written as JSON.
    NotExpressible = "not_expressible";
    /// There is no such thing that who asks may see.
    NotFound = "not_found";
    /// The entry could not be made durable, so nothing was done.
    NotRecorded = "not_recorded";
    /// A request over HTTP names another host than the hub's own.
    OtherHost = "other_host";
    /// The delegation lends only some paths, and the proposal names none.
    PathsRequired = "paths_required";
    /// The two binaries are from different releases.
    ProtocolVersion = "protocol_version";
    /// A proof over HTTP was shown a second time.
    Replayed = "replayed";
    /// The delegation lends only some repositories, and the proposal names none.
    RepositoryRequired = "repository_required";
    /// The session has ended.
    SessionClosed = "session_closed";
    /// The session belongs to another holder, or the connection to another session.
    SessionTaken = "session_taken";
    /// A proof over HTTP was made over a number that is not given out any more.
    StaleProof = "stale_proof";
    /// The store cannot be read.
    StoreRefused = "store_refused";
    /// More was asked over HTTP than one session, or one address, may.
    TooFast = "too_fast";
    /// The work item is not where that can be done.
    TransitionNotAllowed = "transition_not_allowed";
    /// There is no such tool.
    UnknownTool = "unknown_tool";
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::RefusalCode;

    #[test]
    fn every_refusal_is_explained_once_and_no_other_is() {
        let document = include_str!("../../docs/DELEGATION.md");
        let table = document
            .split("### What is refused besides")
            .nth(1)
            .unwrap_or_default();
        let explained: Vec<&str> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        let all: Vec<&str> = RefusalCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(explained, all);
    }
}
