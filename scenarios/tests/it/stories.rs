//! What went wrong stands in the story: for each broken twin the event that is the cause, in few rows.

use std::sync::Arc;

use seaworthy_scenarios::specimens;
use seaworthy_sim::{
    explore::{Seeds, ShrinkOptions, Source, SweepOptions, Until, shrink, sweep},
    generate::generate,
    invariants::Student,
    plan::{Plan, Profile},
    scenario::Scenario,
    story::{Pointers, Style, tell},
    world::{RunOptions, run},
};

use crate::{
    side_by_side::side_by_side,
    told::{Rows, SMALL},
};

/// A diagram of more rows is not read.
pub(crate) const ROWS_MAX: usize = 25;

/// Whichever seed of these a search begins with, what it finds has its cause in its story.
pub(crate) const BASE_SEEDS: [u64; 5] = [BASE_SEED, 1, 3, 5, 7];

/// The twins' own, under which the README tells what is found.
const BASE_SEED: u64 = 0x5ea_0001;

/// For each twin of the shop what its story must say, each within one row: the cause, and what came of it.
const TWINS: [(&str, Rows); 10] = [
    // The commit after which the message should have been published, and the crash or error that took it away.
    ("dual-write", &[&[&["commit"], &["request_shipment"]], &[&["fault 0 strikes"]]]),
    // The row is marked, and the publish that should have come before it fails or never comes.
    ("mark-before-publish", &[&[&["settle"], &["dispatched"]], &[&["fault 0 strikes"]]]),
    // The shipment twice, and between the two the mark that did not take place.
    (
        "effect-then-mark",
        &[
            &[&["commit"], &["writes shipments/"]],
            &[&["nothing of: shipping handles m"]],
            &[&["deliver m"], &["redelivery 1"]],
        ],
    ),
    // The mark that took place, and the shipment that did not.
    ("mark-then-effect", &[&[&["commit"], &["shipping handles m"]], &[&["fault 0 strikes"]]]),
    // The acknowledgement, and the commit behind it, which comes or does not.
    ("ack-before-commit", &[&[&["ack m"], &["by shipping"]], &[&["commit"], &["shipping handles m"]]]),
    // The process without the memory that takes over, and the compensation that finds nothing to do.
    ("compensation-skipped-after-crash", &[&[&["acquire on orders"]], &[&["logs"], &["compensated reserve_stock"]]]),
    // Somebody else's write to the stock, and the compensation that leaves it alone.
    ("stale-version-compensation", &[&[&["writes stock/"]], &[&["logs"], &["compensated reserve_stock"]]]),
    // The card charged twice under two keys, since nobody knew of the first time.
    (
        "fresh-idempotency-key",
        &[&[&["> "], &["payments charge"], &["acted"]], &[&["fault 0 strikes"]], &[&["logs attempting charge_card"]]],
    ),
    // The message that the broker throttled, and the row that counts as sent.
    (
        "batch-result-ignored",
        &[
            &[&["fault 0 strikes at publish", "fault 0 strikes: topic outage"]],
            &[&["publish m"], &[" = "]],
            &[&["settle"], &["dispatched"]],
        ],
    ),
    // The outage, and the row that is given up for it.
    (
        "outage-burns-budget",
        &[
            &[&["strikes: broker outage", "strikes: partition", "strikes: topic outage"]],
            &[&["publish m"], &["= unavailable"]],
            &[&["settle"], &["dead"]],
        ],
    ),
];

/// A scenario whose failures are told, with what it does when nothing goes wrong: learnt once, and not by each search anew.
pub(crate) struct Teller<'a, S> {
    scenario: &'a S,
    options: RunOptions,
}

impl<'a, S: Scenario> Teller<'a, S> {
    pub(crate) fn new(scenario: &'a S) -> Self {
        let mut student = Student::new();
        for seed in 0..100 {
            let plan = Plan { faults: Vec::new(), ..generate(scenario, seed, Profile::Swarm) };
            let calm = run(scenario, &plan, &RunOptions::default().keep_trace(true)).expect("a plan of its own");
            if calm.held() {
                student.attend(calm.trace.as_deref().expect("it was asked for"));
            }
        }
        Self { scenario, options: RunOptions::default().practice(Some(Arc::new(student.practice()))) }
    }

