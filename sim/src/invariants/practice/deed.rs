use std::{fmt, sync::Arc};

use bytes::Bytes;
use seaworthy_core::ports::OperationState;
use smol_str::SmolStr;

use crate::trace::Effect;

/// Something that a handling can do, without what it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Deed {
    /// A document of this collection was written.
    Document(SmolStr),
    /// A document of this collection was deleted.
    Deletion(SmolStr),
    /// A row of this declared table was written.
    Row(SmolStr),
    /// A row of this declared table was deleted.
    RowGone(SmolStr),
    /// A message of this type was staged, or published without having been staged.
    Message(SmolStr),
    /// A row was inserted into the inbox of this consumer.
    Inbox(SmolStr),
    /// A message became a dead letter of this consumer.
    Burial(SmolStr),
    /// The checkpoint of this consumer was moved.
    Position(SmolStr),
    /// A saga of this definition was created.
    Saga(SmolStr),
    /// A saga that waits was sent what it waits for.
    Signal,
    /// A participant carried out an operation.
    Operation,
    /// A transaction noted this fact.
    Fact(SmolStr),
    /// An external service was called for this operation.
    External(SmolStr, SmolStr),
    /// An event of this type was appended to a stream.
    Event(SmolStr),
}

impl Deed {
    /// Returns `true` if an effect is this deed.
    fn is(&self, effect: &Effect) -> bool {
        match (self, effect) {
            (Self::Document(known), Effect::Document { collection, body: Some(_), .. })
            | (Self::Deletion(known), Effect::Document { collection, body: None, .. }) => known == collection,
            (Self::Row(known), Effect::Row(change)) => change.after.is_some() && *known == change.table,
            (Self::RowGone(known), Effect::Row(change)) => change.after.is_none() && *known == change.table,
            (Self::Message(known), Effect::Staged(message)) => *known == message.kind,
            (Self::Burial(known), Effect::Buried { consumer, .. })
            | (Self::Position(known), Effect::Checkpoint { consumer, .. }) => known == consumer,
            (Self::Event(known), Effect::Appended { event, .. }) => *known == event.kind,
            (Self::Saga(known), Effect::SagaCreated { definition, .. }) => *known == definition.name,
            (Self::Signal, Effect::SagaLogged { records, .. }) => is_signal(records),
            (Self::Operation, Effect::Operation { state: OperationState::Executed(_), .. }) => true,
            (Self::Fact(known), Effect::Observed { fact, .. }) => known == fact,
            (Self::Inbox(known), effect) => effect.handles().is_some_and(|(consumer, _)| known == consumer),
            _ => false,
        }
    }

    /// The deed that an effect is; `None` for one that no handling is known by.
    fn from_effect(effect: &Effect) -> Option<Self> {
        Some(match effect {
            Effect::Document { collection, body: Some(_), .. } => Self::Document(collection.clone()),
            Effect::Document { collection, body: None, .. } => Self::Deletion(collection.clone()),
            Effect::Row(change) if change.after.is_some() => Self::Row(change.table.clone()),
            Effect::Row(change) => Self::RowGone(change.table.clone()),
            Effect::Staged(message) => Self::Message(message.kind.clone()),
            Effect::Buried { consumer, .. } => Self::Burial(consumer.clone()),
            Effect::Checkpoint { consumer, .. } => Self::Position(consumer.clone()),
            Effect::Appended { event, .. } => Self::Event(event.kind.clone()),
            Effect::SagaCreated { definition, .. } => Self::Saga(definition.name.clone()),
            Effect::SagaLogged { records, .. } if is_signal(records) => Self::Signal,
            Effect::Operation { state: OperationState::Executed(_), .. } => Self::Operation,
            Effect::Observed { fact, .. } => Self::Fact(fact.clone()),
            // What becomes of rows, failures and logs is the relay's, the inbox's and the saga's own affair.
            effect => Self::Inbox(effect.handles()?.0.clone()),
        })
    }
}

/// Returns `true` for the one record that somebody else writes into the log of a saga. Its name stands first, so that the
/// logs of all others need not be decoded.
fn is_signal(records: &[Bytes]) -> bool {
    matches!(records, [record] if record.starts_with(br#"{"signalled""#))
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(collection) => write!(f, "a document in `{collection}`"),
            Self::Deletion(collection) => write!(f, "a document of `{collection}` deleted"),
            Self::Row(table) => write!(f, "a row in `{table}`"),
            Self::RowGone(table) => write!(f, "a row of `{table}` deleted"),
            Self::Message(kind) => write!(f, "a message `{kind}`"),
            Self::Inbox(consumer) => write!(f, "a row in the inbox of `{consumer}`"),
            Self::Burial(consumer) => write!(f, "a dead letter of `{consumer}`"),
            Self::Position(consumer) => write!(f, "the position of `{consumer}`"),
            Self::Event(kind) => write!(f, "an event `{kind}`"),
            Self::Saga(definition) => write!(f, "a saga `{definition}`"),
            Self::Signal => write!(f, "a signal to a saga"),
            Self::Operation => write!(f, "an operation"),
            Self::Fact(fact) => write!(f, "the fact `{fact}`"),
            Self::External(service, operation) => write!(f, "a call of `{service}` for `{operation}`"),
        }
    }
}

/// The deeds of a scenario, each with a small number, so that a set of them is one word. Every run begins with those that
/// were learnt, so they are shared until one is added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::invariants) struct Deeds(Arc<Vec<Deed>>);

/// Deeds beyond this many share the last number: no known scenario has a third of them.
const LAST: usize = 63;

impl Deeds {
    /// The set of one effect; empty for one that no handling is known by.
    pub(super) fn of_effect(&mut self, effect: &Effect) -> u64 {
        match self.0.iter().position(|known| known.is(effect)) {
            Some(index) => 1 << index.min(LAST),
            None => Deed::from_effect(effect).map_or(0, |deed| self.add(deed)),
        }
    }

    /// The set of a message that was published without having been staged.
    pub(super) fn of_message(&mut self, kind: &SmolStr) -> u64 {
        match self.0.iter().position(|known| matches!(known, Deed::Message(known) if known == kind)) {
            Some(index) => 1 << index.min(LAST),
            None => self.add(Deed::Message(kind.clone())),
        }
    }

    /// The set of a call to an external service.
    pub(super) fn of_call(&mut self, service: &SmolStr, operation: &SmolStr) -> u64 {
        let is = |known: &Deed| matches!(known, Deed::External(one, other) if one == service && other == operation);
        match self.0.iter().position(is) {
            Some(index) => 1 << index.min(LAST),
            None => self.add(Deed::External(service.clone(), operation.clone())),
        }
    }

    /// The set of those that only say that a message is dealt with, and not how.
    pub(in crate::invariants) fn bookkeeping(&self) -> u64 {
        let is_bookkeeping = |deed: &Deed| matches!(deed, Deed::Inbox(_) | Deed::Position(_));
        // The last number stands for all that have no number of their own.
        let numbered = self.0.iter().enumerate().take(LAST).filter(|(_, deed)| is_bookkeeping(deed));
        numbered.fold(0, |set, (index, _)| set | (1 << index))
    }

    /// The deeds of a set.
    pub(in crate::invariants) fn of(&self, set: u64) -> Vec<&Deed> {
        self.0
            .iter()
            .enumerate()
            .filter(|(index, _)| set & (1 << (*index).min(LAST)) != 0)
            .map(|(_, deed)| deed)
            .collect()
    }

    fn add(&mut self, deed: Deed) -> u64 {
        Arc::make_mut(&mut self.0).push(deed);
        1 << (self.0.len() - 1).min(LAST)
    }
}
