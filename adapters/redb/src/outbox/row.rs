//! The row of a staged message: the document that changes, beside the message that does not.

use seaworthy_core::{
    ids::{ClaimToken, MessageId},
    message::{Headers, Message, MessageBuilder},
    ports::{StoreError, Timestamp},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{
    indexed::{self, Index, Indexed},
    key::Key,
    tables::{
        OUTBOX, OUTBOX_DEAD, OUTBOX_DEAD_PLACES, OUTBOX_DISPATCHED, OUTBOX_DUE, OUTBOX_IDS, OUTBOX_KEYS,
        OUTBOX_MESSAGES, OUTBOX_MOMENTS, OUTBOX_OPEN, Table,
    },
    view::{Result, Tables, View},
};

/// State of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowState {
    Pending,
    Claimed,
    Dispatched,
    Dead,
}

impl RowState {
    /// The number by which the rows of a key are sorted.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Claimed => 1,
            Self::Dispatched => 2,
            Self::Dead => 3,
        }
    }
}

/// Position of an open row among the rows of its key that are not dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lane {
    /// A row that is open is before it.
    Behind,
    /// Nothing is before it.
    First,
    /// Only dead rows are before it.
    BehindDead,
}

impl Lane {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Behind => 0,
            Self::First => 1,
            Self::BehindDead => 2,
        }
    }
}

/// Moment of a row that waits for nothing, before all others: it is due also when the clock steps back.
pub(super) const AT_ONCE: i64 = 0;

/// A moment from which a row may go out. [`AT_ONCE`] is kept for what waits for none, so real moments are later.
pub(super) fn moment(at: Timestamp) -> i64 {
    at.as_micros().max(AT_ONCE + 1)
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(super) id: Uuid,
    pub(super) topic: SmolStr,
    /// Key by which it is kept in order.
    pub(super) key: SmolStr,
    /// Time of the message.
    pub(super) time: i64,
    /// Moment that the message itself waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) not_before: Option<i64>,
    pub(super) state: RowState,
    pub(super) lane: Lane,
    /// Moment from which it may go out; of a claimed one, the end of the lease.
    pub(super) due: i64,
    #[serde(default)]
    pub(super) attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<SmolStr>,
    /// Time at which it was dispatched or died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settled_at: Option<i64>,
}

impl Row {
    pub(super) fn new(message: &Message, lane: Lane) -> Self {
        Self {
            id: message.id.0,
            topic: message.topic.clone(),
            key: message.order_key(),
            time: message.time.as_micros(),
            not_before: message.schedule.not_before.map(Timestamp::as_micros),
            state: RowState::Pending,
            lane,
            due: message.schedule.not_before.map_or(AT_ONCE, moment),
            attempts: 0,
            token: None,
            error: None,
            settled_at: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, RowState::Pending | RowState::Claimed)
    }

    pub(super) fn is_held_by(&self, token: ClaimToken) -> bool {
        self.state == RowState::Claimed && self.token == Some(token.0)
    }

    /// The message as far as the row knows it, for an operator to look at.
    fn stand_in(&self, sequence: u64) -> Message {
        let mut message = MessageBuilder::new("", "", self.key.clone())
            .topic(self.topic.clone())
            .build(MessageId(self.id), Timestamp::from_micros(self.time));
        (message.sequence, message.headers) = (sequence, Headers::new());
        message
    }
}

impl Indexed for Row {
    const TABLE: Table = OUTBOX;

    fn index(&self, key: &[u8], index: &mut Index) {
        let place = |before: Key| before.rest(key);
        let sequence = key.try_into().map_or(0, u64::from_be_bytes);
        index.number(OUTBOX_IDS, Key::of_id(self.id), sequence);
        let among_its_key = || place(Key::of_text(&self.key).kind(self.state.number()));
        match self.state {
            RowState::Pending | RowState::Claimed => {
                let queue = Key::of_kind(self.lane.number()).text(&self.topic);
                index.entry(OUTBOX_DUE, place(queue.moment(self.due)));
                index.number(OUTBOX_KEYS, among_its_key(), self.due.cast_unsigned());
                index.entry(OUTBOX_OPEN, place(Key::of_kind(u8::from(self.not_before.is_some()))));
                if let Some(moment) = self.not_before {
                    index.entry(OUTBOX_MOMENTS, place(Key::of_moment(moment)));
                }
            }
            RowState::Dead => {
                index.number(OUTBOX_KEYS, among_its_key(), 0);
                index.entry(OUTBOX_DEAD, place(Key::of_moment(self.settled_at.unwrap_or(i64::MIN))));
                index.entry(OUTBOX_DEAD_PLACES, place(Key::default()));
                index.counted(dead_of(&self.key));
            }
            RowState::Dispatched => {
                index.entry(OUTBOX_DISPATCHED, place(Key::of_moment(self.settled_at.unwrap_or(i64::MIN))));
            }
        }
    }
}

/// Name of the counter of the dead rows of a key.
pub(super) fn dead_of(key: &str) -> Key {
    Key::of_text("outbox_dead").text(key)
}

pub(super) fn read(view: View<'_>, sequence: u64) -> Result<Option<Row>> {
    indexed::read(view, &Key::of_count(sequence))
}

/// Puts what has become of a row in the place of what it was.
pub(super) fn update(tables: Tables<'_>, sequence: u64, before: &Row, after: &Row) -> Result<()> {
    indexed::replace(tables, &Key::of_count(sequence), Some(before), Some(after))
}

/// Deletes a row and its message.
pub(super) fn delete(tables: Tables<'_>, sequence: u64, row: &Row) -> Result<()> {
    let key = Key::of_count(sequence);
    indexed::replace(tables, &key, Some(row), None)?;
    tables.remove(OUTBOX_MESSAGES, key.bytes()).map(drop)
}

/// Returns the sequence of a message that was staged and not deleted since.
pub(super) fn sequence_of(view: View<'_>, message: MessageId) -> Result<Option<u64>> {
    view.number(OUTBOX_IDS, &Key::of_id(message.0))
}

/// Returns a message, or the reason why it can't be read.
pub(super) fn message(view: View<'_>, sequence: u64) -> Result<std::result::Result<Message, String>> {
    let found = view.try_document(OUTBOX_MESSAGES, &Key::of_count(sequence))?;
    Ok(found.unwrap_or_else(|| Err("it is not there: delete its row".to_owned())))
}

/// Returns a message as far as it can be read.
pub(super) fn message_or_stand_in(view: View<'_>, sequence: u64, row: &Row) -> Result<Message, StoreError> {
    Ok(message(view, sequence)?.unwrap_or_else(|_| row.stand_in(sequence)))
}
