use std::collections::BTreeMap;

use seaworthy_core::ids::MessageId;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::{
    Ending, Entity, Interest, Invariant, Judge, Lookup, Mode,
    readers::{Readers, applied},
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
///   the topology says that [its processes end](Topology::processes_end()), none waits for anything else either.
///
/// State: the events that some subscriber has not read, those that are parked, and the processes that wait.
#[derive(Debug)]
pub struct StandsStill {
    logs: BTreeMap<SmolStr, BTreeMap<u64, Logged>>,
    readers: Readers<Place>,
    /// Processes that wait: by store, collection and id.
    waiting: Lookup<(SmolStr, SmolStr, SmolStr), Waiting>,
    has_processes: bool,
    /// Collections of the process managers whose processes end.
    ending: Vec<SmolStr>,
    /// Types of the messages that were staged, where a process may have to be named with the last one that it has heard.
    kinds: Lookup<MessageId, SmolStr>,
    /// Subscribers that what they have parked keeps from going on, by store and name.
    blocked: Vec<(SmolStr, SmolStr)>,
}

/// Process that has not ended.
#[derive(Debug)]
struct Waiting {
    /// Timers that are set.
    timers: Vec<String>,
    /// Type of the message that it has heard last.
    heard: Option<SmolStr>,
    number: u64,
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
        let ending = topology.ending_processes.iter().map(|manager| format_smolstr!("{PROCESS}{manager}")).collect();
        let (waiting, kinds, blocked) = (Lookup::new(), Lookup::new(), topology.blocked_subscribers.clone());
        Self { logs, readers, waiting, has_processes: has_processes(topology), ending, kinds, blocked }
    }

    fn see(&mut self, store: &SmolStr, effect: &Effect, event: &Event, judge: &mut Judge<'_>) {
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
            Effect::Staged(message) if !self.ending.is_empty() => {
                _ = self.kinds.insert(message.id, message.kind.clone())
            }
            Effect::Document { collection, id, body, .. } if self.has_processes && collection.starts_with(PROCESS) => {
                let place = (store.clone(), collection.clone(), id.clone());
                let instance = body.as_ref().map(|body| serde_json::from_slice(body).unwrap_or(Value::Null));
                let ends = self.ending.contains(collection);
                let is_open = |instance: &Value| ends && instance["ended_at"].is_null();
                let timers = instance.as_ref().map(timers).unwrap_or_default();
                if timers.is_empty() && !instance.as_ref().is_some_and(is_open) {
                    self.waiting.remove(&place);
                } else {
                    judge.met();
                    let mut handled = event.effects().iter().filter_map(Effect::handles);
                    let heard = handled.find_map(|(_, message)| self.kinds.get(&message).cloned());
                    self.waiting.insert(place, Waiting { timers, heard, number: event.number });
                }
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

/// Beginning of the names of the collections of process managers.
const PROCESS: &str = "process.";

/// Beginning of the reason of an event that is parked because one before it is.
const WAITS: &str = "waits behind ";

/// Ending of the names of the topics of timers.
const TIMERS: &str = ".timers";

/// Returns `true` if a topology has a process manager: one that is declared, or that hears of its timers on a topic of its own.
pub(super) fn has_processes(topology: &Topology) -> bool {
    !topology.ending_processes.is_empty() || topology.topics().iter().any(|topic| topic.ends_with(TIMERS))
}

/// The timers that are set in an instance of a process manager.
fn timers(instance: &Value) -> Vec<String> {
    let timers = instance["timers"].as_object().into_iter().flatten();
    timers.filter(|(_, timer)| timer["is_set"] == Value::Bool(true)).map(|(name, _)| name.clone()).collect()
}

impl Invariant for StandsStill {
    fn name(&self) -> &'static str {
        "stands-still"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        let all = Interest::STREAM | Interest::CHECKPOINT | Interest::OBSERVED | Interest::INBOX | Interest::RESTORED;
        let all = if self.has_processes { all | Interest::DOCUMENT } else { all };
        if self.ending.is_empty() { all } else { all | Interest::STAGED }
    }

    fn subject(&self) -> Option<&'static str> {
        Some("an event that was appended to a stream, or a process of a process manager that waits")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                effects.iter().for_each(|effect| self.see(store, effect, event, judge));
            }
            What::Restored { store, .. } => {
                self.logs.remove(store);
                self.readers.forget(store);
                let gone = self.waiting.sorted().into_iter().map(|(place, _)| place.clone());
                let gone: Vec<_> = gone.filter(|(of, ..)| of == store).collect();
                gone.iter().for_each(|place| _ = self.waiting.remove(place));
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
        for ((_, collection, id), Waiting { timers, heard, number }) in self.waiting.sorted() {
            let manager = collection.trim_start_matches(PROCESS);
            let waits = match (&timers[..], heard) {
                ([_, ..], _) => format!("it waits for its timer {}", timers.join(", ")),
                ([], Some(kind)) => format!("it has heard `{kind}` last and waits for another message"),
                ([], None) => "it waits for another message".to_owned(),
            };
            let sentence = format!("process `{id}` of `{manager}` stands still: {waits}, and nothing is to come");
            judge.violate(Entity::named("process", id.clone()), sentence, vec![*number]);
        }
    }
}
