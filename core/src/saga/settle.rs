//! The end of a drive: a process lets go of a saga.

use std::time::Duration;

use super::{Record, SagaOutcome, Status, log::Halt, resources::Resources};
use crate::{
    cut::cut,
    ids::SagaId,
    ports::{SagaAppend, SagaStatus, StoreError},
};

/// Time for which nobody takes up a saga that the store kept failing: whoever did so at once would meet the same.
const GIVEN_BACK_FOR: Duration = Duration::from_secs(1);

/// The state in which a process let go of a saga that it drove.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriveOutcome {
    /// All steps are done or skipped.
    Completed,
    /// All that was done is undone.
    Compensated,
    /// An operator gave it up.
    Abandoned,
    /// It waits for an operator.
    Stuck,
    /// It waits for its time; any replica goes on then.
    Sleeping,
    /// Another process owns it, or it is not due: nothing was done.
    Elsewhere,
    /// This process was asked to stop; any replica goes on.
    Stopped,
    /// The store failed too often; recovery goes on.
    Interrupted,
}

impl DriveOutcome {
    pub(super) fn from_status(status: Status) -> Self {
        match status {
            Status::Completed => Self::Completed,
            Status::Compensated => Self::Compensated,
            Status::Abandoned => Self::Abandoned,
            _ => Self::Stuck,
        }
    }
}

/// Renews the lease until it is lost.
pub(super) async fn keep_lease(resources: &Resources, saga: SagaId, epoch: u64) {
    loop {
        resources.clock.sleep(resources.config.lease / 3).await;
        if let Ok(false) = resources.store.renew_saga(saga, epoch, resources.config.lease).await {
            return;
        }
    }
}

/// Lets go of a saga, as its drive has ended.
pub(super) async fn settle(
    resources: &Resources,
    saga: SagaId,
    epoch: u64,
    outcome: Result<DriveOutcome, (Halt, u64)>,
) -> DriveOutcome {
    match outcome {
        Ok(DriveOutcome::Stopped) => {
            // Best effort: a lease that can't be given back ends by itself.
            let _ = resources.store.renew_saga(saga, epoch, Duration::ZERO).await;
            DriveOutcome::Stopped
        }
        Ok(outcome) => outcome,
        Err((Halt::Lost | Halt::Newer(_), _)) => DriveOutcome::Elsewhere,
        Err((Halt::Sleeping, _)) => {
            resources.left.hint();
            DriveOutcome::Sleeping
        }
        // What the store refuses it will refuse again: the lease runs out by itself.
        Err((Halt::Interrupted(StoreError::Refused(_)), _)) => DriveOutcome::Interrupted,
        Err((Halt::Interrupted(_), _)) => {
            let _ = resources.store.renew_saga(saga, epoch, GIVEN_BACK_FOR.min(resources.config.lease)).await;
            resources.left.hint();
            DriveOutcome::Interrupted
        }
        Err((Halt::Incompatible(reason), length)) => give_up(resources, saga, epoch, length, reason).await,
    }
}

/// Makes a saga stuck whose log this process can't read, so that an operator sees it.
async fn give_up(resources: &Resources, saga: SagaId, epoch: u64, length: u64, reason: String) -> DriveOutcome {
    tracing::error!(%saga, %reason, "the saga can't be run here");
    let reason = cut(format!("incompatible_definition: {reason}"));
    let outcome = SagaOutcome::Stuck { reason: reason.as_str().into() }.encode();
    let record = Record::Stuck { reason };
    let append = SagaAppend {
        saga,
        epoch,
        expected_length: length,
        records: vec![record.encode()],
        status: SagaStatus::Stuck,
        lease: Duration::ZERO,
        sleep: Duration::ZERO,
        definition: None,
        forgets: false,
        outcome,
    };
    let written = async {
        let mut tx = resources.store.begin().await?;
        tx.saga_append(&append).await?;
        tx.commit().await
    };
    match written.await {
        Ok(()) => {
            resources.watchers.tell(saga);
            DriveOutcome::Stuck
        }
        Err(_) => DriveOutcome::Interrupted,
    }
}
