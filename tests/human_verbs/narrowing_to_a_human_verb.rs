use delegation::Narrowing;
use identity::HumanVerb;

fn widen(narrowing: &mut Narrowing) {
    narrowing.verbs = [HumanVerb::GrantAccess].into();
}

fn main() {}
