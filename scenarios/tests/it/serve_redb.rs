//! The shop without simulation, on files of documents: killed at work, and looked after by the operator's tool.
#![cfg(unix)]

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

const ORDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/orders.csv");

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
    command.args(arguments).args(["--store", &format!("redb:{}", folder.join("shop.redb").display())]);
    command
}

fn serve(folder: &Path, limit: u32) -> Command {
    program(folder, &["serve", "order_fulfillment", "--orders", ORDERS, "--limit", &limit.to_string()])
}

/// What the program says, and its exit code.
fn said(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program was built for this test");
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

#[allow(clippy::disallowed_methods, reason = "the test waits for another process")]
fn wait(duration: Duration) {
    std::thread::sleep(duration);
}

/// When the file was written last, once there is anything in it.
fn written(folder: &Path) -> Option<SystemTime> {
    let file = std::fs::metadata(folder.join("shop.redb")).ok().filter(|file| file.len() > 0)?;
    file.modified().ok()
}

const KILLED_ORDERS: u32 = 600;
const KILLS: u32 = 12;

#[test]
fn seed_57_the_shop_on_files_of_documents_is_killed_at_work_and_comes_to_the_right_end() {
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let mut dice: u32 = 0x5ea_5ea;
    for kill in 0..KILLS {
        let before = written(folder);
        let mut child =
            serve(folder, KILLED_ORDERS).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it was built");
        // However slow the machine is, a kill strikes after a first commit of this start.
        while written(folder) == before {
            let ended = child.try_wait().expect("it is our child");
            assert_eq!(ended, None, "all orders were done after {kill} kills: there must be more work");
            wait(Duration::from_millis(1));
        }
        if kill == 0 {
            // The file belongs to the service: a tool is told so.
            let (code, told) = said(program(folder, &["operate", "counts"]));
            assert_eq!(code, Some(2), "{told}");
            assert!(told.contains("shop.redb is open in another process"), "{told}");
        }
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        wait(Duration::from_millis(150) * ((dice >> 8) % 1_000) / 1_000);
        child.kill().expect("it is our child"); // SIGKILL
        let ended = child.wait().expect("it is our child");
        assert_eq!(ended.signal(), Some(9), "all orders were done after {kill} kills: there must be more work");
    }
    let (code, told) = said(serve(folder, KILLED_ORDERS));
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("held: every business invariant"), "{told}");
    // And an operator sees that nothing is left.
    let (code, told) = said(program(folder, &["operate", "counts", "--json"]));
    assert_eq!(code, Some(0), "{told}");
    let counts: serde_json::Value = serde_json::from_str(&told).expect("a document");
    assert_eq!(counts.pointer("/outbox_pending/count"), Some(&0.into()), "{told}");
    let (code, told) = said(program(folder, &["operate", "republish-since", "1970-01-01T00:00:00Z"]));
    assert!(code == Some(0) && told.contains("would send") && !told.contains("would send 0 "), "{told}");
}

#[test]
fn a_store_that_is_none_is_refused_with_what_to_write() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
    command.args(["operate", "--store", "mongo:shop", "counts"]);
    let (code, told) = said(command);
    assert!(code == Some(2) && told.contains("write sqlite:FILE or redb:FILE"), "{told}");
    let folder = TempDir::new().expect("a temporary folder");
    let (code, told) = said(program(folder.path(), &["operate", "counts"]));
    assert!(code == Some(2) && told.contains("there is no such file"), "{told}");
    assert!(!folder.path().join("shop.redb").exists(), "nothing is created");
}
