use seaworthy_core::ids::MessageId;
use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Interest, Invariant, Judge, Lookup, Mode, name_numbers::NameNumbers, rows::Settled};
use crate::trace::{Effect, Event, Outcome, SettledAs, What};

/// `waits-behind-dead`: a row that is parked for good holds up nothing but what has to wait for it.
///
/// Judged once, after the world has healed and before an operator redrives what is dead ([`What::Redrive`]), since the
/// operator makes it good and nobody sees it afterwards. A row that nobody has claimed yet, while relays looked for work
/// and found none, and of whose key no row is under way, waits for no reason unless a dead row of its own key is before
/// it. Where the relay is seen to pass the dead rows of a key, not even then. A relay that tails the log and finds nothing in it
/// has looked, too, but leaves alone what is of a topic that it could not reach the last time.
///
/// State: one entry for each row that is not dispatched.
#[derive(Debug, Default)]
pub struct WaitsBehindDead {
    stores: NameNumbers,
    open: Lookup<MessageId, OpenRow>,
    /// For each store, the events at which a relay last found nothing, latest first: by a claim, and in the log.
    found_nothing: Vec<[u64; 2]>,
    found_no_log: Vec<[u64; 2]>,
    /// Topics whose latest message the broker did not take.
    down: Vec<SmolStr>,
    staged: u64,
    dead: u64,
    passes_dead: bool,
    healed: u64,
}

#[derive(Debug)]
struct OpenRow {
    store: u16,
    key: SmolStr,
    topic: SmolStr,
    kind: SmolStr,
    ordinal: u64,
    number: u64,
    stand: Stand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// Nobody has taken it yet.
    Waits,
    /// Claimed, or backing off after a claim.
    UnderWay,
    /// Given up, at this event.
    Dead(u64),
}

impl WaitsBehindDead {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    fn stand(&mut self, message: &MessageId, stand: Stand) {
        if let Some(open) = self.open.get_mut(message) {
            self.dead += u64::from(matches!(stand, Stand::Dead(_)));
            self.dead -= u64::from(matches!(open.stand, Stand::Dead(_)));
            open.stand = stand;
        }
    }

    fn dispatched(&mut self, message: &MessageId) {
        if let Some(open) = self.open.remove(message) {
            self.dead -= u64::from(matches!(open.stand, Stand::Dead(_)));
        }
    }

    fn claim(&mut self, message: &MessageId) {
        if self.dead > 0
            && !self.passes_dead
            && let Some(claimed) = self.open.get(message)
            && claimed.stand == Stand::Waits
        {
            let is_passed = |other: &OpenRow| matches!(other.stand, Stand::Dead(_)) && other.is_before(claimed);
            self.passes_dead = self.open.sorted().into_iter().any(|(_, other)| is_passed(other));
        }
        self.stand(message, Stand::UnderWay);
    }

    fn publish(&mut self, topic: &SmolStr, is_taken: bool) {
        match self.down.iter().position(|down| down == topic) {
            Some(at) if is_taken => _ = self.down.swap_remove(at),
            None if !is_taken => self.down.push(topic.clone()),
            _ => {}
        }
    }

    /// Returns the event before which a relay had looked for such a row twice, so that it was there to be found at least once.
    fn looked_before(&self, row: &OpenRow) -> u64 {
        let of = |found: &[[u64; 2]]| found.get(usize::from(row.store)).map_or(0, |[_, before_last]| *before_last);
        let log = if self.down.contains(&row.topic) { 0 } else { of(&self.found_no_log) };
        of(&self.found_nothing).max(log)
    }

    fn judge(&self, number: u64, judge: &mut Judge<'_>) {
        let open = self.open.sorted();
        for (id, row) in open.iter().filter(|(_, row)| row.stand == Stand::Waits) {
            let others = || open.iter().map(|(_, other)| other).filter(|other| other.store == row.store);
            if self.looked_before(row) <= row.number.max(self.healed) {
                continue;
            }
            let is_held = |other: &&&OpenRow| match other.stand {
                Stand::Waits => other.is_before(row),
                Stand::UnderWay => other.key == row.key,
                Stand::Dead(_) => !self.passes_dead && other.is_before(row),
            };
            if others().any(|other| is_held(&other)) {
                continue;
            }
            let Some((dead, died)) = others().find_map(|other| match other.stand {
                Stand::Dead(died) => Some((other, died)),
                _ => None,
            }) else {
                continue;
            };
            judge.violate(
                **id,
                format!(
                    "`{}` of key `{}` waits and need not: a relay finds nothing to do since `{}` of key `{}` is dead",
                    row.kind, row.key, dead.kind, dead.key
                ),
                vec![row.number, died, number],
            );
        }
    }
}

