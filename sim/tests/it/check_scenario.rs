//! The check that a test makes: it passes what is right, finds what is wrong, and says how to see it again.

use std::{fs, path::Path};

use crate::deposits::{Deposits, RIGHT, Teller, WRONG};
use seaworthy_sim::{
    check::{CheckError, Settings, TraceTo, check},
    explore::{Corpus, Source},
    plan::{FaultKind, Plan, Profile},
};

#[test]
fn the_right_teller_is_seaworthy() {
    check(RIGHT).seeds(200).strict(false).assert_seaworthy();
}

#[test]
fn the_wrong_teller_fails_with_its_story_and_a_line_that_replays_it() {
    let error = check(WRONG).seeds(400).base_seed(1).verify().expect_err("it books twice");
    let CheckError::Violated { story, campaign } = &error else { panic!("{error}") };
    assert_eq!(&error.to_string(), story);
    let line = story.lines().find(|line| line.contains("cargo test")).expect("one line to paste");
    let parts: Vec<&str> = line.split_whitespace().collect();
    let value = |name: &str| parts.iter().find_map(|part| part.strip_prefix(name)).expect(name).to_owned();
    let settings = Settings::from(|name| (name == "SEAWORTHY_PLAN").then(|| value("SEAWORTHY_PLAN=")));
    let plan_file = settings.expect("what it prints, it reads").plan.expect("a plan");
    assert!(line.contains(" cargo test -p seaworthy-sim-tests ") && line.contains(" --test it "), "{line}");
    assert!(
        line.ends_with("-- --exact check_scenario::the_wrong_teller_fails_with_its_story_and_a_line_that_replays_it"),
        "{line}"
    );
    assert!(story.contains("(base seed 0x0000000000000001)") && story.contains("was booked twice"), "{story}");

    let file = story.lines().find_map(|line| line.strip_prefix("plan")).expect("where the plan is").trim();
    assert_eq!(plan_file, Path::new(file));
    let Source::Seed { seed, profile } = campaign.failures[0].source else { panic!("it was drawn") };
    assert!(file.ends_with(&format!("/seaworthy/deposits/booked-once-{profile}-{seed:016x}.json")), "{file}");
    assert!(story.contains(&format!("cp {file} ")), "how to keep it: {story}");
    let plan: Plan<Deposits> = Plan::parse(&fs::read_to_string(file).expect("the plan is there")).expect("a plan");
    assert_eq!((plan.faults.len(), plan.workload.0.len()), (1, 1), "it was shrunk: {}", plan.print());
}

#[test]
fn a_plan_of_the_corpus_is_replayed_first_and_fails_the_check() {
    let found = check(WRONG).seeds(400).base_seed(1).report().expect("it runs");
    let first = found.first_failure().expect("it books twice");
    let Source::Seed { seed, profile } = first.source else { panic!("it was drawn") };
    let folder = tempfile::tempdir().expect("a folder");
    let plan = seaworthy_sim::generate::generate(&WRONG, seed, profile);
    Corpus::at(folder.path()).save("booked-twice", &plan).expect("written");

    // One calm seed finds nothing by itself.
    let calm = |teller: Teller| check(teller).seeds(1).profile(Profile::Calm).corpus(folder.path());
    let error = calm(WRONG).verify().expect_err("the corpus knows it").to_string();
    assert!(error.contains("1 of 1 plans of the corpus failed; 0 of 1 seeds failed"), "{error}");
    let campaign = calm(RIGHT).verify().expect("the mended one passes");
    assert_eq!((campaign.corpus.plans, campaign.corpus.failures.len()), (1, 0));
}

#[test]
fn a_malformed_corpus_is_an_error_and_not_a_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("deposits")).expect("a folder");
    fs::write(folder.path().join("deposits/half.json"), "{\"format\": \"seaw").expect("written");
    let error = check(RIGHT).seeds(1).corpus(folder.path()).report().expect_err("half a plan");
    assert!(error.to_string().contains("half.json"), "{error}");
}

#[test]
fn zero_seeds_are_an_error() {
    let error = check(RIGHT).seeds(0).report().expect_err("nothing to run").to_string();
    assert!(error.contains("zero seeds"), "{error}");
}

#[test]
fn a_strict_check_fails_where_nothing_was_proved() {
    // Nobody books anything, so what is judged of bookings never is.
    let lazy = || check(Teller { deposits_max: 0, ..RIGHT }).seeds(1_000).profile(Profile::Everything).base_seed(3);
    let error = lazy().verify().expect_err("it proves less than it seems to");
    assert!(matches!(error, CheckError::Hollow { .. }));
    let text = error.to_string();
    assert!(text.contains("invariant booked-once never had anything to judge"), "{text}");
    assert!(text.contains("leave out what it can't have by `.without(\"booked-once\")`"), "{text}");
    lazy().strict(false).verify().expect("held, for what it is worth");
}

