//! The attempts of a step: forward by its action, backward by its compensation.

mod backward;
mod forward;

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use futures_util::future::select;
use smol_str::format_smolstr;

use super::{
    Record, SagaData, State, StepError,
    execution::Execution,
    log::{Halt, Keep, Written},
    next,
};
use crate::ports::{StoreError, scoped};

impl<D: SagaData> Execution<'_, D> {
    /// Runs what a step or its compensation does, which may be dropped before it is done. That leaves as much in doubt
    /// as a reply that was lost.
    async fn attempt<T>(&self, work: impl Future<Output = Result<T, StepError>> + Unpin) -> Result<T, StepError> {
        let spawner = &*self.log.resources.spawner;
        let mut work = work;
        match scoped(Some(spawner), Pin::new(&mut work)).await {
            Ok(done) => done,
            Err(dropped) => Err(StepError::Store(dropped.into())),
        }
    }

    /// Logs a timer. A short one is waited for here; for a long one the saga is given up, if no sibling is under way.
    async fn retry(&self, record: Record, delay: Duration, alone: bool) -> Result<(), Halt> {
        let resources = &self.log.resources;
        let now = resources.store_now();
        // As it will be after the record: the step's deadline counts from its first one.
        let turning_point =
            next(State::clone(&*self.log.state().await), &record, now).ok().and_then(|s| s.turning_point());
        let delay = turning_point.map_or(delay, |moment| delay.min(moment.since(now)));
        if delay > resources.config.wait_in_memory {
            let keep = if alone { Keep::Asleep(delay) } else { Keep::Owned };
            let written = self.log.write(Some(record), keep).await?;
            let asleep = alone && written == Written::Yes && self.log.state().await.status.stored().is_active();
            return if asleep { Err(Halt::Sleeping) } else { Ok(()) };
        }
        // Alone, the saga waits as planned. A sibling waits here, while others work.
        if self.log.write(Some(record), Keep::Owned).await? == Written::Yes && !alone {
            select(pin!(resources.clock.sleep(delay)), pin!(resources.stop.wait())).await;
        }
        Ok(())
    }
}

/// An error of a call outside any transaction: a store that is asked there is one more participant.
fn outside(error: StepError) -> StepError {
    match error {
        StepError::Store(StoreError::Unknown(error)) => StepError::Unknown(error),
        StepError::Store(error) => StepError::Unavailable(format_smolstr!("{error}")),
        other => other,
    }
}
