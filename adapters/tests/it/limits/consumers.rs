//! Consumers: their store, and their broker.

use std::sync::Arc;

use seaworthy_core::{
    inbox::{ConsumerConfig, HandlerError},
    ports::Operation,
};

use super::{LIMIT, SECOND, goes_on};
use crate::support::{
    World,
    events::write_down,
    inbox::{SHOP, Scripted, order},
};

fn consumer(config: ConsumerConfig) -> ConsumerConfig {
    config.store_limit(LIMIT).handler_limit(2 * SECOND).redrive_requests(SECOND).broker_limit(LIMIT)
}

/// A handler that writes, or fails the first time.
fn writes(fails_first: bool) -> Scripted {
    let first = Arc::new(std::sync::atomic::AtomicBool::new(fails_first));
    Scripted::new(move |tx, message| {
        let fails = first.swap(false, std::sync::atomic::Ordering::SeqCst);
        Box::pin(async move {
            if fails {
                return Err(HandlerError::Unavailable("not yet".into()));
            }
            write_down(tx, "shop", message).await
        })
    })
}

async fn handled(world: &World) -> usize {
    let mut tx = world.ports.store.begin().await.expect("a store that is up");
    let found = tx.get("journals", "shop").await.expect("a store that is up");
    let seen: Vec<String> = found.map_or_else(Vec::new, |seen| serde_json::from_slice(&seen.body).expect("a journal"));
    seen.len()
}

#[test]
fn a_consumer_whose_store_does_not_answer_handles_each_message_once() {
    goes_on(
        &[Operation::Begin, Operation::InboxInsert, Operation::Commit].map(|hangs| (hangs, 1)),
        async |world, ports| {
            world.publish([order(1), order(2)]).await;
            ports.spawn("consumer", writes(false).consumer(ports, consumer).run());
        },
        async |world| world.unacknowledged() == 0 && handled(world).await == 2,
    );
}

/// Connections that are half open: whatever the broker is told by them, it never answers.
#[test]
fn a_consumer_whose_broker_does_not_answer_handles_each_message_once() {
    for workers in [1, 3] {
        goes_on(
            &[Operation::Subscribe, Operation::Ack, Operation::Nack].map(|hangs| (hangs, 1)),
            async |world, ports| {
                world.publish([order(1), order(2)]).await;
                ports.spawn("consumer", writes(true).consumer(ports, |config| consumer(config).workers(workers)).run());
            },
            async |world| world.unacknowledged() == 0 && handled(world).await == 2,
        );
    }
}

/// The transaction in which a failure is counted, and the handler's that came before it.
#[test]
fn a_consumer_whose_failure_can_not_be_counted_goes_on() {
    goes_on(
        &[(Operation::Begin, 2), (Operation::InboxFailed, 1), (Operation::Commit, 1)],
        async |world, ports| {
            world.publish([order(1)]).await;
            ports.spawn("consumer", writes(true).consumer(ports, consumer).run());
        },
        async |world| world.unacknowledged() == 0 && handled(world).await == 1,
    );
}

/// It was given up; an operator asks for it while the store does not answer whoever looks for requests, or takes one up.
#[test]
fn a_consumer_that_looks_for_requests_goes_on() {
    for (operation, number) in [
        (Operation::DeadLetters, 1),
        (Operation::Begin, 1),
        (Operation::InboxExhume, 1),
        (Operation::InboxBury, 1),
        (Operation::Begin, 2),
        (Operation::InboxExhume, 2),
    ] {
        goes_on(
            &[(operation, number)],
            async |world, ports| {
                // Given up by a process that has gone since.
                let refuses = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("closed".into())) }));
                let stop = seaworthy_core::stop::Stop::new();
                world.publish([order(1)]).await;
                world.ports.spawn("first", refuses.consumer(&world.ports, consumer).stop(stop.clone()).run());
                world.pass(SECOND / 2).await;
                stop.set();
                world.pass(2 * SECOND).await;
                let asked = seaworthy_core::ports::DeadLetterRequest::new(SHOP, 10);
                let letters = world.ports.store.ask_redrive(&asked).await.expect("a store that is up");
                assert_eq!(letters.len(), 1);
                ports.spawn("consumer", writes(false).consumer(ports, consumer).run());
                // What was taken back before it hung is asked for once more.
                let (store, clock) = (world.ports.store.clone(), world.ports.clock.clone());
                world.ports.spawn("operator", async move {
                    loop {
                        clock.sleep(8 * SECOND).await;
                        let _ = store.ask_redrive(&asked).await;
                    }
                });
            },
            async |world| handled(world).await == 1 && world.letters().await.is_empty(),
        );
    }
}
