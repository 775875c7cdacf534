//! A recorded trace, as others' formats have it: [Agent Trace](https://agent-trace.dev), OpenTelemetry's conventions for generative AI, and plain JSON Lines.
//!
//! Each is written entry by entry, in the order of the trace, so that a long one need not fit into memory. Nothing here
//! verifies: give it what was verified. And nothing in these formats can be verified again: they are for reading.

mod agent_trace;
mod jsonl;
mod otel;
mod told;

pub use agent_trace::{AgentTrace, Located};
pub use jsonl::Jsonl;
pub use otel::{Content, Otel};
