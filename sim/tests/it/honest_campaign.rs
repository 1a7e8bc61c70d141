//! What would look like a campaign and be none, or be lost on whoever reads its last line.

use seaworthy_core::ports::Operation;
use std::{fs, time::Duration};

use async_trait::async_trait;
use seaworthy_core::stop::Stop;
use seaworthy_sim::{
    check::{CheckError, check},
    explore::{
        Corpus, DifferenceCause, Excuse, Gap, SearchOptions, Seeds, Source, SweepError, SweepOptions, Until, diagnose,
        runner, sweep,
    },
    generate::generate,
    invariants::Invariant,
    plan::{CallFault, Fault, Plan, Profile, Verdict},
    scenario::{Client, Draw, Scenario, Topology},
    world::RunOptions,
};

use crate::deposits::{Deposits, RIGHT, WRONG, pretend, violation};

/// The right teller with another topology or other invariants.
struct Changed {
    topology: fn() -> Topology,
    invariants: fn(&Deposits) -> Vec<Box<dyn Invariant>>,
}

#[async_trait]
impl Scenario for Changed {
    type Workload = Deposits;

    fn name(&self) -> &str {
        RIGHT.name()
    }

    fn about(&self) -> &str {
        RIGHT.about()
    }

    fn topology(&self) -> Topology {
        (self.topology)()
    }

    fn workload(&self, draw: &mut Draw) -> Deposits {
        RIGHT.workload(draw)
    }

    fn invariants(&self, workload: &Deposits) -> Vec<Box<dyn Invariant>> {
        (self.invariants)(workload)
    }

    async fn drive(&self, workload: &Deposits, client: Client) {
        RIGHT.drive(workload, client).await;
    }
}

#[test]
fn a_scenario_that_judges_nothing_is_an_error() {
    for invariants in [|_: &Deposits| Vec::new(), |workload: &Deposits| RIGHT.invariants(workload).split_off(1)] {
        let nothing = Changed { topology: || RIGHT.topology(), invariants };
        let error = check(nothing).seeds(10).strict(false).verify().expect_err("nothing, or a goal only");
        assert!(matches!(error, CheckError::Sweep(SweepError::NoInvariants)), "{error}");
        assert!(error.to_string().contains("judges nothing"), "{error}");
    }
}

