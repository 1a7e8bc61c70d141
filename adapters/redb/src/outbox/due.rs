//! Rows that are due, as queues: each topic has one of rows that were never tried, and one of rows that have waited.
//!
//! A queue is a range of one index, read from its front as far as its share of the limit. Topics that are left alone,
//! keys that a dead row blocks, rows behind others of their key and dispatched rows are none of these ranges, so they cost
//! nothing however many they are.

use std::ops::{Bound, ControlFlow};

use seaworthy_core::ports::{OutboxOrder, Timestamp, WhenDead};
use smol_str::SmolStr;

use super::{
    lane::{self, sequence_in},
    row::{self, AT_ONCE, Lane, Row},
};
use crate::{
    key::{Key, Parts, Range},
    tables::{OUTBOX, OUTBOX_DUE, OUTBOX_OPEN},
    view::{Result, View, malformed, place},
};

/// Lanes of the rows that may go out.
fn lanes(ordering: OutboxOrder, when_dead: WhenDead) -> &'static [Lane] {
    match (ordering, when_dead) {
        (OutboxOrder::PerKey, WhenDead::BlockKey) => &[Lane::First],
        (OutboxOrder::PerKey, WhenDead::SkipDead) => &[Lane::First, Lane::BehindDead],
        (OutboxOrder::Unordered, _) => &[Lane::First, Lane::BehindDead, Lane::Behind],
    }
}

/// Topics that have open rows in a lane, found in one step of the index each.
fn topics(view: View<'_>, lane: Lane) -> Result<Vec<SmolStr>> {
    let prefix = Key::of_kind(lane.number());
    let mut topics: Vec<SmolStr> = Vec::new();
    let mut range = prefix.prefixed();
    while let Some(found) = view.first(OUTBOX_DUE, &range)? {
        let mut parts = Parts::new(&found);
        let topic = parts.kind().and_then(|_| parts.text()).ok_or_else(|| malformed(OUTBOX_DUE, &found))?;
        range = prefix.prefixed_after(&prefix.clone().text(&topic));
        topics.push(topic);
    }
    Ok(topics)
}

/// A choice of the rows that are due.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) ordering: OutboxOrder,
    pub(super) when_dead: WhenDead,
    pub(super) except: &'a [SmolStr],
    pub(super) limit: usize,
    pub(super) now: Timestamp,
}

/// A row that may go out.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) sequence: u64,
    pub(super) row: Row,
}

/// A queue, and as many of its rows as were read.
struct Queue {
    range: Range,
    is_fresh: bool,
    rows: Vec<Candidate>,
}

impl Queue {
    fn new(lane: Lane, topic: &str, is_fresh: bool, now: Timestamp) -> Self {
        let queue = Key::of_kind(lane.number()).text(topic);
        let from = |moment| queue.clone().moment(moment);
        let range = if is_fresh {
            from(AT_ONCE).prefixed()
        } else {
            from(AT_ONCE + 1).prefixed_until(&from(now.as_micros().max(AT_ONCE)))
        };
        Self { range, is_fresh, rows: Vec::new() }
    }