#[test]
fn a_service_without_a_broker_passes_a_strict_check_as_it_is_and_what_was_left_out_is_named() {
    let right = || check(RIGHT).seeds(1_000).profile(Profile::Everything).base_seed(3);
    let campaign = right().verify().expect("nothing is asked for that it can't have");
    let text = campaign.verdict().to_string();
    assert!(text.contains("not asked for: fault drop_ack (no run made a call that it strikes (ack))"), "{text}");
    let campaign = right().without("something-booked").without_fault(FaultKind::Pause).verify().expect("by name");
    assert!(campaign.goals.is_empty() && !campaign.faults.contains_key(&FaultKind::Pause));
}

#[test]
fn an_invariant_that_is_to_be_left_out_and_is_not_there_is_an_error() {
    let error = check(RIGHT).seeds(1).without("booked-twice").verify().expect_err("a slip of the pen").to_string();
    assert_eq!(
        error,
        "there is no invariant \"booked-twice\" to leave out; the scenario has: booked-once, something-booked"
    );
}

#[test]
fn variables_of_the_environment_are_honoured_or_refused() {
    let read = |pairs: &[(&str, &str)]| {
        Settings::from(|name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned()))
    };
    assert_eq!(read(&[]), Ok(Settings::default()));
    assert_eq!(read(&[("SEAWORTHY_SEED", "18446744073709551615")]).expect("a seed").seed, Some(u64::MAX));
    assert_eq!(read(&[("SEAWORTHY_SEED", "0xFFFFFFFFFFFFFFFF")]).expect("a seed").seed, Some(u64::MAX));
    assert_eq!(read(&[("SEAWORTHY_SEEDS", "12")]).expect("a count").seeds, Some(12));
    assert_eq!(
        read(&[("SEAWORTHY_PROFILE", "crash,outage")]).expect("a list").profiles,
        Some(vec![Profile::Crash, Profile::Outage])
    );
    assert_eq!(read(&[("SEAWORTHY_PROFILE", "all")]).expect("a word").profiles, Some(Profile::ALL.to_vec()));
    let traced = read(&[("SEAWORTHY_PLAN", "a.json"), ("SEAWORTHY_TRACE", "1"), ("SEAWORTHY_SPANS", "1")]);
    assert!(traced.is_ok_and(|settings| settings.trace == Some(TraceTo::Print) && settings.spans));
    for wrong in [
        ("SEAWORTHY_SEED", ""),
        ("SEAWORTHY_SEED", "-1"),
        ("SEAWORTHY_SEED", "0x"),
        ("SEAWORTHY_SEED", "0x+1"),
        ("SEAWORTHY_SEED", "18446744073709551616"),
        ("SEAWORTHY_SEED", "1 "),
        ("SEAWORTHY_SEEDS", "0"),
        ("SEAWORTHY_SEEDS", "many"),
        ("SEAWORTHY_PROFILE", "Swarm"),
        ("SEAWORTHY_PROFILE", ""),
        ("SEAWORTHY_PROFILE", "crash,chaos"),
        ("SEAWORTHY_PROFILE", "each"),
        ("SEAWORTHY_PLAN", ""),
        ("SEAWORTHY_FOR", "60"),
        ("SEAWORTHY_FOR", "0s"),
        ("SEAWORTHY_SHARD", "3/2"),
        ("SEAWORTHY_BASE_SEED", "-1"),
        ("SEAWORTHY_TRACE", "1"),
        ("SEAWORTHY_SPANS", "1"),
        ("SEAWORTHY_SPANS", "yes"),
        ("SEAWORTHY_JSON", ""),
        ("SEAWORTHY_KEEP", "yes"),
        ("SEAWORTHY_TABLE", "yes"),
    ] {
        let error = read(&[wrong]).expect_err("malformed").to_string();
        assert!(error.starts_with(&format!("{}={:?}: ", wrong.0, wrong.1)), "{error}");
    }
    for both in [
        [("SEAWORTHY_SEED", "1"), ("SEAWORTHY_SEEDS", "2")],
        [("SEAWORTHY_SEED", "1"), ("SEAWORTHY_SHARD", "1/2")],
        [("SEAWORTHY_SEEDS", "2"), ("SEAWORTHY_FOR", "1s")],
        [("SEAWORTHY_PLAN", "a.json"), ("SEAWORTHY_SEED", "1")],
        [("SEAWORTHY_PLAN", "a.json"), ("SEAWORTHY_PROFILE", "crash")],
    ] {
        let error = read(&both).expect_err("one or the other").to_string();
        assert!(error.contains("unset one of the two"), "{error}");
    }
}
