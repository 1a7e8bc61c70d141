//! Relays, by claims and by the log.

use seaworthy_core::{
    outbox::{LogRelay, Relay, RelayConfig},
    ports::Operation,
};

use super::{LIMIT, SECOND, goes_on};
use crate::support::{World, messages::message};

fn relay() -> RelayConfig {
    RelayConfig::default().store_limit(LIMIT).lease(5 * SECOND)
}

async fn is_sent(world: &World) -> bool {
    world.broker.accepted_of("orders") > 0 && world.ports.store.backlog().await.is_ok_and(|backlog| backlog.is_idle())
}

#[test]
fn a_relay_whose_store_does_not_answer_goes_on() {
    goes_on(
        &[(Operation::Claim, 1), (Operation::Settle, 1)],
        async |world, ports| {
            world.stage([message("orders", 1)]).await;
            ports.spawn("relay", Relay::new(ports).config(relay()).run());
        },
        is_sent,
    );
}

#[test]
fn a_relay_of_the_log_whose_store_does_not_answer_goes_on() {
    use Operation::{Begin, Checkpoint, Commit, OutboxAttempt, OutboxDispatched, OutboxSettledTo, SetCheckpoint, Tail};
    let first = [Tail, Begin, OutboxAttempt, Commit, OutboxDispatched, OutboxSettledTo, Checkpoint, SetCheckpoint];
    goes_on(
        &[&first.map(|hangs| (hangs, 1))[..], &[(Begin, 2), (Commit, 2)]].concat(),
        async |world, ports| {
            world.stage([message("orders", 1)]).await;
            ports.spawn("relay", LogRelay::new(ports, "tail").config(relay()).run());
        },
        is_sent,
    );
}
