use std::{
    future::poll_fn,
    task::{Context, Poll},
    time::Duration,
};

use madsim::runtime::Runtime;
use seaworthy_sim::world::Effort;

/// As many processes as order fulfillment has.
const TASKS: u64 = 4;

/// The same effort of the executor and nothing else: as many timers, and as many wake-ups beside those, spread over as
/// many tasks as there are processes.
pub fn floor(seed: u64, effort: Effort) {
    Runtime::with_seed_and_config(seed, madsim::Config::default()).block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let share = |of: u64| of / TASKS + u64::from(task < of % TASKS);
                // A timer wakes its task once; a task is polled once before its first wake-up.
                let (timers, yields) =
                    (share(effort.timers), share(effort.wakes.saturating_sub(effort.timers + TASKS)));
                madsim::task::spawn(async move {
                    let mut yielded = 0;
                    for timer in 0..timers {
                        while yielded * timers < yields * timer {
                            yielded += 1;
                            yield_once().await;
                        }
                        madsim::time::sleep(Duration::from_millis(1 + timer % 7)).await;
                    }
                    for _ in yielded..yields {
                        yield_once().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("the task ends");
        }
    });
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx: &mut Context<'_>| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
