use delegation::AgentVerb;
use identity::HumanVerb;

fn main() {
    let _ = AgentVerb::ProposeWorkItem == HumanVerb::Approve;
}
