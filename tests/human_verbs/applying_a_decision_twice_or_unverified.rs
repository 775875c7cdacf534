use identity::{Decision, Signed, SignedDecision};
use work_items::{Event, WorkItems};

fn twice(items: &mut WorkItems, signed: Signed<Decision>) {
    let _ = items.apply(Event::Decided(signed));
    let _ = items.apply(Event::Decided(signed));
}

fn unverified(items: &mut WorkItems, sent: SignedDecision) {
    let _ = items.apply(Event::Decided(sent));
}

fn main() {}
