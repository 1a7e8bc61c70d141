//! The work that a fault which lasts spoils at each attempt.

use seaworthy_core::{
    ids::{MessageId, OperationId, SagaId},
    message::Message,
    ports::{Call, Operation},
    saga::Record,
};
use smol_str::SmolStr;

use super::timed::Timed;
use crate::{plan::FaultKind, trace::Work};

/// The work that is about to be written, as far as it can be spoiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Message { consumer: SmolStr, message: MessageId },
    Event { subscriber: SmolStr, message: MessageId },
    Step { saga: SagaId, step: SmolStr },
    Call { operation: OperationId },
}

impl Subject {
    /// Returns what a call is about to count as handled or done.
    pub(super) fn from_call(call: &Call<'_>) -> Option<Self> {
        match call {
            Call::InboxInsert { entry } => {
                Some(Self::Message { consumer: entry.consumer.clone(), message: entry.message })
            }
            Call::SagaAppend { append } => append.records.iter().find_map(|record| match Record::decode(record) {
                Ok(Record::Done { step, .. }) => Some(Self::Step { saga: append.saga, step }),
                _ => None,
            }),
            // Of a batch the one that was staged first.
            Call::Publish { batch } => batch.first().map(Self::publish),
            Call::External { call } => Some(Self::Call { operation: call.operation_id }),
            _ => None,
        }
    }

    fn publish(message: &Message) -> Self {
        Self::Message { consumer: SmolStr::default(), message: message.id }
    }

    /// Returns `true` if a call is about it, with others or alone.
    pub(super) fn is_in(&self, call: &Call<'_>) -> bool {
        match call {
            Call::Publish { batch } => batch.iter().any(|message| Self::publish(message) == *self),
            _ => Self::from_call(call).is_some_and(|subject| subject == *self),
        }
    }

    pub(super) fn work(&self) -> Work {
        match self {
            Self::Message { message, .. } => Work::Message(*message),
            Self::Event { message, .. } => Work::Event(*message),
            Self::Step { saga, .. } => Work::Saga(*saga),
            Self::Call { operation } => Work::Call(*operation),
        }
    }
}

/// A call that a fault spoils, as it spoils each one about the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoiled {
    pub(crate) timed: Timed,
    pub(crate) what: Work,
    /// `true` if the fault has chosen it with this call.
    pub(crate) is_first: bool,
}

/// Returns `true` if faults of a kind spoil work, and a call does such work.
pub(super) fn spoils(kind: FaultKind, operation: Operation) -> bool {
    use FaultKind::{EndlessConflict, EndlessUnavailable, Poison, PoisonCall, PoisonPublish};
    [Poison, EndlessConflict, EndlessUnavailable, PoisonPublish, PoisonCall].contains(&kind) && kind.meets(operation)
}
