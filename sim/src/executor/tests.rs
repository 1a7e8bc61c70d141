use std::{
    cell::RefCell,
    future::{pending, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{LocalBoxFuture, select},
    poll,
    stream::{FuturesUnordered, StreamExt},
};
use madsim::{runtime::Runtime, time::TimeHandle};

use super::{Executor, Spawner, Time};
use crate::draw::Draw;

type Task = LocalBoxFuture<'static, ()>;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Runs a program with an executor's time and spawner.
fn run<T>(seed: u64, program: impl AsyncFnOnce(Time, Spawner<Task>) -> T) -> T {
    Runtime::with_seed_and_config(seed, madsim::Config::default()).block_on(async {
        let executor = Executor::<Task>::new(Draw::stream(seed, 0));
        let (time, spawner) = (executor.time(), executor.spawner());
        executor.run(pin!(program(time, spawner))).await
    })
}

/// The order in which eight tasks go that are all ready.
fn order(seed: u64) -> Vec<u32> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    run(seed, async |time, spawner| {
        for task in 0..8 {
            let seen = seen.clone();
            spawner.spawn(async move { seen.borrow_mut().push(task) }.boxed_local());
        }
        time.sleep(ms(1)).await;
    });
    seen.take()
}

#[test]
fn the_order_of_ready_tasks_is_drawn_and_the_same_each_time() {
    assert_eq!(order(1), order(1));
    assert!((2..20).any(|seed| order(seed) != order(1)));
}

#[test]
fn however_many_are_woken_at_once_each_goes_once() {
    let polls = Rc::new(RefCell::new([0; 40]));
    run(1, async |time, spawner| {
        for task in 0..40 {
            let polls = polls.clone();
            let mut is_woken = false;
            let count = poll_fn(move |cx| {
                polls.borrow_mut()[task] += 1;
                // Twice at once is once.
                cx.waker().wake_by_ref();
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending }
            });
            spawner.spawn(count.boxed_local());
        }
        time.sleep(ms(1)).await;
    });
    assert_eq!(*polls.borrow(), [2; 40]);
}

#[test]
fn time_passes_to_the_next_timer_and_takes_the_time_of_the_operating_system_along() {
    run(1, async |time, spawner| {
        let (start, outside) = (time.elapsed(), TimeHandle::current());
        let early = time.clone();
        spawner.spawn(async move { early.sleep(ms(300)).await }.boxed_local());
        time.sleep(Duration::from_secs(3_600)).await;
        let took = time.elapsed() - start;
        assert!(took >= Duration::from_secs(3_600) && took < Duration::from_secs(3_601), "{took:?}");
        assert!(outside.elapsed().abs_diff(time.elapsed()) < ms(1));
    });
}

#[test]
fn a_wait_that_is_polled_between_ends_when_it_is_due_and_is_woken_once() {
    run(1, async |time, _| {
        let start = time.elapsed();
        let mut long = pin!(time.sleep(ms(50)));
        for _ in 0..4 {
            select(&mut long, pin!(time.sleep(ms(10)))).await;
        }
        assert!(poll!(&mut long).is_pending());
        assert_eq!(time.waiting(), 1);
        long.await;
        let took = time.elapsed() - start;
        assert!(took >= ms(50) && took < ms(51), "{took:?}");
    });
}

#[test]
fn a_wait_that_moves_to_another_task_wakes_that_one() {
    run(1, async |time, spawner| {
        let slept = time.clone();
        let mut wait = async move { slept.sleep(ms(10)).await }.boxed_local();
        assert!(poll!(&mut wait).is_pending());
        let mut set = FuturesUnordered::from_iter([wait]);
        assert!(poll!(set.next()).is_pending());
        let ended = Rc::new(RefCell::new(false));
        let ends = ended.clone();
        spawner.spawn(
            async move {
                set.next().await;
                *ends.borrow_mut() = true;
            }
            .boxed_local(),
        );
        time.sleep(ms(20)).await;
        assert!(*ended.borrow());
    });
}

