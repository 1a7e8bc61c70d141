//! Letters: messages beside the shop's own, through the same outbox and the same broker, for a consumer of their own. Some
//! of them are poison.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    backoff::Backoff,
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Clock, Expected, Ports, Store, StoreError, Timestamp, Transaction},
};
use seaworthy_order_fulfillment::json::encode;
use seaworthy_tokio::TokioClock;
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

use super::protocol::{Said, tell_parent};

/// Name of the consumer, of its topic, of the source and of the collection in which each letter leaves its mark.
pub(super) const LETTERS: &str = "letters";

/// Keys that letters share, poison or not: whoever is poison must not hold up the others of its key.
const KEYS: u64 = 5;

/// Time that a letter takes until it aborts its process, as one does that takes up all memory.
const ABORTS_AFTER: Duration = Duration::from_millis(300);

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

/// Consumes letters until a stop is asked for.
pub(super) async fn consume(ports: Ports) {
    let kinds = [LetterKind::Plain, LetterKind::Panics, LetterKind::Refused, LetterKind::Aborts];
    let handlers = kinds.iter().fold(Handlers::builder(), |handlers, kind| handlers.on(kind.kind(), ReadLetter));
    let handlers = handlers.build().expect("one handler for one type");
    let backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(100));
    let config = ConsumerConfig::new([LETTERS]).backoff(backoff);
    Consumer::new(&ports, LETTERS, handlers, config).run().await;
}

/// Leaves a mark, and counts how often it did.
#[derive(Clone, Copy, Debug)]
struct ReadLetter;

#[async_trait]
impl Handler for ReadLetter {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let letter: Letter = message.json()?;
        let name = letter.name();
        let read: u64 = match tx.get(LETTERS, &name).await? {
            Some(mark) => message_number(&mark.body),
            None => 0,
        };
        tx.put(LETTERS, &name, Expected::Any, encode(&(read + 1))).await?;
        match letter.kind {
            LetterKind::Plain => Ok(()),
            LetterKind::Panics => panic!("{}", letter.kind.reason()),
            LetterKind::Refused => Err(HandlerError::Refused("nobody takes this letter".into())),
            LetterKind::Aborts => {
                TokioClock.sleep(ABORTS_AFTER).await;
                tell_parent(&Said::Aborts(letter.number));
                std::process::abort();
            }
        }
    }
}

/// Returns how often a letter was read, by its mark.
pub(super) fn message_number(mark: &[u8]) -> u64 {
    serde_json::from_slice(mark).unwrap_or(0)
}
