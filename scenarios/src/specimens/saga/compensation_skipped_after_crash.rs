//! A compensation that undoes what its process remembers having done. After a crash it remembers nothing, finds nothing to
//! do, and reports success.
//!
//! Threads: the replica that takes the seat, and the one that gives it back: another one, or the same after a crash. An
//! outage of the store that lasts longer than the lease is enough, too.
//!
//! Mechanism: the list of what is to be undone lives in the memory of one process; whoever takes the saga over, too late to
//! confirm it, has an empty one.
//!
//! Violates: `torn-step`; in the shop also `stock-conserved`.
//!
//! Right: the twin below asks the store what was done, by the operation's id, as
//! [`ReleaseStock`](seaworthy_order_fulfillment::checkout::ReleaseStock) does in the shop.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::OperationId,
    ports::Transaction,
    saga::{Action, Compensation, Definition, SagaBuilder, StepCall, StepError, Value},
};
use seaworthy_sim::scenario::Topology;

use crate::small::{Confirm, FRONT, GiveBack, SmallService, TakeSeat, sagas};

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "saga/compensation-skipped-after-crash",
        about: "what is to be compensated is known to the process only, and lost in a crash",
        topology: || topology(remembered),
    };
    let right = SmallService {
        name: "saga/compensation-skipped-after-crash/right",
        about: "what is to be compensated is known to the store; everything is right",
        topology: || topology(|| booking(TakeSeat, GiveBack)),
    };
    (broken, right)
}

fn topology(booking: fn() -> Definition<String>) -> Topology {
    let front = Topology::new().service(FRONT).replicas(2);
    front.run(move |ports| sagas(ports, booking())).saga(booking().shape())
}

fn remembered() -> Definition<String> {
    let undo_log = UndoLog::default();
    booking(TakeAndRemember(undo_log.clone()), GiveRememberedBack(undo_log))
}

fn booking(take: impl Action<String> + 'static, give_back: impl Compensation<String> + 'static) -> Definition<String> {
    let deadline = Duration::from_secs(5);
    let booking = SagaBuilder::new("booking", 1).deadline(deadline).compensatable("seat", take, give_back);
    booking.pivot("confirm", Confirm).build().expect("its steps fit together")
}

/// Operations by which this process has taken seats.
type UndoLog = Arc<Mutex<BTreeSet<OperationId>>>;

struct TakeAndRemember(UndoLog);

#[async_trait]
impl Action<String> for TakeAndRemember {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, String>,
        answer: Value,
    ) -> Result<Value, StepError> {
        let output = TakeSeat.apply(tx, call, answer).await?;
        self.0.lock().expect("nobody panics while holding it").insert(call.action_id());
        Ok(output)
    }
}

struct GiveRememberedBack(UndoLog);

#[async_trait]
impl Compensation<String> for GiveRememberedBack {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, String>,
        answer: Value,
    ) -> Result<(), StepError> {
        let remembered = self.0.lock().expect("nobody panics while holding it").contains(&call.action_id());
        if remembered {
            GiveBack.apply(tx, call, answer).await?;
        }
        Ok(())
    }
}
