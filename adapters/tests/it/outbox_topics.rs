//! One topic that is down is nobody else's trouble.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::ready;
use seaworthy_core::{
    outbox::{LogRelay, Relay, RelayConfig},
    ports::{BrokerError, DeadRowRequest, Ports, PublishError, SubscriptionSpec, Timestamp},
};
use seaworthy_tokio::LocalBroker;

use crate::support::{
    World,
    messages::{message, of_key},
    on_each_store,
    publishing::before_publishing,
    warnings::Warnings,
};

const HOUR: Duration = Duration::from_secs(3_600);

/// A relay of either kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Claims,
    Log,
}

const KINDS: [Kind; 2] = [Kind::Claims, Kind::Log];

impl Kind {
    pub(crate) fn run(self, ports: &Ports, config: RelayConfig) {
        match self {
            Self::Claims => ports.spawn("relay", Relay::new(ports).config(config).run()),
            Self::Log => ports.spawn("relay", LogRelay::new(ports, "log").config(config).run()),
        }
    }
}

/// Runs a test with each kind of relay on each store.
pub(crate) fn with_each_relay(test: impl AsyncFn(&World, Kind)) {
    for kind in KINDS {
        println!("with {kind:?}");
        on_each_store(async |world| test(world, kind).await);
    }
}

#[test]
fn two_topics_that_are_up_both_go_out() {
    with_each_relay(async |world, kind| {
        kind.run(&world.ports, RelayConfig::default());
        world.stage((0..150).map(|key| message("orders", key))).await;
        world.stage((0..10).map(|key| message("stock", key))).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!((world.broker.accepted_of("orders"), world.broker.accepted_of("stock")), (150, 10));
    });
}

/// More keys of a topic that is down than a batch holds stand before a few of one that is up.
#[test]
fn a_topic_that_is_down_stops_no_other_and_costs_few_calls() {
    with_each_relay(async |world, kind| {
        let heard = Warnings::listen();
        world.broker.says(|message, _| match message.topic.as_str() {
            "down" => Err(PublishError::Unavailable("the topic has no leader".into())),
            _ => Ok(()),
        });
        world.stage((0..1_500).map(|key| message("down", key))).await;
        world.stage((0..10).map(|key| message("up", key))).await;
        kind.run(&world.ports, RelayConfig::default());
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(world.broker.accepted_of("up"), 10, "at once");
        world.pass(HOUR).await;
        assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
        // At the cap a pause takes 5 to 15 s, and each ends with one message of the topic, to see.
        let asked = world.broker.asked().len() - 100;
        assert!((240..750).contains(&asked), "{asked} messages were published in an hour");
        let lines = heard.lines();
        assert!(lines.iter().all(|line| line.contains("topic=down")), "{lines:#?}");
        world.stage((10..20).map(|key| message("up", key))).await;
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(world.broker.accepted_of("up"), 20, "while the topic is left alone");
        world.broker.says(|_, _| Ok(()));
        world.pass(Duration::from_secs(20)).await;
        assert_eq!(world.broker.accepted_of("down"), 1_500, "a cap after the outage at the latest");
    });
}

/// Timeouts of one topic say nothing about its messages, whatever goes on elsewhere.
#[test]
fn an_outage_of_one_topic_buries_nothing_while_others_pass() {
    with_each_relay(async |world, kind| {
        world.broker.says(|message, _| match message.topic.as_str() {
            "down" => Err(PublishError::Unknown("timeout".into())),
            _ => Ok(()),
        });
        kind.run(&world.ports, RelayConfig::default());
        world.stage((0..20).map(|key| message("down", key))).await;
        for round in 0..600 {
            world.stage([message("up", round)]).await;
            world.pass(Duration::from_secs(1)).await;
        }
        assert_eq!(world.broker.accepted_of("up"), 600);
        assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
        world.broker.says(|_, _| Ok(()));
        world.pass(Duration::from_secs(20)).await;
        assert_eq!(world.broker.accepted_of("down"), 20);
    });
}

