//! Answers of ports, as those see them who stand between a port and its caller.

use std::any::Any;

use bytes::Bytes;
use smol_str::SmolStr;

use super::{
    Appended, Backlog, Census, DeadLetter, DeadRow, Delivery, Document, Extended, InboxInsert, ListedSaga, LogEntry,
    OperationState, OutboxRow, PublishResult, RecordedEvent, SagaCreate, SagaInstance, StreamSnapshot, Subscription,
    Timestamp, Transaction,
};
use crate::ids::MessageId;

/// A view of what a port's method returned. Methods that return the same type have the same view.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Answer<'a> {
    /// Success, or a value that says nothing about what was changed: a moment, a transaction.
    Done,
    /// A number: of documents read, rows purged or failures counted. Also a version.
    Count(u64),
    /// A version or a position, if there is one.
    Position(Option<u64>),
    /// Answer to a question: `true` if a lease was renewed or a row buried.
    Yes(bool),
    /// One flag for each item that was asked about: `true` if it holds for that item.
    Held(&'a [bool]),
    /// Rows of the outbox.
    Rows(&'a [OutboxRow]),
    /// Sagas that were found or acquired.
    Sagas(&'a [SagaInstance]),
    /// The ids of what was deleted.
    Ids(&'a [SmolStr]),
    /// The messages of rows that were redriven or purged.
    Messages(&'a [MessageId]),
    /// Result of an inbox insert: a new message or a duplicate.
    Inserted(InboxInsert),
    /// Result of creating a saga: a new one or the existing one.
    Created(&'a SagaCreate),
    /// Results of a batch, one for each message.
    Published(&'a [PublishResult]),
    /// Deliveries to a subscription.
    Deliveries(&'a [Delivery]),
    /// Places of events that were appended.
    Appended(&'a Appended),
    /// Events that were read.
    Events(&'a [RecordedEvent]),
}

impl Answer<'_> {
    /// Returns the number of things it speaks of; `0` where it speaks of none.
    pub fn count(&self) -> u64 {
        match self {
            Self::Done | Self::Inserted(_) | Self::Created(_) => 0,
            Self::Count(count) => *count,
            Self::Position(position) => u64::from(position.is_some()),
            Self::Yes(yes) => u64::from(*yes),
            Self::Held(held) => held.len() as u64,
            Self::Rows(rows) => rows.len() as u64,
            Self::Sagas(sagas) => sagas.len() as u64,
            Self::Ids(ids) => ids.len() as u64,
            Self::Messages(messages) => messages.len() as u64,
            Self::Published(results) => results.len() as u64,
            Self::Deliveries(deliveries) => deliveries.len() as u64,
            Self::Appended(appended) => appended.positions.len() as u64,
            Self::Events(events) => events.len() as u64,
        }
    }
}

/// Return value of a method of a port.
pub trait Answers: Send {
    /// A view of it.
    fn answer(&self) -> Answer<'_>;

    /// Returns the value that a caller takes for success where nothing was done, for methods that return nothing else.
    fn nothing() -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

impl Answers for () {
    fn answer(&self) -> Answer<'_> {
        Answer::Done
    }

    fn nothing() -> Option<Self> {
        Some(())
    }
}

macro_rules! answers {
    ($($type:ty, |$value:pat_param| $answer:expr;)*) => {
        $(impl Answers for $type {
            fn answer(&self) -> Answer<'_> {
                let $value = self;
                $answer
            }
        })*
    };
}

answers! {
    bool, |yes| Answer::Yes(*yes);
    u32, |count| Answer::Count(u64::from(*count));
    u64, |count| Answer::Count(*count);
    Option<u64>, |position| Answer::Position(*position);
    Bytes, |_| Answer::Done;
    Timestamp, |_| Answer::Done;
    Option<Timestamp>, |at| Answer::Yes(at.is_some());
    Backlog, |_| Answer::Done;
    Census, |_| Answer::Done;
    Vec<OutboxRow>, |rows| Answer::Rows(rows);
    Vec<DeadRow>, |rows| Answer::Count(rows.len() as u64);
    Vec<DeadLetter>, |letters| Answer::Count(letters.len() as u64);
    Vec<SagaInstance>, |sagas| Answer::Sagas(sagas);
    Option<SagaInstance>, |saga| Answer::Yes(saga.is_some());
    Vec<ListedSaga>, |sagas| Answer::Count(sagas.len() as u64);
    Vec<LogEntry>, |entries| Answer::Count(entries.len() as u64);
    Vec<bool>, |held| Answer::Held(held);
    Vec<SmolStr>, |ids| Answer::Ids(ids);
    Vec<MessageId>, |messages| Answer::Messages(messages);
    Option<Document>, |document| Answer::Yes(document.is_some());
    Vec<(SmolStr, Document)>, |documents| Answer::Count(documents.len() as u64);
    InboxInsert, |inserted| Answer::Inserted(*inserted);
    SagaCreate, |created| Answer::Created(created);
    Option<OperationState>, |state| Answer::Yes(state.is_some());
    Box<dyn Transaction>, |_| Answer::Done;
    Box<dyn Subscription>, |_| Answer::Done;
    Vec<PublishResult>, |results| Answer::Published(results);
    Extended, |extended| Answer::Yes(*extended == Extended::Held);
    Vec<Delivery>, |deliveries| Answer::Deliveries(deliveries);
    Appended, |appended| Answer::Appended(appended);
    Vec<RecordedEvent>, |events| Answer::Events(events);
    Option<StreamSnapshot>, |snapshot| Answer::Position(snapshot.as_ref().map(|snapshot| snapshot.version));
}

impl Answers for &mut (dyn Any + Send) {
    fn answer(&self) -> Answer<'_> {
        Answer::Done
    }
}
