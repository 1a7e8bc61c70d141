use std::collections::BTreeMap;

use seaworthy_core::ids::SagaId;

use super::{Interest, Invariant, Judge, Lookup, Mode};
use crate::trace::{Effect, Event, ProcessIndex, What};

/// `sagas-hoarded`: a process takes over what it can drive, and leaves the rest to others.
///
/// At most 300 sagas ([`SagasHoarded::most`]) are taken over by one process and have no entry in their log since. One that takes
/// over all that is due after an outage can renew the lease of none: others take them over again, or find nothing to do.
///
/// Nor is one saga taken over again and again for nothing: sixty times in a row ([`SagasHoarded::in_a_row`]) without an entry of its log
/// between is told. It is found where a release does not know what the next one wrote, and takes up at each look what it has to leave.
///
/// State: one entry for each saga that was taken over and has logged nothing.
#[derive(Debug)]
pub struct SagasHoarded {
    most: u32,
    in_a_row: u32,
    taken: Lookup<SagaId, Taken>,
    /// Number of them, and whether it was told, by process and incarnation.
    hoards: BTreeMap<ProcessIndex, (u32, u32, bool)>,
}

/// Last takeover of a saga, and the number of them without an entry of its log since.
#[derive(Debug)]
struct Taken {
    by: ProcessIndex,
    times: u32,
}

/// Takeovers of one saga with nothing between: one each half minute for half an hour, or as many deaths in the middle of a step.
const IN_A_ROW: u32 = 60;

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
        Self { most: MOST, in_a_row: IN_A_ROW, taken: Lookup::new(), hoards: BTreeMap::new() }
    }

    /// Sets the number of sagas that a process may hold without having begun with them.
    #[must_use]
    pub fn most(mut self, most: u32) -> Self {
        self.most = most;
        self
    }

    /// Sets how often one saga may be taken over in a row, without an entry of its log between.
    #[must_use]
    pub fn in_a_row(mut self, times: u32) -> Self {
        self.in_a_row = times;
        self
    }

    /// Returns how often it was taken over in vain.
    fn let_go(&mut self, saga: &SagaId) -> u32 {
        let Some(Taken { by, times }) = self.taken.remove(saga) else { return 0 };
        if let Some((count, ..)) = self.hoards.get_mut(&by) {
            *count = count.saturating_sub(1);
        }
        times
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
                    let times = self.let_go(saga) + 1;
                    self.taken.insert(*saga, Taken { by: event.process, times });
                    if times == self.in_a_row + 1 {
                        let sentence =
                            format!("a saga was taken over {times} times in a row, and nothing was done about it");
                        judge.violate(*saga, sentence, vec![event.number]);
                    }
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
