//! What the whole-system tests share: homes, terminals, raw MCP, scripted models, real clients and a security key.
//!
//! A helper here panics, with what it saw, where a test cannot go on; every wait has a deadline and waits for the
//! thing itself.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests stops the test where it stands, and says why"
)]

pub mod browser;
pub mod clients;
pub mod device;
pub mod export;
pub mod home;
pub mod inbox;
pub mod program;
pub mod repository;
pub mod scripted_model;
pub mod security_key;
pub mod stdio;
pub mod terminal;
pub mod web;

pub use browser::Browser;
pub use device::Device;
pub use home::Home;
pub use inbox::Visitor;
pub use repository::Repository;
pub use scripted_model::{ScriptedModel, Step};
pub use security_key::SecurityKey;
pub use stdio::StdioClient;
pub use terminal::Terminal;
pub use web::{Certificates, Elsewhere, ListeningHub, WebClient};
