//! Threads that events can have in common: the one place that knows what an event is about.

use std::hash::Hash;

use seaworthy_core::{
    ids::{MessageId, OperationId, SagaId},
    ports::{Cell, Operation},
};

use crate::invariants::Entity;
use crate::trace::{Effect, Fingerprint, What, Work, ids_in};

/// Something that goes on through several events, each of which explains the next: a message from its staging to its
/// acknowledgement, a saga, a document. Its identity is a hash, so that traces of millions of events have room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::story) struct Thread {
    pub(super) kind: Kind,
    id: u64,
}

/// Kind of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A transaction, from its statements to its end.
    Transaction,
    /// A request and its repetitions.
    Request,
    /// A message, by whatever row or delivery it goes.
    Message,
    /// A relay's claim.
    Claim,
    /// An operation of a participant.
    Operation,
    /// Acts of an external service about one thing, under whatever key.
    Act,
    /// Messages about one thing, as a consumer handles one after the other, wherever they come from.
    Handling,
    /// Saga, by its id.
    Saga,
    /// A document's versions.
    Document,
    /// One task of a process: what it does one after the other.
    Task,
    /// A business thing by its name: an order, a key.
    Name,
}

impl Kind {
    /// Returns the distance of an event from the next one of the thread, seen from there: how much an effect wants to
    /// know its cause.
    pub(super) fn to_cause(self) -> u32 {
        match self {
            Self::Transaction | Self::Request | Self::Message | Self::Claim | Self::Operation | Self::Act => 1,
            Self::Saga | Self::Handling => 2,
            Self::Task | Self::Document => 3,
            Self::Name => 4,
        }
    }

    /// Returns `true` for what several transactions may change.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, Self::Handling | Self::Document | Self::Name)
    }

    /// Returns the distance of the next event of the thread: how much a cause wants to know its effect.
    pub(super) fn to_effect(self) -> u32 {
        match self {
            Self::Transaction | Self::Request | Self::Claim | Self::Operation | Self::Act => 1,
            Self::Message => 2,
            Self::Saga | Self::Handling => 3,
            Self::Task => 4,
            Self::Document => 5,
            Self::Name => 6,
        }
    }
}

impl Thread {
    pub(super) fn new(kind: Kind, id: &impl Hash) -> Self {
        let mut hash = Fingerprint::new();
        hash.add(id);
        Self { kind, id: hash.value() }
    }

    pub(in crate::story) fn request(number: u64) -> Self {
        Self::new(Kind::Request, &number)
    }

    pub(in crate::story) fn message(id: MessageId) -> Self {
        Self::new(Kind::Message, &id)
    }

    pub(super) fn handling(consumer: &str, subject: &str) -> Self {
        Self::new(Kind::Handling, &(consumer, subject))
    }

    pub(in crate::story) fn saga(id: SagaId) -> Self {
        Self::new(Kind::Saga, &id)
    }

    pub(in crate::story) fn operation(id: OperationId) -> Self {
        Self::new(Kind::Operation, &id)
    }

    fn work(work: Work) -> Self {
        match work {
            Work::Message(message) | Work::Event(message) => Self::message(message),
            Work::Saga(saga) => Self::saga(saga),
            Work::Call(operation) => Self::operation(operation),
        }
    }

    pub(in crate::story) fn document(store: &str, collection: &str, id: &str) -> Self {
        Self::new(Kind::Document, &(store, collection, id))
    }

    pub(in crate::story) fn row(store: &str, table: &str, key: &Cell) -> Self {
        Self::new(Kind::Document, &(store, table, key))
    }

    pub(in crate::story) fn name(text: &str) -> Self {
        Self::new(Kind::Name, &text)
    }
}

