//! A charge that draws a new idempotency key for each attempt: after a lost reply the card is charged again.
//!
//! Threads: one checkout, and its second attempt to charge: a lost reply or a crash behind the call is enough.
//!
//! Mechanism: the provider answers a key that it knows with the answer that it has stored; under a new key it takes the
//! money once more.
//!
//! Violates: `duplicate-effect`, and for the money `charged-once`.
//!
//! Right: [`ChargeCard`](seaworthy_order_fulfillment::checkout::ChargeCard) derives the key from the saga and the step, the
//! same in every attempt.

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
pub fn twin() -> OrderFulfillment {
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
