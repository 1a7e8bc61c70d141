mod claim;
mod dead;
mod dispatched;
mod log;
mod ready;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use seaworthy_core::{
    ids::{ClaimToken, MessageId},
    message::Message,
    ports::{RowId, SettleOutcome, Settlement, Tally, Timestamp},
};
use smol_str::SmolStr;

use self::ready::{AT_ONCE, Due, Ready};
use super::lanes::{Lane, Lanes, Links};
use crate::lookup::Lookup;

/// Committed outbox rows.
///
/// Nothing here walks over rows: claimable rows lie in one ordered set for each [`Lane`] and topic, rows that wait for a
/// moment in a set by moment, dispatched ones in a set by age, and rows of one key are linked in commit order.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    rows: Lookup<RowId, Row>,
    lanes: Lanes,
    /// Rows that are due, by lane.
    ready: [Ready; 3],
    waiting: BTreeSet<Due>,
    dead: BTreeMap<(Timestamp, u64), RowId>,
    dispatched: BTreeMap<(Timestamp, u64), Box<Message>>,
    /// Every message that was staged and whose row was not purged.
    by_message: Lookup<MessageId, RowId>,
    /// Rows that are pending or claimed, and those that are dead, by their places in the commit order.
    open: BTreeMap<u64, RowId>,
    dead_places: BTreeSet<u64>,
    last_sequence: u64,
    /// Life of the store, which its messages carry.
    epoch: u64,
    unsettled: u64,
}

#[derive(Clone, Debug)]
struct Row {
    /// Key by which it is kept in order.
    key: SmolStr,
    message: Box<Message>,
    attempts: u32,
    token: Option<ClaimToken>,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    /// Claimable as far as time is concerned, since a moment.
    Ready(Lane, Timestamp),
    /// Row that backs off until this time.
    Waiting(Timestamp),
    /// Under a lease.
    Out(Timestamp),
    Dead(Timestamp, SmolStr),
}

impl Outbox {
    /// An outbox without rows, in a store of this epoch.
    pub(super) fn new(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// Begins another life of the store: what is staged from now on carries its number.
    pub(super) fn begin_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Returns `true` if there is a row of this message.
    pub(super) fn contains(&self, message: MessageId) -> bool {
        self.by_message.contains(&message)
    }

    /// Inserts a row at the end of the commit order.
    pub(super) fn insert(&mut self, id: RowId, mut message: Box<Message>) {
        self.last_sequence += 1;
        message.sequence = self.last_sequence;
        message.epoch = self.epoch;
        message.gap = 0;
        self.by_message.insert(message.id, id);
        self.open.insert(message.sequence, id);
        let key = message.order_key();
        let lane = self.lanes.push(&key, id, message.sequence);
        let place = match message.schedule.not_before {
            None => {
                self.ready[lane as usize].insert(&message.topic, (AT_ONCE, message.sequence, id));
                Place::Ready(lane, AT_ONCE)
            }
            Some(moment) => {
                self.waiting.insert((moment, message.sequence, id));
                Place::Waiting(moment)
            }
        };
        self.rows.insert(id, Row { key, message, attempts: 0, token: None, place });
        self.unsettled += 1;
    }

    /// Counts rows that are pending or claimed, by the time of the first message that waits for no moment and by moments that
    /// have come, and those that are dead, by the first death.
    pub(super) fn census(&self, now: Timestamp) -> (Tally, Tally) {
        let (mut first, mut come) = (None, None);
        for message in self.open.values().filter_map(|row| self.rows.get(row)).map(|row| &row.message) {
            match message.schedule.not_before {
                None => first = first.or(Some(message.time)),
                Some(moment) if moment <= now => come = come.into_iter().chain([moment.max(message.time)]).min(),
                Some(_) => {}
            }
        }
        let pending = Tally { count: self.unsettled, oldest: first.into_iter().chain(come).min() };
        let dead = Tally { count: self.dead.len() as u64, oldest: self.dead.first_key_value().map(|((at, _), _)| *at) };
        (pending, dead)
    }

    /// Returns the number of rows, in whatever state.
    pub(super) fn row_count(&self) -> u64 {
        self.by_message.len() as u64
    }

    /// Settles one row, if `token` still holds it.
    pub(super) fn settle(&mut self, token: ClaimToken, settlement: &Settlement, now: Timestamp) -> bool {
        let id = settlement.row;
        match self.rows.get_mut(&id) {
            Some(row) if row.token == Some(token) => row.token = None,
            _ => return false,
        }
        self.lift(id);
        match &settlement.outcome {
            SettleOutcome::Dispatched => self.end(id, None, now),
            SettleOutcome::Retry { delay, .. } => self.park(id, now, *delay),
            SettleOutcome::Release { delay } => {
                if let Some(row) = self.rows.get_mut(&id) {
                    row.attempts -= 1;
                }
                self.park(id, now, *delay);
            }
            SettleOutcome::Dead { reason } => self.end(id, Some(reason), now),
        }
        true
    }

    /// A lifted row is dead for a reason, or dispatched.
    fn end(&mut self, id: RowId, dead: Option<&SmolStr>, now: Timestamp) {
        self.unsettled -= 1;
        if let Some(reason) = dead {
            if let Some(row) = self.rows.get_mut(&id) {
                row.place = Place::Dead(now, reason.clone());
                self.dead.insert((now, row.message.sequence), id);
                self.open.remove(&row.message.sequence);
                self.dead_places.insert(row.message.sequence);
                self.lanes.died(&row.key, id);
                self.refresh(id);
            }
        } else if let Some(message) = self.remove(id) {
            self.dispatched.insert((now, message.sequence), message);
        }
    }

    /// Returns the number of dead rows of its key that a row has passed.
    fn gap(&self, key: &SmolStr, id: RowId) -> u32 {
        if self.dead.is_empty() { 0 } else { self.lanes.dead_before(key, id) }
    }

    /// Rows that are pending or claimed, and rows that are dead.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.unsettled, self.dead.len() as u64)
    }

