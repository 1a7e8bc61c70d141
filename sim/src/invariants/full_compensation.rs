use std::sync::Arc;

use seaworthy_core::{
    ids::{Direction, SagaId},
    ports::{DefinitionRef, SagaStatus},
    saga::{AttemptFailure, Phase, Record, Shape},
};
use smol_str::SmolStr;

use super::{Interest, Invariant, Judge, Lookup, Mode, SagaLog};
use crate::trace::{Effect, Event, What};

/// `full-compensation`: a saga that goes back undoes all that it did, once, in reverse order, and only before its pivot.
///
/// - Each compensatable step that is done or in doubt is compensated, or skipped by an operator, before the saga counts
///   as compensated (half-compensated otherwise). In doubt is a step whose participant was asked and whose answer was
///   lost or never logged.
/// - No step is compensated twice, nor one that was never begun, nor before the saga turned back.
/// - A step is compensated only after those of later groups; steps of one group may go in any order. A compensation
///   that is exhausted does not hold up the others.
/// - A saga does not turn back once its pivot is done, and does not complete once it has turned back.
///
/// Phases and groups come from the definitions' shapes ([`FullCompensation::from_shapes`]). A saga of a definition that was not
/// given is judged without order, and each of its done steps is taken to be compensatable.
///
/// State: the steps of each saga that has not ended.
#[derive(Debug, Default)]
pub struct FullCompensation {
    shapes: Vec<Arc<Shape>>,
    open: Lookup<SagaId, OpenSaga>,
}

#[derive(Debug)]
struct OpenSaga {
    name: SmolStr,
    key: SmolStr,
    shape: Option<Arc<Shape>>,
    turned_back: Option<u64>,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    path: SmolStr,
    done: Option<u64>,
    asked: Option<u64>,
    is_asking: bool,
    is_doubtful: bool,
    is_rejected: bool,
    compensated: Option<u64>,
    is_settled_back: bool,
}

impl FullCompensation {
    /// The invariant at the start of a run of sagas with these definitions (`definition.shape()`).
    pub fn from_shapes(shapes: &[Arc<Shape>]) -> Self {
        Self { shapes: shapes.to_vec(), open: Lookup::new() }
    }

    fn shape(&self, definition: &DefinitionRef) -> Option<Arc<Shape>> {
        self.shapes
            .iter()
            .find(|shape| shape.definition.name == definition.name && shape.definition.version == definition.version)
            .cloned()
    }
}

impl Invariant for FullCompensation {
    fn name(&self) -> &'static str {
        "full-compensation"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::SAGA_CREATED | Interest::SAGA_LOGGED | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a saga")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let What::Restored { sagas, .. } = &event.what {
            // Their logs end where they ended then, which nobody here has kept.
            sagas.iter().for_each(|saga| _ = self.open.remove(saga));
        }
        let What::Commit { outcome, effects, .. } = &event.what else { return };
        if !outcome.took_effect() {
            return;
        }
        for effect in effects.iter() {
            if let Effect::SagaCreated { saga, definition, key } = effect {
                judge.met();
                let shape = self.shape(definition);
                let (name, key) = (definition.name.clone(), key.clone());
                self.open.insert(*saga, OpenSaga { name, key, shape, turned_back: None, steps: Vec::new() });
            }
        }
        for log in judge.saga_logs(event).iter() {
            let Some(open) = self.open.get_mut(&log.saga) else { continue };
            open.read(log, event.number, judge);
            if log.status.is_terminal() {
                self.open.remove(&log.saga);
            }
        }
    }
}

impl OpenSaga {
    fn read(&mut self, log: &SagaLog, number: u64, judge: &mut Judge<'_>) {
        let saga = log.saga;
        for record in log.records.iter().flatten() {
            match record {
                Record::CompensationBegun { .. } => self.turn_back(number, saga, judge),
                Record::Compensated { step, .. } => self.compensate(step, number, saga, judge),
                Record::CompensationExhausted { step, .. } => self.step(step).is_settled_back = true,
                // What was given up is tried again.
                Record::Resumed => {
                    self.steps.iter_mut().for_each(|step| step.is_settled_back &= step.compensated.is_some())
                }
                Record::SkippedByOperator { step, .. } if self.turned_back.is_some() => {
                    let step = self.step(step);
                    step.compensated.get_or_insert(number);
                    step.is_settled_back = true;
                }
                other => {
                    if let Some(step) = other.step() {
                        self.step(step).go_forward(other, number);
                    }
                }
            }
        }
        match log.status {
            SagaStatus::Compensated => self.end(number, saga, judge),
            SagaStatus::Completed => {
                if let Some(turned_back) = self.turned_back {
                    let sentence =
                        format!("saga `{}` of `{}` completed although it had turned back", self.name, self.key);
                    judge.violate(saga, sentence, vec![turned_back, number]);
                }
            }
            _ => {}
        }
    }

