use smol_str::SmolStr;

use super::{Entity, Interest, Invariant, Judge, Lookup, Mode, name_numbers::NameNumbers};
use crate::trace::{Effect, Event, What};

/// `dense-streams`: the versions of a stream go on one by one, without a gap and without one that is there twice.
///
/// Where a stream begins may be before the run, so the first version that is seen is taken as it is.
///
/// State: one small entry for each stream.
#[derive(Debug, Default)]
pub struct DenseStreams {
    names: NameNumbers,
    /// The last version of each stream, and the event that appended it.
    last: Lookup<(u16, SmolStr), (u64, u64)>,
    /// Stores that were put back: what they hold now began in the copy.
    lives: Vec<SmolStr>,
}

impl DenseStreams {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    fn append(&mut self, store: u16, stream: &SmolStr, version: u64, number: u64, judge: &mut Judge<'_>) {
        judge.judged();
        let last = self.last.get_or_insert_with((store, stream.clone()), || (version.saturating_sub(1), number));
        let (before, event) = *last;
        if version > before {
            *last = (version, number);
        }
        let sentence = match version.checked_sub(before) {
            Some(1) => return,
            None | Some(0) => format!("stream `{stream}` has version {version} twice"),
            Some(_) => format!("stream `{stream}` goes on with version {version} after {before}"),
        };
        judge.violate(Entity::named("stream", stream.clone()), sentence, vec![event, number]);
    }
}

impl Invariant for DenseStreams {
    fn name(&self) -> &'static str {
        "dense-streams"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STREAM | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("an event that was appended to a stream")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Restored { store, .. } => self.lives.push(store.clone()),
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                let lives = self.lives.iter().filter(|restored| *restored == store).count();
                let store = match lives {
                    0 => self.names.number(store),
                    lives => self.names.number(&smol_str::format_smolstr!("{store} {lives}")),
                };
                for effect in effects.iter() {
                    if let Effect::Appended { stream, version, .. } = effect {
                        self.append(store, stream, *version, event.number, judge);
                    }
                }
            }
            _ => {}
        }
    }
}
