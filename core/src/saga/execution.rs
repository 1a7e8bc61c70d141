use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select, try_join_all};
use tracing::Instrument;

use super::{
    CompensationCause, Definition, DriveOutcome, Next, Record, SagaData, State, Status, StepCall,
    branch::{Beside, Branch},
    correlation::KeyOf,
    leave::{Unread, leave},
    log::{Halt, Keep, SagaLog, Written},
    next_move,
    resources::{Owned, Resources},
    settle::{keep_lease, settle},
    store_calls::StoreCalls,
};
use crate::{ids::Direction, message::from_json, ports::Timestamp};

/// Drives an owned saga until it comes to rest. Whoever calls it has [entered](Resources::enter).
pub(crate) async fn drive<D: SagaData>(
    definition: Arc<Definition<D>>,
    resources: Arc<Resources>,
    mut owned: Owned,
) -> DriveOutcome {
    let (saga, epoch, status) = (owned.saga, owned.epoch, owned.status);
    let newest = definition.shape.definition.version;
    let calls = StoreCalls::default();
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
                let (shape, result) = (definition.shape.clone(), definition.result.clone());
                let key = key_of(&definition, &resources, &owned);
                let log = SagaLog::open((resources.clone(), &calls), shape, result, key, &mut owned).await;
                let log = log.map_err(|halt| (halt, length))?;
                Execution { log, definition: &definition, key: &owned.key, correlation_id: owned.correlation_id, data }
                    .run()
                    .await
                    .map_err(|halt| (halt, length))
            });
            match select(work, pin!(keep_lease(&resources, saga, epoch, &calls))).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right((halt, _)) => Err((halt, 0)),
            }
        };
        match outcome {
            Err((Halt::Newer(reason), length)) => {
                leave(&resources, Unread { saga, epoch, length, status }, newest, &reason).await;
                DriveOutcome::Elsewhere
            }
            outcome => settle(&resources, saga, epoch, outcome).await,
        }
    };
    owned.instrument(span).await
}

/// Returns what says by which keys messages find the saga's steps, if any of them has one.
fn key_of<D: SagaData>(definition: &Arc<Definition<D>>, resources: &Resources, owned: &Owned) -> Option<KeyOf> {
    if definition.keyed.is_empty() {
        return None;
    }
    // Its own copy, since the log outlives no borrow of the execution's.
    let data: D = from_json(&owned.input).ok()?;
    let (definition, spawner) = (definition.clone(), resources.spawner.clone());
    Some(Arc::new(move |index, state: &State| definition.saga_key(index, &data, state, &*spawner)))
}

/// Number of moves after which a saga lets others go on: its steps may all be local, and its store in the process.
const MOVES: u32 = 16;

/// One saga under way.
pub(crate) struct Execution<'a, D> {
    pub(crate) log: SagaLog<'a>,
    pub(crate) definition: &'a Definition<D>,
    key: &'a smol_str::SmolStr,
    correlation_id: uuid::Uuid,
    pub(crate) data: D,
}

impl<D: SagaData> Execution<'_, D> {
    async fn run(&self) -> Result<DriveOutcome, Halt> {
        let resources = &self.log.resources;
        let mut moves = 0_u32;
        loop {
            moves = moves.wrapping_add(1);
            if moves.is_multiple_of(MOVES) {
                resources.clock.yield_now().await;
            }
            if self.log.owes_entries() {
                // An operator waits for answers, and a saga that stays stuck must be so for its store as well.
                self.log.write(None, Keep::Owned).await?;
                continue;
            }
            let state = self.log.state();
            if state.status.is_terminal() || matches!(state.status, Status::Stuck(_)) {
                return Ok(DriveOutcome::from_status(state.status));
            }
            if resources.stop.is_set() {
                return Ok(DriveOutcome::Stopped);
            }
            let now = resources.store_now();
            match next_move(&state, now) {
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
                // Whoever signals the saga wakes it.
                Next::Wait(Timestamp::MAX) => {
                    if self.log.write(None, Keep::Asleep(Duration::MAX)).await? == Written::Yes {
                        return Err(Halt::Sleeping);
                    }
                }
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

    /// Runs the steps of a group until each of them is done, has to wait for long while no other has anything to do, or
    /// is dropped because the saga turns: none is under way any more when it is looked at again.
    async fn side_by_side(&self, steps: &[usize], direction: Direction) -> Result<(), Halt> {
        if let [index] = *steps
            && self.is_alone(index)
        {
            // It is large, and would be moved on its way to where it is awaited.
            return Box::pin(self.branch(Branch { index, direction, beside: None })).await;
        }
        // Those that wait for their time wait beside the others, so that none waits for the slowest of them.
        let members = self.definition.shape.group_of(steps[0]);
        let beside = Beside::new(members.len());
        let branch = async |index: usize| {
            let done = self.branch(Branch { index, direction, beside: Some(&beside) }).await;
            beside.leave();
            done
        };
        try_join_all(members.map(branch)).await.map(drop)
    }

    async fn branch(&self, branch: Branch<'_>) -> Result<(), Halt> {
        let (path, direction) = (&self.definition.shape.steps[branch.index].path, branch.direction);
        let span = tracing::info_span!("step", step = %path, ?direction);
        let work = async {
            match direction {
                Direction::Action => self.forward(branch).await,
                Direction::Compensation => self.backward(branch).await,
            }
        };
        work.instrument(span).await
    }

    fn is_alone(&self, step: usize) -> bool {
        self.definition.shape.group_of(step).len() == 1
    }

    async fn begin_compensation(&self, cause: CompensationCause) -> Result<(), Halt> {
        if cause == CompensationCause::Deadline {
            // Moments in memory are guesses by our clock: turn back only if the store agrees.
            match self.log.resources.read_store_clock().await {
                Ok(()) => drop(self.log.reload().await?),
                Err(error) => drop(self.log.fail(error).await?),
            }
            let state = self.log.state();
            if next_move(&state, self.log.resources.store_now()) != Next::BeginCompensation(CompensationCause::Deadline)
            {
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
            operation: self.log.first_name(path),
            state,
        }
    }
}
