//! Likeness of events: which of them say the same thing again.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher as _},
};

use seaworthy_core::{ids::MessageId, saga::Record};
use smol_str::SmolStr;

use crate::trace::{Effect, Event, Fingerprint, What};

/// Returns a number that events share which differ in their moment, and in what is drawn or counted anew each time, but
/// in nothing else: a request that is asked again, a call that fails again, a heartbeat. `None` for what is never said
/// twice.
///
/// `rows` are the messages of claimed rows, by store and number.
pub(super) fn likeness(event: &Event, rows: &BTreeMap<(SmolStr, u64), MessageId>) -> Option<u64> {
    let mut like = Fingerprint::new();
    like.write_u64(u64::from(event.process.0));
    like.add(&event.what.name());
    match &event.what {
        // Whichever replica hears it.
        What::Request { request, .. } => {
            like = Fingerprint::new();
            like.add(&("request", request));
        }
        What::Reply { request, accepted, outcome } => like.add(&(request, accepted, outcome)),
        What::Begin { outcome, .. } => like.add(outcome),
        What::Statement { point, on, outcome, .. } => like.add(&(point, on, outcome)),
        What::DuplicateSeen { consumer, message, .. } => like.add(&(consumer, message)),
        What::Commit { store, outcome, effects, tried, .. } => {
            like.add(&(store, outcome));
            effects.iter().chain(tried).for_each(|effect| add_effect(&mut like, effect));
        }
        What::Abort { tried, .. } => tried.iter().for_each(|effect| add_effect(&mut like, effect)),
        What::Claim { store, rows, outcome, .. } => {
            like.add(&(store, outcome));
            rows.iter().for_each(|row| like.add(&row.message));
        }
        What::Settle { store, rows: settled, outcome, .. } => {
            like.add(&(store, outcome));
            for row in settled.iter() {
                like.add(&(rows.get(&(store.clone(), row.row.0)), row.settled.name(), row.held));
            }
        }
        What::Acquire { store, sagas, outcome } => {
            like.add(&(store, outcome));
            sagas.iter().for_each(|(saga, _)| like.add(saga));
        }
        What::StoreCall { store, operation, outcome, .. } => like.add(&(store, operation, outcome)),
        What::Publish { message, outcome, .. } => like.add(&(message.id, outcome)),
        What::Deliver { group, message, .. } => like.add(&(group, message.id)),
        What::Ack { group, message, outcome, .. } | What::Nack { group, message, outcome, .. } => {
            like.add(&(group, message, outcome));
        }
        What::External { service, operation, subject, acted, outcome, .. } => {
            like.add(&(service, operation, subject, acted, outcome));
        }
        What::Panic { message } | What::Caught { message } => like.add(message),
        What::Said { about, text } => like.add(&(about, text)),
        What::PartEnded { part, why } => like.add(&(part, why)),
        What::Exit { reason } => like.add(reason),
        What::Restored { store, .. } => like.add(store),
        What::Boot { .. } | What::Crash | What::Redrive { .. } => {}
        _ => return None,
    }
    Some(like.value())
}

/// Adds what an effect says, without versions, amounts and contents.
fn add_effect(like: &mut Fingerprint, effect: &Effect) {
    std::mem::discriminant(effect).hash(like);
    match effect {
        Effect::Document { collection, id, body, .. } => like.add(&(collection, id, body.is_some())),
        Effect::Row(row) => {
            like.add(&(&row.table, row.before.is_some(), row.after.is_some()));
            let key = row.after.as_ref().or(row.before.as_ref()).and_then(|cells| cells.first());
            like.add(&key.map(ToString::to_string));
        }
        Effect::SagaLogged { saga, records, status, .. } => {
            like.add(&(saga, status));
            for record in records.iter().filter_map(|record| Record::decode(record).ok()) {
                std::mem::discriminant(&record).hash(like);
                like.add(&record.step());
            }
        }
        Effect::Staged(message) => like.add(&(&message.kind, &message.subject)),
        Effect::Appended { stream, event, .. } => like.add(&(stream, &event.kind)),
        Effect::Snapshot { stream, .. } => like.add(stream),
        Effect::Failed { consumer, message, .. } => like.add(&(consumer, message)),
        Effect::Checkpoint { consumer, .. } => like.add(consumer),
        Effect::Observed { fact, subject, .. } => like.add(&(fact, subject)),
        Effect::Amount { sum, .. } => like.add(sum),
        other => like.add(other),
    }
}
