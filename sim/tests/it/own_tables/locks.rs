//! Locks in documents that stay when they are free.

use bytes::Bytes;
use seaworthy_sim::{
    invariants::{Ending, Invariant as _, LockStranded, Panel},
    scenario::{LockTable, Topology},
    trace::{Effect, Outcome, script::Script},
};
use serde_json::json;

use super::service::{once, violated, write};

fn locks(topology: Topology) -> Topology {
    topology.lock_table(LockTable::documents("shop", "locks").held("owner").lease("until"))
}

#[test]
fn a_document_that_names_its_owner_is_a_lock_until_it_names_none() {
    let freed = once(locks, |ports| {
        Box::pin(async move {
            write(&ports, &[("locks", "a", json!({ "owner": "one" }))]).await;
            write(&ports, &[("locks", "a", json!({ "owner": null }))]).await;
        })
    });
    assert!(freed.held(), "{:?}", freed.violations);
    let kept = once(locks, |ports| {
        Box::pin(async move {
            write(&ports, &[("locks", "a", json!({ "owner": "one" }))]).await;
            write(&ports, &[("locks", "a", json!({ "owner": "two" }))]).await;
        })
    });
    assert_eq!(violated(&kept), ["lock-stranded"], "{:?}", kept.violations);
    assert_eq!(kept.violations[0].events.len(), 2, "who took it first, and who has it: {:?}", kept.violations);
    let leased = once(locks, |ports| {
        Box::pin(async move { write(&ports, &[("locks", "a", json!({ "owner": "one", "until": 17 }))]).await })
    });
    assert!(leased.held(), "{:?}", leased.violations);
}

#[test]
fn a_lock_of_one_store_is_not_freed_by_the_lock_of_that_name_in_another() {
    let lock = |held| Effect::Lock { table: "locks".into(), name: "a".into(), held };
    let document = |body| Effect::Document { collection: "locks".into(), id: "a".into(), version: 1, body };
    for (takes, frees) in [(lock(true), lock(false)), (document(Some(Bytes::new())), document(None))] {
        let mut script = Script::new();
        let one = script.process("one");
        script.commit(one, "shop", Outcome::Done, [takes.clone()]);
        script.commit(one, "bank", Outcome::Done, [takes]);
        script.commit(one, "bank", Outcome::Done, [frees]);
        let panel = Panel::new(vec![Box::new(LockStranded::new(&["locks".into()]))]);
        let findings = panel.judge(&script.events(), Ending::Quiet);
        assert_eq!(findings.violations.len(), 1, "{:?}", findings.violations);
        assert_eq!(findings.violations[0].events, [0]);
    }
}

#[test]
fn where_each_lock_has_a_lease_nobody_asks_for_one_that_could_be_stranded() {
    let table = || LockTable::documents("shop", "locks").held("owner");
    let subject = |topology: Topology| LockStranded::from_topology(&topology).subject();
    assert_eq!(
        subject(Topology::new().lock_table(table().lease("until"))),
        Some("a lock that was taken without a lease")
    );
    assert_eq!(subject(Topology::new().lock_table(table().lease("until")).lock_table(table())), None);
    assert_eq!(subject(Topology::new().lock_table(table().lease("until")).lock("others")), None);
}
