//! The services without simulation: killed at random moments while they work, and stopped gracefully. Whatever happens,
//! the databases tell the same story in the end.
#![cfg(unix)]

use std::{
    fs::File,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use seaworthy_core::ports::Store;
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::TokioClock;
use tempfile::TempDir;

const ORDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/orders.csv");

/// The scenario with everything right.
const RIGHT: &str = "order_fulfillment";

fn serve(scenario: &str, folder: &Path, limit: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
    let store = format!("sqlite:{}", folder.join("shop.db").display());
    command.args(["serve", scenario, "--store", &store, "--orders", ORDERS, "--limit", &limit.to_string()]);
    command
}

#[allow(clippy::disallowed_methods, reason = "the test waits for another process")]
fn wait(duration: Duration) {
    std::thread::sleep(duration);
}

/// Runs until all orders are done and everything has come to rest, and asserts what the databases hold then.
fn finish(folder: &Path, limit: u32) {
    let Output { status, stdout, stderr } =
        serve(RIGHT, folder, limit).output().expect("the program was built for this test");
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert_eq!(status.code(), Some(0), "{out}{err}");
    assert!(out.contains("held: every business invariant"), "{out}");
    let orders: u32 = out
        .lines()
        .filter(|line| line.contains(" orders "))
        .filter_map(|line| line.split_whitespace().next()?.parse::<u32>().ok())
        .sum();
    assert_eq!(orders, limit, "no order is lost: {out}");
}

/// Enough work for all the kills: the services do some hundred orders a second.
const KILLED_ORDERS: u32 = 2_500;
const KILLS: u32 = 50;

/// When the database was last written to, as far as the operating system knows. Nobody opens it for this: a file that is
/// open elsewhere at a kill would need no recovery at the next start.
fn written(folder: &Path) -> Option<SystemTime> {
    std::fs::metadata(folder.join("shop.db-wal")).and_then(|log| log.modified()).ok()
}

/// Whether the orders' store holds something half done. Looking recovers the database, which is the next start's work
/// otherwise.
fn is_half_done(folder: &Path) -> bool {
    let store = SqliteStore::open(folder.join("shop.db"), Arc::new(TokioClock), SqliteConfig::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let backlog = runtime.block_on(store.expect("a kill leaves a whole database").backlog());
    !backlog.expect("readable").is_idle()
}

/// Starts the services and kills them at a random moment while they work, again and again.
fn kill_at_work(scenario: &str, folder: &Path, limit: u32, kills: u32, within: Duration, mut between: impl FnMut(u32)) {
    let mut dice: u32 = 0x5ea_5ea;
    for kill in 0..kills {
        let before = written(folder);
        let mut child: Child = serve(scenario, folder, limit)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program was built for this test");
        // However slow the machine is, a kill strikes after a first commit of this start: the first time among those
        // that create the tables, then between one and some dozens of orders.
        while written(folder) == before {
            let ended = child.try_wait().expect("it is our child");
            assert_eq!(ended, None, "all orders were done after {kill} kills: there must be more work");
            wait(Duration::from_millis(1));
        }
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        wait(within * ((dice >> 8) % 1_000) / 1_000);
        child.kill().expect("it is our child"); // SIGKILL
        let ended = child.wait().expect("it is our child");
        assert_eq!(ended.signal(), Some(9), "all orders were done after {kill} kills: there must be more work");
        between(kill);
    }
}

#[test]
fn services_that_are_killed_fifty_times_at_work_lose_nothing_and_double_nothing() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut half_done = 0;
    kill_at_work(RIGHT, folder.path(), KILLED_ORDERS, KILLS, Duration::from_millis(100), |kill| {
        half_done += u32::from(kill % 5 == 4 && is_half_done(folder.path()));
    });
    assert!(half_done >= KILLS / 5 - 2, "only {half_done} of {} kills struck amid an order", KILLS / 5);
    finish(folder.path(), KILLED_ORDERS);
}

/// What the services above are judged by finds mistakes that only a crash brings to light.
#[test]
fn kills_show_what_is_lost_without_an_outbox_and_doubled_under_a_fresh_key() {
    for (twin, sentence) in
        [("dual-write", "was confirmed but never got a shipment"), ("fresh-idempotency-key", "was charged 2 times")]
    {
        let scenario = format!("{RIGHT}/{twin}");
        // Most kills strike amid some dozens of checkouts, but not each of these has just done what the mistake is about.
        let shown = (0..8).any(|_| {
            let folder = TempDir::new().expect("a temporary folder");
            kill_at_work(&scenario, folder.path(), 2_000, 6, Duration::from_millis(250), |_| {});
            let Output { status, stdout, .. } =
                serve(&scenario, folder.path(), 2_000).output().expect("the program was built for this test");
            let out = String::from_utf8_lossy(&stdout);
            assert_eq!(status.code() == Some(1), out.contains(sentence), "{twin}: {out}");
            out.contains(sentence)
        });
        assert!(shown, "48 kills did not show what {twin} does wrong");
    }
}

#[test]
fn a_graceful_stop_ends_soon_and_the_next_start_goes_on() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut child =
        serve(RIGHT, folder.path(), 1_000).stdout(Stdio::piped()).spawn().expect("the program was built for this test");
    while !folder.path().join("shop.db").exists() || !is_half_done(folder.path()) {
        assert_eq!(child.try_wait().expect("it is our child"), None, "there must be more work");
        wait(Duration::from_millis(20));
    }
    let Output { status, stdout, .. } = stop(child);
    assert_eq!(status.code(), Some(130), "{}", String::from_utf8_lossy(&stdout));
    finish(folder.path(), 1_000);
}

