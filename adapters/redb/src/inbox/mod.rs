//! The inbox: which messages each consumer has seen, its dead letters and its watermarks.

mod letter;
mod receipt;
mod watermark;

use seaworthy_core::ports::{InboxPurgeRequest, Timestamp};

#[cfg(test)]
pub(crate) use self::{letter::Letter, watermark::Watermark};
pub(crate) use self::{
    letter::{Taken, ask_redrive, bury, census, dead_letters, exhume},
    receipt::{Receipt, count_failure, insert},
};
use crate::{
    indexed,
    key::{Key, Parts, Range},
    tables::{INBOX, INBOX_HANDLED},
    view::{Result, Tables, malformed},
};

/// Deletes old watermarks and then old rows. The watermark rises in the same transaction in which the rows go, so there is no
/// moment at which a late duplicate finds neither.
pub(crate) fn purge(tables: Tables<'_>, consumer: &str, request: &InboxPurgeRequest, now: Timestamp) -> Result<u64> {
    let forgotten = match request.watermarks_older_than {
        None => 0,
        Some(older_than) => watermark::forget(tables, consumer, now.before(older_than), request.limit)?,
    };
    let of = Key::of_text(consumer);
    let old = of.prefixed_until(&of.clone().moment(now.before(request.older_than).as_micros()));
    let handled = tables.keys(INBOX_HANDLED, &old, request.limit)?;
    for entry in &handled {
        let key = of.clone().rest(message_in(entry, &of)?);
        let Some(gone) = indexed::read::<Receipt>(*tables, &key)? else { continue };
        indexed::replace(tables, &key, Some(&gone), None)?;
        let watermark = watermark::key(consumer, &gone.source, gone.epoch, &gone.key);
        watermark::raise(tables, &watermark, gone.sequence, now)?;
    }
    Ok(handled.len() as u64 + forgotten)
}

/// The message at the end of an entry of the handled ones of a consumer.
fn message_in<'e>(entry: &'e [u8], of: &Key) -> Result<&'e [u8]> {
    let mut parts = Parts::new(&entry[of.bytes().len()..]);
    parts.moment().ok_or_else(|| malformed(INBOX_HANDLED, entry))?;
    Ok(parts.rest())
}

/// Has what was handled, or raised, at a time that is still to come count as of now. Ages are counted from these.
pub(crate) fn believe(tables: Tables<'_>, now: Timestamp) -> Result<()> {
    for key in tables.keys(INBOX, &Range::ALL, usize::MAX)? {
        let key = Key::default().rest(&key);
        let Some(before) = indexed::read::<Receipt>(*tables, &key)? else { continue };
        if before.at > now.as_micros() {
            let after = Receipt { at: now.as_micros(), ..before.clone() };
            indexed::replace(tables, &key, Some(&before), Some(&after))?;
        }
    }
    watermark::believe(tables, now)
}
