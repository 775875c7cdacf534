//! The same messages over HTTP, for a hub on another machine: one a request, each with a proof of its own.
//!
//! `POST /agents` carries an [`crate::AgentMessage`] and is answered with a [`crate::HubMessage`]: with a challenge, and
//! 401, where the nonce is not the hub's any more. A proof is made over [`delegation::WebRequestSubject`] and counts once.

use std::time::Duration;

/// How long the hub gives one nonce out. It is good for as long again; whoever has one for longer than this asks for
/// another first.
pub const NONCE_LIFE: Duration = Duration::from_secs(5 * 60);

/// Where agents' messages go.
pub const PATH: &str = "/agents";

/// The scheme under which a request names its token, in `Authorization`.
pub const SCHEME: &str = "AuditOtter";

/// The hub's nonce, in hex: what it gives out with each answer, and what a proof was made over.
pub const NONCE: &str = "auditotter-nonce";

/// What this attempt is called, as `rq_...`.
pub const ATTEMPT: &str = "auditotter-attempt";

/// The proof, in hex.
pub const PROOF: &str = "auditotter-proof";

/// The environment variable that names a hub elsewhere.
pub const HUB_VARIABLE: &str = "AUDITOTTER_HUB";

/// The environment variable that names a file of certificates, as PEM, that are trusted beside the system's.
pub const AUTHORITIES_VARIABLE: &str = "AUDITOTTER_HUB_CA";