    /// Reads on, up to `limit` rows more, without those of some keys. What can't be read is passed over, and said.
    fn read(&mut self, view: View<'_>, wanted: Wanted<'_>, limit: usize, keys: &[SmolStr]) -> Result<()> {
        let most = self.rows.len().saturating_add(limit);
        if limit == 0 {
            return Ok(());
        }
        let mut last = None;
        let rows = &mut self.rows;
        view.each(OUTBOX_DUE, &self.range, |entry, _| {
            let sequence = sequence_in(OUTBOX_DUE, entry)?;
            let key = Key::of_count(sequence);
            match view.try_document::<Row>(OUTBOX, &key)? {
                Some(Ok(row)) => {
                    let per_key = wanted.ordering == OutboxOrder::PerKey;
                    let stays =
                        keys.contains(&row.key) || (per_key && lane::is_out(view, &row.key, sequence, wanted.now)?);
                    if !stays {
                        rows.push(Candidate { sequence, row });
                    }
                }
                found => {
                    let why = found.and_then(std::result::Result::err).unwrap_or_else(|| "it is not there".to_owned());
                    tracing::warn!(entry = %place(OUTBOX, key.bytes()), %why, "a row can't be read: others go on");
                }
            }
            last = Some(entry.to_vec());
            Ok(if rows.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        if let Some(last) = last {
            self.range.from = Bound::Excluded(last);
        }
        Ok(())
    }
}

/// The queues of all topics but those that are left alone: of each topic first the rows that have waited.
fn queues(view: View<'_>, wanted: Wanted<'_>) -> Result<Vec<Queue>> {
    let mut queues = Vec::new();
    for &lane in lanes(wanted.ordering, wanted.when_dead) {
        for topic in topics(view, lane)? {
            if !wanted.except.contains(&topic) {
                queues.extend([false, true].map(|is_fresh| Queue::new(lane, &topic, is_fresh, wanted.now)));
            }
        }
    }
    Ok(queues)
}

/// Rows that are due, those first that were committed first, without those of some keys.
pub(super) fn heads(view: View<'_>, wanted: Wanted<'_>, keys: &[SmolStr]) -> Result<Vec<Candidate>> {
    let mut found = Vec::new();
    for mut queue in queues(view, wanted)? {
        queue.read(view, wanted, wanted.limit, keys)?;
        found.append(&mut queue.rows);
    }
    found.sort_unstable_by_key(|row| row.sequence);
    found.truncate(wanted.limit);
    Ok(found)
}

/// Rows that are due, in commit order, and each queue's fair share of them. Where the limit does not divide, `turn` says
/// whose is the rest: one that changes from call to call starves nobody.
pub(super) fn due(view: View<'_>, wanted: Wanted<'_>, turn: u128) -> Result<Vec<Candidate>> {
    let limit = wanted.limit;
    let mut queues = queues(view, wanted)?;
    // Mostly nothing has waited, and then the whole limit is for those that were never tried.
    for queue in queues.iter_mut().filter(|queue| !queue.is_fresh) {
        queue.read(view, wanted, limit, &[])?;
    }
    queues.retain(|queue| queue.is_fresh || !queue.rows.is_empty());
    let share = limit.div_ceil(queues.len().max(1));
    for queue in queues.iter_mut().filter(|queue| queue.is_fresh) {
        queue.read(view, wanted, share, &[])?;
    }
    // What one does not need is for the others.
    if share < limit && queues.iter().any(|queue| queue.rows.len() < share) {
        for queue in queues.iter_mut().filter(|queue| queue.is_fresh && queue.rows.len() == share) {
            queue.read(view, wanted, limit - share, &[])?;
        }
    }
    Ok(deal(queues.into_iter().map(|queue| queue.rows).collect(), limit, turn))
}

/// Deals rows from the fronts of the queues, one of each in turn, and puts them into commit order.
fn deal(queues: Vec<Vec<Candidate>>, limit: usize, turn: u128) -> Vec<Candidate> {
    let mut queues: Vec<_> = queues.into_iter().filter(|queue| !queue.is_empty()).collect();
    if let Some(first) = turn.checked_rem(queues.len() as u128) {
        queues.rotate_left(usize::try_from(first).unwrap_or(0));
    }
    let mut queues: Vec<_> = queues.into_iter().map(Vec::into_iter).collect();
    let mut dealt = Vec::new();
    while dealt.len() < limit && !queues.is_empty() {
        let room = limit - dealt.len();
        dealt.extend(queues.iter_mut().filter_map(Iterator::next).take(room));
        queues.retain(|queue| queue.len() > 0);
    }
    dealt.sort_unstable_by_key(|row| row.sequence);
    dealt
}

/// The first row that is open, whether it is due or not.
pub(super) fn first_open(view: View<'_>) -> Result<Option<u64>> {
    let mut first = None;
    for waits in [0, 1] {
        if let Some(found) = view.first(OUTBOX_OPEN, &Key::of_kind(waits).prefixed())? {
            first = first.into_iter().chain([sequence_in(OUTBOX_OPEN, &found)?]).min();
        }
    }
    Ok(first)
}

/// The first moment at which a row becomes due that is not yet.
pub(crate) fn next_available(view: View<'_>, now: Timestamp) -> Result<Option<Timestamp>> {
    let mut first = None;
    for lane in [Lane::Behind, Lane::First, Lane::BehindDead] {
        for topic in topics(view, lane)? {
            let queue = Key::of_kind(lane.number()).text(&topic);
            let passed = queue.clone().moment(now.as_micros().max(AT_ONCE));
            if let Some(found) = view.first(OUTBOX_DUE, &queue.prefixed_after(&passed))? {
                let mut parts = Parts::new(&found[queue.bytes().len()..]);
                let moment = parts.moment().ok_or_else(|| malformed(OUTBOX_DUE, &found))?;
                first = first.into_iter().chain([moment]).min();
            }
        }
    }
    Ok(first.map(Timestamp::from_micros))
}

/// Makes everything due that the store itself has put off to a moment after `now`; what messages wait for stays. Returns
/// how many rows.
pub(crate) fn believe(tables: crate::view::Tables<'_>, now: Timestamp) -> Result<u64> {
    let mut put_off = 0;
    for lane in [Lane::Behind, Lane::First, Lane::BehindDead] {
        for topic in topics(*tables, lane)? {
            let queue = Key::of_kind(lane.number()).text(&topic);
            let later = queue.prefixed_after(&queue.clone().moment(now.as_micros()));
            for key in tables.keys(OUTBOX_DUE, &later, usize::MAX)? {
                let sequence = sequence_in(OUTBOX_DUE, &key)?;
                let Some(before) = row::read(*tables, sequence)? else { continue };
                let due = before.not_before.unwrap_or(AT_ONCE + 1).max(now.as_micros());
                if due != before.due {
                    row::update(tables, sequence, &before, &Row { due, ..before.clone() })?;
                    put_off += 1;
                }
            }
        }
    }
    Ok(put_off)
}
