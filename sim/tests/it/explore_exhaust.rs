//! Every fault that can strike a small workload, and every pair of them: all, once, the same ones each time.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use seaworthy_core::ports::Operation;

use crate::deposits::{Deposits, RIGHT, Teller, WRONG};
use seaworthy_sim::{
    check,
    check::CheckError,
    explore::{Campaign, ExhaustOptions, FaultTally, Shard, Source, SweepError, Timing, exhaust, runner},
    plan::{CallFault, Fault, FaultKind, Plan, Restart, Verdict},
    scenario::{Scenario, Topology},
    world::{RunOptions, run},
};

/// Two faults at most, each plan run once.
fn pairs() -> ExhaustOptions {
    let mut options = few();
    options.search.run_twice = 0;
    options
}

/// Two faults at most, of the kinds that need each other least: pairs grow with the square of what is tried, and how they
/// are counted does not depend on it.
fn few() -> ExhaustOptions {
    let mut options = ExhaustOptions::new(2);
    options.without_faults = vec![FaultKind::Delay, FaultKind::Stop, FaultKind::StatementError, FaultKind::Unavailable];
    options
}

/// All plans that are run and counted, in words.
fn plans(options: &ExhaustOptions) -> (Campaign, Vec<String>) {
    let seen = Mutex::new(Vec::new());
    let noted = runner(&RIGHT, |teller: &Teller, plan: &Plan<Deposits>, how: &RunOptions| {
        // What only lists calls is no plan of the search yet.
        if !how.list_calls {
            let faults: Vec<String> = plan.faults.iter().map(ToString::to_string).collect();
            seen.lock().expect("no panic").push(faults.join(" and "));
        }
        run(teller, plan, how)
    });
    let campaign = exhaust(&noted, options, &|_| {}).expect("it runs");
    drop(noted);
    (campaign, seen.into_inner().expect("no panic"))
}

fn timeless(campaign: Campaign) -> Campaign {
    Campaign { timing: Timing::default(), ..campaign }
}

#[test]
fn every_fault_and_every_pair_is_run_once_and_the_right_teller_holds() {
    let (campaign, seen) = plans(&pairs());
    let exhausted = campaign.exhausted.expect("it is an exhaustive search");
    assert_eq!((campaign.failed, campaign.runs, exhausted.next), (0, exhausted.all(), None), "{:?}", campaign.failures);
    assert!(exhausted.single >= 50 && exhausted.double > 1_000, "{exhausted}");
    let at_calls =
        campaign.points.values().fold((0, 0), |(planned, fired), tally| (planned + tally.planned, fired + tally.fired));
    assert!(at_calls.0 > 1_200 && at_calls.0 == at_calls.1, "what is tried at a call strikes it: {at_calls:?}");
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(distinct.len() as u64, exhausted.all(), "no plan comes twice");
    for one in ["crash `teller-1` after its 1st commit, back at once", "lose the reply to the 1st commit of `teller-1`"]
    {
        assert!(distinct.contains(&one.to_owned()), "{one}");
    }
    assert!(
        campaign.line().contains(&format!("{0} of {0} plans, none violates", campaign.runs)),
        "{}",
        campaign.line()
    );
}

#[test]
fn pairs_that_others_stand_for_are_counted_and_tried_where_one_asks_for_all() {
    let (campaign, seen) = plans(&pairs());
    let (whole, all_seen) = plans(&pairs().all_pairs(true));
    let (tried, all) = (campaign.exhausted.expect("it is exhaustive"), whole.exhausted.expect("it is exhaustive"));
    assert_eq!((whole.failed, whole.runs, all.left_out), (0, all.all(), 0), "{:?}", whole.failures);
    assert!(tried.left_out > 100, "{tried:?}");
    assert_eq!((tried.single, tried.double + tried.left_out), (all.single, all.double));
    let (seen, all_seen): (BTreeSet<_>, BTreeSet<_>) = (seen.iter().collect(), all_seen.iter().collect());
    assert_eq!(all_seen.len() as u64, all.all(), "no plan comes twice");
    assert!(seen.is_subset(&all_seen), "{:#?}", seen.difference(&all_seen));
}

#[test]
fn the_second_fault_strikes_calls_that_only_the_first_one_led_to() {
    let (_, seen) = plans(&pairs());
    let alone = |text: &&String| text.contains("2nd commit") && !text.contains(" and ");
    assert_eq!(seen.iter().find(alone), None, "without a fault there is no second commit");
    let second = "lose the 1st commit of `teller-1` on its way and lose the 2nd commit of `teller-1` on its way";
    assert!(seen.iter().any(|text| text == second), "the teller is asked again, and commits again");
}

