use delegation::AgentVerb;
use identity::HumanVerb;

fn main() {
    let _: HumanVerb = AgentVerb::ProposeWorkItem.into();
}
