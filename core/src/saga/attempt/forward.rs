use smol_str::SmolStr;

use super::{Part, Trouble, outside, waiting::Arrived};
use crate::{
    cut::cut,
    ids::Direction,
    ports::caught_now,
    saga::{
        ActionState, Record, SagaData, State, Status, StepCall, StepError, Value,
        branch::Branch,
        execution::Execution,
        log::{Halt, Keep, Written},
    },
};

/// Part of an attempt that is not in the log: it is lost with the process, which the log allows for.
#[derive(Default)]
struct UnderWay {
    /// Answer of the participant, while our own store makes difficulties.
    answer: Option<Value>,
    /// The attempt has its number in the log already.
    is_announced: bool,
    /// The attempt whose entry was written last, whether or not the store has said so.
    announced: Option<u32>,
    stumbles: u32,
}

/// Reason to leave an attempt before it is over.
enum Leave {
    /// The saga has moved, or may have: what comes next depends on its state.
    LookAgain,
    /// There is nothing to do here, now.
    Over,
    Halt(Halt),
}

impl From<Halt> for Leave {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<Written> for Leave {
    fn from(written: Written) -> Self {
        match written {
            Written::Yes => Self::Over,
            Written::LookAgain => Self::LookAgain,
        }
    }
}

impl<D: SagaData> Execution<'_, D> {
    /// Attempts a step's action until it is settled, has to wait for long, or the saga has turned.
    pub(crate) async fn forward(&self, branch: Branch<'_>) -> Result<(), Halt> {
        let mut under_way = UnderWay::default();
        loop {
            match self.try_action(branch, &mut under_way).await.unwrap_or_else(|leave| leave) {
                Leave::LookAgain => {}
                Leave::Over => return Ok(()),
                Leave::Halt(halt) => return Err(halt),
            }
        }
    }

    /// Looks at the state once, and makes the attempt that is due by it.
    async fn try_action(&self, branch: Branch<'_>, under_way: &mut UnderWay) -> Result<Leave, Leave> {
        let shape = &self.definition.shape.steps[branch.index];
        let state = self.log.state();
        if !self.may_act(branch, &state, under_way) {
            return Ok(Leave::Over);
        }
        let step = &state.steps[branch.index];
        if let Some(moment) = step.forward.not_before.filter(|moment| *moment > self.log.resources.store_now()) {
            return Ok(if self.comes_due(branch, moment).await { Leave::LookAgain } else { Leave::Over });
        }
        let is_numbered = under_way.is_announced || under_way.answer.is_some();
        let mut call = self.call(branch.index, Direction::Action, &state, is_numbered);
        if step.forward.last == 0 && step.waiting.is_none() {
            self.applies(branch, &call).await?;
        }
        let (received, mut given) = self.given(branch, &state, under_way).await?;
        if shape.remote && under_way.answer.is_none() {
            if under_way.is_announced {
                // This attempt itself has asked nobody yet.
                call.maybe_executed = step.unknown;
            }
            given = self.ask(branch, &call, under_way).await?;
        } else if !shape.remote && !under_way.is_announced && self.is_suspect(step.forward.lost) {
            let (direction, attempt) = (Direction::Action, call.attempt);
            let record = Record::Announced { step: shape.path.clone(), direction, attempt };
            self.announce(record, attempt, under_way).await?;
            under_way.is_announced = true;
        }
        let trouble = self.apply(branch, &call, (received, given)).await?;
        if let Some(trouble) = self.after_stumble(trouble, &mut under_way.stumbles).await? {
            self.failed(branch, call.attempt, trouble, under_way.answer.is_some()).await?;
            (under_way.answer, under_way.is_announced, under_way.stumbles) = (None, false, 0);
        }
        Ok(Leave::LookAgain)
    }

    /// Returns `true` if the step is still to be done, and may be attempted now.
    fn may_act(&self, branch: Branch<'_>, state: &State, under_way: &mut UnderWay) -> bool {
        let (index, resources) = (branch.index, &self.log.resources);
        let step = &state.steps[index];
        let wanted = state.status == Status::Running
            && step.action == ActionState::Pending
            && !state.is_rejected()
            && state.may_run(index);
        if !wanted || resources.stop.is_set() {
            return false;
        }
        // Its entry is in the log although the answer was lost: nobody else writes there, and nobody was asked yet.
        if under_way.announced.take_if(|attempt| *attempt == step.forward.last).is_some() {
            under_way.is_announced = true;
        }
        // An operator has settled the attempt meanwhile: its participant is asked again, under the same id.
        if self.definition.shape.steps[index].remote && !step.asking {
            (under_way.answer, under_way.is_announced) = (None, false);
        }
        // Deadlines and budgets are judged by `next_move`, but for the budget of the attempt under way.
        state.turning_point().is_none_or(|moment| moment > resources.store_now())
            && (under_way.is_announced || under_way.answer.is_some() || state.given_up(index).is_none())
    }

