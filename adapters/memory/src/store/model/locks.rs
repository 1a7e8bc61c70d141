use std::{collections::hash_map::Entry, sync::Arc};

use seaworthy_core::{ids::MessageId, ports::StoreError};
use smol_str::SmolStr;
use tokio::sync::Notify;

use crate::lookup::Lookup;

/// Names an open transaction.
pub(super) type TxId = u64;

/// A unique key that a transaction is about to take.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum UniqueKey {
    /// A staged message.
    Message(MessageId),
    /// An inbox row: the consumer's number and the message.
    Inbox(u32, MessageId),
    /// A saga's definition name and business key.
    Saga(SmolStr, SmolStr),
    /// The end of a stream of events.
    Stream(SmolStr),
    /// An event, in whichever stream.
    Event(MessageId),
}

/// Result of an operation: an answer, or a wait after which it has to be tried again.
#[derive(Debug)]
pub(crate) enum Attempt<T> {
    /// Answer of the operation.
    Done(T),
    /// Another open transaction has the key; this is notified when it ends.
    Blocked(Arc<Notify>),
}

/// Result of asking for a key.
pub(super) enum Acquired {
    /// The key was free and is this transaction's now.
    New,
    /// This transaction has it already.
    Mine,
    /// Another open transaction has it.
    Blocked(Arc<Notify>),
}

/// Unique keys taken by open transactions, and who waits for whom.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: Lookup<UniqueKey, Held>,
    waits: Lookup<TxId, TxId>,
}

#[derive(Debug)]
struct Held {
    owner: TxId,
    waiters: Option<Arc<Notify>>,
}

impl Locks {
    /// Takes a key, or says what to wait for. The transaction keeps the list of what it took.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if waiting would never end, because the owner waits for this transaction.
    pub(super) fn acquire(
        &mut self,
        key: UniqueKey,
        tx: TxId,
        mine: &mut Vec<UniqueKey>,
    ) -> Result<Acquired, StoreError> {
        self.waits.remove(&tx);
        let held = match self.held.entry(key) {
            Entry::Vacant(free) => {
                mine.push(free.key().clone());
                free.insert(Held { owner: tx, waiters: None });
                return Ok(Acquired::New);
            }
            Entry::Occupied(held) if held.get().owner == tx => return Ok(Acquired::Mine),
            Entry::Occupied(held) => held.into_mut(),
        };
        let mut end_of_chain = held.owner;
        while let Some(next) = self.waits.get(&end_of_chain) {
            end_of_chain = *next;
            if end_of_chain == tx {
                return Err(StoreError::Conflict("deadlock: the transaction it waits for waits for it".into()));
            }
        }
        self.waits.insert(tx, held.owner);
        Ok(Acquired::Blocked(Arc::clone(held.waiters.get_or_insert_default())))
    }

    /// Releases everything that an ended transaction took, and wakes who waits for it.
    pub(super) fn release(&mut self, tx: TxId, keys: &[UniqueKey]) {
        self.waits.remove(&tx);
        for key in keys {
            if let Some(Held { waiters: Some(waiters), .. }) = self.held.remove(key) {
                waiters.notify_waiters();
            }
        }
    }
}
