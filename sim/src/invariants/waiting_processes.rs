use std::collections::BTreeSet;

use seaworthy_core::ids::MessageId;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::{Entity, Interest, Judge, Lookup};
use crate::{
    topology::Topology,
    trace::{Effect, Event},
};

/// Processes of process managers that have not ended, and what they wait for.
///
/// State: an entry for each that waits; where stores may be put back, one for each that ever was.
#[derive(Debug)]
pub(super) struct WaitingProcesses {
    waiting: Lookup<Instance, Waiting>,
    is_asked_for: bool,
    /// Collections of the process managers whose processes end.
    ending: Vec<SmolStr>,
    /// Types of the messages that were staged, where a process may have to be named with the last one that it has heard.
    kinds: Lookup<MessageId, SmolStr>,
    /// Processes that there were so far, where stores may be put back.
    known: Option<Lookup<Instance, ()>>,
    /// Processes that were there before a store was put back, or have heard of what is gone with it: what they wait for may be lost.
    bereaved: Lookup<Instance, ()>,
    restored: BTreeSet<SmolStr>,
    /// Messages that are gone with their store, and may have been on their way.
    lost: BTreeSet<MessageId>,
}

/// Store, collection and id of a process.
type Instance = (SmolStr, SmolStr, SmolStr);

/// Process that has not ended.
#[derive(Debug)]
struct Waiting {
    /// Timers that are set.
    timers: Vec<String>,
    /// Type of the message that it has heard last.
    heard: Option<SmolStr>,
    number: u64,
}

/// Beginning of the names of the collections of process managers.
const PROCESS: &str = "process.";

/// Ending of the names of the topics of timers.
const TIMERS: &str = ".timers";

impl WaitingProcesses {
    /// Those of a topology, at the start of a run.
    pub(super) fn from_topology(topology: &Topology) -> Self {
        let ending = topology.ending_processes.iter().map(|manager| format_smolstr!("{PROCESS}{manager}")).collect();
        Self {
            waiting: Lookup::new(),
            is_asked_for: has_processes(topology),
            ending,
            kinds: Lookup::new(),
            known: topology.restores.then(Lookup::new),
            bereaved: Lookup::new(),
            restored: BTreeSet::new(),
            lost: BTreeSet::new(),
        }
    }

    /// Kinds of events that say something about them.
    pub(super) fn interest(&self) -> Interest {
        let documents = if self.is_asked_for { Interest::DOCUMENT } else { Interest::NONE };
        if self.ending.is_empty() { documents } else { documents | Interest::STAGED }
    }

    /// Takes in what a commit has written.
    pub(super) fn see(&mut self, store: &SmolStr, effect: &Effect, event: &Event, judge: &mut Judge<'_>) {
        match effect {
            Effect::Staged(message) if !self.ending.is_empty() => {
                _ = self.kinds.insert(message.id, message.kind.clone());
            }
            Effect::Document { collection, id, body, .. } if self.is_asked_for && collection.starts_with(PROCESS) => {
                let instance = (store.clone(), collection.clone(), id.clone());
                let body = body.as_ref().map(|body| serde_json::from_slice(body).unwrap_or(Value::Null));
                self.write(instance, body, event, judge);
            }
            _ => {}
        }
    }

    fn write(&mut self, instance: Instance, body: Option<Value>, event: &Event, judge: &mut Judge<'_>) {
        if let Some(known) = &mut self.known {
            _ = known.insert(instance.clone(), ());
        }
        let mut handled = event.effects().iter().filter_map(Effect::handles).map(|(_, message)| message);
        if !self.lost.is_empty() && handled.clone().any(|message| self.lost.contains(&message)) {
            _ = self.bereaved.insert(instance.clone(), ());
        }
        let is_bereaved = self.bereaved.contains(&instance);
        // Its timer may have gone off in the life that is lost, and the store that it went off from with it.
        let timers = if is_bereaved && self.restored.contains(&instance.0) {
            Vec::new()
        } else {
            body.as_ref().map(timers).unwrap_or_default()
        };
        let ends = self.ending.contains(&instance.1) && !is_bereaved;
        let is_open = body.is_some_and(|body| ends && body["ended_at"].is_null());
        if timers.is_empty() && !is_open {
            self.waiting.remove(&instance);
            return;
        }
        judge.met();
        let heard = handled.find_map(|message| self.kinds.get(&message).cloned());
        self.waiting.insert(instance, Waiting { timers, heard, number: event.number });
    }

    /// A store was put back. What its processes wait for may have come already, in the life that is lost; and those of others may wait
    /// for what is lost.
    pub(super) fn restored(&mut self, store: &SmolStr, messages: impl Iterator<Item = MessageId>) {
        self.restored.insert(store.clone());
        self.lost.extend(messages);
        for (instance, ()) in self.known.iter().flat_map(|known| known.sorted()) {
            _ = self.bereaved.insert(instance.clone(), ());
        }
        let waiting = self.waiting.sorted().into_iter();
        let excused = waiting.filter(|((of, ..), waiting)| of == store || waiting.timers.is_empty());
        let excused: Vec<Instance> = excused.map(|(instance, _)| instance.clone()).collect();
        excused.iter().for_each(|instance| _ = self.waiting.remove(instance));
    }

    /// The run has come to rest: names those that still wait.
    pub(super) fn conclude(&self, judge: &mut Judge<'_>) {
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

/// Returns `true` if a topology has a process manager: one that is declared, or that hears of its timers on a topic of its own.
pub(super) fn has_processes(topology: &Topology) -> bool {
    !topology.ending_processes.is_empty() || topology.topics().iter().any(|topic| topic.ends_with(TIMERS))
}

/// The timers that are set in an instance of a process manager.
fn timers(instance: &Value) -> Vec<String> {
    let timers = instance["timers"].as_object().into_iter().flatten();
    timers.filter(|(_, timer)| timer["is_set"] == Value::Bool(true)).map(|(name, _)| name.clone()).collect()
}
