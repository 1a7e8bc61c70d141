//! Every fault and every pair, from the command line.

use std::fs;

use super::{folder, theirs};

#[test]
fn every_fault_is_tried_and_the_last_line_says_how_many_there_are() {
    let folder = folder();
    let ran = theirs(folder.path(), &["exhaust", "greetings", "--json", "all.json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("trying every fault for 1 guest of greetings\n"), "{}", ran.err);
    let text = fs::read_to_string(folder.path().join("all.json")).expect("written");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let plans = report["exhausted"]["plans"].as_u64().expect("a number");
    assert!(plans > 20 && report["runs"] == plans && report.get("failure_rate_upper_bound").is_none(), "{report}");
    assert!(ran.out.contains("greetings, every fault for 1 guest of seed 0x0\n"), "{}", ran.out);
    assert!(ran.out.contains(&format!("held: {plans} of {plans} plans, none violates\n")), "{}", ran.out);

    let part = theirs(folder.path(), &["exhaust", "greetings", "--from", "11", "--shard", "1/2"]);
    let left = (plans - 10).div_ceil(2);
    assert!(part.out.contains(&format!("held: {left} of {left} plans, none violates")), "{}", part.out);
    let last = theirs(folder.path(), &["exhaust", "greetings", "--from", &plans.to_string()]);
    assert!(last.out.contains("held: 1 of 1 plans"), "{}", last.out);
    // What is in none of the plans of a part is in those of the others.
    assert!(!last.out.contains("in none of the plans"), "{}", last.out);
}

#[test]
fn a_failure_says_how_to_replay_it_and_how_to_go_on_behind_it() {
    let folder = folder();
    let ran = theirs(folder.path(), &["exhaust", "deposits"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("was booked twice") && ran.out.contains("booked-once-exhaust-"), "{}", ran.out);
    let line = super::pasted(&ran.out);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    assert_eq!(theirs(folder.path(), &line).code, Some(1));
    let go_on = ran.out.lines().find_map(|line| line.strip_prefix("go on by ")).expect("there is more");
    let words: Vec<&str> = go_on.split(' ').skip(1).collect();
    assert_eq!(words[..2], ["exhaust", "deposits"], "{go_on}");
    let behind = theirs(folder.path(), &words);
    assert!(behind.out.contains("plans, "), "{}{}", behind.out, behind.err);
}

#[test]
fn what_is_left_out_is_said_for_plans_that_nothing_draws() {
    let help = theirs(folder().path(), &["exhaust", "--help"]).out;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("Makes no plan with a fault of this kind") && !help.contains("drawn"), "{help}");
}

#[test]
fn three_faults_are_too_many() {
    let ran = theirs(folder().path(), &["exhaust", "--k", "3"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    let ran = theirs(folder().path(), &["exhaust", "greetings", "--items", "1000"]);
    assert_eq!(ran.code, Some(2), "{}", ran.out);
    assert!(ran.err.contains("1000 of it are to be exhausted"), "{}", ran.err);
}

#[test]
fn plans_are_counted_from_one() {
    let none = theirs(folder().path(), &["exhaust", "greetings", "--from", "0"]);
    assert_eq!(none.code, Some(2), "{}", none.out);
    assert!(none.err.contains("invalid value '0' for '--from <PLAN>': the first plan has number 1"), "{}", none.err);
    let word = theirs(folder().path(), &["exhaust", "greetings", "--from", "two"]);
    assert!(word.err.contains("\"two\" is no number of a plan"), "{}", word.err);
}
