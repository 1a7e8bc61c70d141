//! A specimen is one file, which is named as its scenario and says on top what it is about.

use std::{collections::BTreeMap, fs, path::Path};

use seaworthy_scenarios::specimens;
use seaworthy_sim::{
    check,
    explore::{Seeds, SweepOptions, Until, sweep},
    plan::Profile,
    scenario::Scenario,
};

const FAMILIES: [&str; 6] = ["choreography", "inbox", "outbox", "queue", "relay", "saga"];
/// A specimen of more lines shows something else besides.
const LINES_MAX: usize = 120;

/// The text of each specimen's file by its slug, which is the file's name with hyphens.
pub(crate) fn texts() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/specimens");
    let mut texts = BTreeMap::new();
    for family in fs::read_dir(folder).expect("the specimens are there").flatten().map(|entry| entry.path()) {
        let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
        // In the shop, the same mistakes are made once more.
        if !family.is_dir() || name(&family) == "shop" {
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
    let slug = |name: &str| name.rsplit('/').next().expect("a name").to_owned();
    let mut slugs: Vec<String> = specimens::small()
        .iter()
        .map(|(broken, right)| {
            assert_eq!(right.name(), format!("{}/right", broken.name()), "the right twin stands in the same file");
            slug(broken.name())
        })
        .collect();
    slugs.sort_unstable();
    for twin in specimens::twins() {
        assert!(slugs.contains(&slug(twin.name())), "{} is the mistake of no specimen", twin.name());
    }
    assert_eq!(texts().into_keys().collect::<Vec<_>>(), slugs);
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

#[test]
fn each_small_specimen_is_found_and_violates_what_it_says_and_its_right_twin_holds_in_every_profile() {
    const SEEDS: u64 = 2_000;
    for (broken, right) in specimens::small() {
        let mut options = SweepOptions::new(Seeds::Base(0x5ea_0001), Until::runs(SEEDS));
        options.search.until.failures = Some(1);
        options.search.jobs = 1;
        let campaign = sweep(&broken, &options, &|_| {}).expect("the sweep has seeds");
        let failure = campaign.failures.first().unwrap_or_else(|| panic!("{} held", broken.name()));
        let slug = broken.name().rsplit('/').next().expect("a name");
        let said = under(&texts()[slug], "Violates").expect("it says so").to_owned();
        let violated = &failure.violation.invariant;
        println!("{:<34} {:>6} seeds  {violated}", broken.name(), campaign.runs);
        assert!(said.contains(&format!("`{violated}`")), "{slug} violates {violated}; its file says: {said}");
        check(right).profiles(Profile::ALL).seeds(SEEDS).base_seed(0x5ea_0001).strict(false).assert_seaworthy();
    }
}
