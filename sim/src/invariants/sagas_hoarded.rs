use std::collections::BTreeMap;

use seaworthy_core::ids::SagaId;

use super::{Interest, Invariant, Judge, Lookup, Mode};
use crate::trace::{Effect, Event, ProcessIndex, What};

/// `sagas-hoarded`: a process takes over what it can drive, and leaves the rest to others.
///
/// At most 300 sagas ([`SagasHoarded::most`]) are taken over by one process and have no entry in their log since. One that takes
/// over all that is due after an outage can renew the lease of none: others take them over again, or find nothing to do.
///
/// State: one entry for each saga that was taken over and has logged nothing.
#[derive(Debug)]
pub struct SagasHoarded {
    most: u32,
    taken: Lookup<SagaId, ProcessIndex>,
    /// Number of them, and whether it was told, by process and incarnation.
    hoards: BTreeMap<ProcessIndex, (u32, u32, bool)>,
}

/// Number of sagas that a process drives at once by the core's defaults, and one batch more.
const MOST: u32 = 300;

impl Default for SagasHoarded {
    fn default() -> Self {
        Self::new()
    }
}

impl SagasHoarded {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self { most: MOST, taken: Lookup::new(), hoards: BTreeMap::new() }
    }

    /// Sets the number of sagas that a process may hold without having begun with them.
    #[must_use]
    pub fn most(mut self, most: u32) -> Self {
        self.most = most;
        self
    }

    fn let_go(&mut self, saga: &SagaId) {
        if let Some(process) = self.taken.remove(saga)
            && let Some((count, ..)) = self.hoards.get_mut(&process)
        {
            *count = count.saturating_sub(1);
        }
    }
}

impl Invariant for SagasHoarded {
    fn name(&self) -> &'static str {
        "sagas-hoarded"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::ACQUIRE | Interest::SAGA_LOGGED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a saga that was taken over")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Acquire { sagas, outcome, .. } if outcome.took_effect() => {
                for (saga, _) in sagas.iter() {
                    judge.judged();
                    self.let_go(saga);
                    self.taken.insert(*saga, event.process);
                    let hoard = self.hoards.entry(event.process).or_insert((0, event.incarnation, false));
                    if hoard.1 != event.incarnation {
                        // What the last one held is nobody's.
                        *hoard = (0, event.incarnation, false);
                    }
                    hoard.0 += 1;
                    if hoard.0 > self.most && !std::mem::replace(&mut hoard.2, true) {
                        let sentence =
                            format!("one process has taken over {} sagas and begun with none of them", hoard.0);
                        judge.violate(*saga, sentence, vec![event.number]);
                    }
                }
            }
            What::Commit { outcome, effects, .. } if outcome.took_effect() && !self.taken.is_empty() => {
                for effect in effects.iter() {
                    if let Effect::SagaLogged { saga, .. } = effect {
                        self.let_go(saga);
                    }
                }
            }
            _ => {}
        }
    }
}
