//! A consumer that tries a message in place until it works: whatever comes behind it waits as long. And a relay that publishes what
//! it has claimed in one order, always the same: what comes behind a message that kills it is never sent.

use std::time::Duration;

use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::ClaimToken,
    outbox::{Relay, RelayConfig},
    ports::{ClaimRequest, Delivery, OutboxOrder, Ports, StoreError, Subscription, WhenDead, draw_id},
};
use seaworthy_sim::scenario::Topology;

use super::{bounded_attempts::note_once, is_found_and_the_right_service_holds};
use crate::small_service::{
    Service,
    messaging::{REST, front_beside, front_beside_relay, fronts, listen_by_hand, listener, placing, publish, settle},
};

pub(super) const WRONG: Service = Service::wrong("tries-in-place", topology).fails_for_good();

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    if is_right {
        return listener(fronts);
    }
    fronts
        .process("listener-1", "listener", "listener", |boot| listen_by_hand(boot.ports, try_in_place))
        .supervised()
        .group("listener", &["orders"])
}

fn try_in_place<'a>(
    ports: &'a Ports,
    subscription: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        while note_once(ports, delivery).await.is_err() {
            ports.clock.sleep(REST * 10).await;
        }
        let _ = subscription.ack(delivery.tag).await;
        Ok(())
    })
}

#[test]
fn rows_that_wait_behind_one_that_kills_its_relay() {
    let wrong = Service::wrong("publishes-in-one-order", in_one_order).fails_for_good();
    is_found_and_the_right_service_holds("message-held-up", wrong);
}

/// Short, so that what a relay has taken with it comes back soon.
const LEASE: Duration = Duration::from_millis(200);

fn in_one_order(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| {
        let ports = boot.ports.clone();
        let relay = async move {
            match is_right {
                true => {
                    let config = RelayConfig::default().lease(LEASE).publish_limit(LEASE * 3 / 4).max_attempts(5);
                    Relay::new(&ports).config(config).run().await;
                }
                false => relay_in_one_order(ports).await,
            }
        };
        front_beside(boot, relay, placing)
    });
    listener(fronts.supervised())
}

/// Publishes one row after the other, in the order of their commits.
async fn relay_in_one_order(ports: Ports) {
    while !ports.stop.is_set() {
        let token = ClaimToken(draw_id(&*ports.clock, &*ports.random));
        let request = ClaimRequest {
            token,
            limit: 100,
            lease: LEASE,
            ordering: OutboxOrder::PerKey,
            when_dead: WhenDead::BlockKey,
            except_topics: Vec::new(),
        };
        let mut rows = ports.store.claim(&request).await.unwrap_or_default();
        rows.sort_by_key(|row| row.message.sequence);
        if rows.is_empty() {
            ports.clock.sleep(REST).await;
        }
        for row in rows {
            let rows = [row];
            let results = publish(&ports, &rows).await;
            // What can't be settled is published again.
            let _ = settle(&ports, token, &rows, &results).await;
        }
    }
}
