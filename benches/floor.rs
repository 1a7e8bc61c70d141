//! The floor: what madsim's timers and wake-ups cost with nothing else, against which a lifecycle is measured.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use madsim::runtime::Runtime;

/// A fresh thread, a runtime, and `events` timers and wake-ups spread over four tasks.
fn floor(seed: u64, events: u64) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            Runtime::with_seed_and_config(seed, madsim::Config::default()).block_on(async {
                let tasks: Vec<_> = (0..4)
                    .map(|_| {
                        madsim::task::spawn(async move {
                            for event in 0..events / 4 {
                                madsim::time::sleep(Duration::from_millis(1 + event % 7)).await;
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await.expect("the task ends");
                }
            });
        });
    });
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("floor");
    for events in [128_u64, 1_280] {
        group.throughput(Throughput::Elements(events));
        let mut seed = 0;
        group.bench_function(format!("{events} timers"), |bencher| {
            bencher.iter(|| {
                seed += 1;
                floor(seed, events);
            });
        });
    }
    group.finish();
}

criterion_group!(floor_group, benches);
criterion_main!(floor_group);