#[test]
fn whoever_only_yields_sees_time_pass() {
    run(1, async |time, _| {
        let until = time.elapsed() + ms(1);
        while time.elapsed() < until {
            yield_once().await;
        }
    });
}

async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn a_wait_of_madsims_own_ends_too() {
    run(1, async |time, _| {
        madsim::time::sleep(ms(5)).await;
        select(pin!(madsim::time::sleep(ms(5)).boxed_local()), pin!(time.sleep(ms(50)))).await;
    });
}

#[test]
fn what_is_left_when_the_program_ends_is_dropped() {
    struct CountedDrop(Rc<RefCell<u32>>);
    impl Drop for CountedDrop {
        fn drop(&mut self) {
            *self.0.borrow_mut() += 1;
        }
    }
    let dropped = Rc::new(RefCell::new(0));
    run(1, async |time, spawner| {
        for _ in 0..3 {
            let (told, time) = (CountedDrop(dropped.clone()), time.clone());
            spawner.spawn(
                async move {
                    let _told = told;
                    time.sleep(ms(10)).await;
                    pending::<()>().await;
                }
                .boxed_local(),
            );
        }
        time.sleep(ms(1)).await;
    });
    assert_eq!(*dropped.borrow(), 3);
}

#[test]
fn a_slot_that_is_used_again_is_not_woken_for_the_task_before() {
    run(1, async |time, spawner| {
        let stale = Rc::new(RefCell::new(None));
        let keep = stale.clone();
        spawner.spawn(
            poll_fn(move |cx| {
                *keep.borrow_mut() = Some(cx.waker().clone());
                Poll::Ready(())
            })
            .boxed_local(),
        );
        time.sleep(ms(1)).await;
        let polls = Rc::new(RefCell::new(0));
        let count = polls.clone();
        spawner.spawn(
            poll_fn(move |_| {
                *count.borrow_mut() += 1;
                Poll::Pending
            })
            .boxed_local(),
        );
        time.sleep(ms(1)).await;
        stale.take().expect("the first task was polled").wake();
        time.sleep(ms(1)).await;
        assert_eq!(*polls.borrow(), 1);
    });
}

#[test]
fn a_limit_that_was_dropped_wakes_nobody_and_takes_no_time() {
    run(1, async |time, spawner| {
        let polls = Rc::new(RefCell::new(0));
        let (counted, clock) = (polls.clone(), time.clone());
        let limited = async move {
            let mut limit = Box::pin(clock.limit(ms(10)));
            assert!(poll!(limit.as_mut()).is_pending());
            drop(limit);
            poll_fn::<(), _>(|_| {
                *counted.borrow_mut() += 1;
                Poll::Pending
            })
            .await;
        };
        spawner.spawn(limited.boxed_local());
        time.sleep(ms(100)).await;
        assert_eq!((*polls.borrow(), time.waiting()), (1, 0));

        let before = time.elapsed();
        time.limit(ms(10)).await;
        assert!(time.elapsed() - before < ms(11), "a limit that is waited for comes");
    });
}

#[test]
fn limits_and_sleeps_come_in_the_order_of_their_times_whatever_was_set_or_dropped_in_between() {
    run(1, async |time, spawner| {
        let ended = Rc::new(RefCell::new(Vec::new()));
        for (after, is_limit) in [(30, true), (10, true), (20, false), (60, true), (5, false), (50, true), (40, false)]
        {
            let (clock, ends) = (time.clone(), ended.clone());
            let waits = async move {
                let mut dropped = Box::pin(clock.limit(ms(after + 5)));
                assert!(poll!(dropped.as_mut()).is_pending());
                match is_limit {
                    true => select(pin!(clock.limit(ms(after))), dropped).await.factor_first().0,
                    false => select(pin!(clock.sleep(ms(after))), dropped).await.factor_first().0,
                }
                ends.borrow_mut().push(after);
            };
            spawner.spawn(waits.boxed_local());
        }
        time.sleep(ms(100)).await;
        assert_eq!(*ended.borrow(), [5, 10, 20, 30, 40, 50, 60]);
        assert_eq!(time.waiting(), 0);
    });
}
