//! The process that owns a workspace: it authorizes, records and applies.
//!
//! Two doors lead in. [`agents`] is for agent-side processes: nothing happens there without a session token and
//! a proof that its key is held. [`companion`] is for what a human types: reading, registering what a member's
//! key has already signed, and taking power away; it needs no secret and gives none. Behind both stands one
//! writer, on whose thread [`workspace::Workspace`] lives: every request is authorized, recorded and applied
//! there as one durable step, or not at all.

mod admission;
mod aftermath;
pub mod agents;
mod calls;
mod clearing;
pub mod clock;
pub mod companion;
pub mod create;
mod decisions;
mod deeds;
mod dispatch;
mod events;
mod expiry;
pub mod export_claims;
mod gating;
pub mod http;
mod inbox;
pub mod kind;
mod lately;
pub mod lock;
mod mark;
mod membership;
mod news;
mod outbox;
mod private;
mod record;
pub mod records;
mod said;
pub mod serve;
mod session;
mod settings;
mod spool;
mod summary;
pub mod telling;
mod throttle;
mod tools;
mod transcripts;
mod waiting;
pub mod words;
pub mod workspace;

pub use lock::{Held, LockError};
pub use mark::MarkError;
pub use settings::{HubKey, Settings, SettingsError};
pub use summary::summarize;
