//! The outbox of a store: its rows, what a relay asks for, and what an operator asks for.

mod dead;
mod request;
mod row;

use async_trait::async_trait;

pub use dead::{DeadPlace, DeadRow, DeadRowRequest, InvalidPlace};
pub use request::{ClaimRequest, PurgeRequest, RepublishRequest, SettleOutcome, Settlement, TailRequest};
pub use row::{OutboxOrder, OutboxRow, OutboxState, RowId, WhenDead};

use super::{Part, StoreError};
use crate::{
    ids::{ClaimToken, MessageId},
    message::Message,
    ports::Timestamp,
};

/// Writes to the outbox inside a transaction: there is no way to stage a message without one. A reader of the log settles
/// the rows that it has published in the transaction that moves its position. A store without this [part](Part::Outbox)
/// refuses each call, as the defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait OutboxWrites: Send {
    /// Stages a message: it is published if, and only if, this transaction commits. One that is
    /// [not to be published before a moment](crate::message::Schedule::not_before) is neither claimed nor shown by the log until then, by
    /// the store's clock, whatever the order; it is ordered by its [own key](Message::order_key), so that it holds back no
    /// other and none holds it back.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a message of this id was staged before; any other [`StoreError`].
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Marks rows as dispatched that the broker has acknowledged: for a reader of the log, who holds no claim and does it
    /// in the transaction that moves its position. Says for each whether it was marked: a row that is dead, gone, settled
    /// or out under a relay's lease is left as it is. A row that this transaction staged itself can be marked.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], at the latest at commit, if such a row was claimed or settled meanwhile; any other
    /// [`StoreError`].
    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Gives a row up that the broker has refused for good, with the reason: for a reader of the log. Says whether it is
    /// dead now; what [`outbox_dispatched`](Self::outbox_dispatched) leaves alone is left alone here too.
    ///
    /// # Errors
    /// As [`outbox_dispatched`](Self::outbox_dispatched).
    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Counts an attempt at a row, before it is published, or takes one back that came to nothing (`begins` is `false`): for a
    /// reader of the log, so that a message which ends its process each time shows in the row's
    /// [attempts](OutboxRow::attempts). Says whether it was counted; what [`outbox_dispatched`](Self::outbox_dispatched) leaves
    /// alone is left alone here too. There are never fewer attempts than none.
    ///
    /// # Errors
    /// As [`outbox_dispatched`](Self::outbox_dispatched).
    async fn outbox_attempt(&mut self, message: MessageId, begins: bool) -> Result<bool, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Returns the position up to which the log is settled, as this transaction leaves it: every row at or before it is
    /// dispatched, or dead where those are passed. It is what a reader of the log stores.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn outbox_settled_to(&mut self, when_dead: WhenDead) -> Result<u64, StoreError> {
        Err(Part::Outbox.refusal())
    }
}

/// The relay's side of the outbox: short transactions of their own. A store without this [part](Part::Outbox) refuses each
/// call, as the defaults do.
///
/// A row is `pending -> claimed -> dispatched`, back to `pending` after a failure or when the lease ends, or `dead`. A
/// reader of the log ([`tail`](OutboxStore::tail)) claims nothing and settles what is pending
/// ([`OutboxWrites::outbox_dispatched`]). One outbox is worked by one kind of relay; in a change from one to the other
/// both may publish the same row, and none is lost.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait OutboxStore: Send + Sync {
    /// Claims rows for `request.lease`. A row whose lease has ended may be claimed again. Each claim counts one attempt.
    /// Rows come in commit order, and a row is never shown while an earlier commit of its key is still in flight. A row
    /// that can't be read is dead from here on, with the reason.
    ///
    /// Where more are due than `request.limit`, it is the store's choice which of them come first, but none is put off for
    /// ever: not by rows that fail and are due again at once, nor by those of another topic. What is not due, blocked, or
    /// of a topic that is left alone must not make a claim dearer.
    ///
    /// Under [`OutboxOrder::PerKey`] a key of which any row is out under a lease has to wait, also where that row is a later
    /// one: an earlier one may have been dead when it went out, and redriven since.
    ///
    /// # Errors
    /// Any [`StoreError`]; after [`StoreError::Unknown`] the rows come back when the lease ends.
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Settles rows under a claim, and says for each whether this claim still held it. A row that it does not hold is
    /// left as it is.
    ///
    /// # Errors
    /// Any [`StoreError`]; after [`StoreError::Unknown`] some or all may be settled.
    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Reads the log of staged messages without a claim, in commit order: rows that may go out now, and behind each the
    /// rows of its key that may follow it. What is dispatched or dead, waits, is out under a lease, or would overtake such a
    /// row of its key is not shown, however much of it there is; under [`WhenDead::SkipDead`] the dead are overtaken, and a
    /// row shows with its [gap](Message::gap). Never shows a row while an earlier commit is still in flight. A row that can't
    /// be read is dead from here on, with the reason.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn tail(&self, request: &TailRequest) -> Result<Vec<OutboxRow>, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Dead rows by their [places](DeadRow::place): those that died first come first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn dead_rows(&self, request: &DeadRowRequest) -> Result<Vec<DeadRow>, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Makes dead rows pending again with their attempts at zero, those that died first if the limit is short of them. They
    /// keep their event ids and their order. Returns their messages, in no particular order.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn redrive(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Deletes dispatched rows only. Returns their messages, in no particular order.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<Vec<MessageId>, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Deletes dead rows, those that died first if the limit is short of them: an operator's decision, never a routine.
    /// Returns their messages, in no particular order.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn purge_dead(&self, request: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Makes dispatched rows that are still there pending again, with their attempts at zero: those that were dispatched
    /// first if the limit is short of them. They keep their event ids and their places, so they go out before the later rows
    /// of their keys, and consumers that had them notice. Returns their messages, in no particular order.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn republish(&self, request: &RepublishRequest) -> Result<Vec<MessageId>, StoreError> {
        Err(Part::Outbox.refusal())
    }

    /// Returns the time at which the earliest row that is not claimable yet becomes so, if there is one: a hint for how
    /// long to sleep.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn next_available(&self) -> Result<Option<Timestamp>, StoreError> {
        Err(Part::Outbox.refusal())
    }
}
