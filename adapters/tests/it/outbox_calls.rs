//! A call to the broker that never ends, or panics, is nobody's end.

use std::{future::pending, sync::Arc, time::Duration};

use seaworthy_core::{
    ids::MessageId,
    outbox::{LogRelay, Relay},
    ports::{Broker, BrokerError, DeadRowRequest, Ports, SubscriptionSpec},
};
use seaworthy_tokio::LocalBroker;

use crate::support::{World, messages::message, on_each_store, publishing::before_publishing, warnings::Warnings};

#[derive(Clone, Copy, Debug)]
enum Fault {
    Hangs,
    Panics,
    FailsTheCall,
}

/// Ports of an adapter that can't take one message, and takes its whole call with it.
fn bad(world: &World, poison: MessageId, fault: Fault) -> Ports {
    let broker = before_publishing(world.broker.clone(), move |batch| {
        let is_poisoned = batch.iter().any(|message| message.id == poison);
        Box::pin(async move {
            match fault {
                _ if !is_poisoned => Ok(()),
                Fault::Hangs => pending().await,
                Fault::Panics => panic!("an index out of bounds"),
                Fault::FailsTheCall => Err(BrokerError::Unknown("connection reset".into())),
            }
        })
    });
    Ports { broker, ..world.ports.clone() }
}

fn with_each_relay(test: impl AsyncFn(&World, fn(&Ports))) {
    let claims: fn(&Ports) = |ports| ports.spawn("relay", Relay::new(ports).run());
    let tails: fn(&Ports) = |ports| ports.spawn("relay", LogRelay::new(ports, "log").run());
    for relay in [claims, tails] {
        on_each_store(async |world| test(world, relay).await);
    }
}

/// It stands first, and others of its topic come all the time: they go out, and it is dead in the end.
#[test]
fn a_message_that_fails_its_whole_call_each_time_stops_nobody_and_is_given_up() {
    for fault in [Fault::Hangs, Fault::Panics, Fault::FailsTheCall] {
        println!("{fault:?}");
        with_each_relay(async |world, relay| {
            let heard = Warnings::listen();
            let poison = message("orders", 0).id;
            let ports = bad(world, poison, fault);
            world.stage((0..20).map(|number| message("orders", number))).await;
            relay(&ports);
            world.stage([message("stock", 0)]).await;
            for minute in 0..240 {
                world.stage([message("orders", 20 + minute)]).await;
                world.pass(Duration::from_secs(60)).await;
            }
            assert_eq!(world.broker.accepted_of("orders"), 259);
            assert_eq!(world.broker.accepted_of("stock"), 1);
            let dead = world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up");
            assert_eq!(dead.iter().map(|dead| dead.row.message.id).collect::<Vec<_>>(), [poison]);
            let said = match fault {
                Fault::Hangs => "publishing was not done within 20s",
                Fault::Panics => "the broker's adapter panicked: an index out of bounds",
                Fault::FailsTheCall => "connection reset",
            };
            assert!(dead[0].reason.contains(said), "{}", dead[0].reason);
            assert!(heard.lines().iter().any(|line| line.contains(said)), "{:#?}", heard.lines());
        });
    }
}

/// At boot a relay is a moment ahead of the consumer in the same process.
#[test]
fn a_relay_that_is_ahead_of_its_first_consumer_buries_nothing() {
    with_each_relay(async |world, relay| {
        let broker = Arc::new(LocalBroker::new(world.clock.clone(), LocalBroker::config()));
        let ports = Ports { broker: broker.clone(), ..world.ports.clone() };
        world.stage([message("orders", 0), message("orders", 1)]).await;
        relay(&ports);
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
        let spec = SubscriptionSpec { group: "shipping".into(), topics: vec!["orders".into()] };
        let member = broker.subscribe(&spec).await.expect("a broker in memory");
        let mut got = 0;
        while got < 2 {
            got += member.receive(10).await.expect("a broker in memory").len();
        }
        assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
    });
}
