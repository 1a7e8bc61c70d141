//! A compensation that guards its write with the version that the reservation saw, and takes a newer one for somebody
//! else's business: it leaves the stock alone and is not tried again.
//!
//! Threads: two checkouts that want the same article. No fault is needed but something that turns one of them back.
//!
//! Mechanism: the version guards against a write in between, and there is one whenever two orders share an article; a
//! compensation may not give up for that, because nobody else will undo the step.
//!
//! Violates: `torn-step`, and for the stock `stock-conserved`.
//!
//! Right: [`ReleaseStock`] reads the level as it is now.

use async_trait::async_trait;
use seaworthy_core::{
    ports::Transaction,
    saga::{Action, Compensation, StepCall, StepError, Value},
};
use seaworthy_order_fulfillment::{
    Variant,
    checkout::{ChargeCard, ReleaseStock, RequestShipment, ReserveStock, checkout_with},
    documents::STOCK_COLLECTION,
    requests::PlaceOrder,
};

use crate::order_fulfillment::OrderFulfillment;

/// Returns the broken twin.
pub fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "stale-version-compensation",
        "the compensation expects the version that it saw long ago, and gives up",
        Variant {
            checkout: |sources| {
                checkout_with(sources, (ReserveAtVersion, ReleaseAtVersion), ChargeCard, RequestShipment)
            },
            ..Variant::default()
        },
    )
}

/// The output of the reservation: the version of the stock that it left behind.
struct ReserveAtVersion;

#[async_trait]
impl Action<PlaceOrder> for ReserveAtVersion {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        answer: Value,
    ) -> Result<Value, StepError> {
        ReserveStock.apply(tx, call, answer).await?;
        Value::new(&version(tx, call).await?)
    }
}

struct ReleaseAtVersion;

#[async_trait]
impl Compensation<PlaceOrder> for ReleaseAtVersion {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        answer: Value,
    ) -> Result<(), StepError> {
        let expected: Option<u64> = call.own_output()?;
        if expected == Some(version(tx, call).await?) {
            ReleaseStock.apply(tx, call, answer).await?;
        }
        Ok(())
    }
}

async fn version(tx: &mut dyn Transaction, call: &StepCall<'_, PlaceOrder>) -> Result<u64, StepError> {
    Ok(tx.get(STOCK_COLLECTION, &call.data.sku).await?.map_or(0, |stock| stock.version))
}
