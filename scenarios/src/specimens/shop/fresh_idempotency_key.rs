//! Each attempt to charge the card has a key of its own.

use async_trait::async_trait;
use seaworthy_core::{
    ids::OperationId,
    ports::{External, ExternalCall, draw_id},
    saga::{Action, StepCall, StepError, Value},
};
use seaworthy_order_fulfillment::{
    ClockAndRandom, Variant,
    checkout::{ReleaseStock, RequestShipment, ReserveStock, checkout_with, payment},
    payments::{CHARGE, PAYMENTS},
    requests::PlaceOrder,
};

use crate::order_fulfillment::OrderFulfillment;

/// Returns the broken twin.
pub(super) fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "fresh-idempotency-key",
        "each attempt to charge the card has a key of its own",
        Variant {
            checkout: |sources| {
                let charge = ChargeWithFreshKey(sources.clone());
                checkout_with(sources, (ReserveStock, ReleaseStock), charge, RequestShipment)
            },
            ..Variant::default()
        },
    )
}

struct ChargeWithFreshKey(ClockAndRandom);

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
