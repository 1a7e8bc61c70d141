//! A service behind the broker that thinks of the log: there each event comes once. By the outbox and the broker it comes once
//! at least, and whatever comes twice makes two letters.
//!
//! Threads: one consumer, and the redelivery of its message: a crash before the acknowledgement is enough.
//!
//! Mechanism: the checkpoint keeps what is staged from being staged twice, and says nothing of what is delivered.
//!
//! Violates: `each-notice-is-a-letter`, `duplicate-effect` or `projections-complete`.
//!
//! Right: [`Consumer`](seaworthy_core::inbox::Consumer) remembers the message in the transaction of its effect.

use seaworthy_core::{inbox::Handler as _, wake::Wake};
use seaworthy_event_store::{
    messages::{NOTICES, POST},
    post::WriteLetter,
};

use crate::{
    event_store::EventStore,
    specimens::by_hand::{Acknowledge, consume},
};

/// The bank with this mistake.
pub(super) fn twin() -> EventStore {
    let about = "a notice that the broker delivers twice is two letters, since nobody looks whether it was there";
    EventStore::with_mistake("no-inbox-behind-the-log", about, POST, |ports| {
        Box::pin(consume(ports, (POST, NOTICES), Wake::new(), Acknowledge::Handled, |ports, delivery| async move {
            let mut tx = ports.store.begin().await?;
            WriteLetter.handle(&mut *tx, &delivery.message).await?;
            Ok(tx.commit().await?)
        }))
    })
}
