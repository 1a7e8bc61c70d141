//! A consumer that writes the inbox row in one transaction and its letter in the next. A crash between the two, or a failure
//! of the second, and the redelivery counts as a duplicate.
//!
//! Threads: one consumer, and the redelivery of its message. A crash or an error between the two commits is enough.
//!
//! Mechanism: the message counts as handled before anything is done for it; whoever gets it again finds the row and
//! acknowledges.
//!
//! Violates: `handled-without-effect`; in the shop also `one-shipment`.
//!
//! Right: the twin below writes the inbox row in the transaction of the handler, as
//! [`Consumer`](seaworthy_core::inbox::Consumer) does.

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
        name: "inbox/mark-then-effect",
        about: "the inbox row is written in one transaction, the letter in the next",
        topology: || topology(Acknowledge::Handled, write_apart),
    };
    let right = SmallService {
        name: "inbox/mark-then-effect/right",
        about: "inbox row and letter are written in one transaction; everything is right",
        topology: || topology(Acknowledge::Handled, write_together),
    };
    (broken, right)
}

async fn write_apart(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    mark_then_effect(&ports, MAILER, WriteLetter(ports.clone()), delivery).await
}

/// The mistake, in any consumer.
pub(in crate::specimens) async fn mark_then_effect(
    ports: &Ports,
    group: &str,
    handler: impl Handler,
    delivery: Delivery,
) -> Result<(), HandlerError> {
    let mut mark = ports.store.begin().await?;
    if mark.inbox_insert(&InboxEntry::for_message(group, &delivery.message)).await? != InboxInsert::First {
        return Ok(());
    }
    mark.commit().await?;

    let mut effect = ports.store.begin().await?;
    handler.handle(&mut *effect, &delivery.message).await?;
    effect.commit().await?;
    Ok(())
}

async fn write_together(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    let mut both = ports.store.begin().await?;
    if both.inbox_insert(&InboxEntry::for_message(MAILER, &delivery.message)).await? != InboxInsert::First {
        return Ok(());
    }
    WriteLetter(ports.clone()).handle(&mut *both, &delivery.message).await?;
    both.commit().await?;
    Ok(())
}
