//! Shrinking does not stop at what can be simpler: latencies, weaker faults, and faults that only move others.

use seaworthy_core::ports::Operation;
use seaworthy_sim::{
    generate::generate,
    plan::{CallFault, Fault, FaultKind, Latency, Plan, Profile, Restart, Schedule, Shrinker, Verdict},
    scenario::Workload,
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
    assert!(min_ms <= 5 && (40..80).contains(&max_ms), "{:?}", best.schedule);
    assert_eq!(best.schedule.stall_per_mille, 0);
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

#[test]
fn the_last_passes_leave_a_plan_from_which_nothing_can_be_left_out() {
    for salt in 0..24_u32 {
        let fails = |plan: &Plan<Deposits>| {
            let calls: u32 = plan
                .faults
                .iter()
                .map(|fault| match fault {
                    Fault::Call(call) => call.nth.wrapping_mul(salt + 3),
                    Fault::Timed(timed) => (timed.from_ms % 7) as u32,
                })
                .sum();
            !plan.faults.is_empty() && !plan.workload.0.is_empty() && (calls + salt) % 3 != 1
        };
        let Some(first) = (0..200).map(|seed| generate(&RIGHT, seed, Profile::Everything)).find(|plan| fails(plan))
        else {
            continue;
        };
        let (best, _) = shrunk(first, fails);
        for fault in 0..best.faults.len() {
            let mut fewer = best.clone();
            fewer.faults.remove(fault);
            assert!(!fails(&fewer), "fault {fault} of {:?}", best.faults);
        }
        for item in 0..best.workload.len() {
            assert!(!fails(&Plan { workload: best.workload.without(item..item + 1), ..best.clone() }));
        }
    }
}
