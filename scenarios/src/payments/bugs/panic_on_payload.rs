//! The initial of a payer is cut out of the name by its first byte: a name that does not begin with an ASCII letter
//! panics, and the message is delivered again to panic again.

use rusqlite::Connection;
use seaworthy_core::{
    message::Message,
    ports::{Ports, StoreError, connection},
};

use super::super::{
    PaymentService, Variant,
    ledger::{insert_booking, payment, remember},
};

/// The service with this bug.
pub fn service() -> PaymentService {
    PaymentService::with_bug(
        "panic-on-payload",
        "a name that does not begin with an ASCII letter panics",
        Variant { book: |ports, message| Box::pin(book(ports, message)), ..Variant::default() },
    )
}

async fn book(ports: Ports, message: Message) -> Result<(), StoreError> {
    let payment = payment(&message)?;
    let now = ports.clock.now().as_millis();
    let mut tx = ports.store.begin().await?;
    tx.label("remember message");
    let sql: &mut Connection = connection(&mut *tx).await?;
    if remember(sql, &message, now)? {
        tx.label("insert booking");
        insert_booking(connection(&mut *tx).await?, &payment, &payment.payer[..1])?;
    }
    tx.commit().await
}
