//! A specimen is one file, which is named as its scenario and says on top what it is about.

use std::{collections::BTreeMap, fs, path::Path};

use seaworthy_scenarios::specimens;
use seaworthy_sim::scenario::Scenario;

const FAMILIES: [&str; 6] = ["choreography", "inbox", "outbox", "queue", "relay", "saga"];
/// A specimen of more lines shows something else besides.
const LINES_MAX: usize = 120;

/// The text of each specimen's file by its slug, which is the file's name with hyphens.
pub(crate) fn texts() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/specimens");
    let mut texts = BTreeMap::new();
    for family in fs::read_dir(folder).expect("the specimens are there").flatten().map(|entry| entry.path()) {
        let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
        if !family.is_dir() {
            continue;
        }
        assert!(FAMILIES.contains(&&*name(&family)), "{} is no family: {FAMILIES:?}", family.display());
        for file in fs::read_dir(&family).expect("a folder").flatten().map(|entry| entry.path()) {
            if name(&file) == "mod" {
                continue;
            }
            let text = fs::read_to_string(&file).expect("text");
            let double = texts.insert(name(&file).replace('_', "-"), text);
            assert_eq!(double, None, "{}: another family has a specimen of this name", file.display());
        }
    }
    texts
}

/// What a specimen's documentation says under a heading, up to the next empty line.
pub(crate) fn under<'t>(text: &'t str, heading: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("\n//! {heading}: "))?;
    rest.split("\n//!\n").next()?.split("\n\n").next()
}

#[test]
fn each_specimen_is_one_file_that_is_named_as_its_scenario_and_each_file_is_a_specimen() {
    let all = specimens::all();
    let names: Vec<&str> = all.iter().map(|twin| twin.name().trim_start_matches("order_fulfillment/")).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(texts().into_keys().collect::<Vec<_>>(), sorted);
}

#[test]
fn each_specimen_says_its_threads_its_mechanism_what_it_violates_and_what_is_right_in_few_lines() {
    for (slug, text) in texts() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{slug} has {lines} lines; {LINES_MAX} at most");
        for heading in ["Threads", "Mechanism", "Violates", "Right"] {
            let said = under(&text, heading).unwrap_or_else(|| panic!("{slug} says nothing under {heading}"));
            assert!(said.len() > 10, "{slug}, {heading}: {said}");
        }
        assert!(!text.contains("SagaBuilder"), "{slug} builds the checkout again: take `checkout_with`");
    }
}
