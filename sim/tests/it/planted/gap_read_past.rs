//! A front that keeps a projection up to date by itself: with an order that is paid it takes in all that it has read, and moves the
//! checkpoint behind its own event. An event of another order may have got its position before and not be committed yet: nobody
//! ever sees it.

use futures_util::future::{BoxFuture, try_join};
use seaworthy_core::ports::{Ports, StoreError};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Answer, Service,
    messaging::{REST, fronts},
    serve,
    streams::{FIGURES, append, apply, begin_at, deal, subscribe_by_hand},
};

pub(super) const WRONG: Service = Service::wrong("moves-the-checkpoint-behind-its-own-event", topology);

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| serve(boot.ports, move |ports, name| keep(ports, name, is_right)));
    let figures = fronts.process("figures-1", "figures", "front", |boot| subscribe_by_hand(boot.ports, deal, REST));
    figures.subscriber("front", FIGURES)
}

/// Three orders, of which some are kept side by side.
fn keep(ports: Ports, name: String, is_right: bool) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let one = |number: u32| keep_one(&ports, format!("{name}-{number}"), is_right);
        let others = async {
            one(2).await?;
            one(3).await
        };
        try_join(one(1), others).await?;
        Ok(Answer::Yes)
    })
}

async fn keep_one(ports: &Ports, name: String, is_right: bool) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if append(ports, &mut *tx, &name, 0).await?.is_some() {
        // It has more to do in this transaction than to append.
        ports.store.now().await?;
        tx.commit().await?;
    }
    if is_right { pay(ports, &name).await } else { pay_and_take_in(ports, &name).await }
}

async fn pay(ports: &Ports, name: &str) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if append(ports, &mut *tx, name, 1).await?.is_some() {
        tx.commit().await?;
    }
    Ok(())
}

async fn pay_and_take_in(ports: &Ports, name: &str) -> Result<(), StoreError> {
    let from = ports.store.begin().await?.checkpoint(FIGURES).await?.unwrap_or(0);
    let unread = ports.store.read_events(from, 100).await?;
    let mut tx = begin_at(ports, from).await?;
    let Some(appended) = append(ports, &mut *tx, name, 1).await? else { return Ok(()) };
    for position in unread.iter().map(|event| event.position()).chain(appended.positions) {
        apply(&mut *tx, position).await?;
        tx.set_checkpoint(FIGURES, position).await?;
    }
    tx.commit().await
}
