//! The words every room uses in the same sense: identifiers, time, risk, evidence, clients, repositories and their paths.
//!
//! Each type parses at the door and cannot be wrong inside. Nothing here decides, stores or signs.

mod client;
mod evidence;
mod git;
mod id;
mod legible;
mod progress;
mod repository;
mod risk;
mod text_form;
mod timestamp;
mod trailer;

pub use client::{Client, ClientError};
pub use evidence::{EvidenceKind, EvidenceOutcome};
pub use git::{GitObject, GitObjectError};
pub use id::{
    DelegationId, Id, IdError, Kind, MemberId, RequestId, SessionId, TraceId, WorkItemId, WorkspaceId,
};
pub use legible::{joins, misleads, shown};
pub use progress::ReportedState;
pub use repository::{RepoPath, RepoPathError, Repository, RepositoryError, Span};
pub use risk::{Risk, RiskError};
pub use timestamp::{Timestamp, TimestampError};
pub use trailer::{MOST_NAMED_TRACES, TRAILER, named_traces};
