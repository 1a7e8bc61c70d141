//! Keys: which row of one is its head, and how many dead ones it has.

use seaworthy_core::{cut::cut, ports::Timestamp};
use smol_str::format_smolstr;

use super::row::{self, Lane, Row, RowState, dead_of};
use crate::{
    key::{Key, Parts},
    tables::{OUTBOX_KEYS, Table},
    view::{Result, Tables, View, malformed},
};

/// Rows of a key in a state.
fn rows_in(key: &str, state: RowState) -> Key {
    Key::of_text(key).kind(state.number())
}

/// The sequence at the end of a key of an index.
pub(super) fn sequence_in(table: Table, key: &[u8]) -> Result<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes)).ok_or_else(|| malformed(table, key))
}

/// The earliest row of a key that is open.
pub(super) fn first_open(view: View<'_>, key: &str) -> Result<Option<u64>> {
    let mut first = None;
    for state in [RowState::Pending, RowState::Claimed] {
        if let Some(found) = view.first(OUTBOX_KEYS, &rows_in(key, state).prefixed())? {
            first = first.into_iter().chain([sequence_in(OUTBOX_KEYS, &found)?]).min();
        }
    }
    Ok(first)
}

/// The lane of the next row of a key, behind all that are there.
pub(super) fn lane_at_the_end(view: View<'_>, key: &str) -> Result<Lane> {
    let prefix = Key::of_text(key);
    let Some(found) = view.first(OUTBOX_KEYS, &prefix.prefixed())? else { return Ok(Lane::First) };
    let state = Parts::new(&found[prefix.bytes().len()..]).kind().ok_or_else(|| malformed(OUTBOX_KEYS, &found))?;
    Ok(if state == RowState::Dead.number() { Lane::BehindDead } else { Lane::Behind })
}

/// The lane of the row that leads its key.
fn lane_of_head(view: View<'_>, key: &str, sequence: u64) -> Result<Lane> {
    let dead = rows_in(key, RowState::Dead);
    let before = dead.prefixed_before(dead.clone().count(sequence));
    Ok(if view.first(OUTBOX_KEYS, &before)?.is_some() { Lane::BehindDead } else { Lane::First })
}

/// Lets the first open row of a key lead it.
pub(super) fn move_up(tables: Tables<'_>, key: &str) -> Result<()> {
    let Some(first) = first_open(*tables, key)? else { return Ok(()) };
    let Some(before) = row::read(*tables, first)? else { return Ok(()) };
    let lane = lane_of_head(*tables, key, first)?;
    if lane == before.lane {
        return Ok(());
    }
    row::update(tables, first, &before, &Row { lane, ..before.clone() })
}

/// Follows a row that was settled and is open again, at the place that it always had: ahead of what was committed after it.
/// `led` is the head that its key had before.
pub(super) fn reopened(tables: Tables<'_>, key: &str, sequence: u64, led: Option<u64>) -> Result<()> {
    if let Some(led) = led.filter(|led| *led > sequence)
        && let Some(before) = row::read(*tables, led)?
    {
        row::update(tables, led, &before, &Row { lane: Lane::Behind, ..before.clone() })?;
    }
    move_up(tables, key)
}

/// Ends an open row: dispatched, or dead for a reason. The next one of its key moves up.
pub(super) fn end(tables: Tables<'_>, sequence: u64, before: &Row, dead: Option<&str>, now: Timestamp) -> Result<()> {
    let after = Row {
        state: if dead.is_some() { RowState::Dead } else { RowState::Dispatched },
        token: None,
        error: dead.map(Into::into).or_else(|| before.error.clone()),
        settled_at: Some(now.as_micros()),
        ..before.clone()
    };
    row::update(tables, sequence, before, &after)?;
    if before.lane == Lane::Behind { Ok(()) } else { move_up(tables, &before.key) }
}

/// Gives up an open row that no relay can be given, because its message can't be read.
pub(super) fn bury_unread(tables: Tables<'_>, sequence: u64, reason: &str, now: Timestamp) -> Result<()> {
    let Some(before) = row::read(*tables, sequence)?.filter(Row::is_open) else { return Ok(()) };
    let reason = cut(format_smolstr!("can't be read, mend it or delete it: {reason}"));
    end(tables, sequence, &before, Some(&reason), now)?;
    tracing::warn!(row = sequence, %reason, "outbox row is dead");
    Ok(())
}

/// Returns `true` if another row of the key is out under a lease. It can be although it is a later one: when an earlier row
/// was redriven meanwhile, or when it was claimed out of order.
pub(super) fn is_out(view: View<'_>, key: &str, sequence: u64, now: Timestamp) -> Result<bool> {
    let mut out = false;
    view.each(OUTBOX_KEYS, &rows_in(key, RowState::Claimed).prefixed(), |found, until| {
        let until = until.try_into().map_or(i64::MAX, i64::from_be_bytes);
        out = until > now.as_micros() && sequence_in(OUTBOX_KEYS, found)? != sequence;
        Ok(if out { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) })
    })?;
    Ok(out)
}

/// Rows of a key in a state behind one of its rows, in order.
pub(super) fn behind(view: View<'_>, key: &str, state: RowState, sequence: u64, limit: usize) -> Result<Vec<u64>> {
    let rows = rows_in(key, state);
    let later = rows.prefixed_after(&rows.clone().count(sequence));
    let found = view.keys(OUTBOX_KEYS, &later, limit)?;
    found.iter().map(|key| sequence_in(OUTBOX_KEYS, key)).collect()
}

/// Number of dead rows of its key before a row: all of the key but for those after it, which are few where a key goes out
/// in order.
pub(super) fn gap(view: View<'_>, key: &str, sequence: u64) -> Result<u32> {
    let dead = view.counter(&dead_of(key))?;
    if dead == 0 {
        return Ok(0);
    }
    let later = behind(view, key, RowState::Dead, sequence, usize::MAX)?.len() as u64;
    Ok(u32::try_from(dead.saturating_sub(later)).unwrap_or(u32::MAX))
}
