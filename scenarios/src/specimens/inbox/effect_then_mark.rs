//! A consumer that writes its letter in one transaction and the inbox row in the next. A crash between the two writes a
//! second letter.
//!
//! Threads: one consumer, and the redelivery of its message. A crash or a lost reply between the two commits is enough.
//!
//! Mechanism: the redelivery looks into the inbox, finds no row, since the second transaction never took place, and writes
//! the letter again.
//!
//! Violates: `duplicate-effect`; in the shop `one-shipment`.
//!
//! Right: the twin below writes the inbox row in the transaction of the handler, as
//! [`Consumer`](seaworthy_core::inbox::Consumer) does.

use seaworthy_core::{
    inbox::{Handler, HandlerError},
    ports::{Delivery, InboxEntry, InboxInsert, Ports},
};
use seaworthy_sim::scenario::{EffectTable, Topology};

use super::topology;
use crate::{
    small::{LETTERS, MAILER, SmallService, WriteLetter},
    specimens::by_hand::Acknowledge,
};

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "inbox/effect-then-mark",
        about: "the letter is written in one transaction, the inbox row in the next",
        topology: || one_letter_each(write_apart),
    };
    let right = SmallService {
        name: "inbox/effect-then-mark/right",
        about: "letter and inbox row are written in one transaction; everything is right",
        topology: || one_letter_each(write_together),
    };
    (broken, right)
}

fn one_letter_each<F>(handle: impl Fn(Ports, Delivery) -> F + Copy + Send + Sync + 'static) -> Topology
where
    F: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    topology(Acknowledge::Handled, handle).effect_table(EffectTable::documents(MAILER, LETTERS).one_per("item"))
}

async fn write_apart(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    effect_then_mark(&ports, MAILER, WriteLetter(ports.clone()), delivery).await
}

/// The mistake, in any consumer.
pub(in crate::specimens) async fn effect_then_mark(
    ports: &Ports,
    group: &str,
    handler: impl Handler,
    delivery: Delivery,
) -> Result<(), HandlerError> {
    let entry = InboxEntry::for_message(group, &delivery.message);
    let mut look = ports.store.begin().await?;
    if look.inbox_insert(&entry).await? != InboxInsert::First {
        return Ok(());
    }
    drop(look);

    let mut effect = ports.store.begin().await?;
    handler.handle(&mut *effect, &delivery.message).await?;
    effect.commit().await?;

    let mut mark = ports.store.begin().await?;
    mark.inbox_insert(&entry).await?;
    mark.commit().await?;
    Ok(())
}

async fn write_together(ports: Ports, delivery: Delivery) -> Result<(), HandlerError> {
    let entry = InboxEntry::for_message(MAILER, &delivery.message);
    let mut both = ports.store.begin().await?;
    if both.inbox_insert(&entry).await? != InboxInsert::First {
        return Ok(());
    }
    WriteLetter(ports.clone()).handle(&mut *both, &delivery.message).await?;
    both.commit().await?;
    Ok(())
}
