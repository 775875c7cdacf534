//! `await_decision`.

use protocol::tools::{AwaitDecision, DecisionAwaited};
use rmcp::model::Tool;

use super::{Effect, define};

pub(super) fn tool() -> Tool {
    define::<AwaitDecision, DecisionAwaited>(
        AwaitDecision::NAME,
        "Wait up to 40 s for the human's decision.",
        Effect::Reads,
    )
}

pub(super) fn text(awaited: &DecisionAwaited) -> String {
    match &awaited.decision {
        Some(decision) => {
            let why = decision.rationale.as_deref().unwrap_or("no reason given");
            format!(
                "{} is {}: {} decided to {} ({why})",
                awaited.id, awaited.state, decision.by, decision.verb
            )
        }
        None => "still waiting, call again".to_owned(),
    }
}
