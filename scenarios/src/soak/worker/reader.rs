//! The consumer of letters, which some of them are poison to.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    backoff::Backoff,
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::Message,
    ports::{Clock, Expected, Ports, Transaction},
};
use seaworthy_order_fulfillment::json::encode;
use seaworthy_tokio::TokioClock;

use crate::soak::{
    letters::{LETTERS, Letter, LetterKind, message_number},
    protocol::{Said, tell_parent},
};

/// Time that a letter takes until it aborts its process, as one does that takes up all memory.
const ABORTS_AFTER: Duration = Duration::from_millis(300);

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
