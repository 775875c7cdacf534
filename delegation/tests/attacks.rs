//! Tokens written by hand by whoever holds a delegation, or a member's key.
