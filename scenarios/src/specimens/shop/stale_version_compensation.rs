//! The release of stock expects the version that its reservation left behind, and gives up where an order for the same
//! article came between.

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
pub(super) fn twin() -> OrderFulfillment {
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
    // Another order has to come between.
    .least_orders(2)
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
