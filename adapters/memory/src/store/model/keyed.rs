use seaworthy_core::{
    message::Message,
    ports::{
        InboxEntry, InboxInsert, NewSaga, RowId, SagaAppend, SagaCreate, SagaInstance, SagaSignal, Seen, StoreError,
        Timestamp,
    },
};

use super::{
    Attempt, StoreModel, Tx,
    inbox::{InboxWrite, Standing},
    locks::{Acquired, UniqueKey},
    sagas::{SagaWrite, Signalled},
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
        tx.staged.push((RowId(self.last_row), Box::new(message.clone())));
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

    /// Returns the standing of a message as a transaction sees it: what is committed, and then its own writes.
    fn standing(&self, tx: &Tx, number: u32, entry: &InboxEntry) -> Standing {
        let committed = self.inbox.standing(number, entry.message);
        tx.own_inbox_writes(entry).fold(committed, |before, write| write.after(before))
    }

    /// Returns the reason why a message counts as handled or buried before, if it does. One that has failed does not,
    /// wherever the watermark stands.
    fn seen(&self, tx: &Tx, number: u32, entry: &InboxEntry) -> Option<Seen> {
        match self.standing(tx, number, entry) {
            Standing::Open(0) => self.inbox.below_watermark(number, entry).then_some(Seen::Watermark),
            Standing::Open(_) => None,
            Standing::Handled | Standing::Dead => Some(Seen::Row),
        }
    }

    pub(in crate::store) fn inbox_insert(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
        now: Timestamp,
    ) -> Result<Attempt<InboxInsert>, StoreError> {
        let number = self.inbox.number(&entry.consumer);
        if let Some(seen) = self.seen(tx, number, entry) {
            return Ok(Attempt::Done(InboxInsert::Duplicate(seen)));
        }
        if let Attempt::Blocked(until) = self.take_inbox_row(tx, entry)? {
            return Ok(Attempt::Blocked(until));
        }
        tx.inbox.push(InboxWrite::Insert(entry.clone(), now));
        Ok(Attempt::Done(InboxInsert::First))
    }

    pub(in crate::store) fn inbox_failed(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
        now: Timestamp,
    ) -> Result<Attempt<u32>, StoreError> {
        Ok(match self.take_inbox_row(tx, entry)? {
            Attempt::Blocked(until) => Attempt::Blocked(until),
            Attempt::Done(number) if self.seen(tx, number, entry) == Some(Seen::Watermark) => Attempt::Done(1),
            Attempt::Done(number) => {
                tx.inbox.push(InboxWrite::Fail(entry.clone(), now));
                Attempt::Done(match self.standing(tx, number, entry) {
                    Standing::Open(failures) => failures,
                    // Settled meanwhile by another delivery: this one failed all the same.
                    Standing::Handled | Standing::Dead => 1,
                })
            }
        })
    }

    pub(in crate::store) fn inbox_bury(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
        message: &Message,
        reason: &str,
        now: Timestamp,
    ) -> Result<Attempt<()>, StoreError> {
        let number = match self.take_inbox_row(tx, entry)? {
            Attempt::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Attempt::Done(number) => number,
        };
        // A transaction that handled the message itself may change its mind.
        let own = tx.own_inbox_writes(entry).filter(|write| !matches!(write, InboxWrite::Fail(..))).last();
        let handled_here = matches!(own, Some(InboxWrite::Insert(..) | InboxWrite::Exhume(..)));
        if !handled_here && self.seen(tx, number, entry).is_some() {
            return Err(StoreError::Conflict("message to bury was handled or buried meanwhile".into()));
        }
        let failures = match (own, self.standing(tx, number, entry)) {
            // Taken out and put back: it has failed once more.
            (Some(InboxWrite::Exhume(..)), _) => self.failures_of_exhumed(tx, number, entry).saturating_add(1),
            (_, Standing::Open(failures)) => failures,
            (_, Standing::Handled | Standing::Dead) => 0,
        };
        tx.inbox.push(InboxWrite::Bury(entry.clone(), Box::new(message.clone()), reason.into(), failures, now));
        Ok(Attempt::Done(()))
    }

    /// Returns the number of failures of a letter that a transaction has taken out: of its own, or else a committed one.
    fn failures_of_exhumed(&self, tx: &Tx, number: u32, entry: &InboxEntry) -> u32 {
        let own = tx.own_inbox_writes(entry).filter_map(|write| match write {
            InboxWrite::Bury(_, _, _, failures, _) => Some(*failures),
            _ => None,
        });
        own.last().unwrap_or_else(|| self.inbox.failures_of_dead(number, entry.message))
    }

    pub(in crate::store) fn inbox_exhume(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
        now: Timestamp,
    ) -> Result<Attempt<bool>, StoreError> {
        let number = match self.take_inbox_row(tx, entry)? {
            Attempt::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Attempt::Done(number) => number,
        };
        let dead = self.standing(tx, number, entry) == Standing::Dead;
        if dead {
            tx.inbox.push(InboxWrite::Exhume(entry.clone(), now));
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
        if let Some(there) = self.sagas.get_by_key(name, key) {
            return Ok(Attempt::Done(SagaCreate::Exists { saga: there.id, input: there.input.clone() }));
        }
        let unique = UniqueKey::Saga(name.clone(), key.clone());
        match self.locks.acquire(unique, tx.id, &mut tx.locks)? {
            Acquired::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Acquired::New => {}
            Acquired::Mine => {
                let own = tx.sagas.iter().find_map(|write| match write {
                    SagaWrite::Create(own, _) if own.definition.name == *name && own.key == *key => Some(own),
                    _ => None,
                });
                if let Some(own) = own {
                    return Ok(Attempt::Done(SagaCreate::Exists { saga: own.id, input: own.input.clone() }));
                }
            }
        }
        let own = |write: &SagaWrite| matches!(write, SagaWrite::Create(own, _) if own.id == saga.id);
        if self.sagas.get(saga.id).is_some() || tx.sagas.iter().any(own) {
            return Err(StoreError::Refused("a saga of this id exists under another key".into()));
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

    pub(in crate::store) fn saga_signal(&self, tx: &mut Tx, signal: &SagaSignal, now: Timestamp) -> Vec<SagaInstance> {
        let found = self.sagas.addressed(&signal.to, &tx.sagas);
        for saga in found.iter().filter(|saga| !saga.status.is_terminal()) {
            let (length, record) = (saga.log_length, signal.record.clone());
            tx.sagas.push(SagaWrite::Signal(Signalled { saga: saga.id, length, record }, now));
        }
        found
    }
}
