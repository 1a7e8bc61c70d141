use seaworthy_core::{ids::MessageId, ports::RowId};
use smol_str::SmolStr;

use super::{Ending, Interest, Invariant, Judge, Lookup, Mode, rows::Settled};
use crate::trace::{Effect, Event, What};

/// `no-row-stuck`: by the end of the run every staged outbox row is dispatched or dead.
///
/// A row that nobody claims, that was claimed and never settled, or that waits behind a dead row of its key, is stuck:
/// nobody will publish it without being asked to. A run in which one waits never rests, so it is judged when the run is
/// given up.
///
/// State: one entry for each row that is not settled.
#[derive(Debug, Default)]
pub struct NoRowStuck {
    unsettled: Lookup<MessageId, Unsettled>,
    /// Keys of which a row died, with the event that says so.
    dead: Lookup<SmolStr, u64>,
}

#[derive(Debug)]
struct Unsettled {
    kind: SmolStr,
    subject: SmolStr,
    key: SmolStr,
    staged: u64,
    last: Option<(u64, Last)>,
}

/// Last news of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Claimed(RowId),
    GivenBack(RowId),
}

impl NoRowStuck {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Invariant for NoRowStuck {
    fn name(&self) -> &'static str {
        "no-row-stuck"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Interest::STAGED | Interest::CLAIMED | Interest::SETTLE | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message staged")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Staged(message) => {
                            let unsettled = Unsettled {
                                kind: message.kind.clone(),
                                subject: message.subject.clone(),
                                key: message.partition_key.clone(),
                                staged: event.number,
                                last: None,
                            };
                            self.unsettled.insert(message.id, unsettled);
                        }
                        effect => {
                            if effect.settles().is_some_and(|(message, _)| self.unsettled.remove(&message).is_some()) {
                                judge.judged();
                            }
                        }
                    }
                }
            }
            What::Restored { messages, .. } => messages.iter().for_each(|message| _ = self.unsettled.remove(&message)),
            What::Claim { rows, outcome, .. } if outcome.took_effect() => {
                for row in rows.iter() {
                    if let Some(unsettled) = self.unsettled.get_mut(&row.message) {
                        unsettled.last = Some((event.number, Last::Claimed(row.row)));
                    }
                }
            }
            What::Settle { rows, .. } => {
                for (at, row) in rows.iter().enumerate() {
                    match judge.settled(at) {
                        Some((message, settled @ (Settled::Dispatched | Settled::Dead))) => {
                            if let Some(row) = self.unsettled.remove(&message) {
                                judge.judged();
                                if settled == Settled::Dead {
                                    self.dead.insert(row.key, event.number);
                                }
                            }
                        }
                        Some((message, Settled::Waiting)) => {
                            if let Some(unsettled) = self.unsettled.get_mut(&message) {
                                unsettled.last = Some((event.number, Last::GivenBack(row.row)));
                            }
                        }
                        None => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn conclude(&mut self, _: Ending, judge: &mut Judge<'_>) {
        let mut stuck = self.unsettled.sorted();
        stuck.sort_by_key(|(_, row)| row.staged);
        for (id, row) in stuck {
            judge.judged();
            let dead = self.dead.get(&row.key).copied();
            let how = match row.last.map(|(_, last)| last) {
                None if dead.is_some() => "was never claimed: it waits behind a dead row of its key".to_owned(),
                None => "was never claimed: no relay asks for it".to_owned(),
                Some(Last::Claimed(number)) => format!("was claimed as row {} and never settled", number.0),
                Some(Last::GivenBack(number)) => format!("was claimed as row {} and given back", number.0),
            };
            judge.violate(
                *id,
                format!("the outbox row of `{}` of `{}`, key `{}`, {how}", row.kind, row.subject, row.key),
                [Some(row.staged), dead, row.last.map(|(event, _)| event)].into_iter().flatten().collect(),
            );
        }
    }
}
