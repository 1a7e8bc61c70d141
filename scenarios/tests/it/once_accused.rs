//! Plans by which right services were once accused of what they had not done, or did what nobody had thought of.

use std::{fs, path::Path};

use seaworthy_scenarios::{card_table::CardTable, event_store::EventStore, order_fulfillment::OrderFulfillment};
use seaworthy_sim::{
    explore::read_plan,
    scenario::Scenario,
    world::{RunOptions, run},
};

/// Runs the plans of a folder, under which the scenario has to hold. Returns their number.
fn holds_under<S: Scenario>(scenario: &S, folder: &str) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans").join(folder);
    let mut plans = 0;
    for entry in fs::read_dir(folder).expect("the plans are there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            continue;
        }
        let plan = read_plan(&path).expect("a plan");
        let report = run(scenario, &plan, &RunOptions::default()).expect("the same topology");
        assert!(report.held(), "{}: {:?}", path.display(), report.violations);
        assert!(report.fired.len() >= plan.faults.len().min(2), "{}: its faults strike", path.display());
        plans += 1;
    }
    plans
}

#[test]
fn the_right_shop_holds_where_it_was_once_accused() {
    assert_eq!(holds_under(&OrderFulfillment::new(), ""), 4);
}

/// An event that waits behind another one was parked with both ids in one warning, and only one of them counted as said.
#[test]
fn the_right_bank_holds_where_one_warning_names_two_events() {
    assert_eq!(holds_under(&EventStore::new(), "event_store"), 1);
}

/// A payout behind one that is a dead letter was rejected in the end, and its table kept it. A message that waited for a wallet which a
/// request held that hung was a dead letter in the end. A row that was claimed with one that kills its publisher waited as long as ten deaths, beside
/// another one that panics; one behind a row of its own key was counted as the first of it once another fault had struck, or once the one before had been published by a process that died of it; and the lease of a process that
/// died of one row was counted against another one that was tried meanwhile.
#[test]
fn the_right_card_table_holds_where_it_once_kept_what_was_not_its_own_or_gave_up_what_only_waited() {
    assert_eq!(holds_under(&CardTable::new(), "card_table"), 6);
}
