//! Eighteen months of a real shop: 69,659 orders in virtual time, with faults, on one core.
//!
//! Its own process, because it tells the peak of its memory.

mod support;

use std::path::Path;

use seaworthy_scenarios::order_fulfillment::{OrderFulfillment, orders_file::read_orders};
use seaworthy_sim::plan::Profile;
use seaworthy_sim::world::RunOptions;
use support::{is_measuring, lifecycle, peak_mb, thread_cpu};

// As in the `seaworthy` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/data/orders.csv");
    let mut orders = read_orders(&file).expect("the shipped orders are well formed");
    if !is_measuring() {
        orders.orders.truncate(50);
    }
    let scenario = OrderFulfillment::new().with_orders(orders);
    for profile in [Profile::Swarm, Profile::Everything] {
        let start = thread_cpu();
        let report = lifecycle(&scenario, 1, profile, &RunOptions::default());
        let seconds = (thread_cpu() - start).as_secs_f64();
        println!(
            "{profile}: {} orders, {} events, {} faults struck, {:.0} days of virtual time: {seconds:.2} s of CPU on one core, {:.0} ns an event, peak {} MB",
            report.answered,
            report.events,
            report.fired.len(),
            report.virtual_time.as_secs_f64() / 86_400.0,
            seconds * 1e9 / report.events as f64,
            peak_mb().map_or_else(|| "?".to_owned(), |mb| format!("{mb:.0}")),
        );
    }
}
