use std::{collections::BTreeMap, time::Duration};

use seaworthy_core::{
    ids::{Direction, OperationId, SagaId},
    ports::{Operation, SagaStatus},
    saga::Record,
};
use smol_str::SmolStr;

use super::{Interest, Invariant, Judge, Lookup, Mode, SagaLog};
use crate::{
    plan::FaultKind,
    trace::{Effect, Event, VirtualTime, What},
};

/// `saga-held-up`: a participant outside that does not answer is no other saga's trouble.
///
/// While a service outside is down, or one call of it hangs, a saga that waits for no answer goes on. One that does not is found
/// where sagas are driven one after the other, and the one that asks in vain is tried in place until it works. Not accused are: a
/// saga that asks the service itself again and again, one that waits for a signal, for a moment or for its next attempt, one that waits for an
/// operator, and a wait in which anything else went wrong - another fault, a death.
///
/// The bound is a minute of virtual time ([`SagaHeldUp::within`]), and as long as forty port calls take for each saga that is
/// open. A saga that asks outside may wait three times as long for one answer: then an attempt has no limit.
///
/// State: one entry for each saga that has not ended, and one for each of its calls outside.
#[derive(Debug)]
pub struct SagaHeldUp {
    bound: VirtualTime,
    /// Time that a step may take in this run, and more.
    calls: VirtualTime,
    open: Lookup<SagaId, OpenSaga>,
    /// Sagas by the calls outside that they have begun.
    asked: Lookup<OperationId, SagaId>,
    /// Kinds of the faults that last, by their number in the plan.
    lasting: BTreeMap<u32, FaultKind>,
    /// The last moment up to which a call outside may hang.
    hangs_until: VirtualTime,
    /// Processes that are down, and whether a call hangs or is late that is none outside.
    down: u32,
    is_held: bool,
    /// The latest moment at which anything else went wrong, or was put right.
    calm_since: VirtualTime,
    looked: VirtualTime,
}

/// A saga that has not ended.
#[derive(Debug)]
struct OpenSaga {
    definition: SmolStr,
    key: SmolStr,
    /// Time at which it moved last, or is to be tried again.
    since: VirtualTime,
    event: u64,
    /// Steps that wait for a signal or for a moment.
    waiting: Vec<SmolStr>,
    /// `true` once a participant outside was asked, or the saga goes back, which may ask one without a word in the log.
    asks: bool,
    /// Its calls outside, each of which may have begun.
    calls: Vec<OperationId>,
    /// `true` if it waits for somebody else: an operator, a newer release.
    rests: bool,
    is_told: bool,
}

/// A minute: the lease of a process that lost the answer to its claim, and as long again.
const BOUND: VirtualTime = 60_000_000;

/// A step has some ten calls; one of them may be held up for seventeen times as long as the others.
const CALLS: u64 = 40;

/// Times the bound, so long a saga may wait for one answer: the core's limit for an attempt is two minutes.
const ASKS: u64 = 3;

/// Virtual time between two looks at all that is open.
const LOOK: VirtualTime = 5_000_000;

/// Longest time that a call which the plan has hang is waited for.
const HANG: VirtualTime = crate::plan::HANG_MS as VirtualTime * 1_000;

impl Default for SagaHeldUp {
    fn default() -> Self {
        Self::new()
    }
}

