//! Processes that are asked to stop, and what excuses one that stays.

use std::time::Duration;

use seaworthy_core::ports::Operation;
use seaworthy_sim::{
    invariants::{Ending, Entity, Findings, Invariant, Panel, StopsWhenAsked},
    plan::FaultKind,
    scenario::Topology,
    trace::{ProcessIndex, What, script::Script},
};

fn topology() -> Topology {
    Topology::new().process("orders-1", "orders", "orders", |_| async {})
}

fn judge(script: &Script) -> Findings {
    let panel = Panel::new(vec![Box::new(StopsWhenAsked::from_topology(&topology()))]);
    panel.judge(&script.events(), Ending::Quiet)
}

/// A process is asked to stop, something happens, and it is gone so many milliseconds later.
fn gone_after(ms: u64, before: impl FnOnce(&mut Script), meanwhile: impl FnOnce(&mut Script)) -> (Findings, [u64; 2]) {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    before(&mut script);
    let asked = script.fault(orders, FaultKind::Stop, Operation::Commit);
    meanwhile(&mut script);
    script.after_ms(ms);
    let gone = script.event(orders, What::Crash);
    script.rest();
    (judge(&script), [asked, gone])
}

/// Processes by their places in the topology.
const ORDERS: ProcessIndex = ProcessIndex(0);

fn timed(script: &mut Script, index: u32) {
    script.event(ProcessIndex::WORLD, What::Fault { index, kind: FaultKind::BrokerOutage, point: None });
}

#[test]
fn a_process_that_is_killed_since_it_did_not_stop_is_told() {
    let (found, events) = gone_after(10_000, |_| (), |_| ());
    let [violation] = &found.violations[..] else { panic!("{:?}", found.violations) };
    let sentence = "process orders-1 was asked to stop and was still there 10 s later, when it was killed: let each loop end with `ports.stop`";
    assert_eq!((violation.sentence.as_str(), &violation.events[..]), (sentence, &events[..]));
    assert!(violation.entity == Entity::named("orders", "orders-1") && !violation.at_the_end);
}

#[test]
fn one_that_ends_in_time_or_by_something_else_is_not() {
    let none = |(found, _): (Findings, [u64; 2])| assert_eq!((found.violations, found.judged[0].times), (vec![], 1));
    none(gone_after(9_998, |_| (), |_| ()));
    none(gone_after(10_000, |_| (), |script| _ = script.event(ORDERS, What::Exit { reason: "asked".into() })));
    none(gone_after(10_000, |_| (), |script| _ = script.event(ORDERS, What::Panic { message: "no".into() })));
}

#[test]
fn whatever_else_strikes_until_it_is_killed_excuses_it() {
    for kind in [FaultKind::Conflict, FaultKind::Delay, FaultKind::CrashAfter] {
        let (found, _) = gone_after(10_000, |_| (), |script| _ = script.fault(ORDERS, kind, Operation::Commit));
        assert_eq!((found.violations, found.judged[0].times), (vec![], 1), "{kind:?}");
    }
    let (found, _) = gone_after(10_000, |_| (), |script| timed(script, 1));
    assert_eq!(found.violations, []);
}

#[test]
fn it_is_not_asked_while_something_is_held_up_or_has_just_been() {
    let judged = |before: &dyn Fn(&mut Script)| {
        let (found, _) = gone_after(10_000, before, |_| ());
        (found.judged[0].times, found.violations.len())
    };
    for (kind, ms) in [(FaultKind::Delay, 120_000), (FaultKind::Hang, 720_000)] {
        let since = |ms: u64| {
            move |script: &mut Script| {
                script.fault(ORDERS, kind, Operation::Commit);
                script.after_ms(ms);
            }
        };
        assert_eq!((judged(&since(ms - 1)), judged(&since(ms))), ((0, 0), (1, 1)), "{kind:?}");
    }
    assert_eq!(judged(&|script| _ = script.fault(ORDERS, FaultKind::Conflict, Operation::Commit)), (1, 1));
    let over = |ms: Option<u64>| {
        move |script: &mut Script| {
            timed(script, 1);
            script.after_ms(600_000);
            if let Some(ms) = ms {
                script.event(ProcessIndex::WORLD, What::FaultOver { index: 1 });
                script.after_ms(ms);
            }
        }
    };
    assert_eq!(
        (judged(&over(None)), judged(&over(Some(59_999))), judged(&over(Some(60_000)))),
        ((0, 0), (0, 0), (1, 1))
    );
}

/// A process is asked to stop, and is there until it is killed: `orders-2` if a call of another hangs, either before it is asked or after.
fn hangs_beside(topology: &Topology, (hung, point): (ProcessIndex, Operation), is_first: bool) -> (u64, usize) {
    let mut script = Script::new();
    let (first, _) = (script.process("orders-1"), script.process("orders-2"));
    assert_eq!(first, ORDERS);
    let hang = |script: &mut Script| _ = script.fault(hung, FaultKind::Hang, point);
    if is_first {
        hang(&mut script);
    }
    script.fault(first, FaultKind::Stop, Operation::Commit);
    if !is_first {
        hang(&mut script);
    }
    script.after_ms(topology.stop_within.as_millis() as u64);
    script.event(first, What::Crash);
    let panel = Panel::new(vec![Box::new(StopsWhenAsked::from_topology(topology))]);
    let found = panel.judge(&script.events(), Ending::Quiet);
    (found.judged[0].times, found.violations.len())
}

