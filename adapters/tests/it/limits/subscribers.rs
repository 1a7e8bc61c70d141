//! Subscribers to the log of events.

use seaworthy_core::{events::SubscriberConfig, inbox::HandlerError, ports::Operation};

use super::{LIMIT, SECOND, goes_on};
use crate::support::{
    events::{append, journal, subscriber, write_down},
    inbox::Scripted,
};

fn reads(config: SubscriberConfig) -> SubscriberConfig {
    config.store_limit(LIMIT).handler_limit(2 * SECOND)
}

fn notes() -> Scripted {
    Scripted::new(|tx, message| Box::pin(write_down(tx, "reader", message)))
}

#[test]
fn a_subscriber_whose_store_does_not_answer_has_each_effect_once() {
    use Operation::{Begin, Checkpoint, Commit, DeadLetters, InboxFailed, ReadEvents, SetCheckpoint};
    let hanging = [(Begin, 1), (Checkpoint, 1), (ReadEvents, 1), (DeadLetters, 1), (InboxFailed, 1), (Commit, 1)];
    goes_on(
        &[&hanging[..], &[(Begin, 3), (Checkpoint, 3), (SetCheckpoint, 1), (Commit, 2)]].concat(),
        async |world, ports| {
            append(world.store().as_ref(), "account-1", 1..=3).await;
            ports.spawn("reader", subscriber(ports, "reader", &notes(), reads).run());
        },
        async |world| journal(world.store().as_ref(), "reader").await == [1, 2, 3],
    );
}

/// Parked by a subscriber that has gone since, and asked for.
#[test]
fn a_subscriber_that_takes_up_what_is_parked_goes_on() {
    use Operation::{DeadLetters, InboxExhume};
    goes_on(
        &[(DeadLetters, 2), (DeadLetters, 3), (InboxExhume, 1), (InboxExhume, 2)],
        async |world, ports| {
            let refuses = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("closed".into())) }));
            let stop = seaworthy_core::stop::Stop::new();
            append(world.store().as_ref(), "account-1", 1..=1).await;
            let first = subscriber(&world.ports, "reader", &refuses, reads).stop(stop.clone());
            world.ports.spawn("first", first.run());
            world.pass(SECOND).await;
            stop.set();
            world.pass(2 * SECOND).await;
            ports.spawn("reader", subscriber(ports, "reader", &notes(), reads).run());
            let (store, clock) = (world.ports.store.clone(), world.ports.clock.clone());
            let asked = seaworthy_core::ports::DeadLetterRequest::new("reader", 10);
            world.ports.spawn("operator", async move {
                loop {
                    let _ = store.ask_redrive(&asked).await;
                    clock.sleep(8 * SECOND).await;
                }
            });
        },
        async |world| journal(world.store().as_ref(), "reader").await == [1],
    );
}
