//! The typed requests that agent-side processes send to the hub.
