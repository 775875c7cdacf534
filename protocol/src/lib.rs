//! The typed requests that agent-side processes send to the hub.
//!
//! One connection is one agent session. The hub speaks first with a [`Challenge`]; the agent side answers
//! with an [`Open`], which carries its session token and a proof that it holds the token's key; then each
//! [`Request`] gets one [`Reply`] with the same id. Messages are JSON, framed by [`frame`].
//!
//! Nothing here can express a decision: what people do has words of its own, in rooms that this one does
//! not know.

pub mod autostart;
pub mod frame;
mod handshake;
pub mod home;
mod refusal;
mod request;
pub mod spool;
pub mod tools;
pub mod web;

pub use handshake::{
    AgentMessage, Challenge, HubMessage, Open, OpenReply, Opened, Party, Tell, VERSION, Via, ViaError,
};
pub use refusal::{Refusal, RefusalCode};
pub use request::{
    Answer, Call, ClientEvent, Heard, Observation, Outcome, Position, Reply, ReplyBody, Request, RequestBody,
};
