//! The document of a dead letter, and how it is found.

use seaworthy_core::{
    message::Message,
    ports::{DeadLetter, Timestamp},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{
    indexed::{Index, Indexed},
    key::Key,
    tables::{LETTERS, LETTERS_ASKED, LETTERS_BY_AGE, LETTERS_OF, Table},
    view::{Result, malformed},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(super) consumer: SmolStr,
    pub(super) message: Message,
    pub(super) reason: SmolStr,
    pub(super) failures: u32,
    pub(super) failed_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked_at: Option<i64>,
}

impl Letter {
    pub(super) fn shown(self, number: u64) -> DeadLetter {
        DeadLetter {
            number,
            consumer: self.consumer,
            message: self.message,
            reason: self.reason,
            failures: self.failures,
            failed_at: Timestamp::from_micros(self.failed_at),
            asked_at: self.asked_at.map(Timestamp::from_micros),
            unreadable: None,
        }
    }
}

impl Indexed for Letter {
    const TABLE: Table = LETTERS;

    fn index(&self, key: &[u8], index: &mut Index) {
        let of = || Key::of_text(&self.consumer);
        index.entry(LETTERS_OF, of().rest(key));
        index.entry(LETTERS_BY_AGE, of().moment(self.failed_at).rest(key));
        if self.asked_at.is_some() {
            index.entry(LETTERS_ASKED, of().rest(key));
        }
        index.counted(count_of(&self.consumer));
    }
}

/// Name of the counter of a consumer's letters.
pub(super) fn count_of(consumer: &str) -> Key {
    Key::of_text("dead_letters_of").text(consumer)
}

/// The number at the end of an entry.
pub(super) fn number_in(table: Table, key: &[u8]) -> Result<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes)).ok_or_else(|| malformed(table, key))
}
