//! The release of stock undoes what its process remembers having reserved.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::OperationId,
    ports::Transaction,
    saga::{Action, Compensation, Definition, DefinitionError, StepCall, StepError, Value},
};
use seaworthy_order_fulfillment::{
    ClockAndRandom, Variant,
    checkout::{ChargeCard, ReleaseStock, RequestShipment, ReserveStock, checkout_with},
    requests::PlaceOrder,
};

use crate::order_fulfillment::OrderFulfillment;

/// Returns the broken twin.
pub(super) fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "compensation-skipped-after-crash",
        "what is to be compensated is known to the process only, and lost in a crash",
        Variant { checkout, ..Variant::default() },
    )
}

fn checkout(sources: &ClockAndRandom) -> Result<Definition<PlaceOrder>, DefinitionError> {
    let undo_log = UndoLog::default();
    let reserve = (ReserveAndRemember(undo_log.clone()), ReleaseRemembered(undo_log));
    checkout_with(sources, reserve, ChargeCard, RequestShipment)
}

/// Operations that this process has reserved stock for.
type UndoLog = Arc<Mutex<BTreeSet<OperationId>>>;

struct ReserveAndRemember(UndoLog);

#[async_trait]
impl Action<PlaceOrder> for ReserveAndRemember {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        answer: Value,
    ) -> Result<Value, StepError> {
        let output = ReserveStock.apply(tx, call, answer).await?;
        self.0.lock().expect("nobody panics while holding it").insert(call.action_id());
        Ok(output)
    }
}

struct ReleaseRemembered(UndoLog);

#[async_trait]
impl Compensation<PlaceOrder> for ReleaseRemembered {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        answer: Value,
    ) -> Result<(), StepError> {
        let remembered = self.0.lock().expect("nobody panics while holding it").contains(&call.action_id());
        if remembered {
            ReleaseStock.apply(tx, call, answer).await?;
        }
        Ok(())
    }
}
