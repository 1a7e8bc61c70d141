//! Sweeps: the same outcome whatever the number of jobs, shards that merge, and an honest verdict.

use std::{cell::Cell, collections::BTreeSet, time::Duration};

use crate::deposits::{Deposits, RIGHT, WRONG, holds, pretend, violation};
use seaworthy_core::stop::Stop;
use seaworthy_sim::{
    explore::{
        Campaign, Gap, SearchOptions, Seeds, Shard, Source, SweepError, SweepOptions, Timing, Until, runner, sweep,
    },
    generate::generate,
    invariants::Judged,
    plan::{FaultKind, Plan, Profile, derive_seed},
    scenario::Scenario,
    world::{RunOptions, run},
};

fn options(count: u64) -> SweepOptions {
    with(count, |search| search)
}

fn with(count: u64, change: impl FnOnce(SearchOptions) -> SearchOptions) -> SweepOptions {
    let options = SweepOptions::new(Seeds::Base(42), Until::runs(count));
    let search = change(options.search.clone());
    options.search(search)
}

/// All of a campaign that must not depend on the machine.
fn timeless(campaign: Campaign) -> Campaign {
    Campaign { timing: Timing::default(), ..campaign }
}

/// Fails where a clock is skewed: about one plan in ten.
fn skewed(plan: &Plan<Deposits>) -> Vec<seaworthy_sim::invariants::Violation> {
    if holds(plan, FaultKind::ClockSkew) { vec![violation("booked-once", "deposit-1")] } else { Vec::new() }
}

#[test]
fn the_outcome_does_not_depend_on_the_number_of_jobs() {
    let campaigns: Vec<Campaign> = [1, 2, 7]
        .into_iter()
        .map(|jobs| sweep(&WRONG, &with(300, |search| search.jobs(jobs)), &|_| {}).expect("it runs"))
        .map(timeless)
        .collect();
    assert_eq!(campaigns[0], campaigns[1]);
    assert_eq!(campaigns[0], campaigns[2]);
    assert_eq!(campaigns[0].runs, 300);
    assert!(campaigns[0].failed > 0, "the wrong teller is found");
}

#[test]
fn a_failure_comes_back_from_its_seed_and_profile_alone() {
    let campaign = sweep(&WRONG, &options(300), &|_| {}).expect("it runs");
    assert!(!campaign.failures.is_empty());
    for failure in &campaign.failures {
        let Source::Seed { seed, profile } = failure.source else { panic!("it was drawn") };
        assert_eq!(seed, derive_seed(42, failure.index));
        let report = run(&WRONG, &generate(&WRONG, seed, profile), &RunOptions::default()).expect("it fits");
        assert_eq!((report.fingerprint, &report.violations[0]), (failure.fingerprint, &failure.violation));
    }
}

#[test]
fn shards_merge_to_the_whole() {
    let every = |shard| with(1_001, |search| search.failures_kept(5)).shard(shard).profiles(Profile::ALL.to_vec());
    let whole = sweep(&runner(&RIGHT, pretend(skewed)), &every(Shard::WHOLE), &|_| {}).expect("it runs");
    let mut merged: Option<Campaign> = None;
    for number in 1..=4 {
        let part = sweep(&runner(&RIGHT, pretend(skewed)), &every(Shard::new(number, 4).expect("a shard")), &|_| {});
        let part = part.expect("it runs");
        assert!((250..=251).contains(&part.runs));
        // Shards travel as JSON.
        let part: Campaign = serde_json::from_str(&serde_json::to_string(&part).expect("JSON")).expect("its own JSON");
        match &mut merged {
            None => merged = Some(part),
            Some(merged) => merged.merge(part, 5).expect("parts of one sweep"),
        }
    }
    // Each shard runs its own first plans twice.
    let merged = merged.expect("four parts");
    let merged_twice = merged.twice.clone();
    assert!(whole.twice.plans >= 5 && merged.twice.plans >= 20);
    assert_eq!(timeless(merged), timeless(Campaign { twice: merged_twice, ..whole.clone() }));
    assert_eq!(whole.failures.len(), 5, "five are kept");
    assert!(whole.failed > 5, "and all are counted");

    let mut other = sweep(&runner(&RIGHT, pretend(skewed)), &options(10), &|_| {}).expect("it runs");
    let error = other.merge(whole, 5).expect_err("other profiles");
    assert!(error.to_string().contains("profiles"), "{error}");
}

#[test]
fn profiles_take_turns_and_named_seeds_run_under_each() {
    let both = vec![Profile::Calm, Profile::Crash];
    let named = SweepOptions::new(Seeds::Explicit(vec![7, 9]), Until::end()).profiles(both);
    let all = pretend(|_| vec![violation("a", "b")]);
    let campaign = sweep(&runner(&RIGHT, all), &named, &|_| {}).expect("it runs");
    let sources: Vec<String> = campaign.failures.iter().map(|failure| failure.source.to_string()).collect();
    assert_eq!(
        sources,
        [
            "seed 0x0000000000000007, profile calm",
            "seed 0x0000000000000007, profile crash",
            "seed 0x0000000000000009, profile calm",
            "seed 0x0000000000000009, profile crash",
        ]
    );
}

