//! What each variant costs, as the README compares them: messages, commits, time until an order is over, and lines of code.

use std::{fs, path::Path};

use seaworthy_order_inventory::orders::OrderStatus;
use seaworthy_scenarios::{
    order_inventory::{OrderInventory, Wishes},
    specimens,
};
use seaworthy_sim::{
    generate::generate,
    plan::{Plan, Profile},
    scenario::Scenario,
    trace::What,
};

use super::ends::{ends, traced};

/// Files that one variant has and the other has not.
const FILES: [(&str, &[&str]); 2] =
    [("choreographed", &["choreographed.rs"]), ("orchestrated", &["orchestrated.rs", "orders/fulfilment.rs"])];

/// What one order came to that was confirmed.
#[derive(Clone, Copy)]
struct Cost {
    messages: usize,
    commits: usize,
    /// From the request to the commit that confirmed it, in virtual microseconds.
    confirmed: u64,
    /// From the request to the last commit of a run.
    over: u64,
}

/// One order that is not called off, in a run of its own.
fn alone(scenario: &OrderInventory, seed: u64, profile: Profile) -> Plan<Wishes> {
    let mut plan = generate(scenario, seed, profile);
    plan.workload.orders.truncate(1);
    plan.workload.orders.iter_mut().for_each(|wish| wish.cancel_after_ms = None);
    plan
}

fn cost(scenario: &OrderInventory, seed: u64, profile: Profile) -> Option<Cost> {
    let report = traced(scenario, &alone(scenario, seed, profile));
    assert!(report.held(), "seed {seed}: {:?}", report.violations);
    let ends = ends(&report);
    let (id, order) = ends.orders.iter().next()?;
    if order.status != OrderStatus::Confirmed {
        return None;
    }
    let (mut messages, mut commits, mut asked, mut confirmed, mut over) = (0, 0, None, None, 0);
    for event in report.trace.iter().flatten() {
        let at = event.at;
        match &event.what {
            What::Request { .. } => asked = asked.or(Some(at)),
            What::Publish { outcome, .. } if outcome.took_effect() => messages += 1,
            What::Commit { effects, .. } if !effects.is_empty() && asked.is_some() => {
                (commits, over) = (commits + 1, at);
                if effects.iter().any(|effect| super::ends::is_confirmed(effect, id)) {
                    confirmed = confirmed.or(Some(at));
                }
            }
            _ => {}
        }
    }
    let asked = asked.expect("the order was asked for");
    Some(Cost { messages, commits, confirmed: confirmed.expect("it is confirmed") - asked, over: over - asked })
}

fn middle(mut values: Vec<u64>, of_1000: usize) -> u64 {
    values.sort_unstable();
    values[values.len() * of_1000 / 1000]
}

/// Lines that are neither empty nor a comment nor an import.
fn lines(files: &[&str]) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("order_inventory/src");
    let mut lines = 0;
    for file in files {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let (_, body) = text.split_once("};\n\n").expect("imports come first");
        lines += body.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")).count();
    }
    lines
}

#[test]
fn the_readme_compares_both_variants_as_they_are() {
    let variants = [OrderInventory::choreographed(), OrderInventory::orchestrated()];
    let of_both = |what: &dyn Fn(&OrderInventory) -> String| variants.each_ref().map(what);
    let costs = |scenario: &OrderInventory, profile: Profile| -> Vec<Cost> {
        (0..300).filter_map(|seed| cost(scenario, seed, profile)).collect()
    };
    let mean = |costs: &[Cost], of: fn(&Cost) -> usize| {
        format!("{:.1}", costs.iter().map(of).sum::<usize>() as f64 / costs.len() as f64)
    };
    let time = |costs: &[Cost], of: fn(&Cost) -> u64| {
        let ms = |of_1000| middle(costs.iter().map(of).collect(), of_1000) as f64 / 1000.0;
        format!("{:.0} ms; {:.0} ms", ms(500), ms(990))
    };
    let mistakes = |scenario: &OrderInventory| {
        let twins = specimens::contexts();
        let of = twins.iter().filter(|twin| twin.name().starts_with(&format!("{}/", scenario.name())));
        let slugs: Vec<_> =
            of.map(|twin| format!("`{}`", twin.name().rsplit('/').next().unwrap_or_default())).collect();
        slugs.join(", ")
    };
    let rows = [
        ("messages of an order", of_both(&|it| mean(&costs(it, Profile::Calm), |cost| cost.messages))),
        ("commits of an order", of_both(&|it| mean(&costs(it, Profile::Calm), |cost| cost.commits))),
        (
            "until it is confirmed, half and 99 of 100, nothing fails",
            of_both(&|it| time(&costs(it, Profile::Calm), |cost| cost.confirmed)),
        ),
        ("until it is over at both, nothing fails", of_both(&|it| time(&costs(it, Profile::Calm), |cost| cost.over))),
        (
            "until it is confirmed, processes crash",
            of_both(&|it| time(&costs(it, Profile::Crash), |cost| cost.confirmed)),
        ),
        (
            "until it is confirmed, stores and broker are away",
            of_both(&|it| time(&costs(it, Profile::Outage), |cost| cost.confirmed)),
        ),
        ("lines of code of its own", FILES.map(|(_, files)| lines(files).to_string())),
        ("mistakes of its own that are found", of_both(&mistakes)),
    ];
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root").join("README.md");
    let readme = fs::read_to_string(readme).expect("there is a README");
    let rows = rows.map(|(what, [events, saga])| format!("| {what} | {events} | {saga} |"));
    rows.iter().for_each(|row| println!("{row}"));
    for row in rows {
        assert!(readme.contains(&format!("\n{row}\n")), "the README's row is of another time; it is now\n{row}");
    }
}
