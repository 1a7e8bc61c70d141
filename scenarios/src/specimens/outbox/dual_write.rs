//! The classic: the state is committed, and then the message is published. A crash between the two loses it, and so does
//! an error that nobody looks at.
//!
//! Threads: one process that takes an item. One crash, or one failed publish, is enough.
//!
//! Mechanism: the message goes to the broker from the memory of a process that may be dead by then. No row says that
//! anything is left to send, and who asks again hears that the item is there already.
//!
//! Violates: `conserved`; in the shop `one-shipment`. That no transaction staged the message (`phantom-event`) is
//! not told where none ever does.
//!
//! Right: the twin below stages the message in the transaction that writes the item, as
//! [`RequestShipment`](seaworthy_order_fulfillment::checkout::RequestShipment) does in the shop.

use bytes::Bytes;
use seaworthy_core::ports::{Cell, Expected, Ports, StoreError};
use seaworthy_sim::scenario::{Column, Conserved, Topology};

use crate::small::{FRONT, ITEMS, LETTERS, MAILER, SmallService, front_by, item_taken, mailer};

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "outbox/dual-write",
        about: "the message is published after the commit, without an outbox",
        topology: || topology(false),
    };
    let right = SmallService {
        name: "outbox/dual-write/right",
        about: "the message is staged in the transaction that it tells of; everything is right",
        topology: || topology(true),
    };
    (broken, right)
}

fn topology(stages: bool) -> Topology {
    let one = || Column::from_fn(|_| Cell::Integer(1));
    let letters = Conserved::new("a letter for each item").plus_documents(FRONT, ITEMS, one());
    Topology::new()
        .service(FRONT)
        .run(move |ports| front_by(ports, move |ports, item| take(ports, item, stages)))
        .service(MAILER)
        .run(mailer)
        .group(MAILER, &[ITEMS])
        .conserved(letters.minus_documents(MAILER, LETTERS, one()).at_rest())
}

async fn take(ports: Ports, item: String, stages: bool) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get(ITEMS, &item).await?.is_some() {
        return Ok(());
    }
    tx.put(ITEMS, &item, Expected::Absent, Bytes::from_static(b"{}")).await?;
    let message = item_taken(&ports, &item);
    if stages {
        tx.stage(&message).await?;
        return tx.commit().await;
    }
    tx.commit().await?;
    let _ = ports.broker.publish(&[message]).await;
    Ok(())
}
