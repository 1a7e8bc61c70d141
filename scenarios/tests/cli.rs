//! The program as a process: what it prints, how it exits, what it leaves behind.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the program in a folder of its own.
fn seaworthy(folder: &Path, arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_seaworthy"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program was built for this test");
    let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// Names of all files and folders in a folder.
fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder exists");
    entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
}

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

const HEADER: &str = "date,customer,quantity,amount_usd\n";

#[test]
fn list_names_the_scenario_and_its_broken_twins() {
    let ran = seaworthy(folder().path(), &["list"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.out.contains("order_fulfillment "), "{}", ran.out);
    assert!(ran.out.lines().filter(|line| line.contains("order_fulfillment/")).count() >= 8, "{}", ran.out);
}

#[test]
fn without_arguments_the_main_job_runs_and_holds() {
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
fn a_violation_is_told_kept_and_replayed_with_the_line_that_is_printed() {
    let folder = folder();
    let twin = "order_fulfillment/mark-before-publish";
    let ran = seaworthy(folder.path(), &["run", twin, "--seeds", "500", "--base-seed", "7"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("violated lost-event"), "{}", ran.out);
    let line = ran.out.lines().find_map(|line| line.strip_prefix("replay seaworthy ")).expect("a line to paste");
    let replayed = seaworthy(folder.path(), &line.split(' ').collect::<Vec<_>>());
    assert_eq!(replayed.code, Some(1), "{}{}", replayed.out, replayed.err);
    assert!(replayed.out.contains("violated lost-event"), "{}", replayed.out);
    let again = seaworthy(folder.path(), &line.split(' ').collect::<Vec<_>>());
    assert_eq!(replayed.out, again.out, "a replay is the same each time");
}

#[test]
fn the_line_to_paste_names_the_store_that_the_failure_was_found_on() {
    let folder = folder();
    let arguments = ["run", "order_fulfillment/mark-before-publish", "--seeds", "500", "--store", "sqlite"];
    let ran = seaworthy(folder.path(), &arguments);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let line = ran.out.lines().find_map(|line| line.strip_prefix("replay seaworthy ")).expect("a line to paste");
    assert!(line.ends_with(" --store sqlite"), "{line}");
    let replayed = seaworthy(folder.path(), &line.split(' ').collect::<Vec<_>>());
    assert_eq!(replayed.code, Some(1), "{}{}", replayed.out, replayed.err);
    assert!(replayed.out.trim_end().ends_with(line), "the replay names it too: {}", replayed.out);
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
fn shards_add_up_to_the_whole() {
    let folder = folder();
    let runs = |extra: &[&str], file: &str| -> u64 {
        let mut arguments = vec!["run", "--seeds", "101", "--base-seed", "1", "--profile", "calm", "--json", file];
        arguments.extend(extra);
        assert_eq!(seaworthy(folder.path(), &arguments).code, Some(0));
        let text = fs::read_to_string(folder.path().join(file)).expect("written");
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["runs"].as_u64().expect("a number")
    };
    assert_eq!(runs(&["--shard", "1/2"], "1.json") + runs(&["--shard", "2/2"], "2.json"), 101);
}

#[test]
fn orders_come_from_a_file() {
    let folder = folder();
    let rows = "1997-01-01,1,1,11.77\n1997-01-01,4,99,0.00\n1997-02-01,4,2,700.00\n";
    fs::write(folder.path().join("orders.csv"), format!("{HEADER}{rows}")).expect("writable");
    let ran = seaworthy(folder.path(), &["run", "--orders", "orders.csv", "--profile", "calm"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("1 seed") && !ran.out.contains("1 seeds") && ran.out.contains("3 orders"), "{}", ran.out);
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

#[test]
fn traces_of_one_seed_are_the_same_and_those_of_two_are_shown_side_by_side() {
    let folder = folder();
    for (seed, file) in [("1", "--trace=a"), ("1", "--trace=b"), ("2", "--trace=c")] {
        assert_eq!(seaworthy(folder.path(), &["replay", seed, file]).code, Some(0));
    }
    assert_eq!(seaworthy(folder.path(), &["diff", "a", "b"]).code, Some(0));
    let differ = seaworthy(folder.path(), &["diff", "a", "c"]);
    assert_eq!(differ.code, Some(1));
    assert!(differ.out.contains("the traces differ at event"), "{}", differ.out);
    let printed = seaworthy(folder.path(), &["replay", "1", "--trace"]);
    assert!(printed.out.contains("publish m1 order.confirmed"), "{}", printed.out);
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
    wrong(&plan("").replace("plan@1", "plan@2"), "plan has format \"seaworthy/plan@2\"");
    wrong(&plan("").replace("fulfillment", "fulfilment"), "did you mean \"order_fulfillment\"?");
    wrong(
        &plan(r#"{"process":"orders-9","point":"commit","nth":1,"verdict":"conflict"}"#),
        "fault 0 names process \"orders-9\"",
    );
    wrong(
        &plan(r#"{"process":"orders-1","point":"read","nth":1,"verdict":"conflict"}"#),
        "a call at point \"read\" can't honour",
    );
    wrong(&plan(r#"{"from_ms":0,"to_ms":1,"what":"meteor"}"#), "unknown variant `meteor`");
    wrong(&plan(r#"{"process":"orders-1","point":"commit","nth":1}"#), "a fault has either process, point, nth and");
    wrong(
        &plan(r#"{"from_ms":0,"to_ms":18446744073709551615,"what":"broker_outage"}"#),
        "fault 0 that ends at 18446744073709551615 ms: that is later than in 100 years",
    );
    let order = r#"{"at_ms":18446744073709551615,"id":"o","sku":"cd-1","quantity":1,"amount_cents":1,"customer":1}"#;
    wrong(&plan("").replace("\"orders\":[]", &format!("\"orders\":[{order}]")), "takes longer than 100 years");
    wrong(&plan("").replace("\"seed\":1", "\"seed\":1,\"sed\":2"), "unknown field `sed`");
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

#[test]
fn a_reader_that_leaves_early_changes_nothing_about_the_work() {
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_seaworthy"))
        .args(["run", "order_fulfillment/mark-before-publish", "--seeds", "500", "--base-seed", "7"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program was built for this test");
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
    assert_eq!(status.code(), Some(1), "{}", String::from_utf8_lossy(&stderr));
    assert_eq!(entries(folder.path()), ["seaworthy-plans"], "the plan is kept");
}

#[test]
fn what_was_found_is_told_also_where_it_can_t_be_kept() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").expect("writable");
    let twin = "order_fulfillment/mark-before-publish";
    let arguments =
        ["run", twin, "--seeds", "500", "--base-seed", "7", "--plans", "file/plans", "--json", "found.json"];
    let ran = seaworthy(folder.path(), &arguments);
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("violated lost-event") && ran.out.contains("replay seaworthy replay 0x"), "{}", ran.out);
    assert!(ran.err.contains("can't write file/plans"), "{}", ran.err);
    assert!(folder.path().join("found.json").exists());
}

/// `/dev/full` is always full, on Linux only. The program is given a link to it.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_a_device_is_never_replaced() {
    let folder = folder();
    let link = folder.path().join("full");
    std::os::unix::fs::symlink("/dev/full", &link).expect("writable");
    for arguments in [&["run", "--seeds", "1", "--json", "full"][..], &["replay", "1", "--trace=full"]] {
        let ran = seaworthy(folder.path(), arguments);
        assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("can't write full: No space left"), "{}", ran.err);
    }
    assert!(link.is_symlink(), "the device is still there");
    let full = fs::OpenOptions::new().write(true).open(&link).expect("it can be opened");
    let ran = Command::new(env!("CARGO_BIN_EXE_seaworthy")).arg("list").stdout(full).output().expect("it starts");
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("can't print: No space left"));
}

/// Ctrl-C is a signal that only Unix has under this name.
#[cfg(unix)]
#[test]
fn an_interrupt_prints_what_was_found_so_far() {
    use std::{io::Read, process::Stdio, time::Duration};

    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_seaworthy"))
        .args(["run", "--for", "5m", "--profile", "calm"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program was built for this test");
    // Long enough to be past its start on a busy machine; it would go on for minutes.
    #[allow(clippy::disallowed_methods, reason = "the test waits for another process")]
    std::thread::sleep(Duration::from_secs(2));
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(kill.success());
    let mut out = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut out).expect("UTF-8");
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130), "{out}");
    assert!(out.contains("held: no failure in") && out.contains("order-shipped"), "{out}");
}
