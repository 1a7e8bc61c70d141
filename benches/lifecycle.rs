//! Lifecycles a second and core, under each profile: plans with one order, and plans as they are drawn (one to four).

#![allow(missing_docs, reason = "the functions are criterion's")]

mod support;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use seaworthy_scenarios::order_fulfillment::{OrderFulfillment, Orders};
use seaworthy_sim::{plan::Profile, scenario::Scenario, world::RunOptions};
use support::{CpuTime, OneOrder, lifecycle, quick};

// As in the `seaworthy` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seeds of which one iteration runs the next: enough for each fault to strike, few enough to come round in a sample.
const SEEDS: u64 = 500;

fn seeds<S: Scenario<Workload = Orders>>(group: &mut BenchmarkGroup<'_, CpuTime>, scenario: &S, profile: Profile) {
    let options = RunOptions::default();
    group.throughput(Throughput::Elements(1));
    let mut seed = 0;
    group.bench_function(profile.name(), |bencher| {
        bencher.iter(|| {
            seed = (seed + 1) % SEEDS;
            lifecycle(scenario, seed, profile, &options).events
        });
    });
}

fn one_order(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("one order");
    for profile in [Profile::Calm, Profile::Swarm] {
        seeds(&mut group, &OneOrder::default(), profile);
    }
    group.finish();
}

fn as_drawn(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("as drawn");
    for profile in Profile::ALL {
        seeds(&mut group, &OrderFulfillment::new(), profile);
    }
    group.finish();
}

criterion_group! { name = lifecycles; config = quick(); targets = one_order, as_drawn }
criterion_main!(lifecycles);
