//! A consumer that gives a message up after some failures, as it should, and tells nobody.

use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Delivery, InboxEntry, Ports, StoreError, Subscription};
use seaworthy_sim::scenario::Topology;

use super::bounded_attempts::note_once;
use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, listen_without_end, listener, placing},
};

pub(super) const WRONG: Service = Service::wrong("gives-up-in-silence", topology).fails_for_good();

/// Failures after which it gives a message up.
const FAILURES_MAX: u32 = 20;

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    if is_right {
        return listener(fronts);
    }
    fronts
        .process("listener-1", "listener", "listener", |boot| listen_without_end(boot.ports, count))
        .supervised()
        .group("listener", &["orders"])
}

fn count<'a>(
    ports: &'a Ports,
    subscription: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        if let Err(error) = note_once(ports, delivery).await {
            let entry = InboxEntry::for_message("listener", &delivery.message);
            let mut tx = ports.store.begin().await?;
            let is_last = tx.inbox_failed(&entry, "it failed").await? >= FAILURES_MAX;
            if is_last {
                tx.inbox_bury(&entry, &delivery.message, "it failed too often").await?;
            }
            tx.commit().await?;
            if !is_last {
                return Err(error);
            }
        }
        let _ = subscription.ack(delivery.tag).await;
        Ok(())
    })
}
