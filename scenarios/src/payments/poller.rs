//! The poller: every 100 ms it publishes what waits in the outbox.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::{
    ids::MessageId,
    message::{Message, MessageBuilder},
    ports::{Ports, PublishError, PublishResult, StoreError, Timestamp, connection, draw_id},
};
use seaworthy_sqlite::store_error;
use uuid::Uuid;

use super::PAYMENTS;

/// The type of the one message.
pub const PAYMENT_MADE: &str = "payment.made";
/// Interval at which the outbox is polled.
const EVERY: Duration = Duration::from_millis(100);
/// Time for which the lock holds without being renewed, in milliseconds: longer than any poll takes.
const LEASE_MS: i64 = 3_000;

/// Takes or renews the lock for an owner, at a time in milliseconds. Says whether the owner has it.
pub type Lock = fn(&Connection, &str, i64) -> rusqlite::Result<bool>;
/// Publishes what is due.
pub type Publish = fn(Ports, Vec<Due>) -> BoxFuture<'static, Result<(), StoreError>>;

/// A row of the outbox that is to be published.
#[derive(Clone, Debug)]
pub struct Due {
    /// The message's id.
    pub message_id: Uuid,
    /// The account: its messages keep their order.
    pub account: String,
    /// The payment that it is about.
    pub payment_id: String,
    /// The payment, in JSON.
    pub body: Vec<u8>,
}

impl Due {
    /// The message, under the row's own id, however often it is sent.
    pub fn message(&self) -> Message {
        let builder = MessageBuilder::new(PAYMENTS, PAYMENT_MADE, self.payment_id.as_str());
        let builder = builder.partition_key(self.account.as_str());
        let builder = builder.data("application/json", Bytes::copy_from_slice(&self.body));
        builder.build(MessageId(self.message_id), Timestamp::EPOCH)
    }
}

/// Polls until the process stops. What fails is tried again at the next poll.
pub(super) async fn poll(ports: Ports, lock: Lock, publish: Publish) {
    let owner = draw_id(&*ports.clock, &*ports.random).to_string();
    while !ports.stop.is_set() {
        // An error, or a poll that is dropped, leaves rows unsent, and they are due again.
        let _ = ports.scope(once(&ports, &owner, lock, publish)).await;
        ports.clock.sleep(EVERY).await;
    }
}

async fn once(ports: &Ports, owner: &str, lock: Lock, publish: Publish) -> Result<(), StoreError> {
    let due = fetch(ports, owner, lock).await?;
    if due.is_empty() { Ok(()) } else { publish(ports.clone(), due).await }
}

/// Returns the rows that are due, if this process has the lock: the oldest row of each account. Later ones wait for it,
/// so that their order survives a publish that fails half way.
async fn fetch(ports: &Ports, owner: &str, lock: Lock) -> Result<Vec<Due>, StoreError> {
    let mut tx = ports.store.begin().await?;
    // Whose lease has ended is judged by one clock, the store's.
    let now = tx.now().await?.as_millis();
    tx.label("take or renew the lock");
    let sql: &mut Connection = connection(&mut *tx).await?;
    let failed = |error| store_error("look for due messages", &error);
    let is_locked = lock(sql, owner, now).map_err(failed)?;
    let due = if is_locked {
        tx.label("look for due rows");
        select(connection(&mut *tx).await?).map_err(failed)?
    } else {
        Vec::new()
    };
    tx.commit().await?;
    Ok(due)
}

fn select(sql: &Connection) -> rusqlite::Result<Vec<Due>> {
    let mut query = sql.prepare_cached(
        "SELECT message_id, account, payment_id, body FROM outbox
         WHERE seq IN (SELECT min(seq) FROM outbox WHERE sent_at IS NULL AND failed IS NULL GROUP BY account)
         ORDER BY seq LIMIT 20",
    )?;
    let rows = query.query_map([], |row| {
        let message_id = Uuid::parse_str(row.get_ref(0)?.as_str()?).unwrap_or_default();
        Ok(Due { message_id, account: row.get(1)?, payment_id: row.get(2)?, body: row.get(3)? })
    })?;
    rows.collect()
}

/// Takes the lock if it is free or its lease has ended, and renews the owner's own once half of the lease is over.
pub(super) fn lock(sql: &Connection, owner: &str, now: i64) -> rusqlite::Result<bool> {
    // It is looked at before it is written: others hold it nearly always, and the owner's own lease is long.
    let until: Option<i64> = sql
        .prepare_cached("SELECT lease_until FROM locks WHERE name = 'poller' AND (owner = ?1 OR lease_until <= ?2)")?
        .query_row((owner, now), |row| row.get(0))
        .optional()?;
    match until {
        None => Ok(false),
        Some(until) if until > now + LEASE_MS / 2 => Ok(true),
        Some(_) => sql
            .prepare_cached("UPDATE locks SET owner = ?1, lease_until = ?2 WHERE name = 'poller'")?
            .execute((owner, now + LEASE_MS))
            .map(|locked| locked == 1),
    }
}

/// Publishes, and marks each row by what the broker said of its message. Where it said nothing the row stays due.
pub(super) async fn publish(ports: Ports, due: Vec<Due>) -> Result<(), StoreError> {
    let messages: Vec<Message> = due.iter().map(Due::message).collect();
    match ports.broker.publish(&messages).await {
        Ok(results) => mark(&ports, &due, &results).await,
        Err(_) => Ok(()),
    }
}

/// Marks rows as sent, or as failed where the broker will never take them.
pub(super) async fn mark(ports: &Ports, due: &[Due], results: &[PublishResult]) -> Result<(), StoreError> {
    let now = ports.clock.now().as_millis();
    let mut tx = ports.store.begin().await?;
    tx.label("mark as sent");
    let sql: &mut Connection = connection(&mut *tx).await?;
    for (row, result) in due.iter().zip(results) {
        let id = row.message_id.to_string();
        let marked = match result {
            Ok(()) => sql
                .prepare_cached(
                    "UPDATE outbox SET sent_at = ?2, failed = NULL WHERE message_id = ?1 AND sent_at IS NULL",
                )
                .and_then(|mut mark| mark.execute((id, now))),
            Err(PublishError::Refused(reason)) => sql
                .prepare_cached("UPDATE outbox SET failed = ?2 WHERE message_id = ?1 AND sent_at IS NULL")
                .and_then(|mut mark| mark.execute((id, reason.as_str()))),
            Err(PublishError::Unavailable(_) | PublishError::Unknown(_)) => continue,
        };
        marked.map_err(|error| store_error("mark a message", &error))?;
    }
    tx.commit().await
}
