use seaworthy_core::ids::MessageId;
use smol_str::SmolStr;

use super::{
    Ending, Interest, Invariant, Judge, Lookup, Mode,
    rows::{Rows, Settled},
};
use crate::trace::{Effect, Event, What};

/// `no-row-stuck`: once the run has come to rest, every staged outbox row is dispatched or dead.
///
/// A row that was claimed and never settled, or that waits behind a dead row of its key, is stuck: nobody will publish
/// it without being asked to.
///
/// State: one entry for each row that is not settled.
#[derive(Debug, Default)]
pub struct NoRowStuck {
    rows: Rows,
    unsettled: Lookup<MessageId, Unsettled>,
}

#[derive(Debug)]
struct Unsettled {
    kind: SmolStr,
    subject: SmolStr,
    staged: u64,
    claimed: Option<u64>,
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
        Interest::STAGED | Interest::CLAIM | Interest::SETTLE
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
                            let (kind, subject) = (message.kind.clone(), message.subject.clone());
                            let unsettled = Unsettled { kind, subject, staged: event.number, claimed: None };
                            self.unsettled.insert(message.id, unsettled);
                        }
                        Effect::Dispatched(message) | Effect::GivenUp { message, .. }
                            if self.unsettled.remove(message).is_some() =>
                        {
                            judge.judged();
                        }
                        _ => {}
                    }
                }
            }
            What::Claim { store, rows, outcome, .. } if outcome.took_effect() => {
                self.rows.claim(store, rows);
                for row in rows.iter() {
                    if let Some(unsettled) = self.unsettled.get_mut(&row.message) {
                        unsettled.claimed = Some(event.number);
                    }
                }
            }
            What::Settle { store, rows, outcome, .. } if outcome.took_effect() => {
                for row in rows.iter() {
                    if let Some((message, Settled::Dispatched | Settled::Dead)) = self.rows.settle(store, row)
                        && self.unsettled.remove(&message).is_some()
                    {
                        judge.judged();
                    }
                }
            }
            _ => {}
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending == Ending::OutOfBudget {
            return;
        }
        for (id, row) in self.unsettled.sorted() {
            judge.judged();
            let how = if row.claimed.is_some() { "was claimed and never settled" } else { "was never claimed" };
            judge.violate(
                id.to_string(),
                format!("the outbox row of `{}` of `{}` {how}", row.kind, row.subject),
                [Some(row.staged), row.claimed].into_iter().flatten().collect(),
            );
        }
    }
}
