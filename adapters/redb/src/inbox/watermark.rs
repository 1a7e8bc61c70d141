//! Watermarks: the latest message of a source, epoch and key whose row was deleted.

use seaworthy_core::ports::{InboxEntry, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    indexed::{self, Index, Indexed},
    key::{Key, Parts, Range},
    tables::{Table, WATERMARKS, WATERMARKS_BY_AGE},
    view::{Result, Tables, View, malformed},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watermark {
    sequence: u64,
    raised_at: i64,
}

impl Indexed for Watermark {
    const TABLE: Table = WATERMARKS;

    fn index(&self, key: &[u8], index: &mut Index) {
        let mut parts = Parts::new(key);
        if let Some(consumer) = parts.text() {
            index.entry(WATERMARKS_BY_AGE, Key::of_text(&consumer).moment(self.raised_at).rest(parts.rest()));
        }
    }
}

/// The key of a watermark.
pub(super) fn key(consumer: &str, source: &str, epoch: u64, of: &str) -> Key {
    Key::of_text(consumer).text(source).count(epoch).text(of)
}

/// Returns `true` if a message's row was purged, for all that is known. One without a sequence has no place in its source's order,
/// so no watermark applies to it.
pub(super) fn covers(view: View<'_>, entry: &InboxEntry) -> Result<bool> {
    if entry.sequence == 0 {
        return Ok(false);
    }
    let key = key(&entry.consumer, &entry.source, entry.epoch, &entry.key);
    let watermark: Option<Watermark> = indexed::read(view, &key)?;
    Ok(watermark.is_some_and(|watermark| entry.sequence <= watermark.sequence))
}

/// Raises a watermark past a message whose row is deleted.
pub(super) fn raise(tables: Tables<'_>, key: &Key, sequence: u64, now: Timestamp) -> Result<()> {
    // A message without a place says nothing of those before it.
    if sequence == 0 {
        return Ok(());
    }
    let before: Option<Watermark> = indexed::read(*tables, key)?;
    let was = before.unwrap_or(Watermark { sequence: 0, raised_at: i64::MIN });
    let after = Watermark { sequence: was.sequence.max(sequence), raised_at: was.raised_at.max(now.as_micros()) };
    indexed::replace(tables, key, before.as_ref(), Some(&after))
}

/// Deletes watermarks of a consumer that were raised at a time or before it, those of long ago first. Returns how many.
pub(super) fn forget(tables: Tables<'_>, consumer: &str, until: Timestamp, limit: usize) -> Result<u64> {
    let of = Key::of_text(consumer);
    let old = of.prefixed_until(&of.clone().moment(until.as_micros()));
    let found = tables.keys(WATERMARKS_BY_AGE, &old, limit)?;
    for entry in &found {
        let mut parts = Parts::new(&entry[of.bytes().len()..]);
        parts.moment().ok_or_else(|| malformed(WATERMARKS_BY_AGE, entry))?;
        let key = of.clone().rest(parts.rest());
        let before: Option<Watermark> = indexed::read_by(tables, WATERMARKS_BY_AGE, entry, &key)?;
        if before.is_some() {
            indexed::replace(tables, &key, before.as_ref(), None)?;
        }
    }
    Ok(found.len() as u64)
}

/// Has watermarks that were raised at a time that is still to come count as raised now.
pub(super) fn believe(tables: Tables<'_>, now: Timestamp) -> Result<()> {
    for key in tables.keys(WATERMARKS, &Range::ALL, usize::MAX)? {
        let key = Key::default().rest(&key);
        let Some(before) = indexed::read::<Watermark>(*tables, &key)? else { continue };
        if before.raised_at > now.as_micros() {
            let after = Watermark { raised_at: now.as_micros(), ..before };
            indexed::replace(tables, &key, Some(&before), Some(&after))?;
        }
    }
    Ok(())
}
