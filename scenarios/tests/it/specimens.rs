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

/// The text of each specimen's file by family and slug: its folder, and its name with hyphens.
pub(crate) fn texts() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/specimens");
    let mut texts = BTreeMap::new();
    for family in fs::read_dir(folder).expect("the specimens are there").flatten().map(|entry| entry.path()) {
        let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
        // In whole services, the same mistakes are made once more, and others.
        if !family.is_dir() || ["shop", "contexts", "cards", "streams"].contains(&&*name(&family)) {
            continue;
        }
        assert!(FAMILIES.contains(&&*name(&family)), "{} is no family: {FAMILIES:?}", family.display());
        for file in fs::read_dir(&family).expect("a folder").flatten().map(|entry| entry.path()) {
            if name(&file) == "mod" {
                continue;
            }
            let text = fs::read_to_string(&file).expect("text");
            let slug = name(&file).replace('_', "-");
            let suffix = format!("/{slug}");
            let is_double = texts.keys().any(|known: &String| known.ends_with(&suffix));
            assert!(!is_double, "{}: another family has a specimen of this name", file.display());
            texts.insert(name(&family) + &suffix, text);
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
fn each_specimen_is_one_file_that_is_named_as_its_scenario_in_the_folder_of_its_family_and_each_file_is_a_specimen() {
    let small = specimens::small();
    let mut names: Vec<&str> = small
        .iter()
        .map(|(broken, right)| {
            assert_eq!(right.name(), format!("{}/right", broken.name()), "the right twin stands in the same file");
            broken.name()
        })
        .collect();
    names.sort_unstable();
    for twin in specimens::twins() {
        let slug = twin.name().rsplit('/').next();
        let is_theirs = names.iter().any(|name| name.rsplit('/').next() == slug);
        assert!(is_theirs, "{} is the mistake of no specimen", twin.name());
    }
    assert_eq!(texts().into_keys().collect::<Vec<_>>(), names);
}

#[test]
fn each_specimen_says_its_threads_its_mechanism_what_it_violates_and_what_is_right_in_few_lines() {
    for (name, text) in texts() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{name} has {lines} lines; {LINES_MAX} at most");
        for heading in ["Threads", "Mechanism", "Violates", "Right"] {
            let said = under(&text, heading).unwrap_or_else(|| panic!("{name} says nothing under {heading}"));
            assert!(said.len() > 10, "{name}, {heading}: {said}");
        }
    }
}

#[test]
fn no_twin_of_the_shop_builds_the_checkout_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/specimens/shop");
    for file in fs::read_dir(folder).expect("the twins are there").flatten().map(|entry| entry.path()) {
        let text = fs::read_to_string(&file).expect("text");
        assert!(!text.contains("SagaBuilder"), "{}: take `checkout_with`", file.display());
    }
}

/// For each specimen the number of seeds within which its mistake is found, ten times as many as it mostly takes, and the
/// invariant that finds it.
const FOUND: [(&str, u64, &str); 13] = [
    ("outbox/dual-write", 500, "conserved"),
    ("relay/mark-before-publish", 500, "lost-event"),
    ("relay/batch-result-ignored", 500, "lost-event"),
    ("relay/outage-burns-budget", 1_000, "dead-only-injected"),
    ("inbox/effect-then-mark", 100, "duplicate-effect"),
    ("inbox/mark-then-effect", 100, "handled-without-effect"),
    ("inbox/ack-before-commit", 20, "acknowledged-before-handled"),
    ("saga/compensation-skipped-after-crash", 2_000, "torn-step"),
    ("saga/stale-version-compensation", 3_000, "torn-step"),
    ("saga/fresh-idempotency-key", 500, "duplicate-effect"),
    ("saga/approval-apart", 500, "saga-resolves"),
    ("choreography/release-before-reserve", 300, "conserved"),
    ("queue/finish-without-fence", 300, "duplicate-effect"),
];

#[test]
fn each_specimen_is_found_within_so_many_seeds_and_violates_what_its_file_says() {
    let (small, texts) = (specimens::small(), texts());
    assert_eq!(small.iter().map(|(broken, _)| broken.name()).collect::<Vec<_>>(), FOUND.map(|(name, ..)| name));
    for ((broken, _), (name, seeds, invariant)) in small.iter().zip(FOUND) {
        let mut options = SweepOptions::new(Seeds::Base(0x5ea_0001), Until::runs(seeds).failures(1));
        options.search.jobs = 1;
        let campaign = sweep(broken, &options, &|_| {}).expect("the sweep has seeds");
        let failure = campaign.failures.first().unwrap_or_else(|| panic!("{name} held for {seeds} seeds"));
        println!("{name:<40} {:>6} seeds  {}", campaign.runs, failure.violation.invariant);
        assert_eq!(failure.violation.invariant, invariant, "{name}");
        let said = under(&texts[name], "Violates").expect("it says so");
        assert!(said.contains(&format!("`{invariant}`")), "{name} violates {invariant}; its file says: {said}");
    }
}

/// `seaworthy run FAMILY/SLUG/right --seeds 20000` runs more of them.
#[test]
fn the_right_twin_of_each_specimen_holds_in_swarm_and_in_everything() {
    for (_, right) in specimens::small() {
        let profiles = [Profile::Swarm, Profile::Everything];
        check(right).profiles(profiles).seeds(600).base_seed(0x5ea_0001).strict(false).assert_seaworthy();
    }
}
