//! Mistakes of whole services are found without a check that somebody has written for them: by the invariants that every scenario gets, and
//! by those that the harness makes of a name and a closure (`conserved`, `stays`, `ends`).

use std::{collections::BTreeSet, fs, path::Path};

use seaworthy_scenarios::specimens;
use seaworthy_sim::{
    explore::{Seeds, SweepOptions, Until, sweep},
    generate::generate,
    invariants::Mode,
    plan::Profile,
    scenario::Scenario,
};
use smol_str::SmolStr;

const SEEDS_MAX: u64 = 3_000;
/// Mistakes of each scenario that have to be found so, of each variant where there are two.
const FOUND_MIN: usize = 6;

/// Text of all files under a folder, without the white space.
fn text(folder: &Path) -> String {
    let paths = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let text = paths
        .map(|entry| entry.expect("readable").path())
        .map(|path| if path.is_dir() { text(&path) } else { fs::read_to_string(&path).expect("text") });
    text.collect::<String>().split_whitespace().collect()
}

/// Invariants of a scenario that are checks of its own: all but those that its source has the harness make.
fn own_checks<S: Scenario>(scenario: &S) -> BTreeSet<SmolStr> {
    let family = scenario.name().split('/').next().unwrap_or_default();
    let source = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(family));
    let is_made = |name: &str| {
        // A `book` is what the bank calls a sum of events and of what is made of them.
        ["conserved(\"", "stays(\"", "ends(\"", "book(\""]
            .iter()
            .any(|made| source.contains(&format!("{made}{name}\"")))
    };
    let mut own = BTreeSet::new();
    for seed in 0..10 {
        let workload = generate(scenario, seed, Profile::Calm).workload;
        let invariants = scenario.invariants(&workload);
        let checks = invariants.iter().filter(|invariant| invariant.mode() != Mode::Sometimes);
        own.extend(checks.map(|check| check.name()).filter(|name| !is_made(name)).map(SmolStr::new_static));
    }
    own
}

/// The first invariant that a mistake violates under the default profile, and the number of seeds until then.
fn found_by<S: Scenario>(twin: &S, without: &BTreeSet<SmolStr>) -> Option<(String, u64)> {
    let mut options = SweepOptions::new(Seeds::Base(0x5ea_0001), Until::runs(SEEDS_MAX).failures(1));
    options.search.jobs = 1;
    options.search.run.without = without.iter().cloned().collect();
    let campaign = sweep(twin, &options, &|_| {}).expect("there are seeds");
    campaign.failures.first().map(|failure| (failure.violation.invariant.to_string(), campaign.runs))
}

/// Looks for each mistake, holds the README to what is found, and returns how many are not.
fn all_but_few_are_found<S: Scenario>(twins: &[S]) {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root").join("README.md");
    let readme = fs::read_to_string(readme).expect("there is a README");
    let (mut found, mut wrong) = (0, Vec::new());
    for twin in twins {
        let own = own_checks(twin);
        assert!(!own.is_empty(), "{} has a check of its own, or this looks at the wrong files", twin.name());
        let (slug, by) = (twin.name().rsplit('/').next().unwrap_or_default(), found_by(twin, &own));
        found += usize::from(by.is_some());
        let (by, seeds) = by.unwrap_or_else(|| ("nothing".to_owned(), SEEDS_MAX));
        println!("| `{slug}` | {by} | {seeds} |");
        let (begin, end) = (format!("| `{slug}` | "), format!(" | {by} |"));
        if !readme.lines().any(|line| line.starts_with(&begin) && line.ends_with(&end)) {
            wrong.push(format!("{begin}..{end}"));
        }
    }
    assert!(found >= FOUND_MIN, "{found} of {} are found", twins.len());
    assert!(wrong.is_empty(), "the README does not have these rows: {wrong:#?}");
}

#[test]
fn six_mistakes_of_either_variant_of_orders_are_found_without_checks_of_their_own() {
    let twins = specimens::contexts();
    let (events, saga): (Vec<_>, Vec<_>) = twins.into_iter().partition(|twin| twin.name().contains("/choreographed/"));
    all_but_few_are_found(&events);
    all_but_few_are_found(&saga);
}

#[test]
fn six_mistakes_about_the_log_are_found_without_checks_of_the_bank() {
    all_but_few_are_found(&specimens::streams());
}

#[test]
fn six_mistakes_at_the_card_table_are_found_without_checks_of_its_own() {
    all_but_few_are_found(&specimens::cards());
}

/// Traps in the pages that these services were grown from. The others are mistakes of relays, outboxes and sagas, and made in the shop.
const TRAPS: [&str; 7] = ["04", "05", "06", "07", "13", "14", "15"];

#[test]
fn each_trap_of_choreographies_is_a_mistake_that_says_so() {
    let specimens = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/specimens");
    let text = text(&specimens);
    for trap in TRAPS {
        assert!(text.contains(&format!("//!Trap{trap}:")), "no specimen is trap {trap}");
    }
}