    /// Takes a row out of the set that it lies in.
    fn lift(&mut self, id: RowId) {
        let Some(row) = self.rows.get(&id) else { return };
        let sequence = row.message.sequence;
        match row.place {
            Place::Ready(lane, since) => {
                self.ready[lane as usize].remove(&row.message.topic, &(since, sequence, id));
            }
            Place::Waiting(until) => _ = self.waiting.remove(&(until, sequence, id)),
            Place::Out(until) => {
                self.waiting.remove(&(until, sequence, id));
                self.lanes.came_back(&row.key);
            }
            Place::Dead(at, _) => _ = self.dead.remove(&(at, sequence)),
        }
    }

    /// Puts a lifted row where it waits for as long as `delay`. Also without a delay it has waited: at once again it would be
    /// the oldest of those that were never tried, before all others each time.
    fn park(&mut self, id: RowId, now: Timestamp, delay: Duration) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        let until = now + delay;
        if until > now {
            row.place = Place::Waiting(until);
            self.waiting.insert((until, row.message.sequence, id));
        } else {
            self.make_ready(id, until);
        }
    }

    /// Puts a lifted row where it is due, since a moment.
    fn make_ready(&mut self, id: RowId, since: Timestamp) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        let lane = self.lanes.lane_of(&row.key, id);
        row.place = Place::Ready(lane, since);
        self.ready[lane as usize].insert(&row.message.topic, (since, row.message.sequence, id));
    }

    /// Drops a lifted row and lets the next one of its key move up.
    fn remove(&mut self, id: RowId) -> Option<Box<Message>> {
        let row = self.rows.remove(&id)?;
        self.open.remove(&row.message.sequence);
        self.dead_places.remove(&row.message.sequence);
        if let Some(next) = self.lanes.unlink(&row.key, id) {
            self.refresh(next);
        }
        Some(row.message)
    }

    /// Puts rows from `start` on into the lane that they belong to now. The second row that is alive is the last one
    /// that can have changed: everything after it stood behind it before, too.
    fn refresh(&mut self, start: RowId) {
        let mut alive = 0;
        let mut next = Some(start);
        while let Some(id) = next
            && alive < 2
        {
            let Links { later, dead } = self.lanes.links(id);
            next = later;
            alive += u32::from(!dead);
            let Some(row) = self.rows.get_mut(&id) else { return };
            if let Place::Ready(was, since) = row.place {
                let lane = self.lanes.lane_of(&row.key, id);
                row.place = Place::Ready(lane, since);
                let due = (since, row.message.sequence, id);
                self.ready[was as usize].remove(&row.message.topic, &due);
                self.ready[lane as usize].insert(&row.message.topic, due);
            }
        }
    }
}