#[test]
fn the_plans_and_what_they_show_are_the_same_each_time_whatever_the_number_of_jobs() {
    let campaigns = [1, 3].map(|jobs| {
        let mut options = few();
        options.search.jobs = jobs;
        options.search.until.failures = None;
        timeless(exhaust(&WRONG, &options, &|_| {}).expect("it runs"))
    });
    assert_eq!(campaigns[0], campaigns[1]);
    assert!(campaigns[0].failed > 0 && campaigns[0].twice.plans > 5);
}

#[test]
fn shards_are_all_of_it_and_nothing_twice() {
    let (whole, mut all) = plans(&pairs());
    let (mut union, mut merged): (Vec<String>, Option<Campaign>) = (Vec::new(), None);
    for number in 1..=3 {
        let shard = Shard::new(number, 3).expect("a shard");
        let (part, seen) = plans(&pairs().shard(shard));
        assert_eq!(part.exhausted.map(|part| part.plans), Some(part.runs));
        union.extend(seen);
        match &mut merged {
            None => merged = Some(part),
            Some(merged) => merged.merge(part, 16).expect("parts of one whole"),
        }
    }
    all.sort_unstable();
    union.sort_unstable();
    assert_eq!(all, union);
    assert_eq!(timeless(merged.expect("three parts")), timeless(whole));
}

/// Kinds of fault that the verdict misses: it warns of them, or says that nothing could show them.
fn missed(campaign: &Campaign) -> Vec<String> {
    let verdict = campaign.verdict();
    let told = verdict.warnings.iter().map(|warning| warning.gap.to_string());
    let told = told.chain(verdict.left_out.into_iter().map(|left| left.what));
    told.filter(|told| told.starts_with("fault ")).collect()
}

#[test]
fn no_part_misses_a_fault_that_is_in_the_plans_of_another() {
    let (mut whole, _) = plans(&pairs().k(1));
    let (known, all) = (missed(&whole), whole.runs);
    let more = |part: &Campaign| missed(part).into_iter().filter(|told| !known.contains(told)).collect::<Vec<_>>();
    let mut merged: Option<Campaign> = None;
    for number in 1..=all {
        let shard = Shard::new(number, all).expect("a shard");
        let (part, _) = plans(&pairs().k(1).shard(shard));
        assert_eq!(more(&part), [""; 0], "part {number} of {all}");
        match &mut merged {
            None => merged = Some(part),
            Some(merged) => merged.merge(part, 16).expect("parts of one whole"),
        }
    }
    let (rest, _) = plans(&pairs().k(1).from(all));
    assert_eq!(more(&rest), [""; 0], "what comes after the others");

    // Who has all of it misses what is in none of its plans, of one piece or of many.
    let mut merged = merged.expect("parts");
    for campaign in [&mut whole, &mut merged] {
        campaign.faults.insert(FaultKind::Conflict, FaultTally::default());
        let text = "fault conflict is enabled and in none of the plans".to_owned();
        assert!(missed(campaign).contains(&text), "{:?}", missed(campaign));
    }
}

#[test]
fn a_search_goes_on_with_the_plan_that_it_was_interrupted_before() {
    let (_, mut all) = plans(&pairs().k(1));
    let mut options = pairs().k(1);
    options.search.jobs = 1;
    let (stop, runs, seen) = (options.search.stop.clone(), AtomicU64::new(0), Mutex::new(Vec::new()));
    let stopping = runner(&RIGHT, |teller: &Teller, plan: &Plan<Deposits>, how: &RunOptions| {
        if !how.list_calls {
            let faults: Vec<String> = plan.faults.iter().map(ToString::to_string).collect();
            seen.lock().expect("no panic").push(faults.join(" and "));
            if runs.fetch_add(1, Ordering::Relaxed) == 20 {
                stop.set();
            }
        }
        run(teller, plan, how)
    });
    let begun = exhaust(&stopping, &options, &|_| {}).expect("it runs");
    let next = begun.exhausted.and_then(|exhausted| exhausted.next).expect("it was interrupted");
    assert!(begun.interrupted && next == 22, "{next}");
    assert!(begun.line().contains("none violates; go on from plan 22"), "{}", begun.line());
    drop(stopping);
    let mut seen = seen.into_inner().expect("no panic");
    let (rest, others) = plans(&pairs().from(next).k(1));
    assert!(!rest.interrupted);
    seen.extend(others);
    // Several at a time begin in any order.
    seen.sort_unstable();
    all.sort_unstable();
    assert_eq!(seen, all);
}

