//! Runs of many seeds: verdicts, jobs, shards, orders from a file.

use std::fs;

use seaworthy_scenarios::controls;
use seaworthy_sim::{
    explore::{Campaign, Timing, TwiceTally},
    scenario::Scenario,
};

use super::{HEADER, folder, seaworthy};

#[test]
fn list_names_the_scenarios_whatever_they_work_on_and_the_broken_twins() {
    let ran = seaworthy(folder().path(), &["list"]);
    assert_eq!(ran.code, Some(0));
    for name in ["\n payments ", "\n payments/check-then-insert ", "\n welcoming ", "\n controls/heartbeat "] {
        assert!(ran.out.contains(name), "{name:?} is missing in {}", ran.out);
    }
    assert!(ran.out.contains("order_fulfillment "), "{}", ran.out);
    let welcoming = ran.out.lines().find(|line| line.trim().starts_with("welcoming ")).expect("a line");
    assert!(
        welcoming.trim_end().ends_with("  accounts (2 replicas), mailer"),
        "it says nothing of itself: {welcoming}"
    );
    assert!(ran.out.lines().filter(|line| line.contains("order_fulfillment/")).count() >= 8, "{}", ran.out);
}

#[test]
fn a_name_that_ends_in_a_stroke_is_a_family_and_all_of_it_runs() {
    let arguments = ["run", "welcoming,controls/", "--profile", "calm", "--seeds", "1", "--base-seed", "1"];
    let ran = seaworthy(folder().path(), &arguments);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let table = ran.out.lines().skip_while(|line| !line.contains("failed of seeds")).skip(1);
    let names = table.filter_map(|line| line.trim().strip_suffix("0/1")).map(|name| name.trim().to_owned());
    let controls = controls::all();
    let expected = ["welcoming"].into_iter().chain(controls.iter().map(|control| control.name()));
    assert_eq!(names.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{}", ran.out);
    let unknown = seaworthy(folder().path(), &["run", "control/"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.out);
}

#[test]
fn what_a_campaign_was_asked_is_counted_by_the_noun_of_its_workload() {
    for (scenario, noun) in
        [("order_fulfillment", "orders"), ("payments", "payments"), ("controls/heartbeat", "requests")]
    {
        let ran = seaworthy(folder().path(), &["run", scenario, "--seeds", "20", "--base-seed", "1"]);
        let headline = ran.out.lines().find(|line| line.starts_with("20 seeds")).expect("a headline");
        let count =
            headline.split(", ").find_map(|part| part.strip_suffix(noun)?.trim().split(": ").last()?.parse().ok());
        assert!(count.is_some_and(|count: u32| count >= 20), "{scenario} is asked {noun}: {headline}");
    }
}

#[test]
fn seed_15_without_arguments_the_main_job_runs_and_holds() {
    let folder = folder();
    let ran = seaworthy(folder.path(), &[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    for part in [
        "order_fulfillment under swarm",
        "crash_after",
        "saga_log",
        "one-shipment",
        "order-shipped",
        "seeds/s",
        "held:",
    ] {
        assert!(ran.out.contains(part), "{part:?} is missing in {}", ran.out);
    }
    assert!(!ran.out.contains('\u{1b}'), "no colour in a pipe: {}", ran.out);
}

#[test]
fn strict_makes_warnings_errors_however_few_runs_there_were() {
    let folder = folder();
    let few = ["run", "--seeds", "5", "--base-seed", "1"];
    let lenient = seaworthy(folder.path(), &few);
    assert_eq!(lenient.code, Some(0), "{}{}", lenient.out, lenient.err);
    assert!(lenient.out.contains("warning: "), "{}", lenient.out);
    let strict = seaworthy(folder.path(), &[&few[..], &["--strict"]].concat());
    assert_eq!(strict.code, Some(1), "{}{}", strict.out, strict.err);
    assert!(strict.out.contains("failed: it proves less than it seems to"), "{}", strict.out);
    let enough = seaworthy(folder.path(), &["run", "--seeds", "3000", "--base-seed", "1", "--strict"]);
    assert_eq!(enough.code, Some(0), "{}{}", enough.out, enough.err);
}

#[test]
fn a_campaign_is_the_same_with_one_job_and_with_several() {
    let folder = folder();
    for (jobs, file) in [("1", "one.json"), ("3", "three.json")] {
        let arguments = ["run", "--seeds", "200", "--base-seed", "1", "--jobs", jobs, "--json", file];
        assert_eq!(seaworthy(folder.path(), &arguments).code, Some(0));
    }
    let read = |name: &str| -> serde_json::Value {
        let text = fs::read_to_string(folder.path().join(name)).expect("written");
        let mut report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        report.as_object_mut().expect("an object").remove("timing");
        report
    };
    assert_eq!(read("one.json"), read("three.json"));
    assert_eq!(read("one.json")["held"], true);
}

#[test]
fn reports_of_shards_merge_to_the_report_of_the_whole() {
    let folder = folder();
    let campaign = |extra: &[&str], file: &str| -> Campaign {
        let mut arguments = vec!["run", "--seeds", "101", "--base-seed", "1", "--json", file];
        arguments.extend(extra);
        assert_eq!(seaworthy(folder.path(), &arguments).code, Some(0));
        let text = fs::read_to_string(folder.path().join(file)).expect("written");
        serde_json::from_str(&text).expect("a report is a campaign, and what it is worth")
    };
    // Each shard runs its own first plans twice.
    let timeless = |campaign| Campaign { timing: Timing::default(), twice: TwiceTally::default(), ..campaign };
    let mut merged = campaign(&["--shard", "1/2"], "1.json");
    merged.merge(campaign(&["--shard", "2/2"], "2.json"), 10).expect("parts of one whole");
    let whole = campaign(&[], "whole.json");
    assert_eq!(whole.runs, 101);
    assert_eq!(timeless(merged), timeless(whole));
}

#[test]
fn orders_come_from_a_file() {
    let folder = folder();
    let rows = "1997-01-01,1,1,11.77\n1997-01-01,4,99,0.00\n1997-02-01,4,2,700.00\n";
    fs::write(folder.path().join("orders.csv"), format!("{HEADER}{rows}")).expect("writable");
    let ran = seaworthy(folder.path(), &["run", "--orders", "orders.csv", "--profile", "calm"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("1 seed") && !ran.out.contains("1 seeds") && ran.out.contains("3 orders"), "{}", ran.out);
    assert!(ran.err.starts_with("running order_fulfillment under calm: 1 seed; the first plans, "), "{}", ran.err);
    assert!(ran.err.contains("run twice") && ran.err.lines().count() == 1, "{}", ran.err);
    let replayed = seaworthy(folder.path(), &["replay", "1", "--orders", "orders.csv", "--profile", "calm"]);
    assert!(replayed.err.starts_with("running order_fulfillment with 3 orders more than once"), "{}", replayed.err);
}

#[test]
fn orders_of_a_file_may_be_of_any_year_and_lie_a_year_apart() {
    let folder = folder();
    let rows = "2024-02-29,1,1,11.77\n2025-03-01,4,2,5.00\n";
    fs::write(folder.path().join("orders.csv"), format!("{HEADER}{rows}")).expect("writable");
    let ran = seaworthy(folder.path(), &["run", "--orders", "orders.csv", "--profile", "calm"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("366.0 days of virtual time"), "{}", ran.out);
}

#[test]
fn sqlite_gives_the_same_verdict_twice() {
    let folder = folder();
    let arguments = ["replay", "7", "--store", "sqlite"];
    let (one, other) = (seaworthy(folder.path(), &arguments), seaworthy(folder.path(), &arguments));
    assert_eq!(one.code, Some(0), "{}{}", one.out, one.err);
    assert_eq!(one.out, other.out, "the fingerprint is printed");
}
