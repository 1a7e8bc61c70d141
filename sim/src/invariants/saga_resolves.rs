use seaworthy_core::{ids::SagaId, ports::SagaStatus, saga::Record};
use smol_str::SmolStr;

use super::{Ending, Interest, Invariant, Judge, Lookup, Mode};
use crate::trace::{Effect, Event, What};

/// `saga-resolves`: by the end of the run every saga has ended: completed, compensated or abandoned.
///
/// A stuck saga waits for an operator, and in a simulation there is none unless the scenario plays one, so it counts as
/// a violation; [`SagaResolves::or_stuck`] says that it is an ending that the scenario expects. A saga that waits for a signal
/// which nobody has sent is named with what it waits for; [`SagaResolves::or_waiting`] says that this is no fault. Nor is it one
/// where a store was put back to what it was while the saga was open: what it waits for may have been sent, and lost with
/// that store, and whoever sent it has forgotten.
///
/// State: one entry for each saga that has not ended.
#[derive(Debug, Default)]
pub struct SagaResolves {
    open: Lookup<SagaId, OpenSaga>,
    may_be_stuck: bool,
    may_wait: bool,
    /// Sagas that are gone with a store that was put back: what one of them waits for when it is started again may have been given to
    /// it before.
    lost: Lookup<SagaId, ()>,
}

#[derive(Debug)]
struct OpenSaga {
    definition: SmolStr,
    key: SmolStr,
    status: SagaStatus,
    created: u64,
    last: u64,
    /// Steps that wait, and the signals that they wait for.
    waits_for: Vec<(SmolStr, SmolStr)>,
    /// All that ever waited: after its store was put back, it may wait again.
    waited_for: Vec<(SmolStr, SmolStr)>,
    /// `true` if what it waits for may be lost.
    is_bereaved: bool,
}

impl OpenSaga {
    /// Takes in the entries of an append.
    fn read(&mut self, records: &[Record]) {
        for record in records {
            let Some(step) = record.step() else { continue };
            self.waits_for.retain(|(waiting, _)| waiting != step);
            if let Record::Waiting { signal: Some(signal), limit_us: None, until: None, .. } = record {
                let waits = (step.clone(), signal.clone());
                if !self.waited_for.contains(&waits) {
                    self.waited_for.push(waits.clone());
                }
                self.waits_for.push(waits);
            }
        }
    }
}

impl SagaResolves {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `stuck` for an ending too.
    #[must_use]
    pub fn or_stuck(mut self) -> Self {
        self.may_be_stuck = true;
        self
    }

    /// Takes a saga that waits for a signal, for as long as it takes, for one that has come to rest: where whoever would send
    /// it is not part of the scenario.
    #[must_use]
    pub fn or_waiting(mut self) -> Self {
        self.may_wait = true;
        self
    }
}

impl Invariant for SagaResolves {
    fn name(&self) -> &'static str {
        "saga-resolves"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Interest::SAGA_CREATED | Interest::SAGA_LOGGED | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a saga")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let What::Restored { since, sagas, .. } = &event.what {
            for saga in sagas.iter() {
                match self.open.get_mut(saga) {
                    Some(open) if open.created < *since => {
                        open.status = SagaStatus::Running;
                        open.waits_for = open.waited_for.clone();
                    }
                    _ => {
                        self.open.remove(saga);
                        self.lost.insert(*saga, ());
                    }
                }
            }
            let open: Vec<SagaId> = self.open.sorted().into_iter().map(|(saga, _)| *saga).collect();
            for saga in open {
                let Some(open) = self.open.get_mut(&saga) else { continue };
                open.is_bereaved = true;
            }
        }
        let What::Commit { outcome, effects, .. } = &event.what else { return };
        if !outcome.took_effect() {
            return;
        }
        for effect in effects.iter() {
            match effect {
                Effect::SagaCreated { saga, definition, key } => {
                    let (definition, key) = (definition.name.clone(), key.clone());
                    let (created, last) = (event.number, event.number);
                    let open = OpenSaga {
                        definition,
                        key,
                        status: SagaStatus::Running,
                        created,
                        last,
                        waits_for: Vec::new(),
                        waited_for: Vec::new(),
                        is_bereaved: self.lost.contains(saga),
                    };
                    self.open.insert(*saga, open);
                }
                Effect::SagaLogged { saga, status, .. } => {
                    let Some(open) = self.open.get_mut(saga) else { continue };
                    open.status = *status;
                    open.last = event.number;
                    if status.is_terminal() {
                        self.open.remove(saga);
                        judge.judged();
                    }
                }
                _ => {}
            }
        }
        for log in judge.saga_logs(event).iter() {
            if let (Some(open), Ok(records)) = (self.open.get_mut(&log.saga), &log.records) {
                open.read(records);
            }
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        let by_then = match ending {
            Ending::Quiet => "although the run has come to rest",
            _ => "at the end of the run's budget",
        };
        for (id, open) in self.open.sorted() {
            judge.judged();
            let state = match open.status {
                SagaStatus::Stuck if self.may_be_stuck => continue,
                SagaStatus::Stuck => "is stuck and waits for an operator".to_owned(),
                SagaStatus::Compensating => "is still compensating".to_owned(),
                _ if !open.waits_for.is_empty() && (self.may_wait || open.is_bereaved) => continue,
                _ if !open.waits_for.is_empty() => {
                    let waits_for = open.waits_for.iter().map(|(step, signal)| format!("`{signal}` at step `{step}`"));
                    format!("waits for {}, which nobody has sent,", waits_for.collect::<Vec<_>>().join(" and for "))
                }
                _ => "is still running".to_owned(),
            };
            let mut events = vec![open.created, open.last];
            events.dedup();
            judge.violate(*id, format!("saga `{}` of `{}` {state} {by_then}", open.definition, open.key), events);
        }
    }
}
