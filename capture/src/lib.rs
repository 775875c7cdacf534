//! What a coding agent's client says of its session, through its hooks and in its own record of it: as typed events and lines, and the
//! records that are kept of them.
//!
//! Pure: JSON in, records out; no clock, no files, no network. What is in here is the client's word and is
//! recorded as such: whoever has a shell can start the hook command with any JSON. It adds to a trace and takes nothing away.

mod command;
mod edit;
mod event;
mod record;
pub mod transcript;

pub use command::CommandRun;
pub use edit::{Change, FileEdited, Patch};
pub use event::{ClientSession, Event, EventError, Happened, SubAgent, Used};
pub use record::{
    Answered, Body, ClientEvent, Compacted, Ended, Failed, Permission, Prompt, Record, Returned,
    SessionEnded, SessionStarted, SubAgentStep, ToolCall, TurnEnded, TurnInterrupted, Usage,
};
