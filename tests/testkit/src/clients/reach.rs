//! How a client reaches the server under test.

use std::path::PathBuf;

/// How a client reaches the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// It starts this program and speaks over its pipes.
    Stdio(PathBuf),
    /// Over Streamable HTTP, at this hub, with this credential.
    Http {
        /// The hub's address.
        hub: String,
        /// What it shows.
        credential: String,
    },
    /// Over the older HTTP+SSE, likewise.
    Sse {
        /// The hub's address.
        hub: String,
        /// What it shows.
        credential: String,
    },
}
