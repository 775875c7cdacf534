//! MCP for agents: the tools, the resources, and the stdio server that a client starts.
//!
//! Data flows one way: [`stdio`] frames what the client says, [`server`] dispatches it, [`session`] decides
//! under which token it is asked, [`hub_link`] carries it to the hub and the answer back. Nothing here can
//! decide anything: the hub authorizes, and this crate does not know the words for a decision.

mod clock;
pub mod hook;
pub mod hub;
pub mod hub_link;
pub mod mistakes;
mod page;
mod resources;
mod schema;
pub mod server;
pub mod session;
mod shared;
mod skill;
mod spool;
pub mod stdio;
pub mod tools;
pub mod trailer;