/// What it does not have to wait for: what it has not in hand, and what it gives up in time.
#[test]
fn a_call_that_hangs_excuses_no_process_that_need_not_wait_for_it() {
    let replicas = || topology().process("orders-2", "orders", "orders", |_| async {});
    let long = || replicas().stops_within(Duration::from_secs(40));
    let short = || long().gives_up_within(Duration::from_secs(30));
    let others = [Operation::External, Operation::Publish, Operation::Ack, Operation::Nack, Operation::Extend];
    let others_of_a_store = [Operation::Commit, Operation::Receive];
    let told = |topology: &Topology, call| [true, false].map(|is_first| hangs_beside(topology, call, is_first));
    for topology in [replicas(), long().fails_for_good(), short(), short().fails_for_good()] {
        assert_eq!(told(&topology, (ORDERS, Operation::Subscribe)), [(1, 1); 2]);
        for point in others_of_a_store {
            assert_eq!(told(&topology, (ORDERS, point)), [(0, 0), (1, 0)], "{point:?}");
        }
    }
    for point in others {
        for topology in [replicas(), long().fails_for_good(), short()] {
            assert_eq!(told(&topology, (ORDERS, point)), [(0, 0), (1, 0)], "{point:?}");
        }
        assert_eq!(told(&short().fails_for_good(), (ORDERS, point)), [(1, 1); 2], "{point:?}");
        let shorter = short().gives_up_within(Duration::from_millis(30_001)).fails_for_good();
        assert_eq!(told(&shorter, (ORDERS, point)), [(0, 0), (1, 0)], "{point:?}: nine seconds for the rest");
    }
    // Others may wait for what it does.
    let another = ProcessIndex(1);
    assert_eq!(told(&short().fails_for_good(), (another, Operation::Subscribe)), [(0, 0), (1, 0)]);
}

/// For as long as it may hang.
#[test]
fn a_subscription_that_hangs_excuses_others_until_it_is_over() {
    for (ms, times) in [(719_999, 0), (720_000, 1)] {
        let (found, _) = gone_after(
            10_000,
            |script| {
                let other = script.process("orders-2");
                script.fault(other, FaultKind::Hang, Operation::Subscribe);
                script.after_ms(ms);
            },
            |_| (),
        );
        assert_eq!((found.judged[0].times, found.violations.len()), (times, times as usize), "{ms} ms");
    }
}

/// What is in hand takes a hundred calls, perhaps.
#[test]
fn it_is_not_asked_where_calls_take_too_long() {
    for (ms, violations) in [(100, 1), (101, 0)] {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.fault(orders, FaultKind::Stop, Operation::Commit);
        script.after_ms(10_000);
        script.event(orders, What::Crash);
        let mut invariant = StopsWhenAsked::from_topology(&topology());
        invariant.pace(Duration::from_millis(ms));
        let found = Panel::new(vec![Box::new(invariant)]).judge(&script.events(), Ending::Quiet);
        assert_eq!(found.violations.len(), violations, "{ms} ms");
    }
}

/// Whoever has more in hand says so.
#[test]
fn the_time_for_a_stop_is_the_topologys() {
    for (ms, violations) in [(24_998, 0), (24_999, 1)] {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.fault(orders, FaultKind::Stop, Operation::Commit);
        script.after_ms(ms);
        script.event(orders, What::Crash);
        let invariant = StopsWhenAsked::from_topology(&topology().stops_within(Duration::from_secs(25)));
        let found = Panel::new(vec![Box::new(invariant)]).judge(&script.events(), Ending::Quiet);
        assert_eq!(found.violations.len(), violations, "{ms} ms");
    }
}

/// A rollout asks its process twice: when the next release comes, and when it is taken back. Of one that is down nothing is asked.
#[test]
fn a_process_that_is_rolled_out_is_asked_each_time() {
    let rollout = What::Fault { index: 3, kind: FaultKind::Rollout, point: None };
    for (of, at_a_time) in [(ORDERS, 1), (ProcessIndex::WORLD, 0)] {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        for what in [rollout.clone(), What::FaultOver { index: 3 }] {
            script.boot(orders);
            script.event(of, what);
            script.after_ms(10_000);
            script.event(orders, What::Crash);
        }
        let found = judge(&script);
        assert_eq!((found.judged[0].times, found.violations.len()), (2 * at_a_time, 2 * at_a_time as usize), "{of:?}");
    }
}

#[test]
fn who_is_asked_twice_is_told_once() {
    let (found, events) =
        gone_after(10_000, |_| (), |script| _ = script.fault(ORDERS, FaultKind::Stop, Operation::Get));
    let [violation] = &found.violations[..] else { panic!("{:?}", found.violations) };
    assert_eq!((found.judged[0].times, &violation.events[..]), (2, &events[..]));
}