/// Every commit fails from some moment on, and whether it was applied nobody knows: the services say so, and wait. The
/// shell lets no file grow beyond 512 KiB or, where it counts otherwise, 1 MiB; the databases want more.
#[test]
fn a_disk_that_fails_is_told_of_and_costs_nothing_once_it_is_well_again() {
    let folder = TempDir::new().expect("a temporary folder");
    let served = serve(RIGHT, folder.path(), 1_000);
    let said = folder.path().join("said");
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""])
        .arg(served.get_program())
        .args(served.get_args())
        .stdout(Stdio::piped())
        .stderr(File::create(&said).expect("a new file"))
        .spawn()
        .expect("a shell");
    let is_told =
        || std::fs::read_to_string(&said).expect("readable").contains("outcome unknown: commit: disk I/O error");
    while !is_told() {
        assert_eq!(child.try_wait().expect("it is our child"), None, "the limit was never met");
        wait(Duration::from_millis(20));
    }
    // What waits for the disk is given up.
    let Output { status, stdout, .. } = stop(child);
    assert_eq!(status.code(), Some(130), "{}", String::from_utf8_lossy(&stdout));
    finish(folder.path(), 1_000);
}

/// Asks a child to stop, and waits until it has.
fn stop(mut child: Child) -> Output {
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill is there");
    assert!(asked.success());
    // What is in flight is finished within a second or two; the rest is a slow machine's.
    let soon = (0..1_000).any(|_| {
        wait(Duration::from_millis(20));
        child.try_wait().expect("it is our child").is_some()
    });
    if !soon {
        child.kill().expect("it is our child");
    }
    assert!(soon, "it goes on for more than 20 s");
    child.wait_with_output().expect("it is our child")
}

#[test]
fn a_database_that_was_begun_with_other_orders_is_refused() {
    let folder = TempDir::new().expect("a temporary folder");
    let begin = |orders: &str| {
        let file = folder.path().join("orders.csv");
        std::fs::write(&file, format!("date,customer,quantity,amount_usd\n{orders}")).expect("writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
        let store = format!("sqlite:{}", folder.path().join("shop.db").display());
        command.args(["serve", RIGHT, "--store", &store, "--orders"]).arg(file);
        let Output { status, stderr, .. } = command.output().expect("the program was built for this test");
        (status.code(), String::from_utf8_lossy(&stderr).into_owned())
    };
    let first = "1997-01-01,1,1,11.77\n1997-01-01,4,2,29.33\n";
    assert_eq!(begin(first).0, Some(0));
    let (code, error) = begin("1997-01-01,1,1,11.77\n1997-01-02,4,9,29.33\n");
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("shop.db was begun with other orders"), "{error}");
    assert_eq!(begin(first).0, Some(0), "and the right ones go on");
}

/// A saga would wait in memory for longer than it is owned. Nobody recovers any, which would show at the next kill only.
#[test]
fn a_part_that_ends_by_itself_ends_the_program_with_what_to_change() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut command = serve(RIGHT, folder.path(), 3);
    let output = command.args(["--saga-lease", "500ms"]).output().expect("the program was built for this test");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    // Both replicas have the setting, and either may be the first to say so.
    let says = |who: &str| error.contains(&format!("{who}: parts of the process have ended: recovery of sagas: "));
    assert!(says("orders-1") || says("orders-2"), "{error}");
    assert!(error.contains("OrchestratorConfig::wait_in_memory is 1s: "), "{error}");
}