#[test]
fn the_wrong_teller_fails_under_one_fault_and_that_plan_is_told_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = check(WRONG).exhaust(1).corpus(folder.path()).verify().expect_err("it books twice");
    let CheckError::Violated { story, campaign } = &error else { panic!("{error}") };
    let Source::Exhaust { number, seed, faults, .. } = &campaign.failures[0].source else { panic!("{story}") };
    assert_eq!((faults.len(), *number), (1, campaign.failures[0].index + 1));
    assert!(story.contains("plans failed") && story.contains("was booked twice"), "{story}");
    assert!(story.contains(&format!("booked-once-exhaust-{seed:x}-1-{number}.json")), "{story}");
}

#[test]
fn a_check_that_exhausts_passes_and_excuses_what_one_small_workload_never_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let campaign = check(RIGHT).exhaust(1).items(2).corpus(folder.path()).verify().expect("it is right");
    assert_eq!(campaign.exhausted.map(|exhausted| (exhausted.k, exhausted.items, exhausted.double)), Some((1, 2, 0)));
}

#[test]
fn a_process_comes_back_as_its_next_release_where_there_is_one() {
    struct Next;
    #[async_trait::async_trait]
    impl Scenario for Next {
        type Workload = Deposits;
        fn name(&self) -> &str {
            "next"
        }
        fn about(&self) -> &str {
            RIGHT.about()
        }
        fn topology(&self) -> Topology {
            RIGHT.topology().next_release()
        }
        fn workload(&self, draw: &mut seaworthy_sim::scenario::Draw) -> Deposits {
            RIGHT.workload(draw)
        }
        fn invariants(&self, workload: &Deposits) -> Vec<Box<dyn seaworthy_sim::invariants::Invariant>> {
            RIGHT.invariants(workload)
        }
        async fn drive(&self, workload: &Deposits, client: seaworthy_sim::scenario::Client) {
            RIGHT.drive(workload, client).await;
        }
    }
    let singles = |campaign: Campaign| campaign.exhausted.expect("it is exhaustive").single;
    let with = singles(exhaust(&Next, &ExhaustOptions::new(1), &|_| {}).expect("it runs"));
    let without = singles(exhaust(&RIGHT, &ExhaustOptions::new(1), &|_| {}).expect("it runs"));
    assert!(with > without, "{with} and {without}");
}

#[test]
fn what_there_is_nothing_of_is_an_error() {
    let error = |change: fn(&mut ExhaustOptions)| {
        let mut options = ExhaustOptions::new(1);
        change(&mut options);
        exhaust(&RIGHT, &options, &|_| {}).expect_err("nothing to run")
    };
    assert!(matches!(error(|options| options.k = 3), SweepError::NotExhaustible { k: 3, .. }));
    assert!(matches!(error(|options| options.from = 0), SweepError::NotExhaustible { from: 0, .. }));
    assert!(matches!(error(|options| options.items = 0), SweepError::TooFewItems { wanted: 0, .. }));
    assert!(matches!(error(|options| options.items = 9), SweepError::TooFewItems { wanted: 9, .. }));
    assert!(matches!(error(|options| options.from = 1_000_000), SweepError::NoPlans { from: 1_000_000, .. }));
}

/// What a second fault can strike: the calls after the one that the first came to.
#[test]
fn a_run_lists_the_calls_that_one_more_fault_could_strike() {
    let calm =
        Plan { faults: Vec::new(), ..seaworthy_sim::generate::generate(&RIGHT, 1, seaworthy_sim::plan::Profile::Calm) };
    let list = RunOptions::default().list_calls(true);
    let commits = |plan: &Plan<Deposits>, options: &RunOptions| {
        let report = run(&RIGHT, plan, options).expect("it fits");
        let calls = report.strikable.map(|calls| calls.into_iter().filter(|calls| calls.point == Operation::Commit));
        calls.map(|calls| calls.map(|calls| (calls.first, calls.last)).collect::<Vec<_>>())
    };
    assert_eq!(commits(&calm, &RunOptions::default()), None, "nobody asked");
    let all = u32::try_from(calm.workload.0.len()).expect("few");
    assert_eq!(commits(&calm, &list), Some(vec![(1, all)]));
    let verdict = Verdict::CrashBefore(Restart { after_ms: 0, upgrade: false });
    let fault = Fault::Call(CallFault { process: "teller-1".into(), point: Operation::Commit.into(), nth: 1, verdict });
    // The call that died is made once more, and the one that is struck is none of those after it.
    assert_eq!(commits(&Plan { faults: vec![fault], ..calm }, &list), Some(vec![(2, all + 1)]));
}
