//! A subscriber that moves its checkpoint, and then has the effect in a transaction of its own. Who dies in between has lost it.

use seaworthy_core::ports::{Ports, RecordedEvent, StoreError};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Service,
    messaging::REST,
    streams::{FIGURES, apply, begin_at, deal, keeping, subscribe_by_hand},
};

pub(super) const WRONG: Service = Service::wrong("checkpoint-before-effect", topology);

fn topology(is_right: bool) -> Topology {
    let figures = keeping().process("figures-1", "figures", "front", move |boot| async move {
        match is_right {
            true => subscribe_by_hand(boot.ports, deal, REST).await,
            false => subscribe_by_hand(boot.ports, checkpoint_first, REST).await,
        }
    });
    figures.subscriber("front", FIGURES)
}

async fn checkpoint_first(ports: Ports, from: u64, event: RecordedEvent) -> Result<(), StoreError> {
    let mut tx = begin_at(&ports, from).await?;
    tx.set_checkpoint(FIGURES, event.position()).await?;
    tx.commit().await?;
    let mut tx = ports.store.begin().await?;
    apply(&mut *tx, event.position()).await?;
    tx.commit().await
}
