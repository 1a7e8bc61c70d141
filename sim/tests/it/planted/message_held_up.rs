//! A consumer that tries a message in place until it works: whatever comes behind it waits as long; one that does so where it takes the store to
//! be away. And a relay that publishes what
//! it has claimed in one order, always the same: what comes behind a message that kills it is never sent.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::ClaimToken,
    outbox::{Relay, RelayConfig},
    ports::{ClaimRequest, Delivery, OutboxOrder, Ports, StoreError, Subscription, WhenDead, draw_id},
};
use seaworthy_sim::{
    generate::generate,
    plan::{Disturbance, Fault, Profile, TimedFault},
    scenario::{Topology, Workload as _},
    world::{RunOptions, run},
};
use smol_str::SmolStr;

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

/// A consumer that knows one meaning of `Unavailable`: it waits for the store, and all its messages with it.
fn pausing(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    if is_right {
        return listener(fronts);
    }
    fronts
        .process("listener-1", "listener", "listener", |boot| listen_by_hand(boot.ports, wait_for_the_store))
        .supervised()
        .group("listener", &["orders"])
}

fn wait_for_the_store<'a>(
    ports: &'a Ports,
    subscription: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        let mut noted = note_once(ports, delivery).await;
        while let Err(StoreError::Unavailable(_)) = noted {
            ports.clock.sleep(REST * 10).await;
            noted = note_once(ports, delivery).await;
        }
        noted?;
        let _ = subscription.ack(delivery.tag).await;
        Ok(())
    })
}

const PAUSES: Service = Service::wrong("pauses-for-one-message", pausing).fails_for_good();

#[test]
fn a_consumer_that_pauses_since_one_message_finds_the_store_unavailable() {
    is_found_and_the_right_service_holds("message-held-up", PAUSES);
}

/// No conflict, however often it comes, shows that mistake; and the core's consumer, which begins a transaction to count the failure,
/// hears by that whether the store is there.
#[test]
fn it_takes_a_store_that_is_unavailable_for_one_message_alone() {
    let store = SmolStr::new_static("listener");
    let unavailable = Disturbance::EndlessUnavailable { store: store.clone() };
    for (service, what, told) in [
        (PAUSES, unavailable.clone(), &["message-held-up"][..]),
        (PAUSES, Disturbance::EndlessConflict { store }, &[]),
        (PAUSES.right(), unavailable, &[]),
    ] {
        // One of three orders.
        let mut drawn = (0..).map(|seed| generate(&service, seed, Profile::Calm));
        let mut plan = drawn.find(|plan| plan.workload.len() == 3).expect("one in three is");
        plan.faults = vec![Fault::Timed(TimedFault { from_ms: 0, to_ms: 120_000, what })];
        let report = run(&service, &plan, &RunOptions::default()).expect("the plan is valid");
        let by: BTreeSet<_> = report.violations.iter().map(|violation| violation.invariant.as_str()).collect();
        assert_eq!(Vec::from_iter(by), told, "{}: {}", service.name, plan.faults[0]);
        assert_eq!(report.fired.len(), 1, "{}", plan.faults[0]);
    }
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
