//! The booking is made in one transaction, and its message remembered in the next. A crash between them books twice.

use rusqlite::{Connection, OptionalExtension};
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
        "effect-then-mark",
        "the booking is made in one transaction, its message remembered in the next",
        Variant { book: |ports, message| Box::pin(book(ports, message)), ..Variant::default() },
    )
}

async fn book(ports: Ports, message: Message) -> Result<(), StoreError> {
    let payment = payment(&message)?;
    let mut tx = ports.store.begin().await?;
    tx.label("look for message");
    let sql: &mut Connection = connection(&mut *tx).await?;
    if was_seen(sql, &message)? {
        return Ok(());
    }
    tx.label("insert booking");
    insert_booking(connection(&mut *tx).await?, &payment, &initial(&payment.payer))?;
    tx.commit().await?;

    let now = ports.clock.now().as_millis();
    let mut tx = ports.store.begin().await?;
    tx.label("remember message");
    let sql: &mut Connection = connection(&mut *tx).await?;
    remember(sql, &message, now)?;
    tx.commit().await
}

fn was_seen(sql: &Connection, message: &Message) -> Result<bool, StoreError> {
    let seen: Option<i64> = sql
        .prepare_cached("SELECT 1 FROM processed_messages WHERE message_id = ?1")
        .and_then(|mut query| query.query_row([message.id.to_string()], |row| row.get(0)).optional())
        .map_err(|error| store_error("look for a message", &error))?;
    Ok(seen.is_some())
}
