use std::collections::BTreeMap;

use seaworthy_core::ids::MessageId;
use smol_str::SmolStr;

use super::{
    Ending, Entity, Interest, Invariant, Judge, Mode,
    readers::{Readers, applied},
    waiting_processes::WaitingProcesses,
};
use crate::{
    topology::Topology,
    trace::{Effect, Event, What, ids_in},
};

/// `stands-still`: once the run has come to rest, nobody stands still who has something to go on with. Who does is named with what it
/// waits for:
///
/// - A [subscriber](seaworthy_core::events::Subscriber) has read all events of its store, whatever it has parked, unless the topology
///   says that this [keeps it from going on](Topology::subscriber_blocked_by_parked()). Of one that the topology does not declare it is
///   asked for the types that it handles.
/// - In a stream no parked event waits behind another that is not parked any more.
/// - No process of a [process manager](seaworthy_core::choreography::ProcessManager) waits for a timer: at rest each has gone off. Where
///   the topology says that [its processes end](Topology::processes_end()), none waits for anything else either, unless what it waits
///   for may be lost with a store that was [put back](Topology::restores()).
///
/// State: the events that some subscriber has not read, those that are parked, and the processes that wait.
#[derive(Debug)]
pub struct StandsStill {
    logs: BTreeMap<SmolStr, BTreeMap<u64, Logged>>,
    readers: Readers<Place>,
    processes: WaitingProcesses,
    /// Subscribers that what they have parked keeps from going on, by store and name.
    blocked: Vec<(SmolStr, SmolStr)>,
}

/// An event that was appended.
#[derive(Debug)]
struct Logged {
    kind: SmolStr,
    stream: SmolStr,
    number: u64,
}

/// Place of a reader.
#[derive(Debug, Default)]
struct Place {
    position: u64,
    kinds: Vec<SmolStr>,
    parked: BTreeMap<MessageId, Parked>,
    /// The last failure, and the event that counted it.
    failed: Option<(SmolStr, u64)>,
}

#[derive(Debug)]
struct Parked {
    reason: SmolStr,
    number: u64,
}

impl StandsStill {
    /// The invariant at the start of a run of a topology.
    pub fn from_topology(topology: &Topology) -> Self {
        let (logs, readers) = (BTreeMap::new(), Readers::from_topology(topology));
        let processes = WaitingProcesses::from_topology(topology);
        Self { logs, readers, processes, blocked: topology.blocked_subscribers.clone() }
    }

    fn see(&mut self, store: &SmolStr, effect: &Effect, event: &Event, judge: &mut Judge<'_>) {
        self.processes.see(store, effect, event, judge);
        match effect {
            Effect::Appended { stream, position, event: message, .. } => {
                judge.met();
                let logged = Logged { kind: message.kind.clone(), stream: stream.clone(), number: event.number };
                self.logs.entry(store.clone()).or_default().insert(*position, logged);
            }
            Effect::Checkpoint { consumer, position } => {
                let place = &mut self.readers.of(store, consumer).state;
                (place.position, place.failed) = (*position, None);
                self.forget_what_all_have_read(store);
            }
            Effect::Buried { consumer, message, reason } => {
                let parked = Parked { reason: reason.clone(), number: event.number };
                self.readers.of(store, consumer).state.parked.insert(*message, parked);
            }
            Effect::Exhumed { consumer, message } => {
                self.readers.of(store, consumer).state.parked.remove(message);
            }
            Effect::Failed { consumer, error, .. } => {
                self.readers.of(store, consumer).state.failed = Some((error.clone(), event.number));
            }
            effect => {
                let Some((subscriber, position)) = applied(effect) else { return };
                let reader = self.readers.of(store, subscriber);
                reader.is_subscriber = true;
                let event = self.logs.get(store).and_then(|log| log.get(&position));
                if let Some(Logged { kind, .. }) = event.filter(|event| !reader.state.kinds.contains(&event.kind)) {
                    reader.state.kinds.push(kind.clone());
                }
            }
        }
    }

    fn forget_what_all_have_read(&mut self, store: &SmolStr) {
        let slowest = self.readers.subscribers(store).map(|reader| reader.state.position).min();
        if let (Some(slowest), Some(log)) = (slowest, self.logs.get_mut(store))
            && let Some((last, _)) = log.last_key_value()
        {
            // The last one stays, for whoever turns out to be a subscriber later.
            *log = log.split_off(&slowest.saturating_add(1).min(*last));
        }
    }

    /// A subscriber has events before it that it does not read.
    fn conclude_on_subscribers(&self, judge: &mut Judge<'_>) {
        for reader in self.readers.iter().filter(|reader| reader.is_subscriber) {
            let Place { position, parked, failed, kinds } = &reader.state;
            let Some(log) = self.logs.get(&reader.store) else { continue };
            let is_asked_for = |event: &Logged| reader.is_declared || failed.is_some() || kinds.contains(&event.kind);
            let mut unread = log.range(position + 1..).filter(|(_, event)| is_asked_for(event));
            let is_blocked = |(store, name): &(SmolStr, SmolStr)| *name == reader.name && *store == reader.store;
            // By choice one that has parked an event waits for somebody to look at it.
            if !parked.is_empty() && self.blocked.iter().any(is_blocked) {
                continue;
            }
            let Some((next, event)) = unread.next() else { continue };
            let more = match unread.count() {
                0 => String::new(),
                more => format!(", with {more} more behind it"),
            };
            let (kind, stream, name) = (&event.kind, &event.stream, &reader.name);
            let why = failed.as_ref().map_or_else(String::new, |(error, _)| format!(", and failed last with: {error}"));
            let sentence = format!(
                "`{name}` stands still at position {position}: it waits for `{kind}` of stream `{stream}` at {next}{more}{why}"
            );
            let mut events = vec![event.number];
            events.extend(failed.as_ref().map(|(_, number)| *number));
            judge.violate(Entity::named("subscriber", name.clone()), sentence, events);
        }
    }

    /// A stream of which an event waits behind nothing.
    fn conclude_on_parked(&self, judge: &mut Judge<'_>) {
        for reader in self.readers.iter() {
            let Place { parked, .. } = &reader.state;
            for (message, Parked { reason, number }) in parked {
                let waits_for = reason.starts_with(WAITS).then(|| ids_in(reason).into_iter().next()).flatten();
                let Some(before) = waits_for.map(MessageId).filter(|before| !parked.contains_key(before)) else {
                    continue;
                };
                let name = &reader.name;
                let sentence = format!(
                    "a stream stands still for `{name}`: {message} waits behind {before}, which is not parked any more"
                );
                judge.violate(*message, sentence, vec![*number]);
            }
        }
    }
}

/// Beginning of the reason of an event that is parked because one before it is.
const WAITS: &str = "waits behind ";

impl Invariant for StandsStill {
    fn name(&self) -> &'static str {
        "stands-still"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        let all = Interest::STREAM | Interest::CHECKPOINT | Interest::OBSERVED | Interest::INBOX | Interest::RESTORED;
        all | self.processes.interest()
    }

    fn subject(&self) -> Option<&'static str> {
        Some("an event that was appended to a stream, or a process of a process manager that waits")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                effects.iter().for_each(|effect| self.see(store, effect, event, judge));
            }
            What::Restored { store, messages, .. } => {
                self.logs.remove(store);
                self.readers.forget(store);
                self.processes.restored(store, messages.iter());
            }
            _ => {}
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending != Ending::Quiet {
            return;
        }
        *judge.judged += std::mem::take(judge.met);
        self.conclude_on_subscribers(judge);
        self.conclude_on_parked(judge);
        self.processes.conclude(judge);
    }
}
