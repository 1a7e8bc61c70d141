//! Subscribers that die, at any moment and again and again.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use seaworthy_core::{
    message::Message,
    ports::{EventAppend, ExpectedVersion, Ports},
};
use seaworthy_tokio::TokioSpawner;
use tokio::{runtime::Handle, sync::mpsc};

use crate::support::{
    World,
    events::{append, event, journal, subscriber, write_down},
    inbox::Scripted,
    on_each_store,
};

/// Polls a future so often and no more, and drops it, as a crash does. Returns `false` if it had waited for good by then.
async fn die_after(polls: usize, run: impl Future<Output = ()>) -> bool {
    let (mut run, mut left) = (pin!(run), polls);
    let waits = poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(true);
        }
        left -= 1;
        run.as_mut().poll(cx).map(|()| false)
    });
    tokio::time::timeout(Duration::from_millis(20), waits).await.unwrap_or(false)
}

/// A journal whose every statement lets others go first, so that each is a moment to die at.
fn slow(name: &'static str) -> Scripted {
    Scripted::new(move |tx, message| {
        Box::pin(async move {
            tokio::task::yield_now().await;
            write_down(tx, name, message).await?;
            tokio::task::yield_now().await;
            Ok(())
        })
    })
}

#[test]
fn seed_66_wherever_a_subscriber_dies_each_event_has_its_effect_once_and_in_order() {
    on_each_store(async |world| {
        let store = world.store();
        let mut deaths = 0;
        for (round, batch) in [(0, 1), (1, 4)] {
            append(&**store, "account-1", round * 20 + 1..=round * 20 + 10).await;
            append(&**store, "account-2", round * 20 + 11..=round * 20 + 20).await;
            for polls in 1.. {
                let readers = ["one", "two"].map(|name| (name, slow(name)));
                let mut goes_on = false;
                for (name, handler) in &readers {
                    let run = subscriber(&world.ports, name, handler, |config| config.batch(batch)).run();
                    goes_on |= die_after(polls, run).await;
                }
                deaths += 1;
                if !goes_on {
                    break;
                }
            }
            for name in ["one", "two"] {
                assert_eq!(journal(&**store, name).await, (1..=round * 20 + 20).collect::<Vec<_>>(), "{name}");
                assert_eq!(world.parked(name).await, []);
            }
        }
        assert!(deaths > 10, "{deaths}");
    });
}

/// Runs a subscriber that the third event ends, again and again until it comes through. How often it has ended.
async fn deaths_of_the_third(world: &World) -> usize {
    let (die, mut dies) = mpsc::channel(1);
    let handler = Scripted::new(move |tx, message| {
        let die = die.clone();
        Box::pin(async move {
            if message.subject == "event-3" {
                die.send(()).await.expect("somebody looks after the process");
                std::future::pending::<()>().await;
            }
            write_down(tx, "reader", message).await
        })
    });
    let mut deaths = 0;
    loop {
        let tasks = TokioSpawner::on(Handle::current());
        let ports = Ports { spawner: std::sync::Arc::new(tasks.clone()), ..world.ports.clone() };
        ports.spawn("reader", subscriber(&ports, "reader", &handler, |config| config).run());
        if tokio::time::timeout(Duration::from_secs(60), dies.recv()).await.is_err() {
            return deaths;
        }
        deaths += 1;
        assert!(deaths < 20, "it is counted each time");
        tasks.abort();
        let _ = tasks.join().await;
    }
}

#[test]
fn an_event_that_ends_its_process_each_time_is_parked_and_the_other_streams_go_on() {
    on_each_store(async |world| {
        append(&**world.store(), "account-1", 1..=2).await;
        append(&**world.store(), "account-2", 3..=4).await;
        append(&**world.store(), "account-1", 5..=6).await;
        // Once when it came after others, and as often as the store may fail.
        assert_eq!(deaths_of_the_third(world).await, 11);
        assert_eq!(journal(&**world.store(), "reader").await, [1, 2, 5, 6]);
        let parked = world.parked("reader").await;
        assert_eq!(parked.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3, 4]);
        assert!(parked[0].1.starts_with("its handling comes to no end"), "{parked:?}");
    });
}

/// What nobody handles is passed over, and stands for nothing that is counted.
#[test]
fn an_event_that_ends_its_process_is_counted_behind_one_of_a_type_that_nobody_handles() {
    on_each_store(async |world| {
        let opened = Message { kind: "account.opened".into(), ..event(9) };
        let mut tx = world.store().begin().await.expect("a store that is up");
        let append_first = EventAppend::new("account-2", ExpectedVersion::Any, vec![opened]);
        tx.append_events(&append_first).await.expect("a store that is up");
        tx.commit().await.expect("a store that is up");
        append(&**world.store(), "account-2", 3..=4).await;
        assert_eq!(deaths_of_the_third(world).await, 10);
        assert_eq!(world.parked("reader").await.len(), 2);
    });
}
