use std::{pin::pin, sync::Arc, task::Poll};

use futures_util::{future::BoxFuture, poll};
use seaworthy_core::ports::{Call, FailureKind, Operation, PortError as _, StoreError, Transaction};
use smol_str::SmolStr;
use tokio::sync::oneshot;

use crate::{
    kernel::{Deciding, Incarnation, IncarnationTask, task},
    shell::{Disposition, Gate, heard, is_unheard, outcome_of, said},
    trace::{Effect, Outcome, TxId, What},
};

/// The end of a transaction: decided once, and written down once, whether or not its process is there to hear.
pub(super) struct Decision {
    pub(super) gate: Gate,
    pub(super) store: SmolStr,
    pub(super) tx: TxId,
    /// The task that asked for it, whichever goes on with it.
    task: u32,
}

impl Decision {
    pub(super) fn new(gate: Gate, store: SmolStr, tx: TxId) -> Self {
        Self { gate, store, tx, task: task::current() }
    }

    /// Writes down how the transaction ended.
    pub(super) fn record(&self, outcome: Outcome, effects: Vec<Effect>) {
        let (effects, tried) = if outcome.took_effect() {
            (self.gate.world.translate(&self.store, effects).into(), Box::default())
        } else {
            (Arc::from([]), effects.into())
        };
        let what = What::Commit { tx: self.tx, store: self.store.clone(), outcome, effects, tried };
        let _whose = task::Polling::new(self.gate.incarnation.process, self.gate.incarnation.number, self.task);
        // Not by the gate, which knows a dead incarnation only: this one's death is told after its last decision.
        self.gate.world.record_of(&self.gate.incarnation, what);
    }

    /// Has the inner store decide. Mostly it does so at once.
    #[allow(clippy::manual_async_fn, reason = "an async fn has room for each of its arguments twice, for every commit")]
    pub(super) fn reach(
        self,
        inner: Box<dyn Transaction>,
        effects: Vec<Effect>,
        struck: Disposition,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            let mut commit = inner.commit();
            match poll!(&mut commit) {
                Poll::Ready(result) => self.decided(result, effects, struck, true),
                // In a box of its own, so that not every commit's future has room for it.
                Poll::Pending => Box::pin(self.reach_later(commit, effects, struck)).await,
            }
        }
    }

    /// Commits where the inner store has to wait, so that the commit is beyond recall: its database decides, whatever
    /// becomes of the process. So it goes on in a task of the world, and the death of the process, should it come
    /// meanwhile, is told once it is decided: to everybody else the process died then.
    async fn reach_later(
        self,
        commit: BoxFuture<'static, Result<(), StoreError>>,
        effects: Vec<Effect>,
        struck: Disposition,
    ) -> Result<(), StoreError> {
        let (gate, (tell, told)) = (self.gate.clone(), oneshot::channel());
        let deciding = Deciding::new(&gate.world, &gate.incarnation);
        let task = async move {
            let result = commit.await;
            let is_heard = !self.gate.incarnation.is_dead() && !tell.is_closed();
            let result = self.decided(result, effects, struck, is_heard);
            drop(deciding);
            // Whoever began it may be gone.
            let _ = tell.send(result);
        };
        // What a store's own code panics with is put down to the process whose call it was.
        let (world, incarnation) = (gate.world.clone(), gate.incarnation.clone());
        let on_panic = Arc::new(move |_: &Incarnation, panicked| world.panicked(&incarnation, panicked));
        gate.world.spawner.spawn(IncarnationTask::new(gate.world.outside.clone(), Box::pin(task), on_panic));
        gate.incarnation.alive(pin!(told)).await.unwrap_or_else(|_| Err(lost()))
    }

    fn decided(
        &self,
        result: Result<(), StoreError>,
        effects: Vec<Effect>,
        struck: Disposition,
        is_heard: bool,
    ) -> Result<(), StoreError> {
        let outcome = outcome_of(&result, is_unheard(struck) || !is_heard);
        if let Err(error) = &result {
            self.gate.note_error(Operation::Commit, error);
        }
        self.record(outcome, effects);
        heard(struck, &Call::Commit, result)
    }
}

fn lost() -> StoreError {
    StoreError::new(FailureKind::Unknown, said(FailureKind::Unknown, &Call::Commit))
}
