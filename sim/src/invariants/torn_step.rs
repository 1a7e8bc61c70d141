use seaworthy_core::{
    ids::{Direction, OperationId, SagaId},
    ports::OperationState,
    saga::Record,
};
use smol_str::SmolStr;

use super::{Interest, Invariant, Judge, Lookup, Mode, name_numbers::NameNumbers};
use crate::trace::{Effect, Event, What};

/// `torn-step`: the effects of a saga's step and its entry in the log came apart.
///
/// A step's business writes, its staged events and its log entry commit together. Writes carry no name of the step that
/// made them, so what a trace can show is this:
///
/// - A step has at most one `done` entry, and a saga's log grows without a gap and without two writers at one place: a
///   second entry means that the step's effects were committed twice.
/// - An operation that the participant kit carries out in the saga's own store, under the operation id of a step, is
///   written by the commit that logs the step: an operation in an earlier or a later commit of that store is a step torn
///   in two. A participant with a store of its own is not meant.
/// - Such an operation is undone by the commit that logs the step's compensation.
/// - A log can be decoded.
///
/// State: for each saga that has not ended, the length of its log and its done steps; and operations in stores with
/// sagas that no log entry has claimed.
#[derive(Debug, Default)]
pub struct TornStep {
    stores: NameNumbers,
    open: Lookup<SagaId, OpenSaga>,
    orphans: Lookup<(u16, OperationId), u64>,
}

#[derive(Debug)]
struct OpenSaga {
    store: u16,
    key: SmolStr,
    length: u64,
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    step: SmolStr,
    number: u64,
    /// The operation that the same commit carried out, if it did.
    operation: Option<OperationId>,
}

impl TornStep {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Operations of one commit; most commits have none.
#[derive(Default)]
struct Operations {
    executed: Vec<OperationId>,
    undone: Vec<OperationId>,
}

impl Invariant for TornStep {
    fn name(&self) -> &'static str {
        "torn-step"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::SAGA_CREATED | Interest::SAGA_LOGGED | Interest::OPERATION | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a saga")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let What::Restored { store, sagas, .. } = &event.what {
            // Their logs end where they ended then, which nobody here has kept.
            sagas.iter().for_each(|saga| _ = self.open.remove(saga));
            let store = self.stores.number(store);
            let of_store = self.orphans.sorted().into_iter().filter(|((of, _), _)| *of == store);
            let orphans: Vec<(u16, OperationId)> = of_store.map(|(id, _)| *id).collect();
            orphans.iter().for_each(|id| _ = self.orphans.remove(id));
        }
        let What::Commit { store, outcome, effects, .. } = &event.what else { return };
        if !outcome.took_effect() {
            return;
        }
        let store = self.stores.number(store);
        let mut operations = Operations::default();
        for effect in effects.iter() {
            match effect {
                Effect::SagaCreated { saga, key, .. } => {
                    judge.met();
                    self.open.insert(*saga, OpenSaga { store, key: key.clone(), length: 0, done: Vec::new() });
                }
                Effect::Operation { id, state: OperationState::Executed(_) } => operations.executed.push(*id),
                Effect::Operation { id, state: OperationState::Compensated } => operations.undone.push(*id),
                _ => {}
            }
        }
        for log in judge.saga_logs(event).iter() {
            let Some(open) = self.open.get_mut(&log.saga) else { continue };
            if log.length != open.length {
                judge.violate(
                    log.saga,
                    format!(
                        "the log of the saga of `{}` has {} entries, and a writer appended after entry {}",
                        open.key, open.length, log.length
                    ),
                    vec![event.number],
                );
            }
            match &log.records {
                Ok(records) => {
                    open.length = log.length + records.len() as u64;
                    for record in records {
                        match record {
                            Record::Done { step, .. } | Record::Received { step, .. } => {
                                open.done(log.saga, step, &mut operations, &mut self.orphans, event.number, judge);
                            }
                            Record::Compensated { step, .. } => {
                                open.undone(log.saga, step, &operations, event.number, judge);
                            }
                            _ => {}
                        }
                    }
                }
                Err(error) => judge.violate(
                    log.saga,
                    format!("an entry in the log of the saga of `{}` can't be decoded: {error}", open.key),
                    vec![event.number],
                ),
            }
            if log.status.is_terminal() {
                self.open.remove(&log.saga);
            }
        }
        for operation in operations.executed {
            self.adopt(store, operation, event.number, judge);
        }
    }
}

impl TornStep {
    /// An operation that no log entry of its own commit claims: late, if the step is done already, or early.
    fn adopt(&mut self, store: u16, operation: OperationId, number: u64, judge: &mut Judge<'_>) {
        let mut has_sagas = false;
        for (saga, open) in self.open.sorted().into_iter().filter(|(_, open)| open.store == store) {
            has_sagas = true;
            for done in &open.done {
                if OperationId::derive(*saga, &done.step, Direction::Action) == operation {
                    judge.violate(
                        *saga,
                        format!(
                            "step `{}` of the saga of `{}` was logged before its effects were committed",
                            done.step, open.key
                        ),
                        vec![done.number, number],
                    );
                    return;
                }
            }
        }
        if has_sagas {
            self.orphans.insert((store, operation), number);
        }
    }
}

impl OpenSaga {
    fn done(
        &mut self,
        saga: SagaId,
        step: &SmolStr,
        operations: &mut Operations,
        orphans: &mut Lookup<(u16, OperationId), u64>,
        number: u64,
        judge: &mut Judge<'_>,
    ) {
        judge.judged();
        if let Some(before) = self.done.iter().find(|done| done.step == *step) {
            judge.violate(
                saga,
                format!("step `{step}` of the saga of `{}` was done twice", self.key),
                vec![before.number, number],
            );
            return;
        }
        let mut operation = None;
        if !operations.executed.is_empty() || !orphans.is_empty() {
            let id = OperationId::derive(saga, step, Direction::Action);
            if let Some(index) = operations.executed.iter().position(|executed| *executed == id) {
                operations.executed.swap_remove(index);
                operation = Some(id);
            } else if let Some(before) = orphans.remove(&(self.store, id)) {
                judge.violate(
                    saga,
                    format!(
                        "the effects of step `{step}` of the saga of `{}` were committed without its log entry",
                        self.key
                    ),
                    vec![before, number],
                );
            }
        }
        self.done.push(Done { step: step.clone(), number, operation });
    }

    fn undone(&self, saga: SagaId, step: &SmolStr, operations: &Operations, number: u64, judge: &mut Judge<'_>) {
        let Some(done) = self.done.iter().find(|done| done.step == *step) else { return };
        if let Some(operation) = done.operation
            && !operations.undone.contains(&operation)
        {
            judge.violate(
                saga,
                format!("step `{step}` of the saga of `{}` was logged as compensated without being undone", self.key),
                vec![done.number, number],
            );
        }
    }
}
