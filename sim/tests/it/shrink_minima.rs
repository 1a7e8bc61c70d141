//! Shrinking does not stop at what can be simpler: latencies, weaker faults, and faults that only move others.

use seaworthy_core::ports::Operation;
use seaworthy_sim::{
    generate::generate,
    plan::{
        CallFault, Disturbance, Fault, FaultKind, Latency, Plan, Profile, Restart, Schedule, Shrinker, TimedFault,
        Verdict,
    },
};

use crate::deposits::{Deposits, RIGHT, holds};

const AT_ONCE: Restart = Restart { after_ms: 0, upgrade: false };

fn plan(faults: Vec<Fault>) -> Plan<Deposits> {
    let schedule = Schedule { latency: Latency::Spread { min_ms: 5, max_ms: 280 }, stall_per_mille: 30 };
    Plan { faults, schedule, workload: Deposits(vec![(1, 1)]), ..generate(&RIGHT, 1, Profile::Calm) }
}

fn at_commit(nth: u32, verdict: Verdict) -> Fault {
    Fault::Call(CallFault { process: "teller-1".into(), point: Operation::Commit.into(), nth, verdict })
}

/// What shrinking ends with, and after how many plans.
fn shrunk(plan: Plan<Deposits>, fails: impl Fn(&Plan<Deposits>) -> bool) -> (Plan<Deposits>, u32) {
    assert!(fails(&plan), "shrinking begins with a plan that fails");
    let (mut shrinker, mut tried) = (Shrinker::new(plan), 0);
    while let Some(candidate) = shrinker.propose() {
        let still = fails(candidate);
        shrinker.decide(still);
        tried += 1;
        assert!(tried < 5_000, "shrinking ends");
    }
    (shrinker.best().clone(), tried)
}

fn nth_of(plan: &Plan<Deposits>, kind: FaultKind) -> Option<u32> {
    plan.faults.iter().find_map(|fault| match fault {
        Fault::Call(call) if fault.kind() == kind => Some(call.nth),
        _ => None,
    })
}

#[test]
fn each_call_takes_a_millisecond_and_nobody_is_held_up_unless_that_is_needed() {
    let simplest = Schedule { latency: Latency::Equal { ms: 1 }, stall_per_mille: 0 };
    let (best, _) = shrunk(plan(vec![]), |_| true);
    assert_eq!(best.schedule, simplest);
    let takes_time = |plan: &Plan<Deposits>| matches!(plan.schedule.latency, Latency::Spread { max_ms: 40.., .. });
    let (best, _) = shrunk(plan(vec![]), takes_time);
    let Latency::Spread { min_ms, max_ms } = best.schedule.latency else { panic!("{:?}", best.schedule) };
    assert!(max_ms - min_ms == 1 && (40..80).contains(&max_ms), "{:?}", best.schedule);
    assert_eq!(best.schedule.stall_per_mille, 0);
}

#[test]
fn latencies_become_one_round_number_where_that_is_enough() {
    let longest = |plan: &Plan<Deposits>| match plan.schedule.latency {
        Latency::Equal { ms } | Latency::Spread { max_ms: ms, .. } => ms,
        _ => 0,
    };
    // 5 to 280 ms at first: round numbers are simplest, others become less by an eighth at a time.
    let never_held_up = || {
        let plan = plan(vec![]);
        Plan { schedule: Schedule { stall_per_mille: 0, ..plan.schedule }, ..plan }
    };
    for (least, left) in [(1, 1), (2, 10), (37, 100), (100, 100), (101, 107), (279, 280)] {
        let (best, _) = shrunk(never_held_up(), |plan| longest(plan) >= least);
        assert_eq!(best.schedule, Schedule { latency: Latency::Equal { ms: left }, stall_per_mille: 0 }, "{least} ms");
    }
    // A call that is held up takes several times as long: there a longer round number is worth a try.
    let (best, _) = shrunk(plan(vec![]), |plan| {
        longest(plan) >= 281 || (longest(plan) >= 100 && plan.schedule.stall_per_mille > 0)
    });
    assert_eq!(best.schedule, Schedule { latency: Latency::Equal { ms: 1_000 }, stall_per_mille: 0 });
    // Neither of two constants that one could guess, but the shortest call's.
    let (best, _) = shrunk(plan(vec![]), |plan| {
        matches!(plan.schedule.latency, Latency::Spread { min_ms: 5, max_ms: 280 } | Latency::Equal { ms: 5 })
    });
    assert_eq!(best.schedule.latency, Latency::Equal { ms: 5 });
}

#[test]
fn a_schedule_that_needs_other_luck_when_it_is_simple_gets_other_luck() {
    let first = plan(vec![]).seed;
    let fails = |plan: &Plan<Deposits>| match plan.schedule.latency {
        Latency::Spread { .. } => true,
        _ => plan.seed != first && plan.seed.is_multiple_of(2),
    };
    let (best, _) = shrunk(plan(vec![]), fails);
    assert_eq!(best.schedule.latency, Latency::Equal { ms: 1 });
}

#[test]
fn a_fault_that_only_moves_what_another_counts_is_left_out() {
    // With the crash the second one strikes the fifth commit, without it the same call is the sixth: one by one, neither
    // fault can be left out, and neither call be moved.
    let fails = |plan: &Plan<Deposits>| {
        let lost = nth_of(plan, FaultKind::LoseReply);
        match nth_of(plan, FaultKind::CrashAfter) {
            Some(2) => lost == Some(5),
            None => lost == Some(6),
            Some(_) => false,
        }
    };
    let faults = vec![at_commit(2, Verdict::CrashAfter(AT_ONCE)), at_commit(5, Verdict::LoseReply)];
    let (best, tried) = shrunk(plan(faults), fails);
    assert_eq!(best.faults, [at_commit(6, Verdict::LoseReply)]);
    assert!(tried < 300, "{tried} plans");
}

