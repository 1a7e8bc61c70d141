use std::{pin::pin, sync::Arc};

use futures_util::future::{Either, join_all, select};
use tracing::Instrument;

use super::{
    CompensationCause, Definition, Next, Record, SagaData, State, Status, StepCall,
    log::{Halt, Keep, SagaLog, Written},
    plan,
    resources::{Owned, Resources},
};
use crate::{
    cut::cut,
    ids::{Direction, SagaId},
    message::from_json,
    ports::SagaAppend,
};

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
    fn from_status(status: Status) -> Self {
        match status {
            Status::Completed => Self::Completed,
            Status::Compensated => Self::Compensated,
            Status::Abandoned => Self::Abandoned,
            _ => Self::Stuck,
        }
    }
}

/// Drives an owned saga until it comes to rest.
pub(crate) async fn drive<D: SagaData>(
    definition: Arc<Definition<D>>,
    resources: Arc<Resources>,
    mut owned: Owned,
) -> DriveOutcome {
    let _active = resources.enter();
    let (saga, epoch) = (owned.saga, owned.epoch);
    let span = tracing::info_span!("saga", saga = %saga, definition = %definition.shape.definition.name, epoch);
    // One renewal for the whole drive: it covers slow participants, slow commits and waits alike. The work is pinned where
    // it is made: it is large, and every move would copy it.
    let owned = async {
        let outcome = {
            let work = pin!(async {
                let data = match from_json(&owned.input) {
                    Ok(data) => data,
                    Err(error) => {
                        let reason = format!("the input is not what the definition takes: {error}");
                        return Err((Halt::Incompatible(reason), owned.length));
                    }
                };
                let length = owned.length;
                let log = SagaLog::open(resources.clone(), definition.shape.clone(), &mut owned).await;
                let log = log.map_err(|halt| (halt, length))?;
                Execution { log, definition: &definition, key: &owned.key, correlation_id: owned.correlation_id, data }
                    .run()
                    .await
                    .map_err(|halt| (halt, length))
            });
            match select(work, pin!(keep_lease(&resources, saga, epoch))).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right(((), _)) => Err((Halt::Lost, 0)),
            }
        };
        settle(&resources, saga, epoch, outcome).await
    };
    owned.instrument(span).await
}

/// Renews the lease until it is lost.
async fn keep_lease(resources: &Resources, saga: SagaId, epoch: u64) {
    loop {
        resources.clock.sleep(resources.config.lease / 3).await;
        if let Ok(false) = resources.store.renew_saga(saga, epoch, resources.config.lease).await {
            return;
        }
    }
}

async fn settle(
    resources: &Resources,
    saga: SagaId,
    epoch: u64,
    outcome: Result<DriveOutcome, (Halt, u64)>,
) -> DriveOutcome {
    match outcome {
        Ok(DriveOutcome::Stopped) => {
            // Best effort: a lease that can't be given back ends by itself.
            let _ = resources.store.renew_saga(saga, epoch, std::time::Duration::ZERO).await;
            DriveOutcome::Stopped
        }
        Ok(outcome) => outcome,
        Err((Halt::Lost, _)) => DriveOutcome::Elsewhere,
        Err((Halt::Sleeping, _)) => {
            resources.left.hint();
            DriveOutcome::Sleeping
        }
        Err((Halt::Interrupted(_), _)) => {
            let _ = resources.store.renew_saga(saga, epoch, std::time::Duration::ZERO).await;
            resources.left.hint();
            DriveOutcome::Interrupted
        }
        Err((Halt::Incompatible(reason), length)) => give_up(resources, saga, epoch, length, reason).await,
    }
}

/// Makes a saga stuck whose log this process can't read, so that an operator sees it.
pub(crate) async fn give_up(
    resources: &Resources,
    saga: SagaId,
    epoch: u64,
    length: u64,
    reason: String,
) -> DriveOutcome {
    tracing::error!(%saga, %reason, "the saga can't be run here");
    let record = Record::Stuck { reason: cut(format!("incompatible_definition: {reason}")) };
    let append = SagaAppend {
        saga,
        epoch,
        expected_length: length,
        records: vec![record.encode()],
        status: crate::ports::SagaStatus::Stuck,
        lease: std::time::Duration::ZERO,
        sleep: std::time::Duration::ZERO,
    };
    let written = async {
        let mut tx = resources.store.begin().await?;
        tx.saga_append(&append).await?;
        tx.commit().await
    };
    match written.await {
        Ok(()) => DriveOutcome::Stuck,
        Err(_) => DriveOutcome::Interrupted,
    }
}

