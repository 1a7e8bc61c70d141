use std::time::Duration;

use seaworthy_core::ids::SagaId;

use super::{Interest, Invariant, Judge, Lookup, Mode};
use crate::trace::{Effect, Event, VirtualTime, What};

/// `saga-starts-late`: a saga begins when it is started, and not when somebody next looks.
///
/// A saga that was created in a run in which nothing has gone wrong so far has its first step behind it, or tried, within five
/// seconds of virtual time ([`SagaStartsLate::within`]), and as long as forty port calls take. One that waits longer is leased to somebody who does not drive it -
/// whoever created it within its own transaction and went on - or stands in a queue.
///
/// State: one entry for each saga that has only been created.
#[derive(Debug)]
pub struct SagaStartsLate {
    bound: VirtualTime,
    /// Time that the calls up to the first step may take in this run.
    calls: VirtualTime,
    created: Lookup<SagaId, (VirtualTime, u64)>,
    /// `true` once anything has gone wrong: from then on nobody promises anything.
    is_disturbed: bool,
}

/// Some ten calls lead to a saga's first step; one of them may be held up for seventeen times as long as the others.
const CALLS: u64 = 40;

impl Default for SagaStartsLate {
    fn default() -> Self {
        Self::new()
    }
}

impl SagaStartsLate {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self { bound: 5_000_000, calls: 0, created: Lookup::new(), is_disturbed: false }
    }

    /// Sets how long a saga may wait for its first step, in virtual time.
    #[must_use]
    pub fn within(mut self, bound: Duration) -> Self {
        self.bound = bound.as_micros() as u64;
        self
    }
}

impl Invariant for SagaStartsLate {
    fn name(&self) -> &'static str {
        "saga-starts-late"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::SAGA_CREATED | Interest::SAGA_LOGGED | Interest::FAULT
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a saga that was started while nothing had gone wrong")
    }

    fn pace(&mut self, longest_call: Duration) {
        self.calls = longest_call.as_micros() as u64 * CALLS;
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { outcome, effects, .. } if outcome.took_effect() && !self.is_disturbed => {
                for effect in effects.iter() {
                    match effect {
                        Effect::SagaCreated { saga, .. } => _ = self.created.insert(*saga, (event.at, event.number)),
                        // Its first record says no more than that it was created.
                        Effect::SagaLogged { saga, length, .. } if *length > 0 => {
                            let Some((at, created)) = self.created.remove(saga) else { continue };
                            judge.judged();
                            let waited = event.at - at;
                            if waited > self.bound + self.calls {
                                let seconds = waited / 1_000_000;
                                let sentence = format!(
                                    "a saga began {seconds} s after it was started, and nothing had gone wrong"
                                );
                                judge.violate(*saga, sentence, vec![created, event.number]);
                            }
                        }
                        _ => {}
                    }
                }
            }
            What::Fault { .. } => {
                self.is_disturbed = true;
                self.created = Lookup::new();
            }
            _ => {}
        }
    }
}