#[test]
fn a_fault_at_the_first_call_or_over_time_is_moved_when_another_is_left_out() {
    let outage = |from_ms| Fault::Timed(TimedFault { from_ms, to_ms: from_ms + 1, what: Disturbance::BrokerOutage });
    for (moved, alone) in [
        (at_commit(1, Verdict::LoseReply), at_commit(2, Verdict::LoseReply)),
        (outage(0), outage(1_000)),
        (outage(1_100), outage(100)),
    ] {
        let other = at_commit(1, Verdict::CrashAfter(AT_ONCE));
        // Beside the crash it has to strike at one moment, alone at another.
        let fails =
            |plan: &Plan<Deposits>| plan.faults == [other.clone(), moved.clone()] || plan.faults == [alone.clone()];
        let mut shrinker = Shrinker::new(plan(vec![other.clone(), moved.clone()])).keeping_the_seed();
        while let Some(candidate) = shrinker.propose() {
            let still = fails(candidate);
            shrinker.decide(still);
        }
        assert_eq!(shrinker.best().faults, [alone]);
    }
}

#[test]
fn latencies_become_constant_where_a_fault_then_has_to_last_longer_or_to_strike_another_call() {
    let outage = Fault::Timed(TimedFault { from_ms: 600, to_ms: 1_300, what: Disturbance::BrokerOutage });
    let fails = |plan: &Plan<Deposits>| {
        let [Fault::Timed(timed)] = &plan.faults[..] else { return false };
        let length = timed.to_ms - timed.from_ms;
        match plan.schedule.latency {
            Latency::Spread { min_ms: 5, max_ms: 280 } => length >= 700,
            Latency::Equal { ms: 100 } => length >= 2_000,
            _ => false,
        }
    };
    let (best, _) = shrunk(plan(vec![outage]), fails);
    assert_eq!(best.schedule.latency, Latency::Equal { ms: 100 });
    let Fault::Timed(left) = &best.faults[0] else { panic!("{:?}", best.faults) };
    assert!(left.from_ms == 0 && (2_000..2_300).contains(&left.to_ms), "and is no longer than that: {left:?}");

    let fails = |plan: &Plan<Deposits>| match plan.schedule.latency {
        Latency::Spread { .. } => nth_of(plan, FaultKind::LoseReply) == Some(5),
        Latency::Equal { ms: 1 } => nth_of(plan, FaultKind::LoseReply) == Some(7),
        _ => false,
    };
    let (best, _) = shrunk(plan(vec![at_commit(5, Verdict::LoseReply)]), fails);
    assert_eq!(
        (best.schedule.latency, &best.faults[..]),
        (Latency::Equal { ms: 1 }, &[at_commit(7, Verdict::LoseReply)][..])
    );
}

#[test]
fn a_fault_over_time_that_matters_by_its_end_is_as_short_as_one_by_its_start() {
    let over = |from_ms, to_ms| Fault::Timed(TimedFault { from_ms, to_ms, what: Disturbance::BrokerOutage });
    let ends = |plan: &Plan<Deposits>| matches!(&plan.faults[..], [Fault::Timed(timed)] if timed.to_ms == 5_000);
    let (best, _) = shrunk(plan(vec![over(2_000, 5_000)]), ends);
    assert_eq!(best.faults, [over(4_999, 5_000)]);
}

#[test]
fn a_crash_is_weakened_to_an_error_where_that_is_enough() {
    for (strong, weak) in [
        (Verdict::CrashBefore(AT_ONCE), Verdict::Unavailable),
        (Verdict::CrashAfter(AT_ONCE), Verdict::LoseReply),
        (Verdict::LoseRequest, Verdict::Unavailable),
    ] {
        let (best, _) = shrunk(plan(vec![at_commit(7, strong)]), |plan| plan.faults.len() == 1);
        assert_eq!(best.faults, [at_commit(1, weak)], "{strong:?}");
        // And where it is not, it stays what it is.
        let kind = strong.kind();
        let (best, _) = shrunk(plan(vec![at_commit(7, strong)]), |plan| holds(plan, kind));
        assert_eq!(best.faults, [at_commit(1, strong)]);
    }
}

#[test]
fn the_faults_of_a_process_that_hold_each_other_are_left_out_together() {
    let restart = |process: &str, nth| {
        let verdict = Verdict::CrashAfter(AT_ONCE);
        Fault::Call(CallFault { process: process.into(), point: Operation::Commit.into(), nth, verdict })
    };
    let of = |plan: &Plan<Deposits>, name: &str| {
        plan.faults.iter().filter(|fault| matches!(fault, Fault::Call(call) if call.process == name)).count()
    };
    // Two of `other-1`, or none; the last one is needed.
    let fails = |plan: &Plan<Deposits>| of(plan, "teller-1") == 1 && matches!(of(plan, "other-1"), 0 | 2);
    // Apart in the list, so that no run of neighbours holds just them.
    let faults = vec![restart("other-1", 1), restart("teller-1", 1), restart("other-1", 2)];
    let (best, _) = shrunk(plan(faults), fails);
    assert_eq!(best.faults.len(), 1);
}
