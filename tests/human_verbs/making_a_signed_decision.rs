use identity::{Decision, Signed};

fn forge(value: Decision) -> Signed<Decision> {
    Signed { value }
}

fn main() {}
