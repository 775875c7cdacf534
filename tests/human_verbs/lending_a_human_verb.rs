use delegation::Grant;
use identity::HumanVerb;

fn widen(grant: &mut Grant) {
    grant.verbs.insert(HumanVerb::Approve);
}

fn main() {}