/// Hands over each thread that an event is part of by what it says itself. What follows from events before it (the message
/// of a row, the delivery that a commit answers) is the lineage's to know.
pub(super) fn threads_of(what: &What, see: &mut impl FnMut(Thread)) {
    match what {
        What::Request { request, .. } | What::Reply { request, .. } => see(Thread::request(*request)),
        What::Begin { tx, .. } | What::Statement { tx, .. } => see(Thread::new(Kind::Transaction, tx)),
        What::NeverReturned { tx, behind, .. } => {
            [tx, behind].into_iter().flatten().for_each(|tx| see(Thread::new(Kind::Transaction, tx)));
        }
        What::DuplicateSeen { tx, message, .. } => {
            see(Thread::new(Kind::Transaction, tx));
            see(Thread::message(*message));
        }
        What::Commit { tx, store, effects, tried, .. } => {
            see(Thread::new(Kind::Transaction, tx));
            effects.iter().chain(tried).for_each(|effect| threads_of_effect(effect, store, see));
        }
        What::Abort { tx, tried } => {
            see(Thread::new(Kind::Transaction, tx));
            tried.iter().for_each(|effect| threads_of_effect(effect, "", see));
        }
        What::Claim { token, rows, .. } => {
            see(Thread::new(Kind::Claim, token));
            rows.iter().for_each(|row| see(Thread::message(row.message)));
        }
        What::Settle { token, .. } => see(Thread::new(Kind::Claim, token)),
        What::Acquire { sagas, .. } => sagas.iter().for_each(|(saga, _)| see(Thread::saga(*saga))),
        What::Publish { message, .. } | What::Deliver { message, .. } => {
            see(Thread::message(message.id));
        }
        What::Ack { message, .. } | What::Nack { message, .. } => see(Thread::message(*message)),
        What::External { service, operation, operation_id, subject, .. } => {
            see(Thread::operation(*operation_id));
            see(Thread::new(Kind::Act, &(service, operation, subject)));
            named(subject, see);
        }
        // A routine, which would make neighbours of all that is old.
        What::StoreCall { operation: Operation::PurgeDispatched, .. } => {}
        What::StoreCall { messages, .. } => messages.iter().for_each(|message| see(Thread::message(message))),
        What::Spoils { what: work, .. } | What::Said { about: work, .. } => see(Thread::work(*work)),
        What::Restored { messages, sagas, .. } => {
            messages.iter().for_each(|message| see(Thread::message(message)));
            sagas.iter().for_each(|saga| see(Thread::saga(*saga)));
        }
        What::Boot { .. }
        | What::Crash
        | What::Panic { .. }
        | What::Caught { .. }
        | What::Exit { .. }
        | What::PartEnded { .. }
        | What::Fault { .. }
        | What::FaultOver { .. }
        | What::Healed
        | What::Redrive { .. }
        | What::Quiet
        | What::Kept { .. }
        | What::OutOfBudget { .. }
        | What::Subscribe { .. }
        | What::ReceiveFailed { .. } => {}
    }
}

fn threads_of_effect(effect: &Effect, store: &str, see: &mut impl FnMut(Thread)) {
    effect.about().into_iter().for_each(|about| see(Thread::work(about)));
    match effect {
        Effect::Document { collection, id, .. } => {
            see(Thread::document(store, collection, id));
            named(id, see);
        }
        Effect::Staged(message) => {
            if let Some(cause) = message.causation_id {
                see(Thread::message(cause));
            }
            named(&message.subject, see);
        }
        Effect::Appended { stream, event, .. } => {
            if let Some(cause) = event.causation_id {
                see(Thread::message(cause));
            }
            named(stream, see);
        }
        Effect::Snapshot { stream, .. } => named(stream, see),
        Effect::SagaCreated { key, .. } => named(key, see),
        Effect::Observed { subject, .. } => named(subject, see),
        Effect::Row(row) => {
            let cells = || row.before.iter().chain(&row.after).flat_map(|cells| cells.iter());
            // Its first column is its key as often as not.
            cells().take(1).for_each(|key| see(Thread::row(store, &row.table, key)));
            for cell in cells() {
                // What has no digit is a state more often than a name.
                if let Cell::Text(text) = cell
                    && text.contains(|letter: char| letter.is_ascii_digit())
                {
                    named(text, see);
                }
            }
        }
        Effect::Entry { key: name, .. } | Effect::Lock { name, .. } => named(name, see),
        Effect::Checkpoint { consumer, .. } => see(Thread::new(Kind::Document, &(store, consumer))),
        _ => {}
    }
}

/// Visits the threads that a text names: itself, and whatever has an id that stands in it. A user's own row is often
/// named by its message.
pub(super) fn named(text: &str, see: &mut impl FnMut(Thread)) {
    see(Thread::name(text));
    for id in ids_in(text) {
        see(Thread::message(MessageId(id)));
        see(Thread::saga(SagaId(id)));
        see(Thread::operation(OperationId(id)));
    }
}

/// The threads that a violation's entity may mean.
pub(super) fn threads_of_entity(entity: &Entity) -> Vec<Thread> {
    match entity {
        Entity::Message(id) => vec![Thread::message(*id)],
        Entity::Saga(id) => vec![Thread::saga(*id)],
        Entity::Operation(id) => vec![Thread::operation(*id)],
        Entity::Request(number) => vec![Thread::request(*number)],
        // Rows have no thread: what happens to one, happens to its message.
        Entity::Row { .. } => Vec::new(),
        Entity::Id(_) | Entity::Named { .. } => {
            let mut threads = Vec::new();
            named(&entity.to_string(), &mut |thread| threads.push(thread));
            threads
        }
    }
}
