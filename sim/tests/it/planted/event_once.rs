//! A subscriber that has the effect of an event, and then moves its checkpoint in a transaction of its own: whoever reads meanwhile,
//! another replica or itself after a death, has the effect again.

use seaworthy_core::ports::{Ports, RecordedEvent, StoreError};
use seaworthy_sim::scenario::Topology;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::REST,
    streams::{FIGURES, KINDS, apply, begin_at, deal, keeping, subscribe, subscribe_by_hand},
};

pub(super) const WRONG: Service = Service::wrong("effect-before-checkpoint", topology);

fn topology(is_right: bool) -> Topology {
    let figures = keeping().process("figures-1", "figures", "front", move |boot| async move {
        match is_right {
            true => subscribe_by_hand(boot.ports, deal, REST).await,
            false => subscribe_by_hand(boot.ports, effect_first, REST).await,
        }
    });
    figures.subscriber("front", FIGURES)
}

async fn effect_first(ports: Ports, from: u64, event: RecordedEvent) -> Result<(), StoreError> {
    let mut tx = begin_at(&ports, from).await?;
    apply(&mut *tx, event.position()).await?;
    tx.commit().await?;
    let mut tx = begin_at(&ports, from).await?;
    tx.set_checkpoint(FIGURES, event.position()).await?;
    tx.commit().await
}

/// What a subscriber can't deal with it leaves out, and its checkpoint goes past it.
#[test]
fn an_event_that_is_left_out_at_a_failure_is_found() {
    is_found_and_the_right_service_holds("event-once", Service::wrong("leaves-out-what-fails", leaving_out));
}

/// Two replicas of core's subscriber on the right side.
fn leaving_out(is_right: bool) -> Topology {
    let figures = move |boot: seaworthy_sim::scenario::Boot| async move {
        match is_right {
            true => subscribe(boot.ports).await,
            false => subscribe_by_hand(boot.ports, or_leave_it, REST).await,
        }
    };
    let topology = keeping().process("figures-1", "figures", "front", figures).subscriber("front", FIGURES);
    if is_right { topology.process("figures-2", "figures", "front", figures) } else { topology }
}

async fn or_leave_it(ports: Ports, from: u64, event: RecordedEvent) -> Result<(), StoreError> {
    assert!(KINDS.contains(&&*event.message.kind), "there are no others");
    if deal(ports.clone(), from, event.clone()).await.is_ok() {
        return Ok(());
    }
    let mut tx = begin_at(&ports, from).await?;
    tx.set_checkpoint(FIGURES, event.position()).await?;
    tx.commit().await
}
