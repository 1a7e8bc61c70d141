use std::sync::Arc;

use seaworthy_core::ids::MessageId;
use smol_str::SmolStr;

use super::{Interest, Invariant, Judge, Mode, Practice, messages::ByMessage};
use crate::{
    topology::Topology,
    trace::{Effect, Event, ProcessIndex, What},
};

/// `phantom-event`: the broker accepted a message that no committed transaction has staged, from a source that stages its
/// messages or from a process whose store has an outbox.
///
/// Judged at the moment of publishing: a transaction that commits later does not excuse a message that was out before,
/// since a crash between the two would have left it without a cause. A commit whose reply was lost has staged its
/// messages; one whose request was lost has not.
///
/// A service that stages nothing in any run has no outbox here, or one in tables of its own: nothing can be said of it
/// until those are declared. Nor of one that stages only what the broker did not take. Who stages is learnt from runs
/// without a fault ([`Practice`]), or from the run itself where there is no practice. What is meant to be published
/// without the outbox, from a source that has one, is exempted by its type ([`PhantomEvent::may_publish`]).
///
/// State: one id for each staged message. It is never forgotten, because a stale relay may publish a message long after
/// another settled it, and that is no phantom.
#[derive(Debug, Default)]
pub struct PhantomEvent {
    practice: Arc<Practice>,
    staged: ByMessage<bool>,
    sources: Vec<SmolStr>,
    stores: Vec<SmolStr>,
    exempt: Vec<SmolStr>,
    /// The store of each process, once it has committed to it.
    own: Vec<Option<SmolStr>>,
    /// The first message of each source that was published without being staged, while nobody was known to stage.
    early: Vec<Early>,
}

#[derive(Debug)]
struct Early {
    source: SmolStr,
    store: Option<SmolStr>,
    message: MessageId,
    sentence: String,
    number: u64,
}

impl PhantomEvent {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`PhantomEvent::new`], with what the topology declares: which store each process is on, and which stores have an
    /// outbox in tables of their own, so that those are judged from the first message on. A type of messages that only
    /// shows that somebody is alive ([`Topology::heartbeat`]) needs no outbox.
    pub fn from_topology(topology: &Topology) -> Self {
        let own = topology.processes.iter().map(|process| Some(process.store.clone())).collect();
        let stores = topology.tables.outboxes.iter().map(|outbox| outbox.place.store.clone()).collect();
        Self { own, stores, exempt: topology.heartbeats.clone(), ..Self::default() }
    }

    /// Lets messages of this type be published without having been staged: a figure that is out of date in a second.
    #[must_use]
    pub fn may_publish(mut self, kind: &str) -> Self {
        self.exempt.push(kind.into());
        self
    }

    /// Somebody stages: what the same one published before without that was a phantom.
    fn learn_from(&mut self, source: &SmolStr, store: &SmolStr, judge: &mut Judge<'_>) {
        if self.practice.runs() > 0 || (self.sources.contains(source) && self.stores.contains(store)) {
            return;
        }
        self.sources.push(source.clone());
        self.stores.push(store.clone());
        let is_same = |early: &Early| early.source == *source || early.store.as_ref() == Some(store);
        while let Some(index) = self.early.iter().position(is_same) {
            let early = self.early.swap_remove(index);
            judge.judged();
            judge.violate(early.message, early.sentence, vec![early.number]);
        }
    }

    fn stages(&self, source: &SmolStr, store: Option<&SmolStr>) -> bool {
        let has_outbox = |store: &SmolStr| self.practice.has_outbox(store) || self.stores.contains(store);
        self.practice.stages(source) || self.sources.contains(source) || store.is_some_and(has_outbox)
    }

    fn own(&mut self, process: ProcessIndex, store: &SmolStr) {
        let index = usize::from(process.0);
        if process == ProcessIndex::WORLD || self.own.get(index).is_some_and(Option::is_some) {
            return;
        }
        if self.own.len() <= index {
            self.own.resize(index + 1, None);
        }
        self.own[index] = Some(store.clone());
    }
}

impl Invariant for PhantomEvent {
    fn name(&self) -> &'static str {
        "phantom-event"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::COMMIT | Interest::PUBLISH
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message accepted by the broker from a service that stages its messages in an outbox")
    }

    fn learns(&self) -> bool {
        true
    }

    fn learn(&mut self, practice: &Arc<Practice>) {
        self.practice = practice.clone();
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                self.own(event.process, store);
                for effect in effects.iter() {
                    if let Effect::Staged(message) = effect {
                        *self.staged.of(judge.message(message.id)) = true;
                        self.learn_from(&message.source, store, judge);
                    }
                }
            }
            What::Publish { message, outcome, .. } if outcome.took_effect() => {
                if *self.staged.of(judge.message(message.id)) {
                    judge.judged();
                    return;
                }
                if self.exempt.contains(&message.kind) {
                    return;
                }
                let source = &message.source;
                let store = self.own.get(usize::from(event.process.0)).and_then(Option::as_ref);
                let sentence = format!(
                    "the broker accepted `{}` of `{}`, which no committed transaction has staged",
                    message.kind, message.subject
                );
                if self.stages(source, store) {
                    judge.judged();
                    judge.violate(message.id, sentence, vec![event.number]);
                } else if self.early.iter().all(|early| early.source != *source) {
                    let (source, store) = (source.clone(), store.cloned());
                    self.early.push(Early { source, store, message: message.id, sentence, number: event.number });
                }
            }
            _ => {}
        }
    }
}
