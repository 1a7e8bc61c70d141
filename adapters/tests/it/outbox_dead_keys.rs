//! What waits behind a dead row or a row that fails is in nobody's way, however much of it there is.

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff,
    outbox::{LogRelay, Relay, RelayConfig, discard},
    ports::{DeadRowRequest, OutboxOrder, Ports, PublishError, WhenDead},
};

use crate::support::{
    World,
    messages::{message, of_key},
    on_each_store,
};

fn with_each_relay(test: impl AsyncFn(&World, fn(&Ports, RelayConfig))) {
    let claims: fn(&Ports, RelayConfig) = |ports, config| ports.spawn("relay", Relay::new(ports).config(config).run());
    let tails: fn(&Ports, RelayConfig) =
        |ports, config| ports.spawn("relay", LogRelay::new(ports, "log").config(config).run());
    for relay in [claims, tails] {
        on_each_store(async |world| test(world, relay).await);
    }
}

#[test]
fn twelve_thousand_rows_behind_a_dead_one_hold_up_no_other_key() {
    with_each_relay(async |world, relay| {
        world.broker.says(|message, _| match message.partition_key.as_str() {
            "blocked" => Err(PublishError::Refused("too large".into())),
            _ => Ok(()),
        });
        world.stage((0..12_000).map(|number| of_key("orders", "blocked", number))).await;
        world.stage((0..10).map(|number| message("orders", number))).await;
        relay(&world.ports, RelayConfig::default());
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(world.broker.accepted_of("orders"), 10);
        assert_eq!(world.broker.asked().len(), 11);
        // Of what comes meanwhile, too.
        world.stage((10..20).map(|number| message("orders", number))).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(world.broker.accepted_of("orders"), 20);
        world.broker.says(|_, _| Ok(()));
        assert_eq!(discard(&*world.ports.store, &DeadRowRequest::new(usize::MAX)).await.expect("up").len(), 1);
        world.pass(Duration::from_secs(600)).await;
        assert_eq!(world.broker.accepted_of("orders"), 12_019, "all of them, once the dead one is gone");
    });
}

/// A row that times out while others of its topic pass backs off, and its key with it.
#[test]
fn twelve_thousand_rows_behind_one_that_backs_off_hold_up_no_other_key() {
    with_each_relay(async |world, relay| {
        world.broker.says(|message, _| match message.partition_key.as_str() {
            "slow" => Err(PublishError::Unknown("timeout".into())),
            _ => Ok(()),
        });
        world.stage((0..12_000).map(|number| of_key("orders", "slow", number))).await;
        let patient = RelayConfig::default().backoff(Backoff::new(Duration::from_secs(60), Duration::from_secs(60)));
        relay(&world.ports, patient);
        for round in 0..60 {
            world.stage([message("orders", round)]).await;
            world.pass(Duration::from_secs(1)).await;
            assert_eq!(world.broker.accepted_of("orders"), round + 1);
        }
    });
}

/// Without an order by key, rows that fail are each in nobody's way.
#[test]
fn rows_that_back_off_hold_up_nobody_where_there_is_no_order() {
    with_each_relay(async |world, relay| {
        world.broker.says(|message, _| match message.partition_key.starts_with("busy") {
            true => Err(PublishError::Unavailable("the partition has no leader".into())),
            false => Ok(()),
        });
        let config = RelayConfig::default().ordering(OutboxOrder::Unordered).when_dead(WhenDead::SkipDead).batch(10);
        for number in 0..100 {
            world.stage([of_key("orders", &format!("busy-{number}"), number), message("orders", number)]).await;
        }
        relay(&world.ports, config);
        world.pass(Duration::from_secs(10)).await;
        assert_eq!(world.broker.accepted_of("orders"), 100);
        assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
    });
}
