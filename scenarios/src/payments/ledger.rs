//! The ledger: it books each payment that it hears of, once.

use std::{pin::pin, time::Duration};

use futures_util::future::{BoxFuture, Either, select};
use rusqlite::Connection;
use seaworthy_core::{
    message::Message,
    ports::{Ports, StoreError, SubscriptionSpec, connection},
};
use seaworthy_sqlite::store_error;
use smol_str::format_smolstr;

use super::{LEDGER, PAYMENTS, Payment};

/// Pause after an error of the store or the broker.
const REST: Duration = Duration::from_millis(200);

/// Books the payment that a message tells of.
pub type Book = fn(Ports, Message) -> BoxFuture<'static, Result<(), StoreError>>;

/// Moment of the acknowledgement of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ack {
    /// Once it is booked.
    AfterCommit,
    /// As soon as it is there.
    AtOnce,
}

/// Receives messages until the process stops.
pub(super) async fn consume(ports: Ports, book: Book, ack: Ack) {
    let spec = SubscriptionSpec { group: LEDGER.into(), topics: vec![PAYMENTS.into()] };
    while !ports.stop.is_set() {
        let subscribed = match select(ports.broker.subscribe(&spec), pin!(ports.stop.wait())).await {
            Either::Left((subscribed, _)) => subscribed,
            Either::Right(_) => return,
        };
        let Ok(subscription) = subscribed else {
            ports.clock.sleep(REST).await;
            continue;
        };
        loop {
            let received = match select(subscription.receive(16), pin!(ports.stop.wait())).await {
                Either::Left((received, _)) => received,
                Either::Right(_) => return,
            };
            let Ok(deliveries) = received else { break };
            for delivery in deliveries {
                if ack == Ack::AtOnce {
                    let _ = subscription.ack(delivery.tag).await;
                }
                let booked = ports.try_scope(book(ports.clone(), delivery.message)).await;
                // What neither reaches the broker is delivered again, and seen to have been booked.
                let _ = match booked {
                    _ if ack == Ack::AtOnce => Ok(()),
                    Ok(()) => subscription.ack(delivery.tag).await,
                    Err(_) => subscription.nack(delivery.tag, REST).await,
                };
            }
        }
        ports.clock.sleep(REST).await;
    }
}

/// Books the payment and remembers its message, in one transaction, unless the message was seen before.
pub(super) async fn book(ports: Ports, message: Message) -> Result<(), StoreError> {
    let payment = payment(&message)?;
    let now = ports.clock.now().as_millis();
    let mut tx = ports.store.begin().await?;
    tx.label("remember message");
    let sql: &mut Connection = connection(&mut *tx).await?;
    if remember(sql, &message, now)? {
        tx.label("insert booking");
        insert_booking(connection(&mut *tx).await?, &payment, &initial(&payment.payer))?;
    }
    tx.commit().await
}

/// The payment that a message tells of.
pub(super) fn payment(message: &Message) -> Result<Payment, StoreError> {
    Payment::decode(&message.data).map_err(|error| StoreError::Refused(format_smolstr!("unreadable payment: {error}")))
}

/// Remembers that a message was processed; says whether it had not been before.
pub(super) fn remember(sql: &Connection, message: &Message, now: i64) -> Result<bool, StoreError> {
    sql.prepare_cached("INSERT OR IGNORE INTO processed_messages (message_id, processed_at) VALUES (?1, ?2)")
        .and_then(|mut insert| insert.execute((message.id.to_string(), now)))
        .map(|inserted| inserted == 1)
        .map_err(|error| store_error("remember a message", &error))
}

/// Inserts a booking and moves the money.
pub(super) fn insert_booking(sql: &Connection, payment: &Payment, initial: &str) -> Result<(), StoreError> {
    let failed = |error| store_error("book a payment", &error);
    sql.prepare_cached("INSERT INTO bookings (payment_id, cents, initial) VALUES (?1, ?2, ?3)")
        .and_then(|mut insert| insert.execute((&*payment.id, payment.cents, initial)))
        .map_err(failed)?;
    sql.prepare_cached(
        "INSERT INTO accounts (id, cents) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET cents = cents + excluded.cents",
    )
    .and_then(|mut upsert| upsert.execute((&*payment.account, payment.cents)))
    .map(drop)
    .map_err(failed)
}

/// The first letter of a payer's name, for the statement.
pub(super) fn initial(payer: &str) -> String {
    payer.chars().take(1).collect()
}