#[test]
fn seeds_of_one_base_differ_and_so_do_those_of_its_neighbour() {
    let seeds: BTreeSet<u64> = (0..10_000).flat_map(|index| [derive_seed(1, index), derive_seed(2, index)]).collect();
    assert_eq!(seeds.len(), 20_000);
}

#[test]
fn a_sweep_ends_early_at_the_failures_that_were_wanted_when_stopped_and_in_time() {
    let until_first = SweepOptions::new(Seeds::Base(42), Until::runs(100_000).failures(1));
    let campaign = sweep(&runner(&RIGHT, pretend(skewed)), &until_first, &|_| {}).expect("it runs");
    assert!(campaign.failed >= 1 && campaign.runs < 1_000, "{} runs", campaign.runs);
    let whole = sweep(&runner(&RIGHT, pretend(skewed)), &options(1_000), &|_| {}).expect("it runs");
    assert_eq!(campaign.failures[0], whole.failures[0], "the first failure is the first whenever it ends");
    assert!(campaign.timing.first_failure_wall_us.is_some());

    let stop = Stop::new();
    let stopping = with(u64::MAX, |search| search.stop(stop.clone()));
    let calls = Cell::new(0);
    let campaign = sweep(&runner(&RIGHT, pretend(skewed)), &stopping, &|progress| {
        assert!(progress.failed <= progress.runs);
        calls.set(calls.get() + 1);
        stop.clone().set();
    });
    let campaign = campaign.expect("it runs");
    assert!(campaign.interrupted && campaign.runs > 0 && calls.get() >= 2);

    let duration = Duration::from_millis(50);
    let timed = SweepOptions::new(Seeds::Base(1), Until::time(duration));
    let campaign = sweep(&runner(&RIGHT, pretend(skewed)), &timed, &|_| {}).expect("it runs");
    assert!(campaign.runs > 0 && campaign.timing.wall_us >= 50_000 && !campaign.interrupted);
}

