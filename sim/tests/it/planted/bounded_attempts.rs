//! A consumer that gives back what fails and counts nothing: a message that fails each time comes again for ever.

use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Delivery, Expected, InboxEntry, InboxInsert, Ports, StoreError, Subscription};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, listen_without_end, listener, placing},
};

pub(super) const WRONG: Service = Service::wrong("counts-no-failures", topology).fails_for_good();

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    if is_right {
        return listener(fronts);
    }
    fronts
        .process("listener-1", "listener", "listener", |boot| listen_without_end(boot.ports, give_back))
        .supervised()
        .group("listener", &["orders"])
}

/// What fails is given back by the loop.
fn give_back<'a>(
    ports: &'a Ports,
    subscription: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        note_once(ports, delivery).await?;
        let _ = subscription.ack(delivery.tag).await;
        Ok(())
    })
}

/// Handles a message in one transaction.
pub(super) async fn note_once(ports: &Ports, delivery: &Delivery) -> Result<(), StoreError> {
    let message = &delivery.message;
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::for_message("listener", message)).await? == InboxInsert::First {
        tx.put("notes", &message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
        tx.commit().await?;
    }
    Ok(())
}
