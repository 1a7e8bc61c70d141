//! The outbox: staging inside a transaction, and the relay's side of it.

mod census;
mod claim;
mod dead;
mod dispatched;
mod due;
mod lane;
mod row;
mod stage;
mod tail;

use seaworthy_core::ports::Timestamp;

pub(crate) use census::{census, counts};
pub(crate) use claim::{claim, settle};
pub(crate) use dead::{dead_rows, purge_dead, redrive};
pub(crate) use dispatched::{count_dispatched, purge_dispatched, republish};
pub(crate) use due::next_available;
#[cfg(test)]
pub(crate) use row::Row;
pub(crate) use stage::stage;
pub(crate) use tail::{attempt, bury_unread, mark, settled_to, tail};

use crate::view::{Result, Tables};

/// Makes what the store itself has put off due at `now`, a moment before the time of before. Returns how much it was.
pub(crate) fn believe(tables: Tables<'_>, now: Timestamp) -> Result<u64> {
    dispatched::believe(tables, now)?;
    due::believe(tables, now)
}
