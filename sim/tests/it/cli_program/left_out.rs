//! Invariants and kinds of fault that are left out by name.

use std::fs;

use super::{folder, pasted, theirs};

const FAILING: [&str; 6] = ["run", "deposits", "--seeds", "500", "--base-seed", "1"];

fn run(more: &[&str]) -> super::Ran {
    let folder = folder();
    theirs(folder.path(), &[&FAILING[..], more].concat())
}

#[test]
fn an_invariant_that_is_left_out_is_not_judged() {
    assert_eq!(run(&[]).code, Some(1));
    // There is but one, and then nothing is left that could judge.
    let without = run(&["--without", "booked-once"]);
    assert_eq!(without.code, Some(2), "{}{}", without.out, without.err);
    assert!(without.err.contains("judges nothing"), "{}", without.err);
}

#[test]
fn a_kind_of_fault_that_is_left_out_is_not_planned() {
    // What makes a client ask twice: nothing else makes the teller book twice.
    let asks_twice = ["crash_before", "crash_after", "lose_reply", "lose_request", "duplicate", "delay", "hang"];
    let others = ["pause", "slow_link", "store_outage", "unavailable", "conflict"];
    let mut arguments: Vec<&str> = Vec::new();
    for kind in asks_twice.into_iter().chain(others) {
        arguments.extend(["--without-fault", kind]);
    }
    let folder = folder();
    let arguments = [&FAILING[..], &arguments, &["--json", "found.json"]].concat();
    let ran = theirs(folder.path(), &arguments);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("found.json")).expect("written")).expect("JSON");
    let faults = report["faults"].to_string();
    assert!(!faults.contains("crash_after") && faults.contains("clock_skew"), "{faults}");
}

#[test]
fn a_failure_is_replayed_without_what_was_left_out() {
    let folder = folder();
    // A folder that can't be made: the line names the seed, and has to say all that the plan would have said.
    fs::write(folder.path().join("plans"), "in the way").expect("writable");
    let kind = "clock_skew";
    let arguments = [&FAILING[..], &["--without-fault", kind, "--plans", "plans"]].concat();
    let ran = theirs(folder.path(), &arguments);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let line = pasted(&ran.out);
    assert!(line.join(" ").contains("--without-fault clock_skew"), "{line:?}");
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    let again = theirs(folder.path(), &words);
    assert_eq!(again.code, Some(1), "{}{}", again.out, again.err);
    let without = theirs(folder.path(), &[&words[..], &["--without", "booked-once"]].concat());
    assert!(!without.out.contains("was booked twice") && without.out.contains("judges nothing"), "{}", without.out);
}

#[test]
fn a_name_that_nothing_has_is_an_error_that_lists_the_names_that_there_are() {
    let invariant = run(&["--without", "booked-twice"]);
    assert_eq!(invariant.code, Some(2), "{}", invariant.out);
    assert!(invariant.err.contains("booked-twice") && invariant.err.contains("booked-once"), "{}", invariant.err);
    let fault = run(&["--without-fault", "crash"]);
    assert_eq!(fault.code, Some(2), "{}", fault.out);
    assert!(fault.err.contains("crash_before, crash_after, stop"), "{}", fault.err);
    let folder = folder();
    let replay = theirs(folder.path(), &["replay", "1", "--scenario", "deposits", "--without", "booked-twice"]);
    assert_eq!(replay.code, Some(2), "{}", replay.out);
}
