use delegation::{AgentName, AgentVerb, Authorized};
use vocabulary::{DelegationId, MemberId};

fn forge(delegation: DelegationId, on_behalf_of: MemberId) -> Authorized {
    Authorized {
        delegation,
        on_behalf_of,
        agent: AgentName::unnamed(),
        verb: AgentVerb::ProposeWorkItem,
    }
}

fn main() {}
