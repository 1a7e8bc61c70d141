//! A failure's plan: replayed by the line that is printed, and kept.

use std::{fs, path::Path, process::Command};

use super::{NAME, behind, checked};

#[test]
fn the_line_to_paste_names_package_program_and_test_and_replays_the_plan_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = checked(folder.path(), &[("SEAWORTHY_BASE_SEED", "1")]);
    assert!(!ran.passed, "{}", ran.said);
    let (found, story) = ran.said.split_once("; shrinking its plan\n").expect("said at once");
    let found = found.lines().last().expect("a line of its own");
    assert!(found.starts_with("found by seed 0x") && found.contains(": booked-once: "), "{found}");
    assert!(story.contains("\nshrunk in "), "the story comes later: {story}");
    let plan = behind(&ran.said, "plan");
    let line = behind(&ran.said, "replay");
    assert!(line.starts_with(&format!("SEAWORTHY_PLAN={plan} cargo test -p seaworthy-sim-tests ")), "{line}");
    assert!(line.contains(" --test it -- --exact ") && line.contains(NAME), "{line}");

    let again = checked(folder.path(), &[("SEAWORTHY_PLAN", plan)]);
    assert!(!again.passed && again.said.contains("was booked twice"), "{}", again.said);
    assert!(!again.said.contains("seeds failed"), "nothing else is run: {}", again.said);
}

#[test]
fn a_test_that_cargo_did_not_start_is_run_again_by_its_own_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = std::env::current_exe().expect("a path");
    let ran = Command::new(&program)
        .args(["--exact", NAME, "--nocapture"])
        .env(super::CORPUS, folder.path())
        .env_remove("CARGO_PKG_NAME")
        .output()
        .expect("it starts");
    let said = String::from_utf8(ran.stderr).expect("UTF-8");
    let line = behind(&said, "replay");
    assert!(line.contains(&format!(".json {} --exact {NAME}", program.display())), "{line}");
}

#[test]
fn the_plan_is_kept_by_the_line_that_is_printed_and_from_then_on_replayed_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = checked(folder.path(), &[]);
    let keep = behind(&ran.said, "keep");
    assert!(Command::new("sh").args(["-c", keep]).status().expect("a shell").success(), "{keep}");
    assert_eq!(kept(folder.path()).len(), 1);
    let again = checked(folder.path(), &[("SEAWORTHY_SEEDS", "1"), ("SEAWORTHY_PROFILE", "calm")]);
    assert!(again.said.contains("1 of 1 plans of the corpus failed; 0 of 1 seeds failed"), "{}", again.said);
}

#[test]
fn the_plan_is_kept_at_once_where_that_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = checked(folder.path(), &[("SEAWORTHY_KEEP", "1")]);
    let kept = kept(folder.path());
    assert_eq!(kept.len(), 1, "{}", ran.said);
    assert_eq!(behind(&ran.said, "plan"), kept[0]);
    assert_eq!(behind(&ran.said, "keep"), format!("git add {}", kept[0]));
}

/// The plans in the corpus.
fn kept(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("corpus/deposits")).expect("a corpus");
    entries.map(|entry| entry.expect("readable").path().display().to_string()).collect()
}

#[test]
fn a_plan_none_of_whose_faults_strikes_and_one_of_another_scenario_do_not_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = |scenario: &str| {
        format!(
            r#"{{"format": "seaworthy/plan@1", "scenario": "{scenario}", "seed": 1, "workload": [[1, 1]], "faults":
            [{{"process": "teller-1", "point": "commit", "nth": 9000, "verdict": "conflict"}}]}}"#
        )
    };
    let file = folder.path().join("plan.json");
    let path = file.display().to_string();
    fs::write(&file, plan("deposits")).expect("writable");
    let idle = checked(folder.path(), &[("SEAWORTHY_PLAN", &path)]);
    assert!(!idle.passed && idle.said.contains("never struck"), "{}", idle.said);
    fs::write(&file, plan("payments")).expect("writable");
    let other = checked(folder.path(), &[("SEAWORTHY_PLAN", &path)]);
    assert!(
        !other.passed && other.said.contains("plan is for scenario \"payments\", not \"deposits\""),
        "{}",
        other.said
    );
    let nowhere = checked(folder.path(), &[("SEAWORTHY_PLAN", "nowhere.json")]);
    assert!(!nowhere.passed && nowhere.said.contains("can't read nowhere.json"), "{}", nowhere.said);
}
