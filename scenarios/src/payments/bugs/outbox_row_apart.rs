//! An outbox, and yet a dual write: the payment is committed first, and its outbox row in a second transaction. Whoever
//! asks again after a crash in between finds the payment and is told that all is well.

use rusqlite::Connection;
use seaworthy_core::ports::{Ports, StoreError, connection};

use super::super::{
    Payment, PaymentService, Variant,
    service::{insert_message, insert_payment},
};

/// The service with this bug.
pub fn service() -> PaymentService {
    PaymentService::with_bug(
        "outbox-row-apart",
        "the payment is committed, and its outbox row in a second transaction",
        Variant { record: |ports, payment| Box::pin(record(ports, payment)), ..Variant::default() },
    )
}

async fn record(ports: Ports, payment: Payment) -> Result<(), StoreError> {
    let now = ports.clock.now().as_millis();
    let mut tx = ports.store.begin().await?;
    tx.label("insert payment");
    let sql: &mut Connection = connection(&mut *tx).await?;
    let is_new = insert_payment(sql, &payment, now)?;
    tx.commit().await?;
    if is_new {
        let mut tx = ports.store.begin().await?;
        tx.label("insert outbox row");
        let sql: &mut Connection = connection(&mut *tx).await?;
        insert_message(sql, &ports, &payment)?;
        tx.commit().await?;
    }
    Ok(())
}
