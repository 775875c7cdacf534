//! What was lent, written into the store by hand once more or under another name.

use delegation::{AgentVerb, Grant};
use hub::{
    kind::EntryKind,
    records::{self, DelegationGranted},
};
use testkit::{Home, home::Lending};
use trace_store::{ChainId, NewEntry, Refs};
use vocabulary::DelegationId;

use crate::{
    decisions::{break_off, refused_by_both},
    landing::{begun, vouched_for},
};

/// An entry that says of a delegation that this was lent.
fn lent(home: &Home, named: DelegationId, grant: &Grant) -> (ChainId, NewEntry) {
    let witness = home.mint(grant).witness([1; 32]).unwrap().as_str().to_owned();
    let entry = NewEntry {
        kind: EntryKind::DelegationGranted.into(),
        on_behalf_of: Some(grant.on_behalf_of),
        via: None,
        delegation: Some(named),
        refs: Refs::new(),
        body: Some(records::write(&DelegationGranted { witness }).unwrap()),
    };
    (ChainId::Workspace(home.workspace()), entry)
}

#[test]
fn what_was_lent_is_on_record_once_and_under_its_own_name() {
    let narrow = |home: &Home| {
        let mut lending = Lending::to("codex");
        lending.verbs = vec![AgentVerb::ReadTrace];
        home.grant(&lending)
    };
    for wider in [false, true] {
        let (home, _, trace) = begun();
        let recorded = narrow(&home);
        home.register(&home.mint(&recorded));
        let mut again = recorded.clone();
        if wider {
            again.verbs = AgentVerb::ALL.into();
        }
        let forged = lent(&home, recorded.id, &again);
        home.forge_now(move |_| vec![forged]);
        let told = refused_by_both(&home, trace, &vouched_for(&home));
        assert!(told.contains("was lent before"), "{told}");
        break_off(&home, "was lent before");
    }
    let (home, _, _) = begun();
    let (recorded, other) = (narrow(&home), narrow(&home));
    let forged = lent(&home, other.id, &recorded);
    home.forge_now(move |_| vec![forged]);
    break_off(&home, "it names another delegation than");
}
