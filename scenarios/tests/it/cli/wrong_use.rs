//! What the program can not do anything with.

use std::fs;

use super::{HEADER, entries, folder, seaworthy};

/// Asserts that the program was used wrongly: exit code 2, one message, nothing printed, nothing written.
fn assert_wrong_use(arguments: &[&str], files: &[(&str, &str)], message: &str) {
    let folder = folder();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("writable");
    }
    let ran = seaworthy(folder.path(), arguments);
    assert_eq!(ran.code, Some(2), "{arguments:?}: {}{}", ran.out, ran.err);
    assert!(ran.err.contains(message), "{arguments:?} should say {message:?}: {}", ran.err);
    assert_eq!(ran.out, "", "{arguments:?} prints nothing");
    assert_eq!(entries(folder.path()).len(), files.len(), "{arguments:?} leaves nothing behind");
}

#[test]
fn unknown_names_are_wrong_use_with_the_nearest_one() {
    assert_wrong_use(&["run", "order_fulfilment"], &[], "did you mean \"order_fulfillment\"?");
    assert_wrong_use(&["replay", "1", "--scenario", "nothing"], &[], "there is no scenario \"nothing\"");
    assert_wrong_use(&["run", "--profile", "chaos"], &[], "unknown profile \"chaos\"");
    assert_wrong_use(&["walk"], &[], "unrecognized subcommand 'walk'");
}

#[test]
fn a_sweep_over_nothing_is_wrong_use() {
    assert_wrong_use(&["run", "--seeds", "0"], &[], "zero seeds");
    assert_wrong_use(&["run", "--for", "0s"], &[], "is no time");
    assert_wrong_use(&["run", "--jobs", "0"], &[], "0 is not in 1..");
    assert_wrong_use(&["run", "--seeds", "1", "--seed", "1"], &[], "cannot be used with");
    assert_wrong_use(&["run", "--shard", "3/2"], &[], "\"3/2\" is no shard");
    assert_wrong_use(&["run", "--shard", "1/2"], &[], "a shard needs --base-seed");
    assert_wrong_use(&["run", "--seed", "1", "--base-seed", "1"], &[], "cannot be used with");
    assert_wrong_use(&["run", "--seed", "1", "--shard", "1/2"], &[], "cannot be used with");
}

#[test]
fn plans_that_are_malformed_truncated_newer_or_do_not_fit_are_wrong_use() {
    let good = r#"{"format":"seaworthy/plan@1","scenario":"order_fulfillment","seed":1,
        "workload":{"stock":{},"orders":[]},"faults":[FAULT]}"#;
    let plan = |fault: &str| good.replace("FAULT", fault);
    let replay = ["replay", "plan.json"];
    let wrong = |content: &str, message: &str| assert_wrong_use(&replay, &[("plan.json", content)], message);
    wrong("not json", "plan is malformed or truncated");
    wrong(&plan("")[..60], "plan is malformed or truncated");
    wrong(&plan("").replace("plan@1", "plan@9"), "plan has format \"seaworthy/plan@9\"");
    wrong(&plan("").replace("fulfillment", "fulfilment"), "did you mean \"order_fulfillment\"?");
    wrong(
        &plan(r#"{"process":"orders-9","point":"commit","nth":1,"verdict":"conflict"}"#),
        "fault 0 names process \"orders-9\"",
    );
    wrong(
        &plan(r#"{"process":"orders-1","point":"read","nth":1,"verdict":"conflict"}"#),
        "a call at point \"any_read\" can't honour",
    );
    wrong(&plan(r#"{"from_ms":0,"to_ms":1,"what":"meteor"}"#), "unknown variant `meteor`");
    wrong(&plan(r#"{"process":"orders-1","point":"commit","nth":1}"#), "a fault has either process, point, nth and");
    wrong(
        &plan(r#"{"from_ms":0,"to_ms":18446744073709551615,"what":"broker_outage"}"#),
        "fault 0 (from 0 to 18446744073709551615 ms the broker answers nobody) that ends more than ten years after",
    );
    let order = r#"{"at_ms":18446744073709551615,"id":"o","sku":"cd-1","quantity":1,"amount_cents":1,"customer":1}"#;
    wrong(&plan("").replace("\"orders\":[]", &format!("\"orders\":[{order}]")), "takes longer than 100 years");
    wrong(&plan("").replace("\"seed\":1", "\"seed\":1,\"sed\":2"), "unknown field `sed`");
    assert_wrong_use(&["replay", "1", "--spans"], &[], "--trace");
    assert_wrong_use(&["replay", "1", "--trace=a", "--spans"], &[], "a trace file has no spans");
    assert_wrong_use(&["replay", "nowhere.json"], &[], "\"nowhere.json\" is neither a seed nor a file");
    assert_wrong_use(
        &["replay", "plan.json", "--profile", "calm"],
        &[("plan.json", &plan(""))],
        "--profile draws the plan of a seed",
    );
}

#[test]
fn rows_that_are_no_orders_are_wrong_use_with_their_line_number() {
    let file = |rows: &str| format!("{HEADER}{rows}");
    let run = ["run", "--orders", "o.csv"];
    assert_wrong_use(
        &run,
        &[("o.csv", &file("1997-01-01,1,1,1.00\n1997-01-01,1,x,1.00\n"))],
        "o.csv, line 3: quantity",
    );
    assert_wrong_use(&run, &[("o.csv", &file(""))], "o.csv holds no orders");
    assert_wrong_use(&run, &[("o.csv", "a,b\n1,2\n")], "o.csv, line 1: header \"a,b\"");
    assert_wrong_use(&run, &[], "can't read orders from o.csv");
}

#[test]
fn files_that_can_t_be_written_are_noticed_before_the_work_begins() {
    assert_wrong_use(&["run", "--seeds", "1", "--json", "no/such/file.json"], &[], "there is no folder no/such");
    assert_wrong_use(&["replay", "1", "--trace=no/such/file"], &[], "there is no folder no/such");
}

#[test]
fn trace_files_that_are_malformed_or_truncated_are_wrong_use() {
    let folder = folder();
    assert_eq!(seaworthy(folder.path(), &["replay", "1", "--trace=whole"]).code, Some(0));
    let whole = fs::read_to_string(folder.path().join("whole")).expect("written");
    let truncated: String = whole.lines().take(5).map(|line| format!("{line}\n")).collect();
    let diff = ["diff", "a", "b"];
    assert_wrong_use(&diff, &[("a", &whole), ("b", &truncated)], "b: trace is truncated: it has 4 of");
    assert_wrong_use(&diff, &[("a", "{}"), ("b", &whole)], "a: trace is malformed at line 1");
    assert_wrong_use(&diff, &[("b", &whole)], "can't read a");
}
