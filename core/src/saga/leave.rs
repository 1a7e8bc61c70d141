//! Sagas that this process can't read, but others may: those of a version that it does not know, and those in whose log a
//! newer release of this library has written.
//!
//! During a rolling deployment replicas of both releases meet each other's sagas. Each leaves alone what it does not know,
//! in either direction, and whoever knows it goes on; so nothing becomes stuck by a deployment or by its roll-back. The
//! first process that leaves a saga notes so in its log, and a process that takes it up answers the note. Where the note
//! stands for long, nobody knows the saga any more, and an operator is told of it again and again.

use std::time::Duration;

use super::{Record, resources::Resources};
use crate::{
    ids::SagaId,
    ports::{LogEntry, SagaAppend, SagaStatus, SteadyTime, StoreError},
};

/// A saga that this process owns and can't read.
pub(crate) struct Unread {
    pub(crate) saga: SagaId,
    pub(crate) epoch: u64,
    pub(crate) length: u64,
    pub(crate) status: SagaStatus,
}

/// Gives a saga back for those who can read it. The longer it was left, the longer it is left alone: those who know it need
/// no more than a fraction of that time to find it, and those who do not spend next to nothing on it.
pub(crate) async fn leave(resources: &Resources, unread: Unread, newest: u32, reason: &str) {
    let Unread { saga, epoch, length, status } = unread;
    let config = &resources.config;
    let last = match last_entry(resources, saga, length).await {
        Ok(last) => last,
        Err(error) => return tracing::debug!(%saga, %error, "the lease ends by itself"),
    };
    let now = resources.store_now();
    // A note by a clock that was far ahead is none: it is said again, or it would be new until that time comes.
    let note = last.as_ref().filter(|entry| is_note(entry) && entry.at.since(now) <= SteadyTime::BEHIND_MAX);
    let left_for = note.map_or(Duration::ZERO, |note| now.since(note.at));
    let is_first = last.is_some() && note.is_none();
    let append = SagaAppend {
        saga,
        epoch,
        expected_length: length,
        records: is_first.then(|| Record::LeftToNewer { newest }.encode()).into_iter().collect(),
        status,
        lease: Duration::ZERO,
        sleep: (left_for / 8).min(config.newer_version_patience).max(config.newer_version_delay),
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: None,
    };
    let written = async {
        let mut tx = resources.store.begin().await?;
        tx.saga_append(&append).await?;
        tx.commit().await
    };
    match resources.answered(written).await {
        Ok(()) if is_first => {
            tracing::warn!(%saga, newest, reason, "the saga is left to those who know its version");
        }
        Ok(()) if left_for >= config.newer_version_patience => {
            tracing::warn!(%saga, newest, reason, ?left_for, "nobody takes the saga up: deploy a release that knows it, or abandon it");
        }
        Ok(()) => {}
        Err(error) => tracing::debug!(%saga, %error, "the lease ends by itself"),
    }
}

async fn last_entry(resources: &Resources, saga: SagaId, length: u64) -> Result<Option<LogEntry>, StoreError> {
    let Some(before) = length.checked_sub(1) else { return Ok(None) };
    Ok(resources.answered(resources.store.saga_log(saga, before, 1)).await?.pop())
}

/// Returns `true` for an entry which says that the saga was left.
fn is_note(entry: &LogEntry) -> bool {
    matches!(Record::decode(&entry.record), Ok(Record::LeftToNewer { .. }))
}