/// A relay has looked into a store and found nothing.
fn looked_in_vain(found: &mut Vec<[u64; 2]>, store: u16, number: u64) {
    let index = usize::from(store);
    if found.len() <= index {
        found.resize(index + 1, [0; 2]);
    }
    found[index] = [number, found[index][0]];
}

impl OpenRow {
    fn is_before(&self, other: &Self) -> bool {
        self.store == other.store && self.key == other.key && self.ordinal < other.ordinal
    }
}

impl Invariant for WaitsBehindDead {
    fn name(&self) -> &'static str {
        "waits-behind-dead"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STAGED
            | Interest::CLAIM
            | Interest::SETTLE
            | Interest::PHASE
            | Interest::STORE_CALL
            | Interest::PUBLISH
            | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a row that was dead when the world had healed")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        // One that waits for a moment of its own waits behind nobody.
                        Effect::Staged(message) if message.schedule.not_before.is_none() => {
                            self.staged += 1;
                            let open = OpenRow {
                                store: self.stores.number(store),
                                key: message.partition_key.clone(),
                                topic: message.topic.clone(),
                                kind: message.kind.clone(),
                                ordinal: self.staged,
                                number: event.number,
                                stand: Stand::Waits,
                            };
                            self.dispatched(&message.id);
                            self.open.insert(message.id, open);
                        }
                        effect => match effect.settles() {
                            Some((message, SettledAs::Dispatched)) => self.dispatched(&message),
                            Some((message, _)) => self.stand(&message, Stand::Dead(event.number)),
                            None => {}
                        },
                    }
                }
            }
            What::Claim { store, rows, outcome, .. } if outcome.took_effect() => {
                if rows.is_empty() {
                    let store = self.stores.number(store);
                    looked_in_vain(&mut self.found_nothing, store, event.number);
                }
                rows.iter().for_each(|row| self.claim(&row.message));
            }
            What::Settle { rows, .. } => {
                for at in 0..rows.len() {
                    match judge.settled(at) {
                        Some((message, Settled::Dispatched)) => self.dispatched(&message),
                        Some((message, Settled::Dead)) => self.stand(&message, Stand::Dead(event.number)),
                        _ => {}
                    }
                }
            }
            What::StoreCall { store, operation: Operation::Tail, count: 0, outcome, .. } if outcome.took_effect() => {
                let store = self.stores.number(store);
                looked_in_vain(&mut self.found_no_log, store, event.number);
            }
            // What is refused for good says nothing of its topic.
            What::Publish { message, outcome, .. } if *outcome != Outcome::Rejected => {
                self.publish(&message.topic, outcome.took_effect());
            }
            // Somebody's own operator: what was dead is not any more.
            What::StoreCall { operation: Operation::Redrive | Operation::PurgeDead, messages, .. }
                if !messages.is_empty() =>
            {
                messages.iter().for_each(|message| self.stand(&message, Stand::UnderWay));
            }
            // A file from before they were named.
            What::StoreCall { store, operation: Operation::Redrive | Operation::PurgeDead, count: 1.., .. } => {
                let store = self.stores.number(store);
                let of_store = |open: &OpenRow| open.store == store && matches!(open.stand, Stand::Dead(_));
                let dead: Vec<MessageId> =
                    self.open.sorted().into_iter().filter(|(_, open)| of_store(open)).map(|(id, _)| *id).collect();
                dead.iter().for_each(|message| self.stand(message, Stand::UnderWay));
            }
            // What was dead may wait again, and the other way round: of none is anything known until it is claimed.
            What::Restored { store, messages, .. } => {
                messages.iter().for_each(|message| self.dispatched(&message));
                let store = self.stores.number(store);
                let of_store = self.open.sorted().into_iter().filter(|(_, open)| open.store == store);
                let unknown: Vec<MessageId> = of_store.map(|(id, _)| *id).collect();
                unknown.iter().for_each(|message| self.stand(message, Stand::UnderWay));
            }
            What::Healed => self.healed = event.number,
            What::Redrive { .. } => {
                if self.dead > 0 {
                    judge.judged();
                }
                self.judge(event.number, judge);
            }
            _ => {}
        }
    }
}
