//! Shrinking: only towards the same failure, as small as it gets, and the same machine for proptest.

use seaworthy_core::ports::Operation;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::deposits::{Deposits, RIGHT, Teller, WRONG, holds, pretend, violation};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use seaworthy_sim::{
    explore::{ShrinkError, ShrinkOptions, Shrunk, is_same_failure, runner, shrink},
    generate::{generate, strategy},
    invariants::{Ending, Violation},
    plan::{CallFault, Fault, FaultKind, Latency, Plan, Profile, Restart, Schedule, Shrinker, Verdict},
    scenario::Workload,
    world::{RunOptions, run},
};

/// A plan that needs two faults and two deposits to fail, among many more of each.
fn needs_two_of_each(plan: &Plan<Deposits>) -> bool {
    let deposits = |number: u32| plan.workload.0.iter().any(|deposit| deposit.0 == number);
    holds(plan, FaultKind::CrashAfter) && holds(plan, FaultKind::BrokerOutage) && deposits(7) && deposits(23)
}

fn crowded() -> Plan<Deposits> {
    let teller = Teller { deposits_max: 60, ..RIGHT };
    (0..)
        .map(|seed| generate(&teller, seed, Profile::Everything))
        .find(|plan| needs_two_of_each(plan) && plan.faults.len() >= 6)
        .expect("one in some hundred seeds")
}

#[test]
fn a_failing_plan_shrinks_to_what_it_needs_and_nothing_else() {
    let run =
        pretend(|plan| if needs_two_of_each(plan) { vec![violation("booked-once", "deposit-7")] } else { Vec::new() });
    let plan = crowded();
    let wanted = violation("booked-once", "deposit-9");
    let shrunk = shrink(&runner(&RIGHT, run), &plan, &wanted, &ShrinkOptions::default(), &|_| {}).expect("it fails");
    assert!(shrunk.minimal);
    assert_eq!(shrunk.plan.workload, Deposits(vec![(7, 1), (23, 1)]));
    assert_eq!(shrunk.plan.faults.len(), 2);
    assert_eq!(shrunk.plan.schedule, Schedule { latency: Latency::Equal { ms: 1 }, stall_per_mille: 0 });
    for fault in &shrunk.plan.faults {
        match fault {
            Fault::Call(CallFault { nth, verdict: Verdict::CrashAfter(restart), .. }) => {
                assert_eq!((*nth, *restart), (1, Restart { after_ms: 0, upgrade: false }));
            }
            Fault::Timed(timed) => assert_eq!((timed.from_ms, timed.to_ms), (0, 1)),
            other => panic!("{other:?} is not needed"),
        }
    }
    assert!(shrunk.runs < 600, "{} runs", shrunk.runs);
}

#[test]
fn shrinking_does_not_slip_to_another_failure() {
    // Without the outage another invariant fails, and with fewer than three deposits an entity of another kind.
    let run = pretend(|plan| match (holds(plan, FaultKind::BrokerOutage), plan.workload.len()) {
        (false, _) => vec![violation("lost-event", "deposit-1")],
        (true, 0..3) => vec![violation("booked-once", "account-1")],
        (true, _) => vec![violation("lost-event", "message 1"), violation("booked-once", "deposit-1")],
    });
    let wanted = violation("booked-once", "deposit-4");
    let shrunk =
        shrink(&runner(&RIGHT, run), &crowded(), &wanted, &ShrinkOptions::default(), &|_| {}).expect("it fails");
    assert_eq!((shrunk.plan.faults.len(), shrunk.plan.workload.len()), (1, 3));
    assert_eq!(shrunk.plan.faults[0].kind(), FaultKind::BrokerOutage);
    assert_eq!(shrunk.violation.invariant, "booked-once");
    assert_eq!(shrunk.report.violations[0], shrunk.violation, "the one that was shrunk towards is told first");
}

#[test]
fn the_same_failure_is_the_same_invariant_and_kind_of_entity() {
    let one = violation("lost-event", "order-17");
    assert!(is_same_failure(&one, &violation("lost-event", "order-3")));
    assert!(is_same_failure(&one, &violation("lost-event", "order 3")));
    assert!(!is_same_failure(&one, &violation("lost-event", "saga-17")));
    assert!(!is_same_failure(&one, &violation("duplicate-effect", "order-17")));
    let uuids = ["01890a5d-ac96-774b-bcce-b302099a8057", "cafe0a5d-ac96-574b-bcce-b302099a8057"];
    assert!(is_same_failure(&violation("a", uuids[0]), &violation("a", uuids[1])), "a UUID's letters say nothing");

    let panic = |place: Option<&str>| Violation { panicked_at: place.map(Into::into), ..violation("panic", "orders") };
    assert!(is_same_failure(&panic(Some("a.rs:1:1")), &panic(Some("a.rs:1:1"))));
    assert!(!is_same_failure(&panic(Some("a.rs:1:1")), &panic(Some("a.rs:1:9"))));
    assert!(is_same_failure(&panic(Some("a.rs:1:1")), &panic(None)), "it was found where no place was kept");
}

