//! A handler that meets a duplicate notes it in a transaction of its own, while the first one is still open. With one
//! connection, as with a pool that is used up, the second waits for the first, and the first for the second.

use rusqlite::Connection;
use seaworthy_core::{
    message::Message,
    ports::{Ports, StoreError, connection},
};
use seaworthy_sqlite::store_error;

use super::super::{
    PaymentService, Variant,
    ledger::{initial, insert_booking, payment, remember},
};

/// The service with this bug.
pub fn service() -> PaymentService {
    PaymentService::with_bug(
        "second-begin",
        "a handler opens a transaction while it has one open",
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
        insert_booking(connection(&mut *tx).await?, &payment, &initial(&payment.payer))?;
    } else {
        note_duplicate(&ports, &message, now).await?;
    }
    tx.commit().await
}

async fn note_duplicate(ports: &Ports, message: &Message, now: i64) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.label("note duplicate");
    let sql: &mut Connection = connection(&mut *tx).await?;
    sql.prepare_cached("UPDATE processed_messages SET processed_at = ?2 WHERE message_id = ?1")
        .and_then(|mut update| update.execute((message.id.to_string(), now)))
        .map_err(|error| store_error("note a duplicate", &error))?;
    tx.commit().await
}
