//! The booking is made in one transaction, and that it was made is remembered in the next. Who dies in between makes it
//! again. That a declared collection has one booking for each order is all that the scenario says.

use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Delivery, Expected, Ports, StoreError, Subscription, draw_id};
use seaworthy_sim::scenario::{EffectTable, Topology};

use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, listen_by_hand, placing},
};

pub(super) const WRONG: Service = Service::wrong("effect-then-mark", topology);

fn topology(is_right: bool) -> Topology {
    let deal = if is_right { deal::<true> } else { deal::<false> };
    fronts(|boot| front_beside_relay(boot, placing))
        .process("listener-1", "listener", "ledger", move |boot| listen_by_hand(boot.ports, deal))
        .group("listener", &["orders"])
        .effect_table(EffectTable::documents("ledger", "bookings").one_per("order"))
}

fn deal<'a, const RIGHT: bool>(
    ports: &'a Ports,
    from: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        book(ports, delivery.message.subject.as_str(), RIGHT).await?;
        let _ = from.ack(delivery.tag).await;
        Ok(())
    })
}

async fn book(ports: &Ports, order: &str, is_right: bool) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("booked", order).await?.is_some() {
        return Ok(());
    }
    let number = draw_id(&*ports.clock, &*ports.random).to_string();
    let booking = serde_json::json!({ "order": order }).to_string();
    tx.put("bookings", &number, Expected::Absent, booking.into()).await?;
    if !is_right {
        tx.commit().await?;
        tx = ports.store.begin().await?;
    }
    tx.put("booked", order, Expected::Absent, number.into()).await?;
    tx.commit().await
}
