//! Guard of each saga's log: checks that writes fit what is committed.

use seaworthy_core::ports::{SagaAddress, SagaAppend, SagaInstance, StoreError};

use super::{SagaWrite, Sagas};

impl Sagas {
    /// Fails unless an append fits what is committed.
    fn check(&self, append: &SagaAppend) -> Result<(), StoreError> {
        match self.get(append.saga) {
            None => Err(StoreError::Conflict("append to a saga that is not there".into())),
            Some(saga) => fits(append, saga.epoch, saga.log_length),
        }
    }

    /// Fails unless a transaction's writes, one after the other, fit what is committed.
    pub(in crate::store::model) fn check_all(&self, writes: &[SagaWrite]) -> Result<(), StoreError> {
        for (index, write) in writes.iter().enumerate() {
            match write {
                SagaWrite::Create(new, _) if self.by_id.contains(&new.id) => {
                    return Err(StoreError::Refused("a saga of this id exists under another key".into()));
                }
                SagaWrite::Create(..) => {}
                SagaWrite::Append(append, _) => self.check_after(append, &writes[..index])?,
                SagaWrite::Signal(signalled, _) => {
                    let to = SagaAddress::Id(signalled.saga);
                    let found = self.addressed(&to, &writes[..index]).pop();
                    let fits = |saga: &SagaInstance| !saga.status.is_terminal() && saga.log_length == signalled.length;
                    if !found.as_ref().is_some_and(fits) {
                        return Err(StoreError::Conflict("a signal for a saga whose log has grown".into()));
                    }
                }
            }
        }
        Ok(())
    }

    /// Fails unless an append fits what is committed and then written by `earlier`.
    pub(in crate::store::model) fn check_after(
        &self,
        append: &SagaAppend,
        earlier: &[SagaWrite],
    ) -> Result<(), StoreError> {
        let last = earlier.iter().rev().find_map(|write| match write {
            SagaWrite::Create(new, _) if new.id == append.saga => Some((Some(1), 0)),
            SagaWrite::Append(before, _) if before.saga == append.saga => {
                Some((Some(before.epoch), before.expected_length + before.records.len() as u64))
            }
            SagaWrite::Signal(before, _) if before.saga == append.saga => Some((None, before.length + 1)),
            _ => None,
        });
        match last {
            None => self.check(append),
            Some((Some(epoch), length)) => fits(append, epoch, length),
            // A signal is of no epoch.
            Some((None, length)) => {
                let committed = self.get(append.saga).map_or(1, |saga| saga.epoch);
                fits(append, committed, length)
            }
        }
    }
}

fn fits(append: &SagaAppend, epoch: u64, length: u64) -> Result<(), StoreError> {
    if append.epoch != epoch {
        return Err(StoreError::Conflict("append under an epoch that is not the saga's: it was taken over".into()));
    }
    if append.expected_length != length {
        return Err(StoreError::Conflict("append to a saga log that has grown".into()));
    }
    Ok(())
}
