use delegation::AgentVerb;
use identity::HumanVerb;

fn main() {
    let _ = AgentVerb::ProposeWorkItem as HumanVerb;
    let _ = HumanVerb::Approve as AgentVerb;
}
