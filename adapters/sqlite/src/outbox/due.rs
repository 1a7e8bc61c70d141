//! Rows that are due, as queues: each topic has one of rows that were never tried, and one of rows that have waited.
//!
//! A queue is a range of one index, read from its front as far as its share of the limit. Topics that are left alone,
//! keys that a dead row blocks, rows behind others of their key and dispatched rows are none of these ranges, so they cost
//! nothing however many they are.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::ports::{OutboxOrder, Timestamp, WhenDead};
use smol_str::SmolStr;

use super::candidate::Candidate;
use crate::{
    columns::limit as as_limit,
    envelope::{KEY, envelope_columns},
};

/// Rows behind an open one of their key, first rows of a key, and first open rows behind dead ones: values of `head`.
const BEHIND: u8 = 0;
const FIRST: u8 = 1;
const BEHIND_DEAD: u8 = 2;

/// Values of `head` of the rows that may go out.
pub(super) fn lanes(ordering: OutboxOrder, when_dead: WhenDead) -> &'static [u8] {
    match (ordering, when_dead) {
        (OutboxOrder::PerKey, WhenDead::BlockKey) => &[FIRST],
        (OutboxOrder::PerKey, WhenDead::SkipDead) => &[FIRST, BEHIND_DEAD],
        (OutboxOrder::Unordered, _) => &[FIRST, BEHIND_DEAD, BEHIND],
    }
}

/// One range of one index; SQLite neither sorts nor materialises anything.
macro_rules! due {
    (fresh $(, $condition:expr)*) => {
        due!(" AND available_at = 0 AND sequence > ?1", " ORDER BY sequence LIMIT ?2" $(, $condition)*)
    };
    (waited $(, $condition:expr)*) => {
        due!(
            " AND available_at > 0 AND available_at <= ?1",
            " ORDER BY available_at, sequence LIMIT ?2" $(, $condition)*
        )
    };
    ($range:literal, $order:literal $(, $condition:expr)*) => {
        concat!(
            "SELECT ",
            envelope_columns!(),
            ", attempts, head FROM seaworthy_outbox AS o INDEXED BY seaworthy_outbox_due \
             WHERE state < 2 AND head = ?3 AND aggregatetype = CAST(?4 AS TEXT)",
            $range,
            $($condition,)*
            $order
        )
    };
}

/// No other row of the key is out. One can be although it is a later one: when an earlier row was redriven meanwhile, or
/// when it was claimed out of order.
macro_rules! nothing_out {
    () => {
        " AND NOT EXISTS (SELECT 1 FROM seaworthy_outbox AS c INDEXED BY seaworthy_outbox_key \
          WHERE c.partition_key = o.partition_key AND c.state = 1 AND c.state <> 2 \
          AND c.sequence <> o.sequence AND c.available_at > ?5)"
    };
}

