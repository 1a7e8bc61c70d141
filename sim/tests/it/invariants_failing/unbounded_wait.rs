//! Calls that hang for good, and callers that have no limit.

use seaworthy_core::ports::Operation;
use seaworthy_sim::{
    invariants::{Ending, Entity, Findings, Panel, UnboundedWait},
    plan::FaultKind,
    scenario::Topology,
    trace::{ProcessIndex, What, script::Script},
};

/// Ten minutes, in virtual time.
const HANGS_US: u64 = 600_000_000;

/// Two calls of one process hang, and of those of the second operation the caller still waits at the end.
fn hung(topology: Topology, waits_for: Operation, whom: &str) -> (Findings, [u64; 2]) {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.fault(orders, FaultKind::Hang, Operation::External);
    let struck = script.fault(orders, FaultKind::Hang, waits_for);
    let since = script.events().last().expect("a fault").at;
    script.after_ms(HANGS_US / 1_000 - 1);
    let whom = whom.into();
    let told = script.event(orders, What::NeverReturned { point: waits_for, tx: None, since, behind: None, whom });
    script.rest();
    let panel = Panel::new(vec![Box::new(UnboundedWait::from_topology(&topology))]);
    (panel.judge(&script.events(), Ending::Quiet), [struck, told])
}

#[test]
fn a_caller_that_still_waits_at_the_end_has_no_limit_and_is_told_with_what_it_waits_for() {
    for (point, whom, sentence) in [
        (
            Operation::External,
            "bank",
            "a call of `bank` has hung for 600 s and its caller still waits: put a limit of time around it",
        ),
        (
            Operation::Publish,
            "orders",
            "a publish to `orders` has hung for 600 s and its caller still waits: put a limit of time around the publish",
        ),
        (
            Operation::Subscribe,
            "listener",
            "a subscription of `listener` has hung for 600 s and its caller still waits: put a limit of time around it",
        ),
        (
            Operation::Ack,
            "listener",
            "an acknowledgement of `listener` has hung for 600 s and its caller still waits: put a limit of time around it",
        ),
        (
            Operation::Nack,
            "listener",
            "a negative acknowledgement of `listener` has hung for 600 s and its caller still waits: put a limit of time around it",
        ),
        (
            Operation::Extend,
            "listener",
            "the extension of a delivery of `listener` has hung for 600 s and its caller still waits: put a limit of time around it",
        ),
    ] {
        let (found, events) = hung(Topology::new().fails_for_good(), point, whom);
        let [violation] = &found.violations[..] else { panic!("{:?}", found.violations) };
        assert_eq!((violation.sentence.as_str(), &violation.events[..]), (sentence, &events[..]));
        assert!(violation.entity == Entity::named(point.name(), whom) && !violation.at_the_end);
        assert_eq!(found.judged[0].times, 2, "both were to be given up");
    }
}

#[test]
fn where_nothing_fails_for_good_and_of_a_store_nothing_is_asked() {
    let (found, _) = hung(Topology::new(), Operation::External, "bank");
    assert_eq!((found.violations, found.judged[0].times), (vec![], 0));
    // Nor of one that receives: it waits for something to come.
    for point in [Operation::Commit, Operation::Receive] {
        let (found, _) = hung(Topology::new().fails_for_good(), point, "");
        assert_eq!((found.violations, found.judged[0].times), (vec![], 1), "{point:?}");
    }
}

#[test]
fn a_call_that_is_given_up_in_time_is_judged_and_no_more() {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.fault(orders, FaultKind::Hang, Operation::Publish);
    script.event(ProcessIndex::WORLD, What::Healed);
    let panel = Panel::new(vec![Box::new(UnboundedWait::from_topology(&Topology::new().fails_for_good()))]);
    let found = panel.judge(&script.events(), Ending::Quiet);
    assert_eq!((found.violations, found.judged[0].times), (vec![], 1));
}
