//! `describe_delegation`.

use delegation::AgentVerb;
use identity::HumanVerb;
use protocol::tools::DelegationDescription;

use super::{Plan, structured};

pub(super) fn plan(verb: Option<AgentVerb>) -> Plan {
    Plan::reading(verb, |workspace, scribe| {
        let token = &scribe.caller.token;
        let grant = token.grant();
        structured(&DelegationDescription {
            delegation: grant.id,
            on_behalf_of: workspace.attribution(grant.on_behalf_of, &scribe.caller.via.agent),
            agent: grant.agent.to_string(),
            verbs: token.verbs().iter().map(ToString::to_string).collect(),
            repositories: grant.repositories.names(),
            paths: grant.paths.names(),
            risk_ceiling: grant.risk_ceiling,
            expires_at: grant.expires_at,
            session: token.session(),
            session_expires_at: token.expires_at(),
            trace: scribe.caller.trace,
            never: HumanVerb::ALL
                .iter()
                .map(|verb| verb.as_str().to_owned())
                .collect(),
        })
    })
}
