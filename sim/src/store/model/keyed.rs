use seaworthy_core::{
    message::Message,
    ports::{InboxEntry, InboxInsert, NewSaga, RowId, SagaAppend, SagaCreate, StoreError, Timestamp},
};

use super::{
    Attempt, StoreModel, Tx,
    inbox::{InboxRow, InboxWrite},
    locks::{Acquired, UniqueKey},
    sagas::SagaWrite,
};

/// Statements that take a unique key, and may have to wait for it.
impl StoreModel {
    pub(in crate::store) fn stage(&mut self, tx: &mut Tx, message: &Message) -> Result<Attempt<()>, StoreError> {
        let taken = || StoreError::Conflict("a message of this id was staged before".into());
        if self.outbox.contains(message.id) {
            return Err(taken());
        }
        match self.locks.acquire(UniqueKey::Message(message.id), tx.id, &mut tx.locks)? {
            Acquired::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Acquired::Mine => return Err(taken()),
            Acquired::New => {}
        }
        self.last_row += 1;
        tx.staged.push((RowId(self.last_row), message.clone()));
        Ok(Attempt::Done(()))
    }

    /// Takes an inbox row for a transaction, and returns its consumer's number.
    fn take_inbox_row(&mut self, tx: &mut Tx, entry: &InboxEntry) -> Result<Attempt<u32>, StoreError> {
        let number = self.inbox.number(&entry.consumer);
        let key = UniqueKey::Inbox(number, entry.message);
        Ok(match self.locks.acquire(key, tx.id, &mut tx.locks)? {
            Acquired::Blocked(until) => Attempt::Blocked(until),
            Acquired::Mine | Acquired::New => Attempt::Done(number),
        })
    }

    pub(in crate::store) fn inbox_insert(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
    ) -> Result<Attempt<InboxInsert>, StoreError> {
        let number = self.inbox.number(&entry.consumer);
        if self.inbox.seen(number, entry) || tx.own_inbox_row(entry).is_some() {
            return Ok(Attempt::Done(InboxInsert::Duplicate));
        }
        if let Attempt::Blocked(until) = self.take_inbox_row(tx, entry)? {
            return Ok(Attempt::Blocked(until));
        }
        tx.inbox.push(InboxWrite::Insert(entry.clone()));
        Ok(Attempt::Done(InboxInsert::First))
    }

    pub(in crate::store) fn inbox_failed(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
    ) -> Result<Attempt<u32>, StoreError> {
        Ok(match self.take_inbox_row(tx, entry)? {
            Attempt::Blocked(until) => Attempt::Blocked(until),
            Attempt::Done(number) => {
                tx.inbox.push(InboxWrite::Fail(entry.clone()));
                Attempt::Done(self.inbox.failures(number, entry.message) + tx.own_failures(entry))
            }
        })
    }

    pub(in crate::store) fn inbox_bury(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
        message: &Message,
        reason: &str,
    ) -> Result<Attempt<()>, StoreError> {
        let number = match self.take_inbox_row(tx, entry)? {
            Attempt::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Attempt::Done(number) => number,
        };
        let taken = match tx.own_inbox_row(entry) {
            Some(InboxWrite::Bury(..)) => true,
            Some(_) => false,
            None => self.inbox.seen(number, entry),
        };
        if taken {
            return Err(StoreError::Conflict("message to bury was handled or buried meanwhile".into()));
        }
        tx.inbox.push(InboxWrite::Bury(entry.clone(), Box::new(message.clone()), reason.into()));
        Ok(Attempt::Done(()))
    }

    pub(in crate::store) fn inbox_exhume(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
    ) -> Result<Attempt<bool>, StoreError> {
        let number = match self.take_inbox_row(tx, entry)? {
            Attempt::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Attempt::Done(number) => number,
        };
        let dead = match tx.own_inbox_row(entry) {
            Some(own) => matches!(own, InboxWrite::Bury(..)),
            None => matches!(self.inbox.row(number, entry.message), Some(InboxRow::Dead(..))),
        };
        if dead {
            tx.inbox.push(InboxWrite::Exhume(entry.clone()));
        }
        Ok(Attempt::Done(dead))
    }

    pub(in crate::store) fn saga_create(
        &mut self,
        tx: &mut Tx,
        saga: &NewSaga,
        now: Timestamp,
    ) -> Result<Attempt<SagaCreate>, StoreError> {
        let (name, key) = (&saga.definition.name, &saga.key);
        if let Some(id) = self.sagas.id_by_key(name, key) {
            return Ok(Attempt::Done(SagaCreate::Exists(id)));
        }
        let unique = UniqueKey::Saga(name.clone(), key.clone());
        match self.locks.acquire(unique, tx.id, &mut tx.locks)? {
            Acquired::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Acquired::New => {}
            Acquired::Mine => {
                let own = tx.sagas.iter().find_map(|write| match write {
                    SagaWrite::Create(own, _) if own.definition.name == *name && own.key == *key => Some(own.id),
                    _ => None,
                });
                if let Some(id) = own {
                    return Ok(Attempt::Done(SagaCreate::Exists(id)));
                }
            }
        }
        tx.sagas.push(SagaWrite::Create(saga.clone(), now));
        Ok(Attempt::Done(SagaCreate::Created))
    }

    pub(in crate::store) fn saga_append(
        &self,
        tx: &mut Tx,
        append: &SagaAppend,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.sagas.check_after(append, &tx.sagas)?;
        tx.sagas.push(SagaWrite::Append(append.clone(), now));
        Ok(())
    }
}
