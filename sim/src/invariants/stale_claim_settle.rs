use seaworthy_core::{
    ids::{ClaimToken, MessageId},
    ports::RowId,
};

use super::{Entity, Interest, Invariant, Judge, Lookup, Mode, name_numbers::NameNumbers};
use crate::trace::{Event, What};

/// `stale-claim-settle`: a relay settled an outbox row under a claim that was not the row's latest, or that had settled
/// the row before.
///
/// A relay that lost its claim must change nothing: the row is another's by now. A lease that has ended is not by itself
/// a lost claim; the next claim is what takes the row away.
///
/// State: the latest claim of each row that is claimed.
#[derive(Debug, Default)]
pub struct StaleClaimSettle {
    stores: NameNumbers,
    claims: Lookup<(u16, RowId), Claim>,
}

#[derive(Debug)]
struct Claim {
    token: ClaimToken,
    message: MessageId,
    at: u64,
}

impl StaleClaimSettle {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    /// A reader of the log has settled the row: whoever claimed it before has lost it.
    fn forget(&mut self, message: MessageId) {
        let claimed = self.claims.sorted().into_iter().find(|(_, claim)| claim.message == message);
        if let Some(row) = claimed.map(|(row, _)| *row) {
            self.claims.remove(&row);
        }
    }
}

impl Invariant for StaleClaimSettle {
    fn name(&self) -> &'static str {
        "stale-claim-settle"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMED | Interest::SETTLE | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("an outbox row settled under a claim")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Claim { store, token, rows, outcome } if outcome.took_effect() => {
                let store = self.stores.number(store);
                for row in rows.iter() {
                    self.claims
                        .insert((store, row.row), Claim { token: *token, message: row.message, at: event.number });
                }
            }
            What::Settle { store, token, rows, outcome } if outcome.took_effect() => {
                let number = self.stores.number(store);
                for row in rows.iter().filter(|row| row.held) {
                    judge.judged();
                    let how = match self.claims.get(&(number, row.row)) {
                        Some(latest) if latest.token == *token => {
                            self.claims.remove(&(number, row.row));
                            continue;
                        }
                        Some(latest) => ("another relay had claimed it since", vec![latest.at, event.number]),
                        None => ("the claim did not hold it", vec![event.number]),
                    };
                    judge.violate(
                        Entity::Row { store: store.clone(), row: row.row.0 },
                        format!("row {} of `{store}` was settled as {} although {}", row.row.0, row.settled, how.0),
                        how.1,
                    );
                }
            }
            // Rows are as they were then, and whoever had claimed one is gone.
            What::Restored { store, .. } => {
                let store = self.stores.number(store);
                let of_store = self.claims.sorted().into_iter().filter(|((of, _), _)| *of == store);
                let claims: Vec<(u16, RowId)> = of_store.map(|(id, _)| *id).collect();
                claims.iter().for_each(|id| _ = self.claims.remove(id));
            }
            What::Commit { outcome, effects, .. } if outcome.took_effect() && !self.claims.is_empty() => {
                for effect in effects.iter() {
                    if let Some((message, _)) = effect.settles() {
                        self.forget(message);
                    }
                }
            }
            _ => {}
        }
    }
}
