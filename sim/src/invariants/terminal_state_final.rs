use seaworthy_core::{ids::SagaId, ports::SagaStatus, saga::Record};

use super::{Interest, Invariant, Judge, Lookup, Mode, SagaLog};
use crate::trace::{Effect, Event, What};

/// `terminal-state-final`: nothing is written to the log of a saga that has ended, and its status never changes.
///
/// State: one small entry for each saga that has ended, never forgotten: a process that slept through the end may write
/// at any time.
#[derive(Debug, Default)]
pub struct TerminalStateFinal {
    ended: Lookup<SagaId, (SagaStatus, u64)>,
}

impl TerminalStateFinal {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Invariant for TerminalStateFinal {
    fn name(&self) -> &'static str {
        "terminal-state-final"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::SAGA_LOGGED | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a saga that ended")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let What::Restored { sagas, .. } = &event.what {
            // Their logs end where they ended then, which nobody here has kept.
            sagas.iter().for_each(|saga| _ = self.ended.remove(saga));
        }
        let What::Commit { outcome, effects, .. } = &event.what else { return };
        if !outcome.took_effect() {
            return;
        }
        if !effects.iter().any(|effect| matches!(effect, Effect::SagaLogged { .. })) {
            return;
        }
        for log in judge.saga_logs(event).iter() {
            if let Some((ended, number)) = self.ended.get(&log.saga) {
                judge.violate(
                    log.saga,
                    format!("a saga that was {} became {}", ended.name(), log.status.name()),
                    vec![*number, event.number],
                );
                continue;
            }
            if let Some((last, next)) = after_the_end(log) {
                judge.violate(
                    log.saga,
                    format!("the log of a saga goes on with `{next}` after `{last}`"),
                    vec![event.number],
                );
            }
            if log.status.is_terminal() {
                judge.judged();
                self.ended.insert(log.saga, (log.status, event.number));
            }
        }
    }
}

/// The names of a terminal record and of the one that follows it in the same append.
fn after_the_end(log: &SagaLog) -> Option<(&'static str, &'static str)> {
    let records = log.records.as_ref().ok()?;
    let is_terminal =
        |record: &Record| matches!(record, Record::Completed | Record::RolledBack | Record::Abandoned { .. });
    let pair = records.windows(2).find(|pair| is_terminal(&pair[0]))?;
    Some((pair[0].name(), pair[1].name()))
}
