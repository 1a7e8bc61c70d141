//! Plans that failed once are kept whole, found by scenario, and replayed first.

use std::fs;

use crate::deposits::{Deposits, RIGHT, WRONG, pretend, violation};
use seaworthy_sim::{
    explore::{Corpus, CorpusError, Source, runner},
    generate::generate,
    plan::{FORMAT, Plan, Profile},
    world::RunOptions,
};

#[test]
fn a_saved_plan_comes_back_as_it_was_and_in_the_order_of_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = Corpus::at(folder.path());
    assert_eq!(corpus.plans::<Deposits>("deposits").expect("none yet"), []);
    let plans = [2, 1].map(|seed| generate(&RIGHT, seed, Profile::Swarm));
    let second = corpus.save("second", &plans[0]).expect("written");
    let first = corpus.save("first", &plans[1]).expect("written");
    assert_eq!(second, folder.path().join("deposits/second.json"));
    let found = corpus.plans::<Deposits>("deposits").expect("both");
    assert_eq!(found, [(first, plans[1].clone()), (second, plans[0].clone())]);
    assert_eq!(corpus.plans::<Deposits>("another").expect("none"), []);
}

#[test]
fn saving_over_a_plan_replaces_it_whole_and_leaves_nothing_beside() {
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = Corpus::at(folder.path());
    for seed in 0..5 {
        corpus.save("plan", &generate(&RIGHT, seed, Profile::Swarm)).expect("written");
    }
    let files: Vec<_> = fs::read_dir(folder.path().join("deposits")).expect("a folder").collect();
    assert_eq!(files.len(), 1, "no temporary file is left: {files:?}");
    assert_eq!(corpus.plans::<Deposits>("deposits").expect("one")[0].1, generate(&RIGHT, 4, Profile::Swarm));
}

#[test]
fn a_save_that_fails_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().expect("a folder");
    // A folder already has the plan's name, so the last step can't be made.
    fs::create_dir_all(folder.path().join("deposits/plan.json")).expect("a folder");
    let error = Corpus::at(folder.path()).save("plan", &generate(&RIGHT, 1, Profile::Swarm)).expect_err("no file");
    assert!(matches!(error, CorpusError::File { verb: "write", .. }), "{error}");
    let files: Vec<_> = fs::read_dir(folder.path().join("deposits")).expect("a folder").collect();
    assert_eq!(files.len(), 1, "only what was there: {files:?}");
}

#[test]
fn a_file_that_is_no_plan_is_named_and_never_skipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = Corpus::at(folder.path());
    let path = corpus.save("plan", &generate(&RIGHT, 1, Profile::Swarm)).expect("written");
    let text = fs::read_to_string(&path).expect("text");
    for (wrong, says) in [
        (text[..text.len() / 2].to_owned(), "malformed or truncated"),
        (text.replace(FORMAT, "seaworthy/plan@7"), "seaworthy/plan@7"),
        (String::new(), "malformed or truncated"),
    ] {
        fs::write(&path, wrong).expect("written");
        let error = corpus.plans::<Deposits>("deposits").expect_err("no plan").to_string();
        assert!(error.contains("plan.json") && error.contains(says), "{error}");
    }
}

#[test]
fn a_plan_that_lies_beside_the_folders_is_found_by_the_scenario_that_it_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = Corpus::at(folder.path());
    let plan = generate(&RIGHT, 1, Profile::Swarm);
    let other = Plan { scenario: "another".into(), ..plan.clone() };
    fs::write(folder.path().join("mine.json"), plan.print()).expect("written");
    fs::write(folder.path().join("theirs.json"), other.print()).expect("written");
    let inner = corpus.save("inner", &plan).expect("written");
    let found = corpus.plans::<Deposits>("deposits").expect("both");
    assert_eq!(found, [(folder.path().join("mine.json"), plan.clone()), (inner, plan)]);
    fs::write(folder.path().join("theirs.json"), "{").expect("written");
    let error = corpus.plans::<Deposits>("deposits").expect_err("nobody knows whose it is").to_string();
    assert!(error.contains("theirs.json"), "{error}");
}

#[test]
fn replaying_names_the_files_that_fail_and_refuses_what_does_not_fit() {
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = Corpus::at(folder.path());
    let calm = generate(&WRONG, 1, Profile::Calm);
    corpus.save("good", &calm).expect("written");
    let bad = corpus.save("bad", &Plan { seed: 13, ..calm.clone() }).expect("written");
    let run = pretend(|plan| if plan.seed == 13 { vec![violation("a", "b")] } else { Vec::new() });
    let tally = corpus.replay(&runner(&WRONG, run), &RunOptions::default()).expect("replayed");
    assert_eq!(tally.plans, 2);
    assert_eq!(tally.failures.len(), 1);
    assert_eq!(tally.failures[0].source, Source::File(bad));

    let other = Plan { scenario: "another".into(), ..calm };
    fs::write(folder.path().join("deposits/other.json"), other.print()).expect("written");
    let error = corpus.replay(&WRONG, &RunOptions::default()).expect_err("not this scenario's").to_string();
    assert!(error.contains("other.json") && error.contains("another"), "{error}");
}