#[test]
fn two_processes_of_one_name_are_an_error_that_names_it() {
    let topology = || RIGHT.topology().process("teller-1", "teller", "ledger", |_| async {});
    let twins = Changed { topology, invariants: |workload| RIGHT.invariants(workload) };
    let error = check(twins).seeds(10).verify().expect_err("which one?").to_string();
    assert!(error.contains(r#"two processes of scenario "deposits" are called "teller-1""#), "{error}");
}

#[test]
fn a_sweep_makes_one_run_at_least_however_short_its_time() {
    let options = SweepOptions::new(Seeds::Base(1), Until::time(Duration::from_nanos(1)));
    let campaign = sweep(&RIGHT, &options, &|_| {}).expect("it runs");
    assert!(campaign.runs >= 1);
}

#[test]
fn a_check_stops_at_its_first_failure_unless_it_is_to_keep_going() {
    let failed = |failures: u64| {
        let check = check(WRONG).seeds(2_000).base_seed(1).jobs(1).keep_going(failures);
        let campaign = check.report().expect("it runs");
        (campaign.failed, campaign.runs)
    };
    let first = check(WRONG).seeds(2_000).base_seed(1).jobs(1).report().expect("it runs");
    assert_eq!((first.failed, first.runs), failed(1), "one if not said");
    assert!(first.failed == 1 && first.runs < 2_000);
    assert_eq!(failed(3).0, 3);
    let (all, runs) = failed(u64::MAX);
    assert!(all > 3 && runs == 2_000);
}

/// A fault at a call that the teller never makes.
fn silent() -> Fault {
    Fault::Call(CallFault {
        process: "teller-1".into(),
        point: Operation::Publish.into(),
        nth: 1,
        verdict: Verdict::Unavailable,
    })
}

fn striking() -> Fault {
    Fault::Call(CallFault {
        process: "teller-1".into(),
        point: Operation::Commit.into(),
        nth: 1,
        verdict: Verdict::Conflict,
    })
}

#[test]
fn a_plan_of_the_corpus_that_strikes_nothing_fails_the_check_and_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let calm = generate(&RIGHT, 1, Profile::Calm);
    let idle = Plan { faults: vec![silent()], ..calm.clone() };
    Corpus::at(folder.path()).save("moved", &idle).expect("written");
    let right = || check(RIGHT).seeds(10).profile(Profile::Calm).corpus(folder.path());
    let error = right().strict(false).verify().expect_err("it tests nothing");
    assert!(matches!(error, CheckError::Idle { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("moved.json: this plan no longer tests anything: fault 0 (") && text.contains("never struck")
    );
    assert!(!right().report().expect("it runs").verdict().held);

    // Where another of its faults strikes it still tests something.
    let weaker = Plan { faults: vec![striking(), silent()], ..calm };
    Corpus::at(folder.path()).save("moved", &weaker).expect("written");
    let campaign = right().verify().expect("it passes");
    let warnings = campaign.verdict().warnings;
    let warning = warnings.iter().find(|warning| matches!(warning.gap, Gap::Weaker { .. })).expect("and it is told");
    assert_eq!(warning.excuse, Some(Excuse::OthersStrike));
    assert!(warning.to_string().contains("tests less than it did: fault 1 ("), "{warning}");
}

#[test]
fn a_plan_of_the_corpus_that_was_edited_is_counted_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = Corpus::at(folder.path()).save("mine", &generate(&RIGHT, 1, Profile::Calm)).expect("written");
    let text = fs::read_to_string(&path).expect("text");
    fs::write(&path, text.replacen("\"seed\": \"0x0000000000000001\"", "\"seed\": \"7\"", 1)).expect("written");
    let campaign = check(RIGHT).seeds(10).profile(Profile::Calm).corpus(folder.path()).verify().expect("it passes");
    assert_eq!(campaign.corpus.edited, [path]);
    assert!(campaign.line().contains("1 of the corpus edited"), "{}", campaign.line());
}

#[test]
fn a_failure_that_does_not_come_again_is_told_with_the_likely_cause() {
    let steady = pretend(|_| Vec::new());
    let plan = generate(&RIGHT, 1, Profile::Calm);
    let source = Source::Seed { seed: 1, profile: Profile::Calm };
    let found = diagnose(&runner(&RIGHT, &steady), &plan, &RunOptions::default(), source.clone(), Some(0xfeed));
    let found = found.expect("it fits").expect("the run that failed was another");
    assert_eq!(found.cause, DifferenceCause::Survivor);
    assert!(found.story.contains("the run that failed does not come again (seed 0x0000000000000001, profile calm)"));
    assert!(found.story.contains("OnceLock"), "{}", found.story);
    let same = steady(&RIGHT, &plan, &RunOptions::default()).expect("it fits").fingerprint;
    let found = diagnose(&runner(&RIGHT, &steady), &plan, &RunOptions::default(), source, Some(same));
    assert_eq!(found.expect("it fits"), None, "it came again");
}

#[test]
fn a_campaign_that_was_interrupted_never_says_held() {
    let stop = Stop::new();
    for until in [Until::runs(u64::MAX), Until::time(Duration::from_secs(3_600))] {
        let options =
            SweepOptions::new(Seeds::Base(1), until).search(SearchOptions::default().until(until).stop(stop.clone()));
        let campaign =
            sweep(&runner(&RIGHT, pretend(|_| Vec::new())), &options, &|_| stop.clone().set()).expect("it runs");
        let verdict = campaign.verdict();
        assert!(campaign.interrupted && verdict.interrupted && !verdict.passes(false));
        for text in [verdict.to_string(), campaign.line(), campaign.to_string()] {
            assert!(text.contains("interrupted before anything failed") && !text.contains("held"), "{text}");
        }
    }
}

#[test]
fn numbers_of_64_bits_are_strings_in_a_campaign() {
    let found = sweep(
        &runner(&RIGHT, pretend(|_| vec![violation("a", "b")])),
        &SweepOptions::new(Seeds::Base(u64::MAX), Until::runs(3)),
        &|_| {},
    );
    let json = serde_json::to_value(found.expect("it runs")).expect("JSON");
    for place in ["/base_seed", "/digest", "/failures/0/fingerprint", "/failures/0/source/seed/seed"] {
        let text = json.pointer(place).and_then(serde_json::Value::as_str).unwrap_or_else(|| panic!("{place}: {json}"));
        assert!(text.starts_with("0x") && text.len() == 18, "{place}: {text}");
    }
    assert_eq!(json["base_seed"], "0xffffffffffffffff");
}

#[test]
fn the_table_shows_faults_points_invariants_and_goals_and_ends_with_what_it_is_worth() {
    let campaign = check(RIGHT).seeds(50).base_seed(3).strict(false).verify().expect("it is right");
    let table = campaign.to_string();
    for part in
        ["\nfault ", "\npoint ", "\ninvariant ", "\ngoal ", "\nbooked-once ", "\nsomething-booked ", "\ncommit "]
    {
        assert!(table.contains(part), "{part:?} in\n{table}");
    }
    assert_eq!(table.lines().last(), Some(&*campaign.line()));
    assert!(campaign.line().starts_with("deposits: 50 runs held ("), "{}", campaign.line());
}
