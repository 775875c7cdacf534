use delegation::{AgentVerb, VerifiedToken};

fn widen(token: &mut VerifiedToken) {
    token.verbs = AgentVerb::ALL.into();
}

fn main() {}
