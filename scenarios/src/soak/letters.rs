//! Letters: messages beside the shop's own, through the same outbox and the same broker, for a consumer of their own. Some
//! of them are poison.

use seaworthy_core::{
    message::{Message, MessageBuilder},
    ports::{Clock, Expected, Store, StoreError, Timestamp},
};
use seaworthy_order_fulfillment::json::encode;
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

/// Name of the consumer, of its topic, of the source and of the collection in which each letter leaves its mark.
pub(super) const LETTERS: &str = "letters";

/// Keys that letters share, poison or not: whoever is poison must not hold up the others of its key.
const KEYS: u64 = 5;

/// Effect of a letter on whoever handles it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LetterKind {
    Plain,
    Panics,
    Refused,
    Aborts,
}

impl LetterKind {
    /// Returns the type of such messages.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Plain => "letter.plain",
            Self::Panics => "letter.panics",
            Self::Refused => "letter.refused",
            Self::Aborts => "letter.aborts",
        }
    }

    /// Returns the words that the reason of such a dead letter holds.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Panics => "this letter is poison",
            Self::Refused => "refused: nobody takes this letter",
            Self::Aborts => "times without a result",
        }
    }
}

/// A letter; its number is one among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Letter {
    pub(super) kind: LetterKind,
    pub(super) number: u64,
}

impl Letter {
    pub(super) fn new(kind: LetterKind, number: u64) -> Self {
        Self { kind, number }
    }

    /// Returns its name: that of its mark, too.
    pub(super) fn name(self) -> SmolStr {
        format_smolstr!("{}-{}", self.kind.kind(), self.number)
    }

    /// Returns its key. A letter that is given up in the outbox holds up its key until somebody looks after it, as it
    /// should, so it has one to itself.
    fn key(self) -> SmolStr {
        match self.kind {
            LetterKind::Aborts => self.name(),
            _ => format_smolstr!("box-{}", self.number % KEYS),
        }
    }

    /// Returns its message, the same each time.
    pub(super) fn message(self, time: Timestamp) -> Message {
        let envelope = MessageBuilder::new(LETTERS, self.kind.kind(), self.key()).topic(LETTERS);
        let data = encode(&self);
        envelope.data("application/json", data).derive(Uuid::from_u128(0x5ea), &[&self.name()], time)
    }

    /// Puts it into the outbox, once however often it is asked for.
    pub(super) async fn send(self, store: &dyn Store, clock: &dyn Clock) -> Result<(), StoreError> {
        let mut tx = store.begin().await?;
        // A row that was sent is deleted after a while, so its id alone would not tell.
        match tx.put_if(SENT, &self.name(), Expected::Absent, encode(&self)).await? {
            Some(_) => {
                tx.stage(&self.message(clock.now())).await?;
                tx.commit().await
            }
            None => Ok(()),
        }
    }
}

/// Collection of the letters that were put into the outbox.
const SENT: &str = "letters-sent";

/// Returns how often a letter was read, by its mark.
pub(super) fn message_number(mark: &[u8]) -> u64 {
    serde_json::from_slice(mark).unwrap_or(0)
}