    /// Finds the first failure, shrinks it and tells it.
    pub(crate) fn story(&self, base_seed: u64) -> String {
        let Self { scenario, options: run } = self;
        let mut options = SweepOptions::new(Seeds::Base(base_seed), Until::runs(20_000));
        options.search.until.failures = Some(1);
        options.search.jobs = 1;
        options.search.run = run.clone();
        let campaign = sweep(*scenario, &options, &|_| {}).expect("the sweep has seeds");
        let failure = campaign.failures.first().unwrap_or_else(|| panic!("{} held", scenario.name()));
        let Source::Seed { seed, profile } = failure.source else { panic!("{} failed under no seed", scenario.name()) };
        let plan = generate(*scenario, seed, profile);
        let options = ShrinkOptions::default().run(run.clone());
        let shrunk = shrink(*scenario, &plan, &failure.violation, &options, &|_| {});
        let shrunk = shrunk.unwrap_or_else(|error| panic!("{}: {error}", scenario.name()));
        // So wide that each event is one line.
        let style = Style::default().width(1_000);
        tell(&shrunk.plan, &shrunk.report, Pointers::new("replay")).terminal(style)
    }
}

/// The rows of the diagram, without its head.
pub(crate) fn rows(story: &str) -> Vec<String> {
    let lines = story.lines().skip_while(|line| *line != "what happened").skip(2);
    lines.take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// That each list of words stands in one row of a diagram that is short enough to be read.
fn assert_tells(name: &str, story: &str) {
    let mut known = TWINS.iter().map(|(slug, wanted)| (format!("order_fulfillment/{slug}"), *wanted));
    let small = SMALL.iter().find(|(known, _)| *known == name).map(|(_, wanted)| *wanted);
    let twin = || known.find(|(known, _)| known == name).map(|(_, wanted)| wanted);
    let wanted = small.or_else(twin).unwrap_or_else(|| panic!("{name}: no row"));
    let rows = rows(story);
    assert!(rows.len() <= ROWS_MAX, "{name}: {} rows\n{story}", rows.len());
    for words in wanted {
        // A dot says where a row ends.
        let has = |row: &str, words: &str| row.contains(words) || format!("{row}.").ends_with(words);
        let tells = |row: &String| words.iter().all(|either| either.iter().any(|words| has(row, words)));
        assert!(rows.iter().any(tells), "{name}: no row says {words:?}\n{story}");
    }
}

#[test]
fn the_story_of_each_broken_twin_has_the_cause_in_few_rows() {
    let mut diagrams = Vec::new();
    for twin in specimens::twins() {
        let (name, story) = (twin.name().to_owned(), Teller::new(&twin).story(BASE_SEED));
        println!("{story}");
        assert_tells(&name, &story);
        // Without the moments: two bugs must not look alike.
        let words =
            rows(&story).iter().map(|row| row.chars().skip(14).collect::<String>()).collect::<Vec<_>>().join("\n");
        assert!(!diagrams.contains(&words), "{name}: another bug has the same story\n{story}");
        diagrams.push(words);
    }
}

#[test]
fn whichever_seed_fails_the_story_of_a_specimen_has_the_cause() {
    let (twins, small) = (specimens::twins(), specimens::small());
    assert_eq!((twins.len(), small.len()), (TWINS.len(), SMALL.len()), "each specimen has its row");
    side_by_side(&twins, assert_told);
    side_by_side(&small, |(broken, _)| assert_told(broken));
}

fn assert_told<S: Scenario>(broken: &S) {
    let teller = Teller::new(broken);
    BASE_SEEDS.iter().for_each(|base_seed| assert_tells(broken.name(), &teller.story(*base_seed)));
}