    /// Asks a step that was not begun yet whether it applies, and skips it where it does not.
    async fn applies(&self, branch: Branch<'_>, call: &StepCall<'_, D>) -> Result<(), Leave> {
        let path = &self.definition.shape.steps[branch.index].path;
        let action = &*self.definition.actions[branch.index];
        match caught_now(Some(&*self.log.resources.spawner), || action.applies(call)) {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.log.defer(Record::Skipped { step: path.clone() }).await;
                Err(Leave::Over)
            }
            // Its answer follows from the saga alone: asked again it would panic again.
            Err(panicked) => {
                let reason = cut(format!("nobody can say whether step `{path}` applies: {panicked}"));
                self.log.write(Some(Record::Stuck { reason }), Keep::Owned).await?;
                Err(Leave::Over)
            }
        }
    }

    /// Returns what the action is given, and the signal that it comes from, if it does.
    async fn given(
        &self,
        branch: Branch<'_>,
        state: &State,
        under_way: &UnderWay,
    ) -> Result<(Option<SmolStr>, Value), Leave> {
        let Some(awaits) = &self.definition.shape.steps[branch.index].awaits else {
            return Ok((None, under_way.answer.clone().unwrap_or(Value::NULL)));
        };
        match self.arrived(branch, state, awaits).await? {
            Arrived::Signal(signal) => Ok((Some(signal.id), signal.payload)),
            Arrived::Over(output) => Ok((None, output)),
            Arrived::LookAgain => Err(Leave::LookAgain),
            Arrived::Not => Err(Leave::Over),
        }
    }

    /// Asks the participant, once the attempt has its number in the log; returns its answer.
    async fn ask(&self, branch: Branch<'_>, call: &StepCall<'_, D>, under_way: &mut UnderWay) -> Result<Value, Leave> {
        let action = &*self.definition.actions[branch.index];
        if !under_way.is_announced {
            let step = self.definition.shape.steps[branch.index].path.clone();
            self.announce(Record::Attempting { step, attempt: call.attempt }, call.attempt, under_way).await?;
        }
        match self.attempt(branch, Part::Ask, action.ask(call, &*self.log.resources.external)).await {
            None => Err(Leave::Over),
            Some(Ok(agreed)) => {
                under_way.answer = Some(agreed.clone());
                Ok(agreed)
            }
            Some(Err(Trouble { error, panicked })) => {
                let trouble = Trouble { error: outside(error), panicked };
                self.failed(branch, call.attempt, trouble, false).await?;
                under_way.is_announced = false;
                Err(Leave::LookAgain)
            }
        }
    }

    /// Writes the entry that gives an attempt its number.
    async fn announce(&self, record: Record, attempt: u32, under_way: &mut UnderWay) -> Result<(), Leave> {
        under_way.announced = Some(attempt);
        if self.log.write(Some(record), Keep::Owned).await? == Written::LookAgain {
            return Err(Leave::LookAgain);
        }
        under_way.announced = None;
        Ok(())
    }

    /// Carries out our own part of the step, in one commit with its entry in the log. Returns why it failed, if it did.
    async fn apply(
        &self,
        branch: Branch<'_>,
        call: &StepCall<'_, D>,
        (received, given): (Option<SmolStr>, Value),
    ) -> Result<Trouble, Leave> {
        let action = &*self.definition.actions[branch.index];
        let mut tx = match self.log.begin().await {
            Ok(tx) => tx,
            Err(error) => {
                self.log.fail(error).await?;
                return Err(Leave::LookAgain);
            }
        };
        match self.attempt(branch, Part::Apply, action.apply(&mut *tx, call, given)).await {
            None => Err(Leave::Over),
            Some(Err(trouble)) => Ok(trouble),
            Some(Ok(output)) => {
                let step = self.definition.shape.steps[branch.index].path.clone();
                let record = match received {
                    Some(signal) => Record::Received { step, signal, output },
                    None => Record::Done { step, output },
                };
                match self.log.commit(tx, Some(record), Keep::Owned).await? {
                    Ok(written) => Err(written.into()),
                    Err(refused) => Ok(StepError::Store(refused).into()),
                }
            }
        }
    }
}
