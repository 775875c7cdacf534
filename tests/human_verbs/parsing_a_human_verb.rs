use std::str::FromStr;

use identity::HumanVerb;

fn main() {
    let _ = HumanVerb::from_str("approve");
}
