//! Sagas of a version that this process does not know yet.
//!
//! During a rolling deployment replicas of the old release meet sagas that the new one has started. They leave them
//! alone, and whoever knows the version goes on. Where nobody knows it any more (the deployment was rolled back), the
//! saga would wait for ever and nobody would see it: so the first process that leaves it notes so in its log, and once
//! the note has stood there for too long the saga becomes stuck. A process that knows the version answers the note
//! when it takes the saga up, so a saga that sleeps under a newer release is never mistaken for one that nobody knows.

use std::time::Duration;

use super::{DriveOutcome, Orchestrator, Record, execution::give_up, registry::beyond};
use crate::ports::{LogEntry, SagaAppend, SagaInstance, StoreError};

impl Orchestrator {
    /// Gives an acquired saga back for those who know its version; makes it stuck if it was left for too long.
    pub(super) async fn leave_to_newer(&self, instance: &SagaInstance, newest: u32) -> DriveOutcome {
        let config = &self.resources.config;
        let last = match self.last_entry(instance).await {
            Ok(last) => last,
            Err(error) => {
                tracing::debug!(saga = %instance.id, %error, "the lease ends by itself");
                return DriveOutcome::Elsewhere;
            }
        };
        let note = last.as_ref().filter(|entry| is_note(entry));
        if let Some(note) = note {
            let left_for = self.resources.store_now().since(note.at);
            if left_for >= config.newer_version_patience {
                let reason =
                    format!("{}, and nobody took the saga up for {left_for:?}", beyond(&instance.definition, newest));
                return give_up(&self.resources, instance.id, instance.epoch, instance.log_length, reason).await;
            }
        }
        let is_first = last.is_some() && note.is_none();
        let append = SagaAppend {
            saga: instance.id,
            epoch: instance.epoch,
            expected_length: instance.log_length,
            records: is_first.then(|| Record::LeftToNewer { newest }.encode()).into_iter().collect(),
            status: instance.status,
            lease: Duration::ZERO,
            sleep: config.newer_version_delay,
        };
        let written = async {
            let mut tx = self.resources.store.begin().await?;
            tx.saga_append(&append).await?;
            tx.commit().await
        };
        match written.await {
            Ok(()) if is_first => {
                let (definition, version) = (&instance.definition.name, instance.definition.version);
                tracing::warn!(saga = %instance.id, %definition, version, newest, "the saga is left to those who know its version");
            }
            Ok(()) => {}
            Err(error) => tracing::debug!(saga = %instance.id, %error, "the lease ends by itself"),
        }
        DriveOutcome::Elsewhere
    }

    async fn last_entry(&self, instance: &SagaInstance) -> Result<Option<LogEntry>, StoreError> {
        let Some(before) = instance.log_length.checked_sub(1) else { return Ok(None) };
        Ok(self.resources.store.saga_log(instance.id, before, 1).await?.pop())
    }
}

/// Returns `true` for an entry which says that the saga was left.
fn is_note(entry: &LogEntry) -> bool {
    matches!(Record::decode(&entry.record), Ok(Record::LeftToNewer { .. }))
}
