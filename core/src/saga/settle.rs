//! The end of a drive: a process lets go of a saga.

use std::{pin::pin, time::Duration};

use smol_str::format_smolstr;

use super::{Record, SagaOutcome, Status, log::Halt, resources::Resources, store_calls::StoreCalls};
use crate::{
    cut::cut,
    ids::SagaId,
    ports::{SagaAppend, SagaStatus, StoreError, unanswered, within},
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

/// Renews the lease until the saga is to be left: because it is lost, or because a call of the store does not return.
pub(super) async fn keep_lease(resources: &Resources, saga: SagaId, epoch: u64, calls: &StoreCalls) -> Halt {
    let (lease, limit) = (resources.config.lease, resources.config.store_limit);
    let pause = lease / 3;
    // As many pauses as half of the limit takes.
    let pauses_of_a_turn = (limit / 2).as_nanos().div_ceil(pause.as_nanos().max(1)).max(1);
    let mut pauses = 0;
    loop {
        resources.clock.sleep(pause).await;
        pauses += 1;
        if pauses >= pauses_of_a_turn {
            pauses = 0;
            if calls.turn() {
                tracing::warn!(%saga, ?limit, "a call of the store has not returned: leaving the saga to recovery");
                let why = format_smolstr!("a call of the store has not returned within {limit:?}");
                return Halt::Interrupted(StoreError::Unknown(why));
            }
        }
        match within(&*resources.clock, limit, pin!(resources.store.renew_saga(saga, epoch, lease))).await {
            Ok(Ok(false)) => return Halt::Lost,
            Ok(_) => {}
            // As long as that took, a turn is over.
            Err(late) => {
                unanswered(late);
                pauses = pauses_of_a_turn;
            }
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
    let error = match outcome {
        Err((Halt::Interrupted(error), _)) => error,
        other => {
            resources.interrupted.forget(saga);
            return let_go(resources, saga, epoch, other).await;
        }
    };
    // What the store refuses it will refuse again: the lease runs out by itself.
    let is_refused = matches!(error, StoreError::Refused(_));
    let delay = GIVEN_BACK_FOR.min(resources.config.lease);
    let answers = is_refused || resources.answered(resources.store.renew_saga(saga, epoch, delay)).await.is_ok();
    // While it answers nobody it is no fault of this saga, however long that is.
    if answers && resources.interrupted.count(saga) >= resources.config.interruptions_max {
        let outcome = give_up_interrupted(resources, saga, epoch, &error).await;
        if outcome == DriveOutcome::Stuck {
            resources.interrupted.forget(saga);
            return outcome;
        }
    }
    if !is_refused {
        resources.left.hint();
    }
    DriveOutcome::Interrupted
}

/// Makes a saga stuck that the store fails each time, if it takes as much as that.
async fn give_up_interrupted(resources: &Resources, saga: SagaId, epoch: u64, error: &StoreError) -> DriveOutcome {
    match resources.answered(resources.store.saga(saga)).await {
        Ok(Some(instance)) if instance.epoch == epoch => {
            let times = resources.config.interruptions_max;
            let reason =
                format!("the store has failed it {times} times in a row, while it answered otherwise: {error}");
            tracing::warn!(%saga, %reason, "the saga is given up: an operator has to look at its rows in the store");
            give_up(resources, saga, epoch, instance.log_length, reason).await
        }
        _ => DriveOutcome::Interrupted,
    }
}

/// Lets go of a saga, whatever the store says.
async fn let_go(
    resources: &Resources,
    saga: SagaId,
    epoch: u64,
    outcome: Result<DriveOutcome, (Halt, u64)>,
) -> DriveOutcome {
    match outcome {
        Ok(DriveOutcome::Stopped) => {
            // Best effort: a lease that can't be given back ends by itself.
            let _ = resources.answered(resources.store.renew_saga(saga, epoch, Duration::ZERO)).await;
            DriveOutcome::Stopped
        }
        Ok(outcome) => outcome,
        Err((Halt::Lost | Halt::Newer(_), _)) => DriveOutcome::Elsewhere,
        Err((Halt::Sleeping, _)) => {
            resources.left.hint();
            DriveOutcome::Sleeping
        }
        Err((Halt::Interrupted(_), _)) => DriveOutcome::Interrupted,
        Err((Halt::Incompatible(reason), length)) => {
            give_up(resources, saga, epoch, length, format!("incompatible_definition: {reason}")).await
        }
    }
}

/// Makes a saga stuck that this process can't run, so that an operator sees it.
async fn give_up(resources: &Resources, saga: SagaId, epoch: u64, length: u64, reason: String) -> DriveOutcome {
    let reason = cut(reason);
    let outcome = SagaOutcome::Stuck { reason: reason.as_str().into() }.encode();
    let record = Record::Stuck { reason: reason.clone() };
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
        keys: Vec::new(),
        outcome,
    };
    let written = async {
        let mut tx = resources.store.begin().await?;
        tx.saga_append(&append).await?;
        tx.commit().await
    };
    match resources.answered(written).await {
        Ok(()) => {
            resources.watchers.tell(saga);
            tracing::error!(%saga, %reason, "the saga can't be run here: it is stuck");
            DriveOutcome::Stuck
        }
        Err(error) => {
            tracing::warn!(%saga, %reason, %error, "the saga can't be run here: whoever takes it over finds the same");
            DriveOutcome::Interrupted
        }
    }
}