#[test]
fn a_budget_of_runs_ends_shrinking_and_says_that_it_is_not_minimal() {
    let runs = AtomicU64::new(0);
    let inner = pretend(|plan| if needs_two_of_each(plan) { vec![violation("a", "b")] } else { Vec::new() });
    let counted = |teller: &Teller, plan: &Plan<Deposits>, options: &RunOptions| {
        runs.fetch_add(1, Ordering::Relaxed);
        inner(teller, plan, options)
    };
    let options = ShrinkOptions::default().runs(20);
    let shrunk =
        shrink(&runner(&RIGHT, counted), &crowded(), &violation("a", "b"), &options, &|_| {}).expect("it fails");
    assert!(!shrunk.minimal);
    assert_eq!(runs.load(Ordering::Relaxed), shrunk.runs);
    assert!(shrunk.runs <= 20, "{} runs", shrunk.runs);
    assert!(needs_two_of_each(&shrunk.plan), "what was reached still fails");
}

/// Shrinks a plan of many faults and deposits whose runs end so, with so many steps, where `fails` says that they fail.
fn shrunk_at(ending: Ending, wakes: u64, fails: fn(&Plan<Deposits>) -> bool) -> Shrunk<Deposits> {
    let inner = pretend(move |plan| if fails(plan) { vec![violation("a", "b")] } else { Vec::new() });
    let costly = |teller: &Teller, plan: &Plan<Deposits>, options: &RunOptions| {
        let mut report = inner(teller, plan, options)?;
        (report.ending, report.effort.wakes) = (ending, wakes);
        Ok(report)
    };
    let options = ShrinkOptions::default();
    shrink(&runner(&RIGHT, costly), &crowded(), &violation("a", "b"), &options, &|_| {}).expect("it fails")
}

#[test]
fn of_runs_that_use_up_a_whole_budget_some_ten_are_made_and_the_coarse_steps_come_first() {
    let always = shrunk_at(Ending::OutOfBudget, 3_600_000, |plan| plan.faults.len() < 1_000);
    assert!(always.runs <= 8, "no step of it is run twice: {} runs", always.runs);
    assert_eq!((always.plan.faults.len(), always.plan.workload.len()), (0, 0));
    let needs = shrunk_at(Ending::OutOfBudget, 3_600_000, needs_two_of_each);
    assert!((10..20).contains(&needs.runs), "{} runs", needs.runs);
    assert!(!needs.minimal && needs_two_of_each(&needs.plan), "what was reached still fails");
    // However much one run takes, some are made.
    let runs = shrunk_at(Ending::OutOfBudget, u64::MAX, needs_two_of_each).runs;
    assert!((10..14).contains(&runs), "{runs} runs");
}

#[test]
fn runs_that_come_to_rest_and_short_ones_are_shrunk_as_far_as_ever() {
    let wanted = Deposits(vec![(7, 1), (23, 1)]);
    for (ending, wakes) in [(Ending::Quiet, 3_600_000), (Ending::OutOfBudget, 10_000)] {
        let shrunk = shrunk_at(ending, wakes, needs_two_of_each);
        assert!(shrunk.minimal && shrunk.runs > 50);
        assert_eq!((shrunk.plan.faults.len(), &shrunk.plan.workload), (2, &wanted));
    }
}

#[test]
fn a_plan_that_does_not_fail_or_not_each_time_is_refused() {
    let held = shrink(
        &runner(&RIGHT, pretend(|_| Vec::new())),
        &crowded(),
        &violation("a", "b"),
        &ShrinkOptions::default(),
        &|_| {},
    );
    assert!(matches!(held, Err(ShrinkError::NotReproduced { .. })));

    let runs = AtomicU64::new(0);
    let inner = pretend(|_| vec![violation("a", "b")]);
    let flaky = |teller: &Teller, plan: &Plan<Deposits>, options: &RunOptions| {
        let mut report = inner(teller, plan, options)?;
        report.fingerprint ^= runs.fetch_add(1, Ordering::Relaxed);
        Ok(report)
    };
    let refused = shrink(&runner(&RIGHT, flaky), &crowded(), &violation("a", "b"), &ShrinkOptions::default(), &|_| {});
    assert!(matches!(refused, Err(ShrinkError::Nondeterministic { .. })));
    let costly = |teller: &Teller, plan: &Plan<Deposits>, options: &RunOptions| {
        let mut report = flaky(teller, plan, options)?;
        (report.ending, report.effort.wakes) = (Ending::OutOfBudget, 3_600_000);
        Ok(report)
    };
    let refused = shrink(&runner(&RIGHT, costly), &crowded(), &violation("a", "b"), &ShrinkOptions::default(), &|_| {});
    assert!(matches!(refused, Err(ShrinkError::Nondeterministic { .. })), "the last run is compared");
}

