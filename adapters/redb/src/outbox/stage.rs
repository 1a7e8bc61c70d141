use seaworthy_core::{message::Message, ports::StoreError};
use smol_str::format_smolstr;

use super::{
    lane,
    row::{self, Row},
};
use crate::{
    indexed,
    key::Key,
    tables::OUTBOX_MESSAGES,
    view::{Result, Tables},
};

/// Counter of the sequences that were handed out. It is none that rows are counted by: a sequence that came again after a purge
/// would look like an old message to an inbox.
pub(super) const LAST: &str = "outbox";

/// Stages a message. There is one writer, so the numbers are in commit order.
///
/// A fresh row is due at `0`, not now: it is due also when the clock steps back after this. One with a moment is due then, and
/// ordered by a key of its own.
pub(crate) fn stage(tables: Tables<'_>, message: &Message, epoch: u64) -> Result<()> {
    if row::sequence_of(*tables, message.id)?.is_some() {
        return Err(StoreError::Conflict(format_smolstr!("stage message: one of id {} was staged before", message.id)));
    }
    let sequence = tables.next(LAST)?;
    let row = Row::new(message, lane::lane_at_the_end(*tables, &message.order_key())?);
    let message = Message { sequence, epoch, gap: 0, ..message.clone() };
    tables.put_document(OUTBOX_MESSAGES, &Key::of_count(sequence), &message)?;
    indexed::replace(tables, &Key::of_count(sequence), None, Some(&row))
}
