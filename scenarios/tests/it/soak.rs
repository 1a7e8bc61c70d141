//! The shop as a process of its own, on the real clock and on disk, under blows for a minute; and what the audit of it is
//! worth.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

fn soak(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
    let store = format!("sqlite:{}", folder.join("soak.db").display());
    command.args(["soak", "--store", &store, "--rate", "8", "--json"]).arg(folder.join("soak.json"));
    command.args(arguments).env_remove("COLUMNS");
    command
}

struct Soaked {
    code: Option<i32>,
    /// All that it printed.
    told: String,
    json: Value,
}

fn soaked(folder: &TempDir, Output { status, stdout, stderr }: Output) -> Soaked {
    let told = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    let json = fs::read(folder.path().join("soak.json")).unwrap_or_default();
    Soaked { code: status.code(), told, json: serde_json::from_slice(&json).unwrap_or_default() }
}

fn run(arguments: &[&str]) -> Soaked {
    let folder = TempDir::new().expect("a temporary folder");
    let output = soak(folder.path(), arguments).output().expect("the program was built for this test");
    soaked(&folder, output)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// Long enough for each kind of blow to fall, and for a last life in which memory, files and rows can be seen to stay as they
/// are. At eight orders a second a busy machine keeps up.
#[test]
fn a_minute_of_blows_loses_nothing_doubles_nothing_and_lets_nothing_grow() {
    let Soaked { code, told, json } = run(&["--for", "60s", "--seed", "7"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("held: nothing is lost"), "{told}");
    let blows = json["blows"].as_object().expect("a table of blows");
    for blow in [
        "kill",
        "full disk",
        "slow disk",
        "locked database",
        "clock set back",
        "message that panics",
        "message that is refused",
        "message that aborts",
    ] {
        assert!(number(&blows[blow]["struck"]) > 0, "{blow}: {told}");
    }
    for blow in ["kill", "full disk", "slow disk", "message that aborts"] {
        assert!(number(&blows[blow]["effects"]) > 0, "{blow} struck and came to nothing: {told}");
    }
    let orders = json["orders"].as_object().expect("orders by what became of them");
    assert!(number(&orders["shipped"]) > 100 && orders.contains_key("cancelled"), "{told}");
    let trends = json["trends"].as_array().expect("figures");
    let measured = |of: &str| trends.iter().any(|trend| trend["of"] == of);
    for of in ["files", "rows of outbox", "rows of inbox", "rows of saga_log", "rows of watermarks"] {
        assert!(measured(of), "{of}: {told}");
    }
    assert_eq!(measured("memory"), cfg!(target_os = "linux"), "{told}");
}

/// A relay that marks rows before it publishes them: whatever ends the process in between has lost a message, and a letter
/// that ends it each time always does.
#[test]
fn a_relay_that_marks_before_it_publishes_is_found_within_seconds_and_blows_are_those_of_their_seed() {
    let arguments = ["order_fulfillment/mark-before-publish", "--for", "10s", "--seed", "7"];
    let Soaked { code, told, json } = run(&arguments);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("violated poison-is-dead: letter.aborts-0 was not given up"), "{told}");
    assert!(told.contains("the same blows again, with what the services say: --seed 0x0000000000000007"), "{told}");
    // The plan is another's, too: of a soak of the right services, with the same seed and of the same length.
    let other = run(&["--for", "10s", "--seed", "7", "--keep", "1h"]);
    assert_eq!(json["plan"], other.json["plan"]);
    assert!(json["plan"].as_array().is_some_and(|plan| plan.len() >= 8), "{told}");
    // That one keeps what is settled for an hour, which shows as well.
    assert_eq!(other.code, Some(1), "{}", other.told);
    assert!(other.told.contains("violated settled-is-forgotten: "), "{}", other.told);
    assert!(!other.told.contains("poison-is-dead"), "{}", other.told);
}

#[test]
fn a_file_that_is_there_already_is_refused_and_left_alone() {
    let folder = TempDir::new().expect("a temporary folder");
    let shipping = folder.path().join("soak.db-shipping");
    fs::write(&shipping, "somebody else's").expect("writable");
    let output = soak(folder.path(), &["--for", "60s"]).output().expect("the program was built for this test");
    let Soaked { code, told, .. } = soaked(&folder, output);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("soak.db-shipping exists already") && told.contains("--store"), "{told}");
    assert_eq!(fs::read(shipping).expect("it is there"), b"somebody else's");
    assert!(!folder.path().join("soak.db").exists(), "nothing else was made");
    let Soaked { code, told, .. } = run(&["--for", "1s"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("too short"), "{told}");
}

/// A kill may fall while another process holds the lock of a database.
#[test]
fn a_database_that_is_locked_when_the_process_begins_is_waited_for() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("soak.db");
    let other = rusqlite::Connection::open(&file).expect("a new file");
    other.execute_batch("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE").expect("nobody else has it");
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
    command.args(["soak-worker", "order_fulfillment", "--store", &format!("sqlite:{}", file.display())]);
    command.args([
        "--keep-ms",
        "3000",
        "--keep-watermarks-ms",
        "8000",
        "--alone-after",
        "3",
        "--given-up-after",
        "6",
        "--behind-ms",
        "0",
    ]);
    let mut worker =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("built");
    // Once it has said that it waits, it goes on as soon as it can.
    let mut said = BufReader::new(worker.stderr.take().expect("piped")).lines();
    let waits = said.find_map(|line| line.ok().filter(|line| line.contains("can't be opened yet")));
    assert!(waits.is_some(), "{:?}", worker.wait());
    other.execute_batch("ROLLBACK").expect("it is held");
    let mut answer = String::new();
    BufReader::new(worker.stdout.take().expect("piped")).read_line(&mut answer).expect("it lives");
    assert_eq!(answer.trim(), r#""ready""#);
    worker.kill().and_then(|()| worker.wait()).expect("our own child");
}

/// Each life of the process ends as it begins; after ten of them the soak is given up.
#[test]
fn a_part_of_the_shop_that_ends_by_itself_is_in_the_report() {
    let Soaked { code, told, json } = run(&["--for", "10s", "--seed", "7", "--alone-after", "0"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("violated process-is-whole: a part of the shop ended by itself in its life 1: "), "{told}");
    assert!(told.contains("RelayConfig::max_attempts is 0: "), "{told}");
    let violated = json["violated"].as_array().expect("violations");
    assert!(violated.iter().all(|violated| violated["invariant"] != "process-lives"), "it said why: {told}");
}

/// Ctrl-C is a signal that only Unix has under this name.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_early_with_an_audit() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut command = soak(folder.path(), &["--for", "5h", "--seed", "3"]);
    let child: Child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it was built");
    #[allow(clippy::disallowed_methods, reason = "the test waits for another process")]
    std::thread::sleep(Duration::from_secs(5));
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(asked.success());
    let Soaked { code, told, json } = soaked(&folder, child.wait_with_output().expect("it ends"));
    assert_eq!(code, Some(130), "{told}");
    assert!(told.contains("interrupted: nothing is lost"), "{told}");
    assert_eq!(json["interrupted"], true);
}
