//! A check in one transaction and the insert in the next, with no unique key behind them. A second copy of the request
//! that comes in between pays again.
//!
//! On SQLite this needs two transactions: one holds the only writer from its start, so that nobody comes in between. On
//! Postgres, below serializable isolation, one is enough.

use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::ports::{Ports, StoreError, connection};
use seaworthy_sqlite::store_error;

use super::super::{
    Payment, PaymentService, Variant,
    service::{insert_message, insert_payment},
};

/// The service with this bug.
pub fn service() -> PaymentService {
    PaymentService::with_bug(
        "check-then-insert",
        "whether a payment is there is asked in one transaction, and acted upon in the next",
        Variant { record: |ports, payment| Box::pin(record(ports, payment)), constraints: "", ..Variant::default() },
    )
}

async fn record(ports: Ports, payment: Payment) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.label("look for payment");
    let sql: &mut Connection = connection(&mut *tx).await?;
    let known = is_known(sql, &payment)?;
    tx.commit().await?;
    if known {
        return Ok(());
    }
    let now = ports.clock.now().as_millis();
    let mut tx = ports.store.begin().await?;
    tx.label("insert payment");
    insert_payment(connection(&mut *tx).await?, &payment, now)?;
    tx.label("insert outbox row");
    insert_message(connection(&mut *tx).await?, &ports, &payment)?;
    tx.commit().await
}

fn is_known(sql: &Connection, payment: &Payment) -> Result<bool, StoreError> {
    let known: Option<i64> = sql
        .prepare_cached("SELECT 1 FROM payments WHERE id = ?1")
        .and_then(|mut query| query.query_row([&*payment.id], |row| row.get(0)).optional())
        .map_err(|error| store_error("look for a payment", &error))?;
    Ok(known.is_some())
}
