use identity::{Decision, Signed, SignedDecision};
use work_items::{Circumstances, Event, WorkItems};

fn twice(items: &mut WorkItems, signed: Signed<Decision>, seen: Circumstances) {
    let _ = items.apply(Event::Decided(signed, seen));
    let _ = items.apply(Event::Decided(signed, seen));
}

fn unverified(items: &mut WorkItems, sent: SignedDecision, seen: Circumstances) {
    let _ = items.apply(Event::Decided(sent, seen));
}

fn main() {}