/// One message of a topic that times out each time, while others of the same topic pass.
#[test]
fn a_message_that_fails_while_others_of_its_topic_pass_is_given_up_and_how_long_that_takes() {
    with_each_relay(async |world, kind| {
        let poison = message("orders", 0).id;
        world.broker.says(move |message, _| match message.id {
            id if id == poison => Err(PublishError::Unknown("timeout".into())),
            _ => Ok(()),
        });
        let heard = Warnings::listen();
        kind.run(&world.ports, RelayConfig::default());
        for number in 0..1_200 {
            world.stage([message("orders", number)]).await;
            world.pass(Duration::from_millis(100)).await;
        }
        let dead = world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up");
        assert_eq!(dead.iter().map(|dead| dead.row.message.id).collect::<Vec<_>>(), [poison]);
        let tries: Vec<Timestamp> =
            world.broker.asked().into_iter().filter(|(_, id)| *id == poison).map(|(at, _)| at).collect();
        // A few of them before any other has passed.
        assert!((10..=14).contains(&tries.len()), "{} tries", tries.len());
        let took = tries[tries.len() - 1].since(tries[0]);
        assert!(took > Duration::from_secs(25) && took < Duration::from_secs(80), "{took:?}");
        assert!(heard.lines().iter().any(|line| line.contains("while others pass")), "{:#?}", heard.lines());
    });
}

/// A group of the local broker that stands still fills up: its producer's other topics go on.
#[test]
fn a_group_that_stands_still_stops_no_other_topic() {
    with_each_relay(async |world, kind| {
        let config = LocalBroker::config().unacknowledged_max(50);
        let broker = Arc::new(LocalBroker::new(world.clock.clone(), config));
        broker.declare("slow", ["stuck"]);
        broker.declare("quick", ["flowing"]);
        let ports = Ports { broker: broker.clone(), ..world.ports.clone() };
        world.stage((0..500).map(|key| message("stuck", key))).await;
        world.stage((0..40).map(|key| message("flowing", key))).await;
        kind.run(&ports, RelayConfig::default());
        world.pass(Duration::from_secs(60)).await;
        assert_eq!((broker.unacknowledged("slow"), broker.unacknowledged("quick")), (50, 40));
        let spec = SubscriptionSpec { group: "slow".into(), topics: vec!["stuck".into()] };
        let member = ports.broker.subscribe(&spec).await.expect("a broker in memory");
        let mut got = BTreeMap::new();
        while got.len() < 500 {
            for delivery in member.receive(50).await.expect("a broker in memory") {
                *got.entry(delivery.message.id).or_insert(0) += 1;
                member.ack(delivery.tag).await.expect("a broker in memory");
            }
        }
        assert!(got.values().all(|times| *times == 1), "nothing twice");
    });
}

/// A broker adapter that fails a call as a whole, since one topic in it is down.
#[test]
fn a_call_that_fails_for_one_topic_takes_the_others_with_it_once_in_a_while_at_most() {
    with_each_relay(async |world, kind| {
        world.broker.refuses_batches_with("down");
        kind.run(&world.ports, RelayConfig::default());
        for round in 0..300 {
            world.stage([message("down", round), message("up", round)]).await;
            world.pass(Duration::from_secs(1)).await;
            assert_eq!(world.broker.accepted_of("up"), round + 1, "within a second");
        }
        assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
    });
}

/// One message that gets through now and then does not make the others of a call poison.
#[test]
fn a_call_that_fails_as_a_whole_is_held_against_none_of_its_messages() {
    with_each_relay(async |world, kind| {
        // An adapter that can't do it for more than one message at a time.
        let broker = before_publishing(world.ports.broker.clone(), |batch| {
            let is_one = batch.len() == 1;
            Box::pin(ready(if is_one { Ok(()) } else { Err(BrokerError::Unknown("timeout".into())) }))
        });
        let ports = Ports { broker, ..world.ports.clone() };
        world.stage((0..20).map(|key| message("orders", key))).await;
        kind.run(&ports, RelayConfig::default().max_attempts(1).bury_after_claims(None));
        world.pass(HOUR).await;
        assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
        assert_eq!(world.broker.accepted_of("orders"), 20);
    });
}

/// The topic comes and goes while each key has a queue of rows.
#[test]
fn keys_keep_their_order_through_outages_of_their_topic() {
    with_each_relay(async |world, kind| {
        world.broker.says(|_, now| match now.as_millis() / 1_500 % 2 {
            0 => Err(PublishError::Unavailable("the topic has no leader".into())),
            _ => Ok(()),
        });
        for number in 0..10 {
            world.stage((0..30).map(|key| of_key("orders", &format!("key-{key}"), number))).await;
        }
        kind.run(&world.ports, RelayConfig::default());
        world.pass(HOUR).await;
        let accepted = world.broker.accepted();
        assert_eq!(accepted.len(), 300);
        let mut last: BTreeMap<_, u64> = BTreeMap::new();
        for (_, message) in accepted {
            let before = last.insert(message.partition_key.clone(), message.sequence);
            assert!(before.is_none_or(|before| before < message.sequence), "{} after {before:?}", message.sequence);
        }
    });
}
