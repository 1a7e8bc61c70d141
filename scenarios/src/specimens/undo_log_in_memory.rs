//! A compensation that undoes what its process remembers having done. After a crash it remembers nothing, finds nothing to
//! do, and reports success.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::OperationId,
    ports::Transaction,
    saga::{Action, Compensation, Definition, DefinitionError, SagaBuilder, StepCall, StepError, Value},
};

use crate::order_fulfillment::{
    OrderFulfillment, PlaceOrder,
    process::{
        Own, Pieces,
        checkout::{
            CHECKOUT, CancelOrder, ChargeCard, ConfirmOrder, DEADLINE, OpenOrder, RefundCharge, ReleaseStock,
            RequestShipment, ReserveStock,
        },
        order::repository,
    },
};

/// The specimen.
pub fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "compensation-skipped-after-crash",
        "what is to be compensated is known to the process only, and lost in a crash",
        Pieces { checkout, ..Pieces::default() },
    )
}

fn checkout(own: &Own) -> Result<Definition<PlaceOrder>, DefinitionError> {
    let orders = repository(own);
    let undo_log = UndoLog::default();
    SagaBuilder::new(CHECKOUT, 1)
        .deadline(DEADLINE)
        .compensatable("open_order", OpenOrder(orders.clone()), CancelOrder(orders.clone()))
        .compensatable("reserve_stock", ReserveAndRemember(undo_log.clone()), ReleaseRemembered(undo_log))
        .compensatable("charge_card", ChargeCard, RefundCharge)
        .pivot("confirm_order", ConfirmOrder(orders))
        .retriable("request_shipment", RequestShipment)
        .build()
}

/// What this process has reserved.
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
