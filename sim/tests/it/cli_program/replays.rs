//! A failure told, kept, replayed and compared.

use std::{fs, process::Command};

use super::{folder, pasted, theirs};

const FAILING: [&str; 6] = ["run", "deposits", "--seeds", "500", "--base-seed", "1"];

#[test]
fn a_failure_is_replayed_by_the_line_that_is_printed_and_kept_by_the_other() {
    let folder = folder();
    let ran = theirs(folder.path(), &FAILING);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("was booked twice"), "{}", ran.out);
    let line = pasted(&ran.out);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let replayed = theirs(folder.path(), &line);
    assert_eq!(replayed.code, Some(1), "{}{}", replayed.out, replayed.err);
    assert!(replayed.out.contains("was booked twice"), "{}", replayed.out);

    let keep = ran.out.lines().find_map(|line| line.strip_prefix("keep   ")).expect("how to keep it");
    let status = Command::new("sh").args(["-c", keep]).current_dir(folder.path()).status().expect("a shell");
    assert!(status.success(), "{keep}");
    let kept: Vec<_> = fs::read_dir(folder.path().join("corpus/deposits")).expect("a corpus").flatten().collect();
    assert_eq!(kept.len(), 1);
    let path = kept[0].path().display().to_string();
    assert!(path.contains("booked-once-swarm-"), "{path}");
    assert_eq!(theirs(folder.path(), &["replay", &path]).code, Some(1));
}

#[test]
fn a_failure_is_kept_at_once_where_that_is_asked_for() {
    let folder = folder();
    let ran = theirs(folder.path(), &[&FAILING[..], &["--keep", "--corpus", "regressions"]].concat());
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("\nkeep   git add regressions/deposits/"), "{}", ran.out);
    assert!(folder.path().join("regressions/deposits").is_dir());
    assert!(!folder.path().join("seaworthy-plans").exists());
}

#[test]
fn traces_are_printed_with_spans_written_and_compared() {
    let folder = folder();
    let replay = |arguments: &[&str]| {
        let ran = theirs(folder.path(), &[&["replay", "1", "--scenario", "greetings"], arguments].concat());
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        ran.out
    };
    assert!(replay(&["--trace"]).contains("greeted guest-1"), "{}", replay(&["--trace"]));
    let with_spans = replay(&["--trace", "--spans"]);
    assert!(with_spans.contains("greeted guest-1"), "{with_spans}");
    replay(&["--trace=a"]);
    replay(&["--trace=b"]);
    assert_eq!(theirs(folder.path(), &["replay", "2", "--scenario", "greetings", "--trace=c"]).code, Some(0));
    assert_eq!(theirs(folder.path(), &["diff", "a", "b"]).code, Some(0));
    assert_eq!(theirs(folder.path(), &["diff", "a", "c"]).code, Some(1));
}

#[test]
fn a_seed_is_replayed_under_each_profile_of_a_list() {
    let folder = folder();
    let ran = theirs(folder.path(), &["replay", "1", "--scenario", "greetings", "--profile", "crash,outage"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("profile crash\n") && ran.out.contains("profile outage\n"), "{}", ran.out);
    assert_eq!(ran.out.matches("held: every invariant").count(), 2, "{}", ran.out);
    let one_file = ["replay", "1", "--profile", "crash,outage", "--trace=a"];
    let refused = theirs(folder.path(), &one_file);
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    assert!(refused.err.contains("a trace file holds one run"), "{}", refused.err);
}

#[test]
fn a_story_is_as_wide_as_it_is_asked_to_be() {
    let folder = folder();
    let line = pasted(&theirs(folder.path(), &FAILING).out);
    let width = |width: &str| {
        let out = theirs(folder.path(), &["replay", &line[1], "--width", width]).out;
        let story = out
            .split_once("what happened\n")
            .expect("a diagram")
            .1
            .split("\nplan ")
            .next()
            .unwrap_or_default()
            .to_owned();
        story.lines().map(|line| line.chars().count()).max().unwrap_or_default()
    };
    let (narrow, wide) = (width("60"), width("200"));
    assert!(narrow <= 60 && narrow < wide && wide <= 200, "{narrow} and {wide}");
}
