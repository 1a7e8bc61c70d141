use seaworthy_core::{ids::SagaId, ports::SagaStatus};

use super::{Interest, Invariant, Judge, Lookup, Mode};
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
        Interest::SAGA_LOGGED
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        let What::Commit { outcome, effects, .. } = &event.what else { return };
        if !outcome.took_effect() {
            return;
        }
        for effect in effects.iter() {
            let Effect::SagaLogged { saga, status, .. } = effect else { continue };
            if let Some((ended, number)) = self.ended.get(saga) {
                judge.violate(
                    saga.to_string(),
                    format!("a saga that was {} became {}", words(*ended), words(*status)),
                    vec![*number, event.number],
                );
            } else if status.is_terminal() {
                judge.judged();
                self.ended.insert(*saga, (*status, event.number));
            }
        }
    }
}

fn words(status: SagaStatus) -> &'static str {
    match status {
        SagaStatus::Running => "running",
        SagaStatus::Compensating => "compensating",
        SagaStatus::Stuck => "stuck",
        SagaStatus::Completed => "completed",
        SagaStatus::Compensated => "compensated",
        SagaStatus::Abandoned => "abandoned",
    }
}
