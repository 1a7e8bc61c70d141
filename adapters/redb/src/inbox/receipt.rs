//! Knowledge of each consumer about a message: handled, failed so far, or dead.

use seaworthy_core::{
    ids::MessageId,
    ports::{InboxEntry, InboxInsert, Seen, Timestamp},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::watermark;
use crate::{
    indexed::{self, Index, Indexed},
    key::{Key, Parts},
    tables::{INBOX, INBOX_FAILED, INBOX_HANDLED, Table},
    view::{Result, Tables, View},
};

/// State of a message at a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReceiptState {
    /// It has failed so far.
    Failed,
    Handled,
    Dead,
}

/// A row of the inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(super) source: SmolStr,
    pub(super) epoch: u64,
    pub(super) key: SmolStr,
    pub(super) sequence: u64,
    pub(super) state: ReceiptState,
    #[serde(default)]
    pub(super) failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<SmolStr>,
    /// Time at which it was handled, was buried, or failed last.
    pub(super) at: i64,
    /// Number of the dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) letter: Option<u64>,
}

impl Receipt {
    fn new(entry: &InboxEntry, state: ReceiptState, now: Timestamp) -> Self {
        Self {
            source: entry.source.clone(),
            epoch: entry.epoch,
            key: entry.key.clone(),
            sequence: entry.sequence,
            state,
            failures: 0,
            error: None,
            at: now.as_micros(),
            letter: None,
        }
    }
}

impl Indexed for Receipt {
    const TABLE: Table = INBOX;

    fn index(&self, key: &[u8], index: &mut Index) {
        let mut parts = Parts::new(key);
        let by_age = match self.state {
            ReceiptState::Handled => INBOX_HANDLED,
            ReceiptState::Failed => INBOX_FAILED,
            ReceiptState::Dead => return,
        };
        if let Some(consumer) = parts.text() {
            index.entry(by_age, Key::of_text(&consumer).moment(self.at).rest(parts.rest()));
        }
    }
}

pub(super) fn key(consumer: &str, message: MessageId) -> Key {
    Key::of_text(consumer).id(message.0)
}

pub(super) fn read(view: View<'_>, consumer: &str, message: MessageId) -> Result<Option<Receipt>> {
    indexed::read(view, &key(consumer, message))
}

/// Puts a receipt in the place of another one, or of none.
pub(super) fn write(
    tables: Tables<'_>,
    consumer: &str,
    message: MessageId,
    before: Option<&Receipt>,
    after: Option<&Receipt>,
) -> Result<()> {
    indexed::replace(tables, &key(consumer, message), before, after)
}

pub(crate) fn insert(tables: Tables<'_>, entry: &InboxEntry, now: Timestamp) -> Result<InboxInsert> {
    let before = read(*tables, &entry.consumer, entry.message)?;
    let after = match &before {
        // A message below the watermark has no row any more, unless it failed before: then it was not handled.
        None if watermark::covers(*tables, entry)? => return Ok(InboxInsert::Duplicate(Seen::Watermark)),
        None => Receipt::new(entry, ReceiptState::Handled, now),
        Some(failed) if failed.state == ReceiptState::Failed => {
            Receipt { state: ReceiptState::Handled, at: now.as_micros(), ..failed.clone() }
        }
        Some(_) => return Ok(InboxInsert::Duplicate(Seen::Row)),
    };
    write(tables, &entry.consumer, entry.message, before.as_ref(), Some(&after))?;
    Ok(InboxInsert::First)
}

pub(crate) fn count_failure(tables: Tables<'_>, entry: &InboxEntry, error: &str, now: Timestamp) -> Result<u32> {
    let before = read(*tables, &entry.consumer, entry.message)?;
    let was = match &before {
        // One that was handled and whose row was purged: nothing is kept.
        None if watermark::covers(*tables, entry)? => return Ok(1),
        None => Receipt::new(entry, ReceiptState::Failed, now),
        Some(failed) if failed.state == ReceiptState::Failed => failed.clone(),
        Some(_) => return Ok(1),
    };
    let (failures, error) = (was.failures.saturating_add(1), Some(error.into()));
    let after = Receipt { failures, error, at: now.as_micros(), ..was };
    write(tables, &entry.consumer, entry.message, before.as_ref(), Some(&after))?;
    Ok(after.failures)
}