/// One saga under way.
pub(crate) struct Execution<'a, D> {
    pub(crate) log: SagaLog,
    pub(crate) definition: &'a Definition<D>,
    key: &'a smol_str::SmolStr,
    correlation_id: uuid::Uuid,
    data: D,
}

impl<D: SagaData> Execution<'_, D> {
    async fn run(&self) -> Result<DriveOutcome, Halt> {
        let resources = &self.log.resources;
        loop {
            let state = self.log.state().await;
            if state.status.is_terminal() || matches!(state.status, Status::Stuck(_)) {
                return Ok(DriveOutcome::from_status(state.status));
            }
            if resources.stop.is_set() {
                return Ok(DriveOutcome::Stopped);
            }
            let now = resources.store_now();
            match plan(&state, now) {
                Next::Run(steps) => {
                    drop(state);
                    self.side_by_side(&steps, Direction::Action).await?;
                }
                Next::Compensate(steps) => {
                    drop(state);
                    self.side_by_side(&steps, Direction::Compensation).await?;
                }
                Next::BeginCompensation(cause) => self.begin_compensation(cause).await?,
                Next::Complete => drop(self.log.write(Some(Record::Completed), Keep::Owned).await?),
                Next::FinishCompensation => drop(self.log.write(Some(Record::RolledBack), Keep::Owned).await?),
                Next::GiveUp(reason) => drop(self.log.write(Some(Record::Stuck { reason }), Keep::Owned).await?),
                Next::Wait(moment) => {
                    let mut delay = moment.since(now);
                    // By our clock this is long; if ours has stepped back, it is not.
                    if delay > resources.config.wait_in_memory && resources.read_store_clock().await.is_ok() {
                        delay = moment.since(resources.store_now());
                    }
                    if delay > resources.config.wait_in_memory {
                        if self.log.write(None, Keep::Asleep(delay)).await? == Written::Yes {
                            return Err(Halt::Sleeping);
                        }
                    } else {
                        select(pin!(resources.clock.sleep(delay)), pin!(resources.stop.wait())).await;
                    }
                }
                Next::Idle => return Ok(DriveOutcome::from_status(state.status)),
            }
        }
    }

    /// Runs the steps of a group; all of them come back before the saga is looked at again, so none is still under
    /// way when it turns back.
    async fn side_by_side(&self, steps: &[usize], direction: Direction) -> Result<(), Halt> {
        let alone = steps.len() == 1 && self.is_alone(steps[0]);
        let branch = |step: usize| {
            let span = tracing::info_span!("step", step = %self.definition.shape.steps[step].path, ?direction);
            async move {
                match direction {
                    Direction::Action => self.forward(step, alone).await,
                    Direction::Compensation => self.backward(step, alone).await,
                }
            }
            .instrument(span)
        };
        if let [step] = steps {
            // It is large, and would be moved on its way to where it is awaited.
            return Box::pin(branch(*step)).await;
        }
        join_all(steps.iter().map(|step| branch(*step))).await.into_iter().collect()
    }

    fn is_alone(&self, step: usize) -> bool {
        let steps = &self.definition.shape.steps;
        steps.iter().filter(|other| other.group == steps[step].group).count() == 1
    }

    async fn begin_compensation(&self, cause: CompensationCause) -> Result<(), Halt> {
        if cause == CompensationCause::Deadline {
            // Moments in memory are guesses by our clock: turn back only if the store agrees.
            match self.log.resources.read_store_clock().await {
                Ok(()) => self.log.reload().await?,
                Err(error) => drop(self.log.fail(error).await?),
            }
            let state = self.log.state().await;
            if plan(&state, self.log.resources.store_now()) != Next::BeginCompensation(CompensationCause::Deadline) {
                return Ok(());
            }
        }
        self.log.write(Some(Record::CompensationBegun { cause }), Keep::Owned).await?;
        Ok(())
    }

    /// The call of a step's next attempt, or of the attempt under way if `again`.
    pub(crate) fn call<'c>(
        &'c self,
        index: usize,
        direction: Direction,
        state: &'c State,
        again: bool,
    ) -> StepCall<'c, D> {
        let step = &state.steps[index];
        let attempts = match direction {
            Direction::Action => step.forward.last,
            Direction::Compensation => step.backward.last,
        };
        let path = &self.definition.shape.steps[index].path;
        StepCall {
            data: &self.data,
            saga: self.log.saga,
            correlation_id: self.correlation_id,
            key: self.key,
            step: path,
            direction,
            attempt: attempts + u32::from(!again),
            maybe_executed: step.is_doubtful(),
            now: self.log.resources.clock.now(),
            operation: self.log.renames.operation(path),
            state,
        }
    }
}
