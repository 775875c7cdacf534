//! `describe_delegation`.

use protocol::tools::{DelegationDescription, DescribeDelegation};
use rmcp::model::Tool;

use super::{Effect, define};

pub(super) fn tool() -> Tool {
    define::<DescribeDelegation, DelegationDescription>(
        DescribeDelegation::NAME,
        "What you may do, for whom, where and until when.",
        Effect::Reads,
    )
}

pub(super) fn text(lent: &DelegationDescription) -> String {
    format!(
        "{} lends {}: {}; repositories {}; paths {}; up to {} risk; until {}. Never: {}",
        lent.on_behalf_of,
        lent.agent,
        lent.verbs.join(", "),
        lent.repositories.join(", "),
        lent.paths.join(", "),
        lent.risk_ceiling,
        lent.expires_at,
        lent.never.join(", ")
    )
}
