//! Lists, campaigns, tables, shards and JSON.

use std::fs;

use super::{folder, theirs};

#[test]
fn scenarios_of_different_workloads_are_listed_side_by_side() {
    let ran = theirs(folder().path(), &["list"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("greetings  each guest is greeted"), "{}", ran.out);
    assert!(ran.out.contains("deposits   each deposit counts once"), "{}", ran.out);
}

#[test]
fn the_first_scenario_runs_where_none_is_named_and_its_items_go_by_their_noun() {
    let ran = theirs(folder().path(), &["run", "--seeds", "50"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("greetings under swarm") && ran.out.contains(" guests, "), "{}", ran.out);
    let unknown = theirs(folder().path(), &["run", "greeting"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.out);
    assert!(unknown.err.contains("did you mean \"greetings\"?"), "{}", unknown.err);
}

#[test]
fn a_campaign_takes_as_long_as_it_is_given() {
    let ran = theirs(folder().path(), &["run", "greetings", "--for", "300ms", "--profile", "calm,crash"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("greetings under calm, crash"), "{}", ran.out);
}

#[test]
fn shards_and_json_are_those_of_the_whole() {
    let folder = folder();
    let runs = |shard: &str, file: &str| -> u64 {
        let arguments = ["run", "greetings", "--seeds", "101", "--base-seed", "1", "--shard", shard, "--json", file];
        let ran = theirs(folder.path(), &arguments);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        let text = fs::read_to_string(folder.path().join(file)).expect("written");
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(report["scenario"], "greetings");
        report["runs"].as_u64().expect("a number")
    };
    assert_eq!((runs("1/2", "1.json"), runs("2/2", "2.json"), runs("1/1", "whole.json")), (51, 50, 101));
}

#[test]
fn several_scenarios_under_each_profile_make_one_table() {
    let folder = folder();
    let arguments = ["run", "greetings,deposits", "--profile", "each", "--seeds", "200", "--json", "all.json"];
    let ran = theirs(folder.path(), &arguments);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let line = |name: &str| ran.out.lines().find(|line| line.trim().starts_with(name)).expect(name).to_owned();
    assert!(line("failed of seeds").contains("lost-reply") && line("failed of seeds").contains("swarm"), "{}", ran.out);
    let words = line("greetings").split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words, ["0/200"; 10], "{}", ran.out);
    let cells = line("deposits");
    assert!(cells.contains(" 0/200 ") && cells.contains(" 1/"), "calm holds, lost replies do not: {cells}");
    assert!(ran.out.contains("was booked twice") && ran.out.contains("\nviolated: "), "{}", ran.out);
    let found = |line: &&str| line.starts_with("found by seed 0x") && line.ends_with("; shrinking its plan");
    assert!(ran.err.lines().any(|line| found(&line)), "before it is shrunk: {}", ran.err);
    assert!(ran.out.contains("\nto be expected: "), "{}", ran.out);
    let last = ran.out.trim_end().lines().last().expect("a last line");
    // What the wrong one is worth is no matter: the bound is of the right one.
    let (failed, worth) = last.split_once(" failed; one drawn like the ").unwrap_or_else(|| panic!("{last}"));
    assert!(failed.starts_with("violated: "), "{last}");
    let (held, bound) = worth.split_once(" in the ").expect("how many seeds");
    let seeds: f64 = held.strip_suffix(" seeds").and_then(|seeds| seeds.parse().ok()).expect("a number");
    let at_most = (1.0 - 0.05_f64.powf(1.0 / seeds)) * 100.0;
    assert!(
        bound.contains(&format!(" without a failure fails with a probability of at most {at_most:.3} % (95%)")),
        "{last}"
    );
    let text = fs::read_to_string(folder.path().join("all.json")).expect("written");
    let reports: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list");
    assert_eq!(reports.len(), 20);
}

#[test]
fn several_campaigns_say_what_they_are_worth_together_and_what_none_of_them_asked_for() {
    let arguments = ["run", "greetings", "--profile", "each", "--seeds", "200", "--base-seed", "1"];
    let ran = theirs(folder().path(), &arguments);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let last = ran.out.trim_end().lines().last().expect("a last line");
    // 1 - 0.05^(1/2000) and 1 - 0.05^(1/200).
    assert_eq!(
        last,
        "held: no failure in 2000 seeds in 10 campaigns, base seed 0x0000000000000001; one drawn like these fails with a \
         probability of at most 0.150 % (95%), and 1.487 % in the campaign that says least",
    );
    let left_out: Vec<&str> = ran.out.lines().filter(|line| line.starts_with("not asked for in ")).collect();
    let drop_ack = left_out.iter().find(|line| line.contains("fault drop_ack")).expect("there is no broker");
    assert!(drop_ack.contains("greetings under ") && drop_ack.ends_with("(no run made a call that it strikes (ack))"));
    // Grouped: each thing at most once for a reason.
    assert_eq!(left_out.iter().filter(|line| line.contains("drop_ack")).count(), 1, "{left_out:?}");
    assert!(left_out.len() < 20, "{left_out:?}");
}
