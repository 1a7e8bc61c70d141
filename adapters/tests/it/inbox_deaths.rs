//! A message that ends its process each time it is handled.

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff,
    inbox::{ConsumerConfig, FailurePolicy, HandlerError},
    ports::Ports,
};
use seaworthy_tokio::TokioSpawner;
use tokio::{runtime::Handle, sync::mpsc};

use crate::support::{
    World,
    inbox::{Scripted, order},
    on_each_store,
    warnings::Warnings,
};

/// Runs a process with a consumer of one delivery, or more, at a time; it is started again each time that it dies. How
/// often it died.
async fn supervise(world: &World, handler: &Scripted, batch: usize, dies: mpsc::Receiver<()>) -> usize {
    supervise_with(world, handler, dies, |config| config.batch(batch)).await
}

async fn supervise_with(
    world: &World,
    handler: &Scripted,
    mut dies: mpsc::Receiver<()>,
    config: impl Fn(ConsumerConfig) -> ConsumerConfig,
) -> usize {
    let mut deaths = 0;
    loop {
        let tasks = TokioSpawner::on(Handle::current());
        let ports = Ports { spawner: std::sync::Arc::new(tasks.clone()), ..world.ports.clone() };
        ports.spawn("consumer", handler.consumer(&ports, &config).run());
        if tokio::time::timeout(Duration::from_secs(60), dies.recv()).await.is_err() {
            return deaths;
        }
        deaths += 1;
        tasks.abort();
        let _ = tasks.join().await;
        world.pass(Duration::from_millis(100)).await;
    }
}

#[test]
fn a_message_that_ends_its_process_each_time_dies_before_it_is_handled_once_more_and_all_others_are_handled() {
    for batch in [1, 100] {
        on_each_store(async |world| {
            let (die, dies) = mpsc::channel(1);
            let handler = Scripted::new(move |_, message| {
                let die = die.clone();
                Box::pin(async move {
                    if message.subject == "order-7" {
                        die.send(()).await.expect("somebody looks after the process");
                        std::future::pending::<()>().await;
                    }
                    Ok(())
                })
            });
            world.publish((1..=50).map(order)).await;
            let heard = Warnings::listen();
            // Three deliveries that nobody suspects, and as many failures as the store may have.
            assert_eq!(supervise(world, &handler, batch, dies).await, 13);
            assert_eq!((handler.runs("order-7"), handler.subjects(), world.unacknowledged()), (13, 50, 0));
            let letters = world.letters().await;
            assert_eq!((letters.len(), letters[0].message.id), (1, order(7).id));
            assert!(letters[0].reason.starts_with("its handling comes to no end"), "{}", letters[0].reason);
            assert!(heard.lines().iter().any(|line| line.contains("dead letter")), "{:?}", heard.lines());
        });
    }
}

#[test]
fn those_beside_it_are_handled_long_before_it_dies() {
    on_each_store(async |world| {
        let (die, mut dies) = mpsc::channel(1);
        let handler = Scripted::new(move |_, message| {
            let die = die.clone();
            Box::pin(async move {
                if message.subject == "order-1" {
                    die.send(()).await.expect("somebody looks after the process");
                    std::future::pending::<()>().await;
                }
                Ok(())
            })
        });
        world.publish((1..=50).map(order)).await;
        // Three that nobody suspects, one that is counted; then fifteen others go first each time.
        for _ in 0..8 {
            let tasks = TokioSpawner::on(Handle::current());
            let ports = Ports { spawner: std::sync::Arc::new(tasks.clone()), ..world.ports.clone() };
            ports.spawn("consumer", handler.consumer(&ports, |config| config).run());
            dies.recv().await.expect("it dies of the first order");
            tasks.abort();
            let _ = tasks.join().await;
        }
        assert!(world.letters().await.is_empty());
        assert_eq!(handler.subjects(), 50, "the first of the batch is handled last once it is suspected");
    });
}

/// Its deaths count as what they are: where a failure of that kind is to be given up after fewer, it is the last one.
#[test]
fn a_message_that_has_ended_its_process_more_often_than_its_failure_may_come_is_given_up_at_once() {
    on_each_store(async |world| {
        let (die, dies) = mpsc::channel(1);
        let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let handler = Scripted::new(move |_, _| {
            let (die, run) = (die.clone(), runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1);
            Box::pin(async move {
                if run <= 6 {
                    die.send(()).await.expect("somebody looks after the process");
                    std::future::pending::<()>().await;
                }
                Err(HandlerError::Failed { kind: "no such customer", why: "unknown to us".into() })
            })
        });
        world.publish([order(1)]).await;
        let twice = FailurePolicy::new(2, Backoff::new(Duration::from_secs(1), Duration::from_secs(1)));
        // Three deliveries that nobody suspects, and three that are counted.
        let deaths = supervise_with(world, &handler, dies, |config| config.on_failure("no such customer", twice)).await;
        assert_eq!((deaths, handler.runs("order-1"), world.unacknowledged()), (6, 7, 0));
        let letters = world.letters().await;
        assert_eq!((letters.len(), letters[0].failures), (1, 4));
        assert_eq!(letters[0].reason, "no such customer: unknown to us");
    });
}
