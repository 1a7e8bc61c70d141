//! A failure told, kept, replayed and compared.

use std::{fs, process::Command};

use seaworthy_sim::story::Story;

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
    // Its page can be made again, so it is not kept, and nothing else is in the other folder.
    let page = ran.out.lines().find_map(|line| line.strip_prefix("html   ")).expect("where the page is");
    assert!(folder.path().join(page).is_file(), "{page}");
    let others: Vec<_> =
        fs::read_dir(folder.path().join("seaworthy-plans/deposits")).expect("a folder").flatten().collect();
    assert_eq!(others.len(), 1, "{others:?}");
    assert!(page.starts_with("seaworthy-plans/deposits/booked-once-swarm-"), "{page}");
}

#[test]
fn a_story_is_written_as_a_page_and_as_json_and_a_run_that_held_is_too() {
    let folder = folder();
    let ran = theirs(folder.path(), &FAILING);
    let page = ran.out.lines().find_map(|line| line.strip_prefix("html   ")).expect("where the page is");
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).expect("it was written");
    assert!(text(page).contains("was booked twice"), "beside the plan");
    let plan = page.replace(".html", ".json");
    let replayed = theirs(folder.path(), &["replay", &plan, "--html", "one.html", "--json", "one.json"]);
    assert_eq!(replayed.code, Some(1), "{}{}", replayed.out, replayed.err);
    assert!(replayed.out.contains("\nhtml   one.html\n"), "{}", replayed.out);
    assert!(text("one.html").contains("was booked twice"));
    let story = Story::from_json(&text("one.json")).expect("a story");
    assert_eq!(story.headline.expect("a violation").invariant, "booked-once");
    assert_eq!(story.pointers.plan, Some(plan));

    let held = theirs(folder.path(), &["replay", "1", "--scenario", "greetings", "--html=held.html"]);
    assert_eq!(held.code, Some(0), "{}{}", held.out, held.err);
    assert!(text("held.html").contains("greeted guest-1"));
}

#[test]
fn a_page_that_can_t_be_written_is_told_and_leaves_nothing_half_written() {
    let folder = folder();
    let nowhere = theirs(folder.path(), &["replay", "1", "--scenario", "greetings", "--html", "nowhere/one.html"]);
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.out);
    assert!(nowhere.err.contains("can't write nowhere/one.html: there is no folder nowhere"), "{}", nowhere.err);
    let profiles = ["replay", "1", "--scenario", "greetings", "--profile", "crash,outage", "--html=one.html"];
    let refused = theirs(folder.path(), &profiles);
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    assert!(refused.err.contains("a page holds one run: name one profile"), "{}", refused.err);

    // A full disk: what was found is told all the same.
    let plan = theirs(folder.path(), &FAILING);
    let plan = plan.out.lines().find_map(|line| line.strip_prefix("plan   ")).expect("where the plan is").to_owned();
    let full = theirs(folder.path(), &["replay", &plan, "--html", "/dev/full"]);
    assert_eq!(full.code, Some(1), "{}", full.out);
    assert!(full.out.contains("was booked twice") && !full.out.contains("\nhtml "), "{}", full.out);
    assert!(full.err.contains("can't write /dev/full: No space left on device"), "{}", full.err);
    // Whatever file it is, and only where there is nothing to tell is it the file that counts.
    for file in ["--trace=/dev/full", "--json=/dev/full", "--html=/dev/full"] {
        let violated = theirs(folder.path(), &["replay", &plan, file]);
        assert_eq!(violated.code, Some(1), "{file}: {}", violated.out);
        assert!(violated.out.contains("was booked twice"), "{file}: {}", violated.out);
        let held = theirs(folder.path(), &["replay", "1", "--scenario", "greetings", file]);
        assert_eq!(held.code, Some(2), "{file}: {}", held.out);
        assert!(held.err.contains("can't write /dev/full: No space left on device"), "{file}: {}", held.err);
    }
    // A folder in the way of a page beside its plan.
    let page = folder.path().join(plan.replace(".json", ".html"));
    fs::remove_file(&page).expect("it was written");
    fs::create_dir(&page).expect("a folder");
    let blocked = theirs(folder.path(), &FAILING);
    assert_eq!(blocked.code, Some(1), "{}", blocked.out);
    assert!(blocked.out.contains("was booked twice") && !blocked.out.contains("\nhtml "), "{}", blocked.out);
    assert!(blocked.err.contains("can't write") && blocked.err.contains(".html"), "{}", blocked.err);
    let left = fs::read_dir(page.parent().expect("a folder")).expect("a folder").flatten();
    assert_eq!(left.filter(|file| file.path().to_string_lossy().contains(".part")).count(), 0);
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

#[test]
fn a_story_is_not_made_for_less_than_forty_columns() {
    for width in ["0", "39"] {
        let narrow = theirs(folder().path(), &["replay", "1", "--scenario", "greetings", "--width", width]);
        assert_eq!(narrow.code, Some(2), "{}", narrow.out);
        assert!(narrow.err.contains("a story needs 40 columns at least"), "{}", narrow.err);
    }
    let word = theirs(folder().path(), &["replay", "1", "--scenario", "greetings", "--width", "wide"]);
    assert!(word.code == Some(2) && word.err.contains("\"wide\" is no number of columns"), "{}", word.err);
}

#[test]
fn a_plan_whose_faults_strike_nothing_ends_with_what_that_is_worth() {
    let folder = folder();
    let failing = theirs(folder.path(), &FAILING);
    let plan = failing.out.lines().find_map(|line| line.strip_prefix("plan   ")).expect("where the plan is");
    let path = folder.path().join(plan);
    let mut edited: serde_json::Value = serde_json::from_slice(&fs::read(&path).expect("written")).expect("JSON");
    for fault in edited["faults"].as_array_mut().expect("a list") {
        fault["nth"] = 1_000_000.into();
    }
    fs::write(&path, edited.to_string()).expect("writable");
    let idle = theirs(folder.path(), &["replay", plan]);
    assert_eq!(idle.code, Some(1), "{}{}", idle.out, idle.err);
    assert!(idle.out.contains("this plan no longer tests anything"), "{}", idle.out);
    let last = idle.out.lines().last().expect("a last line");
    assert_eq!(last, "failed: nothing was tried, since none of its faults strikes");
}
