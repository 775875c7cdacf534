//! Placeholder until its room stands.

fn main() {}