    fn turn_back(&mut self, number: u64, saga: SagaId, judge: &mut Judge<'_>) {
        judge.judged();
        self.turned_back = Some(number);
        let pivot = self.steps.iter().find(|step| self.phase(&step.path) == Some(Phase::Pivot));
        if let Some(done) = pivot.and_then(|pivot| pivot.done) {
            judge.violate(
                saga,
                format!("saga `{}` of `{}` turned back after its pivot was done", self.name, self.key),
                vec![done, number],
            );
        }
    }

    fn compensate(&mut self, path: &SmolStr, number: u64, saga: SagaId, judge: &mut Judge<'_>) {
        let whose = format!("saga `{}` of `{}`", self.name, self.key);
        let mut violate =
            |sentence: String, events: Vec<u64>| judge.violate(saga, format!("{whose} {sentence}"), events);
        if self.turned_back.is_none() {
            violate(format!("compensated step `{path}` without having turned back"), vec![number]);
        }
        let group = self.group(path);
        let later = |step: &&Step| {
            let after = group.zip(self.group(&step.path)).is_some_and(|(mine, other)| other > mine);
            after && self.must_undo(step) && !step.is_settled_back
        };
        if let Some(step) = self.steps.iter().find(later) {
            let mut events: Vec<u64> = step.done.or(step.asked).into_iter().collect();
            events.push(number);
            violate(format!("compensated step `{path}` before the later step `{}`", step.path), events);
        }
        let step = self.step(path);
        if let Some(before) = step.compensated {
            violate(format!("compensated step `{path}` twice"), vec![before, number]);
        } else if step.done.is_none() && step.asked.is_none() {
            violate(format!("compensated step `{path}`, which was never begun"), vec![number]);
        }
        step.compensated = Some(number);
        step.is_settled_back = true;
    }

    fn end(&mut self, number: u64, saga: SagaId, judge: &mut Judge<'_>) {
        for step in &self.steps {
            if step.compensated.is_none() && self.must_undo(step) {
                let state = if step.done.is_some() { "is done" } else { "may have been done" };
                let events = [step.done.or(step.asked), self.turned_back, Some(number)];
                judge.violate(
                    saga,
                    format!(
                        "saga `{}` of `{}` counts as compensated although step `{}` {state} and was never undone",
                        self.name, self.key, step.path
                    ),
                    events.into_iter().flatten().collect(),
                );
            }
        }
    }

    /// Returns `true` if a saga that goes back must undo this step.
    fn must_undo(&self, step: &Step) -> bool {
        let in_doubt = step.is_asking || step.is_doubtful;
        match self.phase(&step.path) {
            Some(phase) => phase == Phase::Compensatable && (step.done.is_some() || in_doubt),
            // Without a shape a rejected step may be the pivot: its doubt is over then.
            None => step.done.is_some() || (in_doubt && !step.is_rejected),
        }
    }

    fn phase(&self, path: &SmolStr) -> Option<Phase> {
        let shape = self.shape.as_ref()?;
        Some(shape.steps[shape.index_of(path)?].phase)
    }

    fn group(&self, path: &SmolStr) -> Option<u32> {
        let shape = self.shape.as_ref()?;
        Some(shape.steps[shape.index_of(path)?].group)
    }

    fn step(&mut self, path: &SmolStr) -> &mut Step {
        let index = self.steps.iter().position(|step| step.path == *path).unwrap_or_else(|| {
            self.steps.push(Step::new(path.clone()));
            self.steps.len() - 1
        });
        &mut self.steps[index]
    }
}

impl Step {
    fn new(path: SmolStr) -> Self {
        let (done, asked, compensated) = (None, None, None);
        let (is_asking, is_doubtful, is_rejected, is_settled_back) = (false, false, false, false);
        Self { path, done, asked, is_asking, is_doubtful, is_rejected, compensated, is_settled_back }
    }

    fn go_forward(&mut self, record: &Record, number: u64) {
        match record {
            Record::Attempting { .. } => {
                // An attempt that was announced and never heard of again is in doubt.
                self.is_doubtful |= self.is_asking;
                self.is_asking = true;
                self.asked = Some(number);
            }
            Record::Settled { done: false, .. } => (self.is_asking, self.is_doubtful) = (false, false),
            Record::Done { .. } | Record::Received { .. } | Record::Settled { .. } => {
                self.done = Some(number);
                self.is_asking = false;
                self.is_doubtful = false;
            }
            Record::Rejected { maybe_executed, .. } => {
                self.is_asking = false;
                self.is_doubtful |= maybe_executed;
                self.is_rejected = !maybe_executed;
                self.asked.get_or_insert(number);
            }
            Record::Retry { direction: Direction::Action, failure, .. } => {
                self.is_asking = false;
                self.is_doubtful |= *failure == AttemptFailure::Unknown;
                self.asked.get_or_insert(number);
            }
            _ => {}
        }
    }
}
