use seaworthy_core::ids::MessageId;
use smol_str::SmolStr;

use super::{
    Interest, Invariant, Judge, Mode,
    messages::ByMessage,
    readers::{Readers, applied},
};
use crate::{
    topology::Topology,
    trace::{Effect, Event, What},
};

/// `gap-read-past`: nobody reads past an event that may still commit. No event turns up before one that a reader of the log was shown,
/// or behind the checkpoint of a [subscriber](seaworthy_core::events::Subscriber): who keeps nothing but a position would never see it.
///
/// State: the position of each event, and the last one that was read of each store.
#[derive(Debug)]
pub struct GapReadPast {
    positions: ByMessage<u64>,
    shown: Vec<(SmolStr, Shown)>,
    readers: Readers<Shown>,
}

/// The last position that was read, and the event that shows it.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    position: u64,
    number: u64,
}

impl GapReadPast {
    /// The invariant at the start of a run of a topology.
    pub fn from_topology(topology: &Topology) -> Self {
        Self { positions: ByMessage::default(), shown: Vec::new(), readers: Readers::from_topology(topology) }
    }

    fn show(&mut self, store: &SmolStr, position: u64, number: u64) {
        match self.shown.iter_mut().find(|(known, _)| known == store) {
            Some((_, shown)) if shown.position >= position => {}
            Some((_, shown)) => *shown = Shown { position, number },
            None => self.shown.push((store.clone(), Shown { position, number })),
        }
    }

    /// An event is committed: it has to lie behind all that was read so far.
    fn append(
        &mut self,
        store: &SmolStr,
        (position, id, what): (u64, MessageId, &str),
        number: u64,
        judge: &mut Judge<'_>,
    ) {
        judge.judged();
        *self.positions.of(judge.message(id)) = position;
        let jumped = self.readers.subscribers(store).find(|reader| reader.state.position >= position);
        let (by, past) = match jumped {
            Some(reader) => (format!("the checkpoint of `{}`", reader.name), reader.state),
            None => match self.shown.iter().find(|(known, shown)| known == store && shown.position >= position) {
                Some((_, shown)) => ("a reader of the log".to_owned(), *shown),
                None => return,
            },
        };
        let sentence = format!("{what} came to position {position}, and {by} was at {} before", past.position);
        judge.violate(id, sentence, vec![past.number, number]);
    }
}

impl Invariant for GapReadPast {
    fn name(&self) -> &'static str {
        "gap-read-past"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STREAM | Interest::CHECKPOINT | Interest::OBSERVED | Interest::STORE_CALL | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("an event that was appended to a stream")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::StoreCall {
                store,
                messages,
                outcome,
                operation: seaworthy_core::ports::Operation::ReadEvents,
                ..
            } if outcome.took_effect() => {
                let known = |id| judge.known_message(id).and_then(|message| self.positions.get(message).copied());
                if let Some(last) = messages.iter().filter_map(known).max() {
                    self.show(store, last, event.number);
                }
            }
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    if let Effect::Appended { stream, position, event: message, .. } = effect {
                        let what = format!("`{}` of stream `{stream}`", message.kind);
                        self.append(store, (*position, message.id, &what), event.number, judge);
                    }
                }
                for effect in effects.iter() {
                    match effect {
                        Effect::Checkpoint { consumer, position } => {
                            let moved = Shown { position: *position, number: event.number };
                            self.readers.of(store, consumer).state = moved;
                        }
                        effect => {
                            if let Some((subscriber, _)) = applied(effect) {
                                self.readers.of(store, subscriber).is_subscriber = true;
                            }
                        }
                    }
                }
            }
            What::Restored { store, .. } => {
                self.shown.retain(|(known, _)| known != store);
                self.readers.forget(store);
            }
            _ => {}
        }
    }
}