impl SagaHeldUp {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self {
            bound: BOUND,
            calls: 0,
            open: Lookup::new(),
            asked: Lookup::new(),
            lasting: BTreeMap::new(),
            hangs_until: 0,
            down: 0,
            is_held: false,
            calm_since: 0,
            looked: 0,
        }
    }

    /// Sets how long a saga may do nothing beside a participant that does not answer, in virtual time.
    #[must_use]
    pub fn within(mut self, bound: Duration) -> Self {
        self.bound = bound.as_micros() as u64;
        self
    }

    fn create(&mut self, saga: SagaId, (definition, key): (&SmolStr, &SmolStr), event: &Event) {
        let (definition, key) = (definition.clone(), key.clone());
        let (since, event) = (event.at, event.number);
        let open = OpenSaga {
            definition,
            key,
            since,
            event,
            waiting: Vec::new(),
            asks: false,
            calls: Vec::new(),
            rests: false,
            is_told: false,
        };
        self.open.insert(saga, open);
    }

    /// A saga has ended, or is gone: nobody waits for what it asked.
    fn close(&mut self, saga: &SagaId) {
        for call in self.open.remove(saga).into_iter().flat_map(|open| open.calls) {
            self.asked.remove(&call);
        }
    }

    fn log(&mut self, log: &SagaLog, event: &Event) {
        if log.status.is_terminal() {
            self.close(&log.saga);
            return;
        }
        let Some(open) = self.open.get_mut(&log.saga) else { return };
        (open.since, open.event) = (event.at, event.number);
        open.rests = log.status == SagaStatus::Stuck;
        for record in log.records.iter().flatten() {
            if let Some(step) = record.step() {
                open.waiting.retain(|waiting| waiting != step);
            }
            match record {
                Record::Attempting { step, .. } => {
                    open.asks = true;
                    for direction in [Direction::Action, Direction::Compensation] {
                        let call = OperationId::derive(log.saga, step, direction);
                        if self.asked.insert(call, log.saga).is_none() {
                            open.calls.push(call);
                        }
                    }
                }
                Record::CompensationBegun { .. } => open.asks = true,
                Record::Waiting { step, .. } => open.waiting.push(step.clone()),
                Record::Retry { delay_us, .. } => open.since = open.since.max(event.at.saturating_add(*delay_us)),
                Record::LeftToNewer { .. } => open.rests = true,
                _ => {}
            }
        }
    }

    /// A participant outside was asked by a saga: that is what it waits for.
    fn ask(&mut self, operation: &OperationId, event: &Event) {
        let asked = self.asked.get(operation);
        if let Some(open) = asked.and_then(|saga| self.open.get_mut(saga)) {
            open.since = open.since.max(event.at);
        }
    }

    fn look(&mut self, event: &Event, judge: &mut Judge<'_>) {
        let Self { bound, calls, open, lasting, hangs_until, calm_since, .. } = self;
        let is_out = !lasting.is_empty() || *hangs_until > event.at;
        let is_excusable = lasting.values().all(|kind| *kind == FaultKind::ExternalOutage);
        if !is_out || !is_excusable || self.down > 0 || self.is_held || event.at < self.looked + LOOK {
            return;
        }
        self.looked = event.at;
        let bound = *bound + *calls * (1 + open.len() as u64);
        let late = |open: &OpenSaga| {
            let is_idle = open.rests || !open.waiting.is_empty();
            let bound = if open.asks { bound * ASKS } else { bound };
            !is_idle && !open.is_told && open.since.max(*calm_since) + bound < event.at
        };
        let late: Vec<SagaId> =
            open.sorted().into_iter().filter(|(_, open)| late(open)).map(|(saga, _)| *saga).collect();
        for saga in late {
            let Some(open) = open.get_mut(&saga) else { continue };
            open.is_told = true;
            let seconds = (event.at - open.since) / 1_000_000;
            let how = if open.asks { "waited for one answer" } else { "did nothing" };
            let sentence = format!(
                "saga `{}` of `{}` {how} for {seconds} s, while nothing was wrong but a service outside",
                open.definition, open.key
            );
            judge.violate(saga, sentence, vec![open.event, event.number]);
        }
    }

    fn disturb(&mut self, at: VirtualTime) {
        self.calm_since = at;
    }

    fn fault(&mut self, (index, kind, point): (u32, FaultKind, Option<Operation>), at: VirtualTime) {
        if point.is_none() {
            self.lasting.insert(index, kind);
        }
        match (kind, point) {
            (FaultKind::ExternalOutage, _) => {}
            (FaultKind::Hang, Some(Operation::External)) => self.hangs_until = at + HANG,
            (FaultKind::Delay, Some(Operation::External)) => self.disturb(at),
            (FaultKind::Hang | FaultKind::Delay, _) => {
                self.is_held = true;
                self.disturb(at);
            }
            _ => self.disturb(at),
        }
    }
}

impl Invariant for SagaHeldUp {
    fn name(&self) -> &'static str {
        "saga-held-up"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::SAGA_CREATED
            | Interest::SAGA_LOGGED
            | Interest::EXTERNAL
            | Interest::FAULT
            | Interest::PROCESS
            | Interest::PHASE
            | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a saga")
    }

    fn pace(&mut self, longest_call: Duration) {
        self.calls = longest_call.as_micros() as u64 * CALLS;
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        self.look(event, judge);
        match &event.what {
            What::Commit { outcome, effects, .. } => {
                if !outcome.took_effect() {
                    return;
                }
                for effect in effects.iter() {
                    if let Effect::SagaCreated { saga, definition, key } = effect {
                        judge.judged();
                        self.create(*saga, (&definition.name, key), event);
                    }
                }
                for log in judge.saga_logs(event).iter() {
                    self.log(log, event);
                }
            }
            What::External { operation_id, .. } => self.ask(operation_id, event),
            What::Fault { index, kind, point } => self.fault((*index, *kind, *point), event.at),
            What::FaultOver { index } => {
                if self.lasting.remove(index).is_some_and(|kind| kind != FaultKind::ExternalOutage) {
                    self.disturb(event.at);
                }
            }
            What::Crash => {
                self.down += 1;
                self.disturb(event.at);
            }
            What::Boot { .. } => {
                self.down = self.down.saturating_sub(1);
                self.disturb(event.at);
            }
            What::Healed => {
                self.lasting.clear();
                (self.hangs_until, self.is_held) = (0, false);
                self.disturb(event.at);
            }
            What::Restored { sagas, .. } => {
                sagas.iter().for_each(|saga| self.close(saga));
                self.disturb(event.at);
            }
            _ => self.disturb(event.at),
        }
    }
}
