use seaworthy_core::ports::{Call, FailureKind, Operation, PortError as _, StoreError, Transaction};

use super::{
    Shell,
    disposition::{Disposition, Reach, outcome_of, said},
    transaction::Watched,
};
use crate::trace::{Outcome, TxId, What};

impl Shell {
    /// Begins a transaction, which has a number from then on.
    pub(super) async fn begun(
        &self,
        inner: impl Future<Output = Result<Box<dyn Transaction>, StoreError>> + Send,
    ) -> Result<(Box<dyn Transaction>, Watched), StoreError> {
        let mut call = self.gate.enter(Operation::Begin, Reach::Network).await;
        let begun = match call.disposition().await {
            Disposition::Unavailable => {
                Err(StoreError::new(FailureKind::Unavailable, said(FailureKind::Unavailable, &Call::Begin)))
            }
            _ => self.gate.answered(Operation::Begin, None, std::pin::pin!(inner)).await,
        };
        let begun = match begun {
            Ok(inner) => {
                let tx = self.gate.world.next_tx();
                self.gate.record(What::Begin { tx, outcome: Outcome::Done });
                Ok((inner, Watched::new(self.gate.clone(), self.store.clone(), tx)))
            }
            Err(error) => {
                self.gate.note_error(Operation::Begin, &error);
                self.gate.record(What::Begin { tx: TxId(0), outcome: outcome_of(&error) });
                Err(error)
            }
        };
        call.leave().await;
        begun
    }
}
