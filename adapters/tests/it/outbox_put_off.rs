//! A message that the broker puts off each time is its own trouble while others of its topic pass, and nobody's where it is
//! the topic's.

use std::{sync::Arc, time::Duration};

use seaworthy_core::{
    outbox::RelayConfig,
    ports::{DeadRowRequest, Ports, PublishError, SubscriptionSpec, Timestamp},
};
use seaworthy_tokio::LocalBroker;

use crate::{
    outbox_topics::with_each_relay,
    support::{
        calls::pauses,
        messages::{message, of_key},
        warnings::Warnings,
    },
};

const PAUSE: Duration = Duration::from_millis(100);

/// A busy service: another message each 100 ms.
#[test]
fn a_message_that_is_put_off_while_others_pass_is_counted_named_and_given_up() {
    with_each_relay(async |world, kind| {
        let heard = Warnings::listen();
        let poison = of_key("orders", "poison", 1);
        let id = poison.id;
        world.stage([poison, of_key("orders", "poison", 2)]).await;
        world.broker.says(move |message, _| match message.id == id {
            true => Err(PublishError::Unavailable("the queue of this key is full".into())),
            false => Ok(()),
        });
        kind.run(&world.ports, RelayConfig::default());
        for number in 0..1_200 {
            world.stage([of_key("orders", &format!("busy-{number}"), number)]).await;
            world.pass(PAUSE).await;
        }
        let tries: Vec<Timestamp> =
            world.broker.asked().into_iter().filter(|(_, asked)| *asked == id).map(|(at, _)| at).collect();
        // A few of them before any other has passed.
        assert!((10..=14).contains(&tries.len()), "{} tries", tries.len());
        let waits = pauses(&tries);
        assert!(waits[waits.len() - 1] > 10_000 && waits[0] < 1_000, "it waits ever longer: {waits:?}");
        let dead = world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up");
        assert_eq!(dead.iter().map(|dead| dead.row.message.id).collect::<Vec<_>>(), [id]);
        let reason = &dead[0].reason;
        assert!(reason.contains("while others pass") && reason.contains("the queue of this key is full"), "{reason}");
        let accepted = world.broker.accepted();
        assert_eq!(accepted.len(), 1_200, "all others but the one behind it");
        let late = accepted.iter().map(|(at, message)| at.as_millis() - message.json::<i64>().unwrap() * 100).max();
        assert!(late < Some(1_000), "the latest came {late:?} ms after its commit");
        let lines = heard.lines();
        let named = lines.iter().filter(|line| line.contains(&id.to_string()) && line.contains("others of its topic"));
        assert_eq!(named.count(), 9, "each attempt but the last, which has a word of its own: {lines:#?}");
        let of_topic: Vec<_> = lines.iter().filter(|line| line.contains("can't be reached")).collect();
        assert!(of_topic.len() <= 3, "the topic is well, as shows once others have passed: {of_topic:#?}");
    });
}

/// Nothing else is published, so nothing says that it is this one.
#[test]
fn a_message_that_is_put_off_while_nothing_else_passes_is_never_given_up() {
    with_each_relay(async |world, kind| {
        let (first, last) = (message("orders", 0), message("orders", 1));
        let id = first.id;
        world.stage([first, last]).await;
        world.broker.says(move |message, now| match message.id == id && now.as_millis() < 3_600_000 {
            true => Err(PublishError::Unavailable("its partition has no leader".into())),
            false => Ok(()),
        });
        kind.run(&world.ports, RelayConfig::default());
        world.pass(Duration::from_secs(3_600)).await;
        assert_eq!(world.broker.accepted_of("orders"), 1);
        world.pass(Duration::from_secs(20)).await;
        assert_eq!(world.broker.accepted_of("orders"), 2, "a cap after the outage at the latest");
        assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
    });
}

/// A group that takes up little fills its broker: whatever waits is put off again and again while others pass.
#[test]
fn messages_that_wait_for_a_slow_group_are_never_given_up() {
    with_each_relay(async |world, kind| {
        let broker = Arc::new(LocalBroker::new(world.clock.clone(), LocalBroker::config().unacknowledged_max(5)));
        broker.declare("slow", ["orders"]);
        let ports = Ports { broker: broker.clone(), ..world.ports.clone() };
        world.stage((0..400).map(|key| message("orders", key))).await;
        kind.run(&ports, RelayConfig::default());
        let spec = SubscriptionSpec { group: "slow".into(), topics: vec!["orders".into()] };
        let member = ports.broker.subscribe(&spec).await.expect("a broker in memory");
        let mut got = 0;
        for number in 0.. {
            // As much is staged meanwhile as is taken up.
            if number < 1_000 {
                world.stage([message("orders", 400 + number)]).await;
            }
            world.pass(PAUSE).await;
            for delivery in member.receive(1).await.expect("a broker in memory") {
                member.ack(delivery.tag).await.expect("a broker in memory");
                got += 1;
            }
            if got == 1_400 {
                break;
            }
            assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
            assert!(number < 20_000, "{got} of 1,400 came");
        }
    });
}
