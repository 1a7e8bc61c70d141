//! One plan is one run: alone, again, and in another thread.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::deposits::{Deposits, RIGHT, Teller, WRONG};
use seaworthy_sim::{
    explore::{DifferenceCause, Source, determinism, diagnose, first_divergence, runner},
    generate::generate,
    plan::{Plan, Profile},
    world::{RunOptions, run},
};

#[test]
fn plans_of_every_profile_run_the_same_each_time_and_in_any_thread() {
    for profile in Profile::ALL {
        for seed in 0..20 {
            let plan = generate(&WRONG, seed, profile);
            let divergence = determinism(&WRONG, &plan, &RunOptions::default()).expect("it fits");
            assert_eq!(divergence, None, "{profile} {seed}");
        }
    }
}

#[test]
fn a_run_that_depends_on_how_often_it_was_run_is_caught_at_its_first_difference() {
    // From the second or the third run on, another plan is run in secret.
    for (slips_at, other) in [(1, "the second run"), (2, "the run in another thread")] {
        let runs = AtomicU64::new(0);
        let slipping = |teller: &Teller, plan: &Plan<Deposits>, options: &RunOptions| {
            let mut plan = plan.clone();
            if runs.fetch_add(1, Ordering::Relaxed) >= slips_at {
                plan.workload = Deposits(vec![(9, 1)]);
            }
            run(teller, &plan, options)
        };
        let plan = Plan { workload: Deposits(vec![(1, 1), (2, 1)]), ..generate(&RIGHT, 1, Profile::Calm) };
        let divergence = determinism(&runner(&RIGHT, slipping), &plan, &RunOptions::default()).expect("it fits");
        let divergence = divergence.expect("they differ");
        assert_eq!(divergence.other, other);
        assert!(divergence.at > 0, "the boot is the same");
        assert_ne!(divergence.first, divergence.second);
    }
}

#[test]
fn a_trace_that_ends_early_differs_where_it_ends() {
    let plan = generate(&RIGHT, 1, Profile::Calm);
    let options = RunOptions::default().keep_trace(true);
    let trace = run(&RIGHT, &plan, &options).expect("it fits").trace.expect("it was kept");
    assert_eq!(first_divergence(&trace, &trace), None);
    assert_eq!(first_divergence(&trace, &trace[..5]), Some(5));
    assert_eq!(first_divergence(&trace[..5], &trace), Some(5));
}

#[test]
fn a_difference_in_the_verdict_alone_is_one_too() {
    let runs = AtomicU64::new(0);
    let fickle = |teller: &Teller, plan: &Plan<Deposits>, options: &RunOptions| {
        let mut report = run(teller, plan, options)?;
        if runs.fetch_add(1, Ordering::Relaxed) == 1 {
            report.violations.push(crate::deposits::violation("a", "b"));
        }
        Ok(report)
    };
    let plan = generate(&RIGHT, 1, Profile::Calm);
    let divergence = determinism(&runner(&RIGHT, fickle), &plan, &RunOptions::default()).expect("it fits");
    let divergence = divergence.expect("they differ");
    assert_eq!((divergence.first, divergence.second), (None, None), "after the last event");
}

#[test]
fn a_trace_that_is_longer_than_it_may_be_is_let_go_of_and_changes_nothing_else() {
    let plan = generate(&RIGHT, 1, Profile::Swarm);
    let of = |most| run(&RIGHT, &plan, &RunOptions::default().keep_trace(true).trace_max(most)).expect("it fits");
    let whole = of(None);
    for (most, is_kept) in [(whole.events, true), (whole.events - 1, false), (0, false)] {
        let report = of(Some(most));
        assert_eq!((report.fingerprint, report.events), (whole.fingerprint, whole.events));
        assert_eq!(report.trace.is_some(), is_kept, "at most {most} of {}", whole.events);
    }
}

#[test]
fn runs_too_long_for_their_traces_are_told_apart_by_their_fingerprints_and_by_the_traces_of_more_runs() {
    let plan = Plan { workload: Deposits(vec![(1, 1), (2, 1)]), ..generate(&RIGHT, 1, Profile::Calm) };
    let source = Source::Seed { seed: 1, profile: Profile::Calm };
    let options = RunOptions::default().trace_max(Some(5));
    // Which of the runs are of another plan, in secret.
    let told = |is_another: fn(u64) -> bool| {
        let runs = AtomicU64::new(0);
        let slipping = |teller: &Teller, plan: &Plan<Deposits>, options: &RunOptions| {
            let mut plan = plan.clone();
            if is_another(runs.fetch_add(1, Ordering::Relaxed)) {
                plan.workload = Deposits(vec![(9, 1)]);
            }
            run(teller, &plan, options)
        };
        diagnose(&runner(&RIGHT, slipping), &plan, &options, source.clone(), None).expect("it fits")
    };
    assert_eq!(told(|_| false), None);
    // The third and the fourth agree: one of the first two was alone.
    for alone in [told(|run| run == 0), told(|run| run == 1)] {
        let alone = alone.expect("they differ");
        assert_eq!(alone.cause, DifferenceCause::Survivor);
        assert!(alone.story.contains("a run of a plan does not come again"), "{}", alone.story);
    }
    let differing = told(|run| run % 2 == 1).expect("they differ");
    assert!(differing.at > 0, "the boot is the same: {}", differing.story);
    assert!(differing.story.contains("first run") && differing.story.contains("second run"), "{}", differing.story);
}

#[test]
fn a_difference_in_the_verdict_alone_is_told_of_runs_without_traces_too() {
    let runs = AtomicU64::new(0);
    let fickle = |teller: &Teller, plan: &Plan<Deposits>, options: &RunOptions| {
        let mut report = run(teller, plan, options)?;
        if runs.fetch_add(1, Ordering::Relaxed) == 1 {
            report.violations.push(crate::deposits::violation("a", "b"));
        }
        Ok(report)
    };
    let (plan, source) = (generate(&RIGHT, 1, Profile::Calm), Source::Seed { seed: 1, profile: Profile::Calm });
    let options = RunOptions::default().trace_max(Some(5));
    let found = diagnose(&runner(&RIGHT, fickle), &plan, &options, source, None).expect("it fits");
    assert_eq!(found.expect("they differ").cause, DifferenceCause::Judgement);
}
