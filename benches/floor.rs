//! What a lifecycle costs against its floor: the same number of timers and wake-ups of the simulator's executor with
//! nothing else. Both are measured in turns in this process, and the medians of the turns are compared.

mod support;

use std::time::Duration;

use seaworthy_scenarios::order_fulfillment::{OrderFulfillment, Orders};
use seaworthy_sim::{
    plan::Profile,
    scenario::Scenario,
    world::{Effort, RunOptions},
};
use support::{OneOrder, floor, is_measuring, lifecycle, median, thread_cpu};

// As in the `seaworthy` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What one profile's runs came to.
struct Row {
    name: &'static str,
    runs: u64,
    events: u64,
    calls: u64,
    effort: Effort,
    run_us: f64,
    floor_us: f64,
}

fn timed(what: impl FnOnce()) -> Duration {
    let start = thread_cpu();
    what();
    thread_cpu() - start
}

fn measure<S: Scenario<Workload = Orders>>(scenario: &S, name: &'static str, profile: Profile) -> Row {
    // Eleven turns: an odd number has a middle. 200 runs are about 20 ms, long against the clock's grain.
    let (turns, seeds) = if is_measuring() { (11, 200) } else { (1, 2) };
    let options = RunOptions::default();
    let mut row = Row { name, runs: 0, events: 0, calls: 0, effort: Effort::default(), run_us: 0.0, floor_us: 0.0 };
    let (mut runs_us, mut floors_us) = (Vec::new(), Vec::new());
    for turn in 0..=turns {
        let mut efforts = Vec::new();
        let run = timed(|| {
            for seed in turn * seeds..(turn + 1) * seeds {
                let report = lifecycle(scenario, seed, profile, &options);
                efforts.push(report.effort);
                row.runs += 1;
                row.events += report.events;
                row.calls += report.calls.iter().sum::<u64>();
            }
        });
        let floor = timed(|| efforts.iter().zip(0..).for_each(|(effort, seed)| floor(seed, *effort)));
        row.effort.wakes += efforts.iter().map(|effort| effort.wakes).sum::<u64>();
        row.effort.timers += efforts.iter().map(|effort| effort.timers).sum::<u64>();
        // The first turn warms up.
        if turn > 0 {
            runs_us.push(run.as_secs_f64() * 1e6 / seeds as f64);
            floors_us.push(floor.as_secs_f64() * 1e6 / seeds as f64);
        }
    }
    row.run_us = median(runs_us);
    row.floor_us = median(floors_us);
    row
}

fn print(row: &Row) {
    let each = |count: u64| count as f64 / row.runs as f64;
    println!(
        "{:<16} {:>8.0} {:>8.1} {:>7.1} {:>7.1} {:>7.1} {:>7.1} {:>9.0} {:>9.1} {:>9.0} {:>6.2}",
        row.name,
        1e6 / row.run_us,
        row.run_us,
        each(row.events),
        each(row.calls),
        each(row.effort.wakes),
        each(row.effort.timers),
        row.run_us * 1e3 / each(row.events),
        row.floor_us,
        row.floor_us * 1e3 / each(row.events),
        row.run_us / row.floor_us,
    );
}

fn main() {
    println!("CPU time; medians of 11 turns of 200 seeds. Floor: the run's own timers and wake-ups and nothing else.");
    println!(
        "{:<16} {:>8} {:>8} {:>7} {:>7} {:>7} {:>7} {:>9} {:>9} {:>9} {:>6}",
        "profile",
        "seeds/s",
        "us/seed",
        "events",
        "calls",
        "wakes",
        "timers",
        "ns/event",
        "floor us",
        "ns/event",
        "ratio"
    );
    let one = OneOrder::default();
    print(&measure(&one, "calm, 1 order", Profile::Calm));
    print(&measure(&one, "swarm, 1 order", Profile::Swarm));
    let drawn = OrderFulfillment::new();
    for profile in Profile::ALL {
        print(&measure(&drawn, profile.name(), profile));
    }
}
