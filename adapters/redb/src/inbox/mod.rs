//! The inbox: which messages each consumer has seen, its dead letters and its watermarks.

mod letter;
mod receipt;
mod record;
mod unread;
mod watermark;

use seaworthy_core::ports::{InboxPurgeRequest, Timestamp};

pub(crate) use self::{
    letter::{Taken, ask_redrive, bury, census, dead_letters, exhume},
    receipt::{Receipt, count_failure, insert},
};
#[cfg(test)]
pub(crate) use self::{record::Letter, watermark::Watermark};
use crate::{
    indexed,
    key::{Key, Parts, Range},
    tables::{INBOX, INBOX_FAILED, INBOX_HANDLED, Table},
    view::{Result, Tables, malformed},
};

/// Deletes old watermarks, then old rows, and then old counts of failures. The watermark rises in the same transaction in which the rows go, so there is no
/// moment at which a late duplicate finds neither.
pub(crate) fn purge(tables: Tables<'_>, consumer: &str, request: &InboxPurgeRequest, now: Timestamp) -> Result<u64> {
    let forgotten = match request.watermarks_older_than {
        None => 0,
        Some(older_than) => watermark::forget(tables, consumer, now.before(older_than), request.limit)?,
    };
    let handled = forget(tables, INBOX_HANDLED, consumer, now.before(request.older_than), request.limit, |gone| {
        let watermark = watermark::key(consumer, &gone.source, gone.epoch, &gone.key);
        watermark::raise(tables, &watermark, gone.sequence, now)
    })?;
    let failed = match request.failures_older_than {
        None => 0,
        Some(older_than) => forget(tables, INBOX_FAILED, consumer, now.before(older_than), request.limit, |_| Ok(()))?,
    };
    Ok(handled + forgotten + failed)
}

/// Deletes rows of a consumer that an index dates at a time or before it, the oldest first, and shows each. Returns how many.
fn forget(
    tables: Tables<'_>,
    by_age: Table,
    consumer: &str,
    until: Timestamp,
    limit: usize,
    mut gone: impl FnMut(&Receipt) -> Result<()>,
) -> Result<u64> {
    let of = Key::of_text(consumer);
    let old = of.prefixed_until(&of.clone().moment(until.as_micros()));
    let found = tables.keys(by_age, &old, limit)?;
    for entry in &found {
        let key = of.clone().rest(message_in(by_age, entry, &of)?);
        let Some(receipt) = indexed::read_by::<Receipt>(tables, by_age, entry, &key)? else { continue };
        indexed::replace(tables, &key, Some(&receipt), None)?;
        gone(&receipt)?;
    }
    Ok(found.len() as u64)
}

/// The message at the end of an entry of an index of a consumer's rows by their age.
fn message_in<'e>(by_age: Table, entry: &'e [u8], of: &Key) -> Result<&'e [u8]> {
    let mut parts = Parts::new(&entry[of.bytes().len()..]);
    parts.moment().ok_or_else(|| malformed(by_age, entry))?;
    Ok(parts.rest())
}

/// Has what was handled, has failed, or was raised, at a time that is still to come count as of now. Ages are counted from these.
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
