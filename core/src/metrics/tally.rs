//! Deeds of a transaction, which count once it has committed.

use smol_str::SmolStr;

use super::{Measure, Metrics};
use crate::{
    ports::{Answer, Call, SagaCreate, SagaStatus},
    saga::{AttemptFailure, Record},
};

/// One thing that an open transaction has done.
enum Deed {
    Staged(SmolStr),
    Failed(SmolStr),
    Buried(SmolStr),
    Started(SmolStr),
    Attempt(SmolStr, &'static str),
    Settled(SagaStatus),
    /// Rows of the outbox, by what became of them.
    Rows(&'static str, usize),
    /// Rows of the outbox that were another relay's by then.
    Lost(usize),
    /// Events appended to streams.
    Appended(usize),
    /// Position to which a subscriber, or a relay of the log, has come.
    Reached(SmolStr, u64),
}

/// Deeds of an open transaction that become figures when it commits.
#[derive(Default)]
pub(super) struct Tally(Vec<Deed>);

impl Tally {
    /// Notes what a statement has done.
    pub(super) fn note(&mut self, call: &Call<'_>, answer: Answer<'_>) {
        match (call, answer) {
            (Call::Stage { message }, _) => self.0.push(Deed::Staged(message.topic.clone())),
            // A relay of the log settles within a transaction.
            (Call::OutboxDispatched { .. }, Answer::Held(held)) => {
                let dispatched = held.iter().filter(|held| **held).count();
                self.rows("dispatched", dispatched, held.len() - dispatched);
            }
            (Call::OutboxBury { .. }, Answer::Yes(held)) => self.rows("dead", usize::from(held), usize::from(!held)),
            (Call::AppendEvents { .. }, Answer::Appended(appended)) => {
                self.0.push(Deed::Appended(appended.positions.len()));
            }
            (Call::SetCheckpoint { consumer, position }, _) => {
                self.0.push(Deed::Reached(SmolStr::new(consumer), *position));
            }
            (Call::InboxFailed { entry, .. }, _) => self.0.push(Deed::Failed(entry.consumer.clone())),
            (Call::InboxBury { entry, .. }, _) => self.0.push(Deed::Buried(entry.consumer.clone())),
            (Call::SagaCreate { saga }, Answer::Created(SagaCreate::Created)) => {
                self.0.push(Deed::Started(saga.definition.name.clone()));
            }
            (Call::SagaAppend { append }, _) => {
                // What can't be read is a newer release's, and not for this one to count.
                let records = append.records.iter().filter_map(|record| Record::decode(record).ok());
                self.0.extend(records.filter_map(|record| attempt(&record)));
                if !append.status.is_active() {
                    self.0.push(Deed::Settled(append.status));
                }
            }
            _ => {}
        }
    }

    fn rows(&mut self, outcome: &'static str, settled: usize, lost: usize) {
        self.0.extend((settled > 0).then_some(Deed::Rows(outcome, settled)));
        self.0.extend((lost > 0).then_some(Deed::Lost(lost)));
    }

    /// The transaction has committed.
    pub(super) fn count(self, metrics: &dyn Metrics) {
        for deed in self.0 {
            match deed {
                Deed::Staged(topic) => metrics.add(Measure::Staged, &[("topic", &topic)], 1),
                Deed::Failed(consumer) => metrics.add(Measure::HandlingFailed, &[("consumer", &consumer)], 1),
                Deed::Buried(consumer) => metrics.add(Measure::Buried, &[("consumer", &consumer)], 1),
                Deed::Started(definition) => metrics.add(Measure::SagasStarted, &[("definition", &definition)], 1),
                Deed::Attempt(step, result) => {
                    metrics.add(Measure::Attempts, &[("step", &step), ("result", result)], 1);
                }
                Deed::Settled(status) => metrics.add(Measure::SagasSettled, &[("status", status.name())], 1),
                Deed::Rows(outcome, count) => metrics.add(Measure::Settled, &[("outcome", outcome)], count as u64),
                Deed::Lost(count) => metrics.add(Measure::ClaimsLost, &[], count as u64),
                Deed::Appended(count) => metrics.add(Measure::EventsAppended, &[], count as u64),
                Deed::Reached(consumer, position) => {
                    metrics.set(Measure::Reached, &[("consumer", &consumer)], position as f64);
                }
            }
        }
    }
}

/// The attempt that a record ends, if it ends one.
fn attempt(record: &Record) -> Option<Deed> {
    let result = match record {
        Record::Done { .. } => "done",
        Record::Compensated { .. } => "compensated",
        Record::Rejected { .. } => "rejected",
        Record::Retry { failure: AttemptFailure::Transient, .. } => "transient",
        Record::Retry { failure: AttemptFailure::Unknown, .. } => "unknown",
        _ => return None,
    };
    record.step().map(|step| Deed::Attempt(step.clone(), result))
}
