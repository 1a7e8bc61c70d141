//! A broker that loses what it had acknowledged: what is still in the outbox is sent once more.

use std::{collections::BTreeSet, time::Duration};

use seaworthy_core::{
    ids::MessageId,
    message::Message,
    outbox::{self, LogRelay, Relay},
    ports::{Operation, RepublishRequest, SubscriptionSpec, Timestamp},
};

use crate::support::{
    World,
    calls::{Calls, Fate},
    inbox::{SHOP, Scripted},
    messages::of_key,
    on_each_store,
};

const HOUR: Duration = Duration::from_secs(3_600);

/// Message `number` of one of three keys.
fn order(number: usize) -> Message {
    let key = format!("order-{}", number % 3);
    let message = of_key(SHOP, &key, number);
    Message { kind: "order.placed".into(), subject: format!("order-{number}").into(), ..message }
}

fn relay(world: &World, by_log: bool) {
    match by_log {
        true => world.ports.spawn("relay", LogRelay::new(&world.ports, "log").run()),
        false => world.ports.spawn("relay", Relay::new(&world.ports).run()),
    }
}

/// Tests that each key was sent in commit order, from `from` on.
fn in_order(world: &World, from: usize) {
    let sent: Vec<_> = world.broker.accepted().into_iter().skip(from).map(|(_, message)| message).collect();
    for key in 0..3 {
        let of_key = sent.iter().filter(|message| message.partition_key == format!("order-{key}"));
        let sequences: Vec<u64> = of_key.map(|message| message.sequence).collect();
        assert!(sequences.is_sorted_by(|one, next| one < next), "{sequences:?}");
    }
}

#[test]
fn what_a_broker_has_lost_is_sent_again_and_handled_once() {
    for by_log in [false, true] {
        on_each_store(async |world| {
            let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
            world.broker.behind().declare(&SubscriptionSpec { group: SHOP.into(), topics: vec![SHOP.into()] });
            relay(world, by_log);
            world.stage((0..600).map(order)).await;
            world.pass(HOUR).await;
            // The first ones are handled, and then the broker loses the rest of what it has.
            world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
            world.pass(HOUR).await;
            assert_eq!(handler.subjects(), 600);
            world.broker.forgets(true);
            let lost_since = world.ports.store.now().await.expect("up");
            world.stage((600..1_800).map(order)).await;
            world.pass(HOUR).await;
            assert_eq!((handler.subjects(), world.broker.accepted_of(SHOP)), (600, 1_800), "acknowledged and lost");
            world.broker.forgets(false);
            // More is staged while it is sent again.
            world.stage((1_800..1_900).map(order)).await;
            let sent = world.broker.accepted_of(SHOP);
            let since = lost_since.before(Duration::from_secs(3));
            assert_eq!(outbox::republish_since(&*world.ports.store, since).await, Ok(1_200), "by log: {by_log}");
            world.pass(HOUR).await;
            assert_eq!(world.broker.accepted_of(SHOP) - sent, 1_300);
            in_order(world, sent);
            assert_eq!((handler.subjects(), world.unacknowledged()), (1_900, 0));
            // From the beginning: those that were handled are duplicates.
            assert_eq!(outbox::republish_since(&*world.ports.store, lost_since.before(HOUR * 9)).await, Ok(1_900));
            world.pass(HOUR).await;
            assert_eq!((handler.subjects(), world.unacknowledged()), (1_900, 0));
            assert!((0..1_900).all(|number| handler.runs(&format!("order-{number}")) == 1));
        });
    }
}

#[test]
fn a_span_that_is_sent_again_can_be_asked_for_again_and_goes_on_where_it_was() {
    for by_log in [false, true] {
        on_each_store(async |world| {
            relay(world, by_log);
            world.stage((0..90).map(order)).await;
            world.pass(HOUR).await;
            let store = &*world.ports.store;
            let now = store.now().await.expect("up");
            let span = |limit| RepublishRequest::new(now.before(HOUR * 2), now, limit);
            let mut republished = Vec::new();
            for _ in 0..5 {
                republished.push(outbox::republish(store, &span(40)).await.expect("up"));
                world.pass(HOUR).await;
            }
            assert_eq!(republished, [40, 40, 10, 0, 0]);
            let twice: BTreeSet<MessageId> =
                world.broker.accepted().iter().skip(90).map(|(_, message)| message.id).collect();
            assert_eq!((twice.len(), world.broker.accepted_of(SHOP)), (90, 180));
            in_order(world, 90);
        });
    }
}

/// One transaction with all of them would hold up whoever else writes.
#[test]
fn what_is_republished_is_made_pending_in_batches() {
    on_each_store(async |world| {
        relay(world, false);
        world.stage((0..1_100).map(order)).await;
        world.pass(HOUR).await;
        let (calls, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
        assert_eq!(outbox::republish_since(&*ports.store, Timestamp::EPOCH).await, Ok(1_100));
        assert_eq!(calls.times(Operation::Republish).len(), 3);
    });
}
