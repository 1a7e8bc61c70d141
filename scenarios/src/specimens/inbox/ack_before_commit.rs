//! A consumer that acknowledges as soon as it has the message, to keep the broker's queue short. What fails afterwards is
//! not delivered again.
//!
//! Threads: one consumer. It is wrong without any fault; a crash or an error behind the acknowledgement loses a message.
//!
//! Mechanism: the broker forgets the message at the acknowledgement, and the transaction that was to be the message's
//! effect comes later or not at all.
//!
//! Violates: `acknowledged-before-handled`; in the shop also `one-shipment`.
//!
//! Right: the twin below acknowledges what is committed, as [`Consumer`](seaworthy_core::inbox::Consumer) does.

use seaworthy_core::{
    inbox::{Handler, HandlerError},
    ports::{Delivery, InboxEntry, InboxInsert, Ports},
};

use super::topology;
use crate::{
    small::{MAILER, SmallService, WriteLetter},
    specimens::by_hand::Acknowledge,
};

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "inbox/ack-before-commit",
        about: "the broker hears of success before there is any",
        topology: || topology(Acknowledge::First, write),
    };
    let right = SmallService {
        name: "inbox/ack-before-commit/right",
        about: "the broker hears of success once it is committed; everything is right",
        topology: || topology(Acknowledge::Handled, write),
    };
    (broken, right)
}

async fn write(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    handle_once(&ports, MAILER, WriteLetter(ports.clone()), delivery).await
}

/// Handles a message in the transaction of its inbox row, which is right in itself.
pub(in crate::specimens) async fn handle_once(
    ports: &Ports,
    group: &str,
    handler: impl Handler,
    delivery: Delivery,
) -> Result<(), HandlerError> {
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::for_message(group, &delivery.message)).await? != InboxInsert::First {
        return Ok(());
    }
    handler.handle(&mut *tx, &delivery.message).await?;
    tx.commit().await?;
    Ok(())
}