/// The two queues of a topic: rows that were never tried in commit order, rows that have waited by their moments.
pub(super) type Ranges = [&'static str; 2];

/// In key order.
pub(super) const PER_KEY: Ranges = [due!(fresh, nothing_out!()), due!(waited, nothing_out!())];

/// Any row that is due.
pub(super) const UNORDERED: Ranges = [due!(fresh), due!(waited)];

/// Topics as the bytes that they are: one that is no UTF-8 can't be published, and must not stop the others.
pub(super) const FIRST_TOPIC: &str =
    "SELECT CAST(aggregatetype AS BLOB) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
    WHERE state < 2 AND head = ?1 ORDER BY aggregatetype LIMIT 1";

pub(super) const NEXT_TOPIC: &str =
    "SELECT CAST(aggregatetype AS BLOB) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
    WHERE state < 2 AND head = ?1 AND aggregatetype > CAST(?2 AS TEXT) ORDER BY aggregatetype LIMIT 1";

/// Topics that have open rows in a lane, found in one step of the index each.
pub(super) fn topics(connection: &Connection, lane: u8) -> rusqlite::Result<Vec<Vec<u8>>> {
    let mut topics: Vec<Vec<u8>> = Vec::new();
    let mut found = connection.prepare_cached(FIRST_TOPIC)?.query_row([lane], |row| row.get(0)).optional()?;
    let mut next = connection.prepare_cached(NEXT_TOPIC)?;
    while let Some(topic) = found {
        found = next.query_row((lane, &topic), |row| row.get(0)).optional()?;
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

impl Wanted<'_> {
    fn ranges(self) -> Ranges {
        if self.ordering == OutboxOrder::PerKey { PER_KEY } else { UNORDERED }
    }
}

/// A queue, and as many of its rows as were read.
struct Queue {
    lane: u8,
    topic: Vec<u8>,
    range: &'static str,
    rows: Vec<Candidate>,
}

impl Queue {
    /// Reads on, up to `limit` rows more, without those of some keys, each of which has one here at most.
    fn read(
        &mut self,
        connection: &Connection,
        wanted: Wanted<'_>,
        limit: usize,
        keys: &BTreeSet<&[u8]>,
    ) -> rusqlite::Result<()> {
        let now = wanted.now.as_micros();
        let is_fresh = self.range == wanted.ranges()[0];
        let from = if is_fresh { self.rows.last().map_or(0, |row| row.sequence) } else { now };
        let most = self.rows.len().saturating_add(limit);
        let mut query = connection.prepare_cached(self.range)?;
        let room = as_limit(limit.saturating_add(keys.len()));
        // In key order a range asks, besides, which rows are out by now.
        let mut rows = match wanted.ordering {
            OutboxOrder::PerKey => query.query((from, room, self.lane, &self.topic, now))?,
            OutboxOrder::Unordered => query.query((from, room, self.lane, &self.topic))?,
        };
        while self.rows.len() < most
            && let Some(row) = rows.next()?
        {
            let key = if keys.is_empty() { None } else { row.get_ref(KEY)?.as_bytes_or_null().ok().flatten() };
            if key.is_none_or(|key| !keys.contains(key)) {
                self.rows.push(Candidate::read(row)?);
            }
        }
        Ok(())
    }
}

/// The queues of all topics but those that are left alone: of each topic first the rows that have waited.
fn queues(connection: &Connection, wanted: Wanted<'_>) -> rusqlite::Result<Vec<Queue>> {
    let [fresh, waited] = wanted.ranges();
    let mut queues = Vec::new();
    for &lane in lanes(wanted.ordering, wanted.when_dead) {
        for topic in topics(connection, lane)? {
            if wanted.except.iter().all(|except| except.as_bytes() != topic) {
                queues.push(Queue { lane, topic: topic.clone(), range: waited, rows: Vec::new() });
                queues.push(Queue { lane, topic, range: fresh, rows: Vec::new() });
            }
        }
    }
    Ok(queues)
}

/// Rows that are due, those first that were committed first, without those of some keys.
pub(super) fn heads(connection: &Connection, wanted: Wanted<'_>, keys: &[SmolStr]) -> rusqlite::Result<Vec<Candidate>> {
    let keys: BTreeSet<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
    let mut found = Vec::new();
    for mut queue in queues(connection, wanted)? {
        queue.read(connection, wanted, wanted.limit, &keys)?;
        found.append(&mut queue.rows);
    }
    found.sort_unstable_by_key(|row| row.sequence);
    found.truncate(wanted.limit);
    Ok(found)
}

/// Rows that are due, in commit order, and each queue's fair share of them. Where the limit does not divide, `turn` says
/// whose is the rest: one that changes from call to call starves nobody.
pub(super) fn due(connection: &Connection, wanted: Wanted<'_>, turn: u128) -> rusqlite::Result<Vec<Candidate>> {
    let limit = wanted.limit;
    let [fresh, waited] = wanted.ranges();
    let (mut queues, none) = (queues(connection, wanted)?, BTreeSet::new());
    // Mostly nothing has waited, and then the whole limit is for those that were never tried.
    for queue in queues.iter_mut().filter(|queue| queue.range == waited) {
        queue.read(connection, wanted, limit, &none)?;
    }
    queues.retain(|queue| queue.range == fresh || !queue.rows.is_empty());
    let share = limit.div_ceil(queues.len().max(1));
    for queue in queues.iter_mut().filter(|queue| queue.range == fresh) {
        queue.read(connection, wanted, share, &none)?;
    }
    // What one does not need is for the others.
    if share < limit && queues.iter().any(|queue| queue.rows.len() < share) {
        for queue in queues.iter_mut().filter(|queue| queue.range == fresh && queue.rows.len() == share) {
            queue.read(connection, wanted, limit - share, &none)?;
        }
    }
    Ok(deal(queues.into_iter().map(|queue| queue.rows).collect(), limit, turn))
}

/// Deals rows from the fronts of the queues, one of each in turn, and puts them into commit order.
fn deal(queues: Vec<Vec<Candidate>>, limit: usize, turn: u128) -> Vec<Candidate> {
    let mut queues: Vec<_> = queues.into_iter().filter(|queue| !queue.is_empty()).collect();
    if queues.len() == 1 {
        let mut rows = queues.remove(0);
        rows.truncate(limit);
        rows.sort_unstable_by_key(|row| row.sequence);
        return rows;
    }
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

/// The smallest number in a lane and topic, of rows that have waited or are out: there are few.
const FIRST_WAITING: &str = "SELECT min(sequence) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
    WHERE state < 2 AND head = ?1 AND aggregatetype = CAST(?2 AS TEXT) AND available_at > 0";

/// The smallest number of those that were never tried.
pub(super) const FIRST_FRESH: &str = "SELECT sequence FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
    WHERE state < 2 AND head = ?1 AND aggregatetype = CAST(?2 AS TEXT) AND available_at = 0 ORDER BY sequence LIMIT 1";

/// The first row that is open, whether it is due or not: it is the head of its key.
pub(super) fn first_open_head(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let mut first: Option<i64> = None;
    for lane in [FIRST, BEHIND_DEAD] {
        for topic in topics(connection, lane)? {
            let fresh: Option<i64> =
                connection.prepare_cached(FIRST_FRESH)?.query_row((lane, &topic), |row| row.get(0)).optional()?;
            let waiting: Option<i64> =
                connection.prepare_cached(FIRST_WAITING)?.query_row((lane, &topic), |row| row.get(0))?;
            first = first.into_iter().chain(fresh).chain(waiting).min();
        }
    }
    Ok(first)
}

/// The first moment of a lane and topic at which a row becomes due.
pub(super) const NEXT_MOMENT: &str = "SELECT available_at FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
    WHERE state < 2 AND head = ?1 AND aggregatetype = CAST(?2 AS TEXT) AND available_at > ?3 ORDER BY available_at LIMIT 1";

pub(crate) fn next_available(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    let mut first = None;
    for lane in [BEHIND, FIRST, BEHIND_DEAD] {
        for topic in topics(connection, lane)? {
            let parameters = (lane, &topic, now.as_micros().max(0));
            let moment = connection.prepare_cached(NEXT_MOMENT)?.query_row(parameters, |row| row.get(0)).optional()?;
            first = first.into_iter().chain(moment).min();
        }
    }
    Ok(first.map(Timestamp::from_micros))
}