#[test]
fn a_sweep_over_nothing_is_an_error() {
    let sweep = |options: &SweepOptions| sweep(&runner(&RIGHT, pretend(|_| Vec::new())), options, &|_| {});
    assert!(matches!(sweep(&options(0)), Err(SweepError::NoSeeds)));
    assert!(matches!(sweep(&SweepOptions::new(Seeds::Explicit(Vec::new()), Until::end())), Err(SweepError::NoSeeds)));
    assert!(matches!(sweep(&options(1).profiles(Vec::new())), Err(SweepError::NoProfiles)));
    assert!(matches!(sweep(&with(1, |search| search.jobs(0))), Err(SweepError::NoJobs)));
    for wrong in ["0/4", "5/4", "1/0", "1", "", "a/b", "-1/2"] {
        assert!(wrong.parse::<Shard>().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_plan_that_cannot_be_honoured_ends_the_sweep_and_is_named() {
    let inner = pretend(|_| Vec::new());
    let refusing = |teller: &_, plan: &Plan<Deposits>, options: &RunOptions| {
        let mut plan = plan.clone();
        plan.scenario = "another".into();
        plan.validate(RIGHT.name(), &RIGHT.topology())?;
        inner(teller, &plan, options)
    };
    let error = sweep(&runner(&RIGHT, refusing), &options(1_000), &|_| {}).expect_err("every plan is refused");
    assert!(error.to_string().contains("profile swarm: plan is for scenario \"another\""), "{error}");
}

#[test]
fn a_clean_campaign_says_what_it_is_worth() {
    let campaign = sweep(&runner(&RIGHT, pretend(|_| Vec::new())), &options(2_000), &|_| {}).expect("it runs");
    let verdict = campaign.verdict();
    assert!(verdict.held && verdict.passes(true) && verdict.proves(), "{verdict}");
    assert!((verdict.failure_rate_upper_bound - 0.001_497).abs() < 1e-6);
    assert_eq!(campaign.goals["something-booked"].runs, 2_000);
    let tally = campaign.invariants["booked-once"];
    assert_eq!((tally.runs, tally.times, tally.violated), (2_000, campaign.items, 0));
    let possible = Profile::Swarm.fault_kinds(&RIGHT.topology());
    assert_eq!(campaign.faults.keys().copied().collect::<Vec<_>>(), possible);
    assert!(campaign.faults.values().all(|tally| tally.planned == tally.fired && tally.fired > 0));
    assert!(campaign.points.values().all(|tally| tally.planned > 0));
}

/// Each gap is planted, is found, and is what makes a strict check fail.
#[test]
fn no_campaign_is_green_because_it_was_empty() {
    let campaign = |change: fn(&mut seaworthy_sim::world::RunReport)| {
        let inner = pretend(|_| Vec::new());
        let changed = move |teller: &_, plan: &_, options: &_| {
            let mut report = inner(teller, plan, options)?;
            change(&mut report);
            Ok(report)
        };
        sweep(&runner(&RIGHT, changed), &options(2_000), &|_| {}).expect("it runs")
    };
    let gaps = |campaign: &Campaign| {
        let verdict = campaign.verdict();
        assert!(verdict.held && verdict.passes(false) && !verdict.passes(true), "{verdict}");
        verdict.warnings.into_iter().map(|warning| warning.gap).collect::<Vec<_>>()
    };
    let idle = campaign(|report| {
        report.calls.fill(0);
        report.answered = 0;
    });
    assert_eq!(gaps(&idle), [Gap::NothingHappened]);
    let unjudged = campaign(|report| report.judged[0].times = 0);
    assert!(matches!(&gaps(&unjudged)[..], [Gap::NeverJudged { invariant, .. }] if invariant == "booked-once"));
    let unreached = campaign(|report| report.reached.clear());
    assert!(matches!(&gaps(&unreached)[..], [Gap::NeverReached { goal }] if goal == "something-booked"));
    let toothless = campaign(|report| report.fired.retain(|fired| fired.kind != FaultKind::Conflict));
    assert!(matches!(&gaps(&toothless)[..], [Gap::NeverFired { kind, planned: 50.. }] if kind == "conflict"));
}

/// What a scenario can't have is not asked for, and named.
#[test]
fn a_campaign_leaves_out_what_its_own_runs_have_shown_to_be_impossible() {
    let inner = pretend(|_| Vec::new());
    let changed = move |teller: &_, plan: &_, options: &_| {
        let mut report = inner(teller, plan, options)?;
        // Nobody calls the broker, and no run has two messages of one key.
        report.fired.retain(|fired| !matches!(fired.kind, FaultKind::Partition | FaultKind::DropAck));
        report.judged[0] = Judged { subject: Some("two messages of one key"), times: 0, ..report.judged[0].clone() };
        Ok(report)
    };
    let campaign = sweep(&runner(&RIGHT, changed), &options(2_000), &|_| {}).expect("it runs");
    let verdict = campaign.verdict();
    assert!(verdict.passes(true) && verdict.proves(), "{verdict}");
    let left_out: Vec<String> = verdict.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        left_out,
        [
            "invariant booked-once (no run had two messages of one key)",
            "fault drop_ack (no run made a call that it strikes (ack))",
            "fault partition (no run made a call that it strikes (publish, subscribe, receive, ack, nack, extend))",
            "fault rollout (a service that has a next release and bears what fails each time says `Topology::next_release()` and `fails_for_good()`)",
            "fault restore (a service that bears a store that is put back to a copy says `Topology::restores()`)",
        ]
    );
    // It travels with the campaign.
    let copy: Campaign = serde_json::from_str(&serde_json::to_string(&campaign).expect("JSON")).expect("its own JSON");
    assert_eq!(copy.verdict(), verdict);
}

#[test]
fn a_kind_of_fault_that_is_left_out_is_in_no_plan_and_is_not_asked_for() {
    let without = options(1_000).without_faults(vec![FaultKind::ClockSkew]);
    let campaign = sweep(&runner(&RIGHT, pretend(skewed)), &without, &|_| {}).expect("it runs");
    assert_eq!(campaign.failed, 0, "nothing is skewed");
    assert!(!campaign.enabled.contains(&FaultKind::ClockSkew) && campaign.without_faults == [FaultKind::ClockSkew]);
    let with = sweep(&runner(&RIGHT, pretend(skewed)), &options(1_000), &|_| {}).expect("it runs");
    let others = |campaign: &Campaign| campaign.faults.values().map(|tally| tally.planned).sum::<u64>();
    assert_eq!(
        others(&campaign) + with.faults[&FaultKind::ClockSkew].planned,
        others(&with),
        "the others are the same"
    );
}

#[test]
fn a_small_campaign_is_excused_for_what_chance_kept_from_it() {
    let campaign = sweep(&runner(&RIGHT, pretend(|_| Vec::new())), &options(3), &|_| {}).expect("it runs");
    let verdict = campaign.verdict();
    assert!(!verdict.warnings.is_empty() && verdict.passes(true), "{verdict}");
    assert!(!verdict.proves(), "an excuse is no proof: {verdict}");
    let nothing = Campaign::new("deposits", vec![Profile::Calm], None, []);
    assert!(!nothing.verdict().passes(true), "no runs at all are no excuse");
}
