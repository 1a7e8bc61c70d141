//! A message is acknowledged as soon as it is there, so that the broker is rid of it. Who dies before it is handled has
//! lost it.

use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Delivery, Expected, InboxEntry, InboxInsert, Ports, StoreError, Subscription};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, listen_by_hand, placing},
};

pub(super) const WRONG: Service = Service::wrong("acknowledges-first", topology);

fn topology(is_right: bool) -> Topology {
    let deal = if is_right { handle_then_acknowledge } else { acknowledge_then_handle };
    fronts(|boot| front_beside_relay(boot, placing))
        .process("listener-1", "listener", "listener", move |boot| listen_by_hand(boot.ports, deal))
        .group("listener", &["orders"])
}

type Dealt<'a> = BoxFuture<'a, Result<(), StoreError>>;

fn acknowledge_then_handle<'a>(ports: &'a Ports, from: &'a dyn Subscription, delivery: &'a Delivery) -> Dealt<'a> {
    Box::pin(async move {
        let _ = from.ack(delivery.tag).await;
        handle(ports, delivery).await
    })
}

fn handle_then_acknowledge<'a>(ports: &'a Ports, from: &'a dyn Subscription, delivery: &'a Delivery) -> Dealt<'a> {
    Box::pin(async move {
        handle(ports, delivery).await?;
        // An acknowledgement that is lost brings the message again, and the inbox knows it.
        let _ = from.ack(delivery.tag).await;
        Ok(())
    })
}

async fn handle(ports: &Ports, delivery: &Delivery) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::for_message("listener", &delivery.message)).await? != InboxInsert::First {
        return Ok(());
    }
    tx.put("notes", &delivery.message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
    tx.commit().await
}