#[test]
fn faults_strike_earlier_as_the_workload_shrinks() {
    // The third commit of each deposit is struck: which call that is depends on how many deposits come before it.
    let mut plan = Plan { faults: Vec::new(), ..generate(&RIGHT, 1, Profile::Calm) };
    plan.workload = Deposits((1..=16).map(|number| (number, 1)).collect());
    let restart = Restart { after_ms: 0, upgrade: false };
    let (process, verdict) = ("teller-1".into(), Verdict::CrashAfter(restart));
    plan.faults.push(Fault::Call(CallFault { process, point: Operation::Commit.into(), nth: 48, verdict }));
    let fails = |plan: &Plan<Deposits>| {
        plan.faults
            .iter()
            .any(|fault| matches!(fault, Fault::Call(call) if call.nth as usize == 3 * plan.workload.len()))
    };
    let mut shrinker = Shrinker::new(plan);
    while let Some(candidate) = shrinker.propose() {
        let still = fails(candidate);
        shrinker.decide(still);
    }
    assert_eq!(shrinker.best().workload.len(), 1);
}

#[test]
fn proptest_shrinks_plans_by_the_same_machine() {
    let config = Config { cases: 4_000, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let teller = Arc::new(Teller { deposits_max: 40, ..RIGHT });
    let found = TestRunner::new(config).run(&strategy(teller, Profile::Everything), |plan| {
        if needs_two_of_each(&plan) { Err(TestCaseError::fail("it fails")) } else { Ok(()) }
    });
    let Err(TestError::Fail(_, plan)) = found else { panic!("one in some hundred plans fails: {found:?}") };
    assert_eq!(plan.workload, Deposits(vec![(7, 1), (23, 1)]));
    assert_eq!(plan.faults.len(), 2);
}

/// Whatever the failure, nothing that is left can be left out.
#[test]
fn what_is_left_is_one_minimal() {
    for salt in 0..40_u32 {
        // An arbitrary and jumpy property, so that removals help one another.
        let fails = |plan: &Plan<Deposits>| {
            let sum: u32 = plan.workload.0.iter().map(|deposit| deposit.0.wrapping_mul(salt % 6 + 1) % 7).sum();
            let kinds = plan.faults.iter().filter(|fault| (fault.kind() as u32 + salt).is_multiple_of(3)).count();
            sum % 5 >= 2 && kinds >= 1
        };
        let teller = Teller { deposits_max: 30, ..RIGHT };
        let plans = (0..).map(|seed| generate(&teller, seed, Profile::Everything));
        // Another seed would hide a round that is missing: it tries each removal once more.
        let mut shrinker = Shrinker::new(plans.into_iter().find(fails).expect("many do")).keeping_the_seed();
        while let Some(candidate) = shrinker.propose() {
            let still = fails(candidate);
            shrinker.decide(still);
        }
        let best = shrinker.best();
        for item in 0..best.workload.len() {
            assert!(!fails(&Plan { workload: best.workload.without(item..item + 1), ..best.clone() }));
        }
        for fault in 0..best.faults.len() {
            let mut fewer = best.clone();
            fewer.faults.remove(fault);
            assert!(!fails(&fewer));
        }
    }
}

#[test]
fn a_deposit_that_is_booked_twice_shrinks_to_one_fault_and_one_deposit_in_the_real_world() {
    let (plan, report) = (0..)
        .map(|seed| generate(&WRONG, seed, Profile::Swarm))
        .map(|plan| (run(&WRONG, &plan, &RunOptions::default()).expect("it fits"), plan))
        .map(|(report, plan)| (plan, report))
        .find(|(_, report)| !report.held())
        .expect("some seed in twenty");
    let shrunk = shrink(&WRONG, &plan, &report.violations[0], &ShrinkOptions::default(), &|_| {}).expect("it fails");
    assert_eq!((shrunk.plan.faults.len(), shrunk.plan.workload.len()), (1, 1), "{}", shrunk.plan.print());
    assert!(shrunk.minimal);
    assert!(shrunk.report.trace.is_some(), "the story needs the trace");
    let again = run(&WRONG, &shrunk.plan, &RunOptions::default()).expect("it fits");
    assert_eq!(again.fingerprint, shrunk.report.fingerprint, "keeping the trace changes nothing");
}

#[test]
fn what_becomes_needless_later_is_left_out_in_another_round() {
    // Among several deposits a crash is needed; alone, the second one fails without.
    let fails = |plan: &Plan<Deposits>| {
        plan.workload.0.iter().any(|deposit| deposit.0 == 2)
            && (plan.workload.len() == 1 || holds(plan, FaultKind::CrashAfter))
    };
    let plans = (0..).map(|seed| generate(&RIGHT, seed, Profile::Crash));
    let plan = plans.into_iter().find(|plan| plan.workload.len() > 2 && fails(plan)).expect("one in some ten");
    // Another seed would hide a round that is missing: it tries each removal once more.
    let mut shrinker = Shrinker::new(plan).keeping_the_seed();
    while let Some(candidate) = shrinker.propose() {
        let still = fails(candidate);
        shrinker.decide(still);
    }
    assert_eq!((shrinker.best().faults.len(), shrinker.best().workload.len()), (0, 1));
}
