//! Calls of every method of a part, made of the lists of them, with an argument for each type: what is asked makes no difference to
//! whether it is refused.

use std::time::Duration;

use bytes::Bytes;

use super::super::samples::{self, CONSUMER};
use crate::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::Message,
    ports::{
        AcquireRequest, ClaimRequest, DeadLetterRequest, DeadRowRequest, EventAppend, Expected, ExpectedVersion,
        IdRange, InboxEntry, InboxPurgeRequest, NewSaga, OperationRecord, OperationState, Part, PurgeRequest,
        RepublishRequest, RowId, SagaAppend, SagaListRequest, SagaSignal, SettleOutcome, Settlement, Store, StoreError,
        TailRequest, Timestamp, WhenDead, store_methods, transaction_methods,
    },
};

/// Answers of the methods of a part, by their names.
pub(super) type Answers = Vec<(&'static str, Result<(), StoreError>)>;

/// The part that each trait of a store or of its transaction is, by the trait's name.
#[expect(non_upper_case_globals, reason = "they are found by the names of the traits in the lists of methods")]
mod part_of {
    use crate::ports::Part;

    pub(super) const Documents: Part = Part::Documents;
    pub(super) const OutboxStore: Part = Part::Outbox;
    pub(super) const OutboxWrites: Part = Part::Outbox;
    pub(super) const InboxStore: Part = Part::Inbox;
    pub(super) const InboxWrites: Part = Part::Inbox;
    pub(super) const SagaStore: Part = Part::Sagas;
    pub(super) const SagaWrites: Part = Part::Sagas;
    pub(super) const OperationStore: Part = Part::Operations;
    pub(super) const Participants: Part = Part::Operations;
    pub(super) const Checkpoints: Part = Part::Checkpoints;
    pub(super) const EventStore: Part = Part::Events;
    pub(super) const EventWrites: Part = Part::Events;
}

macro_rules! outside {
    ($($trait:ident { $($method:ident($($argument:ident: $type:ty),*) -> $answer:ty = $call:ident $fields:tt;)* })*) => {
        /// Calls each method of a part once that is no statement of a transaction.
        async fn outside(part: Part, store: &dyn Store) -> Answers {
            let mut answers = Answers::new();
            $(if part == part_of::$trait {
                $({
                    $(let $argument = <$type as Given<'_>>::keep();)*
                    let answer = store.$method($(Given::lend(&$argument)),*).await;
                    answers.push((stringify!($method), answer.map(drop)));
                })*
            })*
            answers
        }
    };
}

macro_rules! inside {
    ($($trait:ident { $($method:ident($($argument:ident: $type:ty),*) -> $answer:ty = $call:ident $fields:tt;)* })*) => {
        /// Calls each statement of a part once, each in a transaction of its own, which is over before the next one begins: the
        /// store may have a single writer.
        async fn inside(part: Part, store: &dyn Store) -> Result<Answers, StoreError> {
            let mut answers = Answers::new();
            $(if part == part_of::$trait {
                $({
                    $(let $argument = <$type as Given<'_>>::keep();)*
                    let mut tx = store.begin().await?;
                    let answer = tx.$method($(Given::lend(&$argument)),*).await;
                    answers.push((stringify!($method), answer.map(drop)));
                })*
            })*
            Ok(answers)
        }
    };
}

store_methods!(outside);
transaction_methods!(inside);

/// Returns what each method of a part answers that is called once.
pub(super) async fn answers(part: Part, store: &dyn Store) -> Result<Answers, StoreError> {
    Ok([inside(part, store).await?, outside(part, store).await].concat())
}

/// An argument, lent from what is kept for it until the call is over.
pub(super) trait Given<'a> {
    type Kept;

    fn keep() -> Self::Kept;

    fn lend(kept: &'a Self::Kept) -> Self;
}

/// A type with a value that stands for all of them.
pub(super) trait Sample {
    fn sample() -> Self;
}

impl<'a, T: Sample> Given<'a> for &'a T {
    type Kept = T;

    fn keep() -> T {
        T::sample()
    }

    fn lend(kept: &'a T) -> Self {
        kept
    }
}

impl<'a, T: Sample> Given<'a> for &'a [T] {
    type Kept = [T; 1];

    fn keep() -> [T; 1] {
        [T::sample()]
    }

    fn lend(kept: &'a [T; 1]) -> Self {
        kept
    }
}

impl<'a> Given<'a> for &'a str {
    type Kept = ();

    fn keep() {}

    fn lend((): &'a ()) -> Self {
        CONSUMER
    }
}

impl<'a> Given<'a> for Option<&'a str> {
    type Kept = ();

    fn keep() {}

    fn lend((): &'a ()) -> Self {
        None
    }
}

macro_rules! samples {
    ($($type:ty = $sample:expr;)*) => {
        $(impl Sample for $type {
            fn sample() -> Self {
                $sample
            }
        })*
    };
}

/// The same for what a method takes and keeps.
macro_rules! taken {
    ($($type:ty = $sample:expr;)*) => {
        samples! { $($type = $sample;)* }
        $(impl Given<'_> for $type {
            type Kept = Self;

            fn keep() -> Self {
                Self::sample()
            }

            fn lend(kept: &Self) -> Self {
                kept.clone()
            }
        })*
    };
}

const SECOND: Duration = Duration::from_secs(1);

taken! {
    bool = true;
    u64 = 1;
    usize = 1;
    Bytes = Bytes::new();
    ClaimToken = samples::token(1);
    Duration = SECOND;
    Expected = Expected::Any;
    MessageId = samples::lone(1).id;
    OperationId = samples::operation_id(1);
    SagaId = samples::saga_id(1);
    WhenDead = WhenDead::BlockKey;
}

samples! {
    AcquireRequest = samples::acquire(1, SECOND);
    ClaimRequest = samples::claim(1, 1, SECOND);
    DeadLetterRequest = samples::letters(1);
    DeadRowRequest = DeadRowRequest::new(1);
    EventAppend = samples::events(CONSUMER, ExpectedVersion::Any, &[1]);
    IdRange = IdRange::all();
    InboxEntry = samples::entry(1);
    InboxPurgeRequest = samples::sweep(1);
    Message = samples::received(1, "key");
    NewSaga = samples::new_saga(1, SECOND);
    OperationRecord = OperationRecord { id: samples::operation_id(1), state: OperationState::Compensated };
    PurgeRequest = samples::purge(1);
    RepublishRequest = RepublishRequest::new(Timestamp::EPOCH, Timestamp::EPOCH, 1);
    SagaAppend = samples::append(1, 1, 0, SECOND);
    SagaListRequest = SagaListRequest::new(1);
    SagaSignal = samples::signal(1);
    Settlement = Settlement { row: RowId(1), outcome: SettleOutcome::Dispatched };
    TailRequest = samples::tail(1);
}
