use identity::HumanVerb;

fn main() {
    let _ = "approve".parse::<HumanVerb>();
}
