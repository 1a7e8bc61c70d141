//! What went wrong stands in the story: for each broken twin the event that is the cause, in few rows.

use seaworthy_scenarios::specimens;
use seaworthy_sim::{
    explore::{Seeds, ShrinkOptions, Source, SweepOptions, Until, shrink, sweep},
    generate::generate,
    scenario::Scenario,
    story::{Pointers, Style, tell},
};

/// A diagram of more rows is not read.
pub(crate) const ROWS_MAX: usize = 25;

/// For each twin what its story must say, each within one row: the cause, and what came of it.
const TOLD: [(&str, &[&[&str]]); 10] = [
    // The commit after which the message should have been published, and the crash or error that took it away.
    ("dual-write", &[&["commit", "request_shipment"], &["fault 0 strikes"]]),
    // The row is marked, and the publish that should have come before it fails or never comes.
    ("mark-before-publish", &[&["settle", "dispatched"], &["fault 0 strikes"]]),
    // The shipment twice, and between the two the mark that did not take place.
    (
        "effect-then-mark",
        &[&["commit", "writes shipments/"], &["nothing of: shipping handles m"], &["deliver m", "redelivery 1"]],
    ),
    // The mark that took place, and the shipment that did not.
    ("mark-then-effect", &[&["commit", "shipping handles m"], &["fault 0 strikes"]]),
    // The acknowledgement, and the commit behind it: that is a violation without any fault.
    ("ack-before-commit", &[&["> ", "ack m", "by shipping"], &["> ", "commit", "shipping handles m"]]),
    // The process without the memory that takes over, and the compensation that finds nothing to do.
    ("compensation-skipped-after-crash", &[&["acquire on orders"], &["logs", "compensated reserve_stock"]]),
    // Somebody else's write to the stock, and the compensation that leaves it alone.
    ("stale-version-compensation", &[&["writes stock/"], &["logs", "compensated reserve_stock"]]),
    // The card charged twice under two keys.
    ("fresh-idempotency-key", &[&["> ", "payments charge", "acted"], &["fault 0 strikes"], &["retry charge_card"]]),
    // The message that the broker throttled, and the row that counts as sent.
    ("batch-result-ignored", &[&["fault 0 strikes at publish"], &["publish m", " = "], &["settle", "dispatched"]]),
    // The outage, and the row that is given up for it.
    (
        "outage-burns-budget",
        &[&["fault 0 strikes: broker outage"], &["publish m", "= unavailable"], &["settle", "dead"]],
    ),
];

/// Finds a scenario's first failure, shrinks it and tells it.
fn story_of<S: Scenario>(scenario: &S) -> String {
    const BASE_SEED: u64 = 0x5ea_0001;
    let mut options = SweepOptions::new(Seeds::Base(BASE_SEED), Until::runs(10_000));
    options.search.until.failures = Some(1);
    options.search.jobs = 1;
    let campaign = sweep(scenario, &options, &|_| {}).expect("the sweep has seeds");
    let failure = campaign.failures.first().unwrap_or_else(|| panic!("{} held", scenario.name()));
    let Source::Seed { seed, profile } = failure.source else { panic!("{} failed under no seed", scenario.name()) };
    let plan = generate(scenario, seed, profile);
    let shrunk = shrink(scenario, &plan, &failure.violation, &ShrinkOptions::default(), &|_| {});
    let shrunk = shrunk.unwrap_or_else(|error| panic!("{}: {error}", scenario.name()));
    // So wide that each event is one line.
    let style = Style::default().width(1_000);
    tell(&shrunk.plan, &shrunk.report, Pointers::new("replay")).terminal(style)
}

/// The rows of the diagram, without its head.
pub(crate) fn rows(story: &str) -> Vec<String> {
    let lines = story.lines().skip_while(|line| *line != "what happened").skip(2);
    lines.take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// That each list of words stands in one row of a diagram that is short enough to be read.
fn assert_tells(name: &str, story: &str, wanted: &[&[&str]]) {
    let rows = rows(story);
    assert!(rows.len() <= ROWS_MAX, "{name}: {} rows\n{story}", rows.len());
    for words in wanted {
        let tells = |row: &String| words.iter().all(|word| row.contains(word));
        assert!(rows.iter().any(tells), "{name}: no row says {words:?}\n{story}");
    }
}

#[test]
fn the_story_of_each_broken_twin_has_the_cause_in_few_rows() {
    let twins = specimens::twins();
    assert_eq!(twins.len(), TOLD.len(), "each twin has its row above");
    let mut diagrams = Vec::new();
    for twin in twins {
        let name = twin.name().trim_start_matches("order_fulfillment/").to_owned();
        let (_, wanted) = TOLD.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name}: no row"));
        let story = story_of(&twin);
        println!("{story}");
        assert_tells(&name, &story, wanted);
        // Without the moments: two bugs must not look alike.
        let words =
            rows(&story).iter().map(|row| row.chars().skip(14).collect::<String>()).collect::<Vec<_>>().join("\n");
        assert!(!diagrams.contains(&words), "{name}: another bug has the same story\n{story}");
        diagrams.push(words);
    }
}
