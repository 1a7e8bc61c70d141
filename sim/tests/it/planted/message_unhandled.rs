//! A listener that does not subscribe anew when its connection is lost: the process is alive, and nobody listens.

use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Delivery, Expected, InboxEntry, InboxInsert, Ports, StoreError, Subscription};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, listen_by_hand, placing, receive},
};

pub(super) const WRONG: Service = Service::wrong("subscribes-once", topology);

fn topology(is_right: bool) -> Topology {
    fronts(|boot| front_beside_relay(boot, placing))
        .process("listener-1", "listener", "listener", move |boot| async move {
            if is_right {
                return listen_by_hand(boot.ports, note).await;
            }
            receive(&boot.ports, &note).await;
            boot.ports.stop.wait().await;
        })
        .group("listener", &["orders"])
        // It takes sixteen at a time, and whoever dies of the first has the others in hand.
        .without("message-held-up")
}

fn note<'a>(
    ports: &'a Ports,
    from: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        let mut tx = ports.store.begin().await?;
        if tx.inbox_insert(&InboxEntry::for_message("listener", &delivery.message)).await? == InboxInsert::First {
            tx.put("notes", &delivery.message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
            tx.commit().await?;
        }
        let _ = from.ack(delivery.tag).await;
        Ok(())
    })
}
