//! Memory of a long campaign is flat: a million calm one-order seeds on all cores, with what is resident on the way.
//!
//! `SEAWORTHY_BENCH_SEEDS` sets how many.

mod support;

use std::cell::{Cell, RefCell};

use seaworthy_sim::{
    explore::{Seeds, SweepOptions, Until, sweep},
    plan::Profile,
};
use support::{OneOrder, is_measuring, resident_mb};

// As in the `seaworthy` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seeds where nothing else is said.
const SEEDS: u64 = 1_000_000;

fn main() {
    let wanted = std::env::var("SEAWORTHY_BENCH_SEEDS").ok().and_then(|count| count.parse().ok());
    let count: u64 = wanted.unwrap_or(if is_measuring() { SEEDS } else { 100 });
    let mut options = SweepOptions::new(Seeds::Base(0), Until::runs(count));
    options.profiles = vec![Profile::Calm];
    println!("{count} calm one-order seeds on {} cores", options.search.jobs);
    let next = Cell::new(1_000);
    let marks = RefCell::new(Vec::new());
    let look = |runs: u64, last: bool| {
        if runs >= next.get() || last {
            let resident = resident_mb();
            let shown = resident.map_or_else(|| "?".to_owned(), |mb| format!("{mb:.1}"));
            println!("{runs:>9} seeds: {shown} MB resident");
            marks.borrow_mut().extend(resident);
            while next.get() <= runs {
                next.set(next.get() * 10);
            }
        }
    };
    let campaign = sweep(&OneOrder::default(), &options, &|now| look(now.runs, false)).expect("a sweep of some seeds");
    look(campaign.runs, true);
    assert!(campaign.verdict().held, "a calm campaign holds");
    let marks = marks.into_inner();
    if let (Some(first), Some(last)) = (marks.first(), marks.last()) {
        // What a campaign keeps are counts. A leak of a hundred bytes a seed would be 100 MB at a million.
        println!("growth from the first mark to the last: {:.1} MB", last - first);
        assert!(last - first < 32.0, "a campaign's memory grows with its seeds");
    }
    let timing = campaign.timing;
    println!("{:.1} s on the wall", timing.wall_us as f64 / 1e6);
    if timing.cpu_us > 0 {
        println!("{:.0} seeds a second and core", campaign.runs as f64 * 1e6 / timing.cpu_us as f64);
    }
}
