//! scratch
use seaworthy_scenarios::order_fulfillment::OrderFulfillment;
use seaworthy_sim::{
    plan::{Generator, Profile},
    scenario::Scenario,
    world::{RunOptions, run},
};
use std::collections::BTreeMap;
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let only = std::env::args().nth(2).filter(|p| p != "all");
    let which = std::env::args().nth(3).unwrap_or_default();
    let scenario = seaworthy_scenarios::specimens::all()
        .into_iter()
        .find(|s| s.name() == which)
        .unwrap_or_else(OrderFulfillment::new);
    println!("{}", scenario.name());
    let generator = Generator::new(&scenario);
    for profile in Profile::ALL {
        if only.as_deref().is_some_and(|o| o != profile.name()) {
            continue;
        }
        let t = std::time::Instant::now();
        let (mut failed, mut kinds, mut goals, mut events) =
            (0, BTreeMap::<String, (u64, u64, String)>::new(), BTreeMap::<&str, u64>::new(), 0);
        for seed in 0..n {
            let plan = generator.plan(seed, profile);
            let report = run(&scenario, &plan, &RunOptions::default()).unwrap();
            events += report.events;
            for g in report.reached {
                *goals.entry(g).or_default() += 1;
            }
            if !report.violations.is_empty() {
                failed += 1;
                let v = &report.violations[0];
                let e = kinds.entry(v.invariant.to_string()).or_insert((0, seed, v.sentence.clone()));
                e.0 += 1;
            }
        }
        println!(
            "{profile}: {failed}/{n} failed, {:.0}/s, {} events/run; goals {goals:?}",
            n as f64 / t.elapsed().as_secs_f64(),
            events / n
        );
        for (k, v) in kinds {
            println!("    {k}: {} (seed {}: {})", v.0, v.1, v.2);
        }
    }
}
