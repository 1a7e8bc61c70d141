//! Steps that wait: for a signal, or for a moment.

use std::{future::pending, pin::pin, time::Duration};

use futures_util::future::{Either, select};
use smol_str::SmolStr;

use super::limit::{Ended, Limits};
use crate::{
    cut::cut,
    ids::Direction,
    ports::{Timestamp, caught_now},
    saga::{
        AtLimit, Awaits, Record, SagaData, Signal, State, Until, Value,
        branch::{Beside, Branch},
        execution::Execution,
        log::{Halt, Keep, Written},
        record::micros,
        state::Arrival,
    },
};

/// State of a step's wait, as its attempt finds it.
pub(super) enum Arrived {
    /// The signal that it waited for has come.
    Signal(Signal),
    /// Its time is over, and this is taken for what it received.
    Over(Value),
    /// The saga has moved.
    LookAgain,
    /// Not yet, and there is nothing to do here meanwhile.
    Not,
}

impl<D: SagaData> Execution<'_, D> {
    /// Returns what has become of a step's wait. One that has only begun is noted in the log; where others work beside it,
    /// it is waited for here.
    pub(super) async fn arrived(&self, branch: Branch<'_>, state: &State, awaits: &Awaits) -> Result<Arrived, Halt> {
        let resources = &self.log.resources;
        match state.arrival(branch.index, resources.store_now()) {
            Some(Arrival::Signal(signal)) => return Ok(Arrived::Signal(signal.clone())),
            Some(Arrival::Over) => return self.at_limit(branch, awaits).await,
            None => {}
        }
        let until = match state.steps[branch.index].waiting {
            Some(waiting) => waiting.until,
            None => return self.begin_to_wait(branch, state, awaits).await,
        };
        if let Some(beside) = branch.beside
            && self.wait_for_signal(branch, beside, until).await
        {
            return Ok(Arrived::LookAgain);
        }
        Ok(Arrived::Not)
    }

    async fn begin_to_wait(&self, branch: Branch<'_>, state: &State, awaits: &Awaits) -> Result<Arrived, Halt> {
        let resources = &self.log.resources;
        let shape = &self.definition.shape.steps[branch.index];
        let has_end = !matches!(awaits, Awaits::Signal { at_limit: AtLimit::None, .. });
        let call = self.call(branch.index, Direction::Action, state, false);
        let asked = || if has_end { self.definition.actions[branch.index].until(&call) } else { Until::Ever };
        let until = match caught_now(Some(&*resources.spawner), asked) {
            Ok(until) => until,
            // Its answer follows from the saga alone: asked again it would panic again.
            Err(panicked) => {
                let reason = cut(format!("nobody can say until when step `{}` waits: {panicked}", shape.path));
                return self.log.write(Some(Record::Stuck { reason }), Keep::Owned).await.map(|_| Arrived::LookAgain);
            }
        };
        let key = match self.key(branch.index, state) {
            Ok(key) => key,
            Err(reason) => {
                let stuck = Record::Stuck { reason: cut(reason) };
                return self.log.write(Some(stuck), Keep::Owned).await.map(|_| Arrived::LookAgain);
            }
        };
        let (limit, until) = match until {
            Until::Ever => (None, None),
            Until::After(limit) => (Some(limit), None),
            Until::Moment(moment) => (None, Some(moment)),
        };
        // What came by its key while nobody knew that is the step's is found as soon as the log says so.
        let may_have_come = key.is_some() && awaits.signal().is_some_and(|name| state.signals.first(name).is_some());
        let (step, signal) = (shape.path.clone(), awaits.signal().cloned());
        let record = Record::Waiting { step, signal, limit_us: limit.map(micros), until, key };
        // `next_move` knows until when the saga sleeps, and sleeps with the next write; here it is spared where that is plain.
        let sleeps_for_ever = branch.beside.is_none()
            && !may_have_come
            && limit.is_none()
            && until.is_none()
            && state.deadline.is_none()
            && shape.deadline.is_none();
        let keep = if sleeps_for_ever { Keep::Asleep(Duration::MAX) } else { Keep::Owned };
        let written = self.log.write(Some(record), keep).await?;
        let is_asleep = sleeps_for_ever && written == Written::Yes && self.log.state().status.stored().is_active();
        if is_asleep { Err(Halt::Sleeping) } else { Ok(Arrived::LookAgain) }
    }

    /// Returns the key of a step's wait, if it has any.
    fn key(&self, index: usize, state: &State) -> Result<Option<SmolStr>, String> {
        if !self.definition.keyed.contains(&index) {
            return Ok(None);
        }
        let step = &self.definition.shape.steps[index].path;
        match self.definition.key(index, &self.data, state, &*self.log.resources.spawner) {
            Ok(Some(key)) => Ok(Some(key)),
            Ok(None) => Err(format!("nobody can say by which key a message finds step `{step}`")),
            Err(panicked) => Err(format!("nobody can say by which key a message finds step `{step}`: {panicked}")),
        }
    }

    /// Does what a step says for a wait that has lasted for too long, or for as long as it was to.
    async fn at_limit(&self, branch: Branch<'_>, awaits: &Awaits) -> Result<Arrived, Halt> {
        let step = self.definition.shape.steps[branch.index].path.clone();
        if *awaits != Awaits::Time {
            // Moments in memory are guesses by our clock: its time is over only if the store agrees.
            match self.log.resources.read_store_clock().await {
                Ok(()) => drop(self.log.reload().await?),
                Err(error) => drop(self.log.fail(error).await?),
            }
            let arrival =
                self.log.state().arrival(branch.index, self.log.resources.store_now()).map(|it| it == Arrival::Over);
            if arrival != Some(true) {
                return Ok(Arrived::LookAgain);
            }
        }
        match awaits {
            Awaits::Signal { name, at_limit: AtLimit::Reject } => {
                let reason = format!("no `{name}` has come in time");
                tracing::info!(%step, %reason, "the step was rejected");
                let record = Record::Rejected { step, reason, maybe_executed: false };
                self.log.write(Some(record), Keep::Owned).await.map(|_| Arrived::LookAgain)
            }
            Awaits::Signal { at_limit: AtLimit::Output(output), .. } => Ok(Arrived::Over(output.clone())),
            Awaits::Signal { at_limit: AtLimit::None, .. } | Awaits::Time => Ok(Arrived::Over(Value::NULL)),
        }
    }

    /// Waits beside others until the saga has moved or the time is over. Returns `false` once nobody has anything more to
    /// do, the saga has turned, or the process stops.
    async fn wait_for_signal(&self, branch: Branch<'_>, beside: &Beside, until: Option<Timestamp>) -> bool {
        let resources = &self.log.resources;
        // In line before the state is looked at.
        let moved = self.log.moved();
        if self.log.state().arrival(branch.index, resources.store_now()).is_some() {
            return true;
        }
        let time = async {
            match until {
                Some(until) => resources.clock.sleep(until.since(resources.store_now())).await,
                None => pending().await,
            }
        };
        beside.leave();
        let limits = Limits { time: None, at_stop: Duration::ZERO };
        let work = async {
            matches!(select(pin!(select(pin!(time), pin!(moved))), pin!(beside.rest())).await, Either::Left(_))
        };
        let ended = self.within(branch, limits, work).await;
        beside.go_on();
        matches!(ended, Ended::Done(true))
    }
}
