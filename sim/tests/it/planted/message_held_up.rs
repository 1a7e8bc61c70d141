//! A consumer that tries a message in place until it works: whatever comes behind it waits as long.

use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Delivery, Ports, StoreError, Subscription};
use seaworthy_sim::scenario::Topology;

use super::bounded_attempts::note_once;
use crate::small_service::{
    Service,
    messaging::{REST, front_beside_relay, fronts, listen_by_hand, listener, placing},
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
