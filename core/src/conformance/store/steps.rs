//! Steps that several checks of the store share.

use bytes::Bytes;

use crate::{
    conformance::{
        BrokenPromise,
        outcome::expect_eq,
        samples::{claim, token},
    },
    ids::MessageId,
    message::Message,
    ports::{Document, Expected, OutboxRow, SettleOutcome, Settlement, Store, StoreError, Transaction},
};

/// Reason for leaving out a check that needs two open writers, for a store that has a single one.
pub(super) const SINGLE_WRITER: &str = "the store has a single writer";

/// Stages messages in one transaction.
pub(super) async fn stage(store: &dyn Store, messages: &[Message]) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for message in messages {
        tx.stage(message).await?;
    }
    tx.commit().await
}

pub(super) fn ids(rows: &[OutboxRow]) -> Vec<MessageId> {
    rows.iter().map(|row| row.message.id).collect()
}

pub(super) fn message_ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}

/// Settles rows under claim `number`, all alike.
pub(super) async fn settle(
    store: &dyn Store,
    number: u128,
    rows: &[OutboxRow],
    outcome: SettleOutcome,
) -> Result<Vec<bool>, StoreError> {
    let settlements: Vec<Settlement> =
        rows.iter().map(|row| Settlement { row: row.row, outcome: outcome.clone() }).collect();
    store.settle(token(number), &settlements).await
}

/// Claims one row and gives it up for good.
pub(super) async fn kill_next(
    store: &dyn Store,
    number: u128,
    reason: &str,
    lease: std::time::Duration,
) -> Result<OutboxRow, BrokenPromise> {
    let mut rows = store.claim(&claim(number, 1, lease)).await?;
    expect_eq("a pending row can be claimed", rows.len(), 1)?;
    let held = settle(store, number, &rows, SettleOutcome::Dead { reason: reason.into() }).await?;
    expect_eq("a row is settled under the claim that holds it", held, vec![true])?;
    Ok(rows.remove(0))
}

/// Claims one row after the other and dispatches it, until there is none; their events in that order.
pub(super) async fn drain(store: &dyn Store, lease: std::time::Duration) -> Result<Vec<MessageId>, BrokenPromise> {
    let mut drained = Vec::new();
    for number in 0.. {
        let rows = store.claim(&claim(1_000 + number, 1, lease)).await?;
        if rows.is_empty() {
            break;
        }
        drained.extend(ids(&rows));
        settle(store, 1_000 + number, &rows, SettleOutcome::Dispatched).await?;
    }
    Ok(drained)
}

/// A number kept in a document.
pub(super) async fn count(store: &dyn Store) -> Result<u64, StoreError> {
    let mut tx = store.begin().await?;
    Ok(tx.get("counts", "effect").await?.as_ref().map_or(0, number))
}

fn number(document: &Document) -> u64 {
    std::str::from_utf8(&document.body).ok().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX)
}

/// Adds one to the number, inside a transaction.
pub(super) async fn increment(tx: &mut dyn Transaction) -> Result<(), StoreError> {
    let before = tx.get("counts", "effect").await?;
    let expected = before.as_ref().map_or(Expected::Absent, |document| Expected::Version(document.version));
    let after = before.as_ref().map_or(0, number) + 1;
    crate::conformance::poll::step().await;
    tx.put("counts", "effect", expected, Bytes::from(after.to_string())).await?;
    Ok(())
}
