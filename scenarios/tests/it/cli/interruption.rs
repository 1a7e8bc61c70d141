//! Readers that leave, disks that are full, and Ctrl-C.

use std::{
    fs,
    process::{Command, Output},
};

use super::{entries, folder, seaworthy};

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
    assert_eq!(ran.code, Some(1), "a violation counts for more than a file: {}{}", ran.out, ran.err);
    assert!(ran.out.contains("violated lost-event") && ran.out.contains("seaworthy replay 0x"), "{}", ran.out);
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
    for argument in ["list", "--help", "--version"] {
        let full = full.try_clone().expect("it is open");
        let ran = Command::new(env!("CARGO_BIN_EXE_seaworthy")).arg(argument).stdout(full).output().expect("it starts");
        assert_eq!(ran.status.code(), Some(2), "{argument}");
        assert!(String::from_utf8_lossy(&ran.stderr).contains("can't print: No space left"), "{argument}");
    }
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
    assert!(out.contains("\ninterrupted: no failure in") && out.contains("order-shipped"), "{out}");
    assert!(!out.contains("held:"), "{out}");
}
