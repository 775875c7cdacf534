use delegation::Operation;
use identity::HumanVerb;

fn main() {
    let _ = Operation {
        verb: HumanVerb::AttestDeploy,
        repository: None,
        paths: &[],
        risk: None,
    };
}
