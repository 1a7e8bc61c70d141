//! A charge that draws a new idempotency key for each attempt: after a lost reply the card is charged again.

use async_trait::async_trait;
use seaworthy_core::{
    ids::OperationId,
    ports::{External, ExternalCall, draw_id},
    saga::{Action, Definition, DefinitionError, SagaBuilder, StepCall, StepError, Value},
};

use crate::order_fulfillment::{
    OrderFulfillment, PlaceOrder,
    payments::{CHARGE, PAYMENTS},
    process::{
        Own, Pieces,
        checkout::{
            CHECKOUT, CancelOrder, ConfirmOrder, DEADLINE, OpenOrder, RefundCharge, ReleaseStock, RequestShipment,
            ReserveStock, payment,
        },
        order::repository,
    },
};

/// The specimen.
pub fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "fresh-idempotency-key",
        "each attempt to charge the card has a key of its own",
        Pieces { checkout, ..Pieces::default() },
    )
}

fn checkout(own: &Own) -> Result<Definition<PlaceOrder>, DefinitionError> {
    let orders = repository(own);
    let charge = ChargeWithFreshKey(own.clone());
    SagaBuilder::new(CHECKOUT, 1)
        .deadline(DEADLINE)
        .compensatable("open_order", OpenOrder(orders.clone()), CancelOrder(orders.clone()))
        .compensatable("reserve_stock", ReserveStock, ReleaseStock)
        .compensatable("charge_card", charge, RefundCharge)
        .pivot("confirm_order", ConfirmOrder(orders))
        .retriable("request_shipment", RequestShipment)
        .build()
}

struct ChargeWithFreshKey(Own);

#[async_trait]
impl Action<PlaceOrder> for ChargeWithFreshKey {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, PlaceOrder>, external: &dyn External) -> Result<Value, StepError> {
        let operation_id = OperationId(draw_id(&*self.0.clock, &*self.0.random));
        let charge =
            ExternalCall { service: PAYMENTS.into(), operation: CHARGE.into(), operation_id, body: payment(call) };
        Ok(external.call(&charge).await?.into())
    }
}
