//! Plan files: what they remember, and what is said of one that was changed or tests nothing.

use std::fs;

use super::{folder, seaworthy};

const TWIN: &str = "order_fulfillment/mark-before-publish";

/// A plan that fails, as the program kept it.
fn kept(folder: &std::path::Path, more: &[&str]) -> (std::path::PathBuf, String) {
    let arguments = [&["run", TWIN, "--seeds", "500", "--base-seed", "7"], more].concat();
    let ran = seaworthy(folder, &arguments);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let plans = folder.join("seaworthy-plans").join(TWIN);
    // Its story as a page lies beside it.
    let mut files = fs::read_dir(plans).expect("a folder").map(|entry| entry.expect("readable").path());
    let path = files.find(|path| path.extension().is_some_and(|kind| kind == "json")).expect("a plan");
    let text = fs::read_to_string(&path).expect("text");
    (path, text)
}

#[test]
fn a_plan_that_was_edited_says_so_and_still_runs() {
    let folder = folder();
    let (path, text) = kept(folder.path(), &[]);
    let path = path.display().to_string();
    let whole = seaworthy(folder.path(), &["replay", &path]);
    assert!(whole.code == Some(1) && !whole.out.contains("edited"), "{}", whole.out);
    let start = text.find("\"seed\": \"").expect("a seed as a string") + "\"seed\": \"".len();
    fs::write(&path, format!("{}{:#018x}{}", &text[..start], 3, &text[start + 18..])).expect("writable");
    let edited = seaworthy(folder.path(), &["replay", &path]);
    assert!(edited.out.contains("seed 0x0000000000000003") && edited.out.contains("edited: "), "{}", edited.out);
}

#[test]
fn a_plan_without_a_digest_says_once_that_it_cannot_be_told_whether_it_was_edited() {
    let folder = folder();
    let (path, text) = kept(folder.path(), &[]);
    let digest = text.find(",\n  \"digest\"").expect("the last field of a plan");
    let path = path.display().to_string();
    let count = |out: &str| out.matches("no digest: ").count();
    let whole = seaworthy(folder.path(), &["replay", &path]);
    fs::write(&path, format!("{}}}", &text[..digest])).expect("writable");
    let without = seaworthy(folder.path(), &["replay", &path]);
    assert!(whole.code == Some(1) && without.code == Some(1), "it runs all the same: {}", without.err);
    assert_eq!((count(&whole.out), count(&without.out)), (0, 1), "{}", without.out);
    assert!(!without.out.contains("edited: "), "nobody knows: {}", without.out);
    // What a seed draws has no file, so there is nothing to say of one.
    assert_eq!(count(&seaworthy(folder.path(), &["replay", "7"]).out), 0);
}

#[test]
fn a_plan_is_replayed_on_the_store_that_it_was_found_on() {
    let folder = folder();
    let (path, text) = kept(folder.path(), &["--store", "sqlite"]);
    assert!(text.contains("\"store\": \"sqlite\""), "{text}");
    let path = path.display().to_string();
    let replayed = seaworthy(folder.path(), &["replay", &path]);
    assert!(replayed.code == Some(1) && replayed.out.contains(" --store sqlite"), "{}", replayed.out);
    let elsewhere = seaworthy(folder.path(), &["replay", &path, "--store", "memory"]);
    assert!(!elsewhere.out.contains(" --store sqlite"), "{}", elsewhere.out);
    fs::write(&path, text.replace("\"sqlite\"", "\"postgres\"")).expect("writable");
    let unknown = seaworthy(folder.path(), &["replay", &path]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("found on store \"postgres\", which this program does not have"), "{}", unknown.err);
}

#[test]
fn a_plan_that_strikes_nothing_is_not_held() {
    let folder = folder();
    let plan = r#"{"format":"seaworthy/plan@1","scenario":"order_fulfillment","seed":1,
        "workload":{"stock":{},"orders":[]},
        "faults":[{"process":"orders-1","point":"commit","nth":1,"verdict":"conflict"}]}"#;
    fs::write(folder.path().join("plan.json"), plan).expect("writable");
    let ran = seaworthy(folder.path(), &["replay", "plan.json"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("plan.json: this plan no longer tests anything: fault 0 ("), "{}", ran.out);
    assert!(!ran.out.contains("held"), "{}", ran.out);
}

#[test]
fn the_shortest_time_is_time_for_one_seed() {
    let ran = seaworthy(folder().path(), &["run", "--for", "1ms", "--jobs", "1"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("\n0 seeds") && ran.out.contains("seed"), "{}", ran.out);
}
