//! A request whose store does not answer is given up after its time, and what its transaction holds is let go.

use seaworthy_core::ports::Operation;
use seaworthy_scenarios::{
    card_table::CardTable, event_store::EventStore, order_fulfillment::OrderFulfillment,
    order_inventory::OrderInventory,
};
use seaworthy_sim::{
    generate::generate,
    plan::{CallFault, Disturbance, Fault, Plan, Profile, TimedFault, Verdict},
    scenario::Scenario,
    trace::What,
    world::{RunOptions, run},
};

/// Microseconds after which a request is given up: ten seconds, less what it had taken before.
const GIVEN_UP: std::ops::Range<u64> = 9_900_000..10_000_001;

/// Has the first such call of a process hang, and returns the time in microseconds after which its transaction is dropped, if it is.
fn dropped_after<S: Scenario>(scenario: &S, seed: u64, process: &str, point: Operation) -> Option<u64> {
    let calm = generate(scenario, seed, Profile::Calm);
    let verdict = Verdict::Hang { after: false };
    let hang = Fault::Call(CallFault { process: process.into(), point: point.into(), nth: 1, verdict });
    // Something else is wrong for longer than that: what hangs goes on once all is healed.
    let paused = Disturbance::Pause { process: process.replace("-1", "-2").into() };
    let pause = Fault::Timed(TimedFault { from_ms: 0, to_ms: 30_000, what: paused });
    let plan = Plan { faults: vec![hang, pause], ..calm };
    let report = run(scenario, &plan, &RunOptions::default().keep_trace(true)).expect("a valid plan");
    assert!(report.held(), "{}: {:?}", scenario.name(), report.violations);
    let trace = report.trace.as_deref().expect("kept");
    let struck = trace.iter().find(|event| matches!(event.what, What::Fault { point: Some(_), .. })).expect("it hangs");
    let before = trace.iter().rev().filter(|event| event.number < struck.number);
    let mut of_its_task = before.filter(|event| event.task == struck.task && event.process == struck.process);
    let its_own = of_its_task.find_map(|event| if let What::Begin { tx, .. } = event.what { Some(tx) } else { None });
    let dropped = trace.iter().find(|event| matches!(&event.what, What::Abort { tx, .. } if Some(*tx) == its_own));
    dropped.map(|dropped| dropped.at - struck.at)
}

#[test]
fn a_request_that_hangs_is_given_up_and_its_transaction_dropped() {
    let (events, saga) = (OrderInventory::choreographed(), OrderInventory::orchestrated());
    for (service, after) in [
        ("choreographed orders, put", dropped_after(&events, 0, "orders-1", Operation::Put)),
        ("choreographed orders", dropped_after(&events, 0, "orders-1", Operation::Commit)),
        ("orchestrated orders", dropped_after(&saga, 0, "orders-1", Operation::Commit)),
        ("the bank, append", dropped_after(&EventStore::new(), 5, "desk-1", Operation::AppendEvents)),
        ("the bank", dropped_after(&EventStore::new(), 5, "desk-1", Operation::Commit)),
        ("the card table, append", dropped_after(&CardTable::new(), 0, "player-1", Operation::AppendEvents)),
        ("the card table", dropped_after(&CardTable::new(), 0, "player-1", Operation::Commit)),
        ("the shop", dropped_after(&OrderFulfillment::new(), 0, "orders-1", Operation::Commit)),
    ] {
        assert!(after.is_some_and(|after| GIVEN_UP.contains(&after)), "{service}: dropped after {after:?} us");
    }
}
