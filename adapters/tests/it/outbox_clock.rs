//! A wall clock that is set back holds up no row for as long as that.

use std::time::Duration;

use seaworthy_core::{
    ids::ClaimToken,
    outbox::{LogRelay, Relay},
    ports::{ClaimRequest, OutboxOrder, Ports, PublishError, SettleOutcome, Settlement, WhenDead},
};
use uuid::Uuid;

use crate::support::{World, messages::message, on_each_store};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn with_each_relay(test: impl AsyncFn(&World, fn(&Ports))) {
    let claims: fn(&Ports) = |ports| ports.spawn("relay", Relay::new(ports).run());
    let tails: fn(&Ports) = |ports| ports.spawn("relay", LogRelay::new(ports, "log").run());
    for relay in [claims, tails] {
        on_each_store(async |world| test(world, relay).await);
    }
}

/// One row is under the lease of a relay that died, one backs off, one was given back just so.
#[test]
fn what_was_put_off_by_the_clock_before_goes_out_by_the_clock_after() {
    with_each_relay(async |world, relay| {
        let store = &world.ports.store;
        world.stage((0..3).map(|number| message("orders", number))).await;
        let token = ClaimToken(Uuid::from_u128(1));
        let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
        let lease = Duration::from_secs(30);
        let claim = ClaimRequest { token, limit: 3, lease, ordering, when_dead, except_topics: Vec::new() };
        let rows = store.claim(&claim).await.expect("up");
        let outcomes = [
            SettleOutcome::Retry { delay: lease, error: "timeout".into() },
            SettleOutcome::Release { delay: Duration::ZERO },
        ];
        let settled = rows.iter().zip(outcomes).map(|(row, outcome)| Settlement { row: row.row, outcome });
        store.settle(token, &settled.collect::<Vec<_>>()).await.expect("up");
        world.clock.set_back(DAY);
        relay(&world.ports);
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(world.broker.accepted_of("orders"), 3);
    });
}

#[test]
fn a_topic_that_was_down_is_asked_again_by_the_clock_after() {
    with_each_relay(async |world, relay| {
        world.broker.says(|message, _| match message.topic.as_str() {
            "down" => Err(PublishError::Unavailable("the topic has no leader".into())),
            _ if message.partition_key.ends_with('7') => Err(PublishError::Unavailable("busy".into())),
            _ => Ok(()),
        });
        world.stage([message("down", 0)]).await;
        world.stage((0..10).map(|number| message("orders", number))).await;
        relay(&world.ports);
        world.pass(Duration::from_secs(60)).await;
        world.clock.set_back(DAY);
        world.broker.says(|_, _| Ok(()));
        world.pass(Duration::from_secs(20)).await;
        assert_eq!((world.broker.accepted_of("down"), world.broker.accepted_of("orders")), (1, 10));
    });
}
