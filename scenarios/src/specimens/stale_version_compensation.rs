//! A compensation that guards its write with the version that the reservation saw, and takes a newer one for somebody
//! else's business: it leaves the stock alone and is not tried again.

use async_trait::async_trait;
use seaworthy_core::{
    ports::Transaction,
    saga::{Action, Compensation, Definition, DefinitionError, SagaBuilder, StepCall, StepError, Value},
};

use crate::order_fulfillment::{
    OrderFulfillment, PlaceOrder,
    documents::STOCK,
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
        "stale-version-compensation",
        "the compensation expects the version that it saw long ago, and gives up",
        Pieces { checkout, ..Pieces::default() },
    )
}

fn checkout(own: &Own) -> Result<Definition<PlaceOrder>, DefinitionError> {
    let orders = repository(own);
    SagaBuilder::new(CHECKOUT, 1)
        .deadline(DEADLINE)
        .compensatable("open_order", OpenOrder(orders.clone()), CancelOrder(orders.clone()))
        .compensatable("reserve_stock", ReserveAtVersion, ReleaseAtVersion)
        .compensatable("charge_card", ChargeCard, RefundCharge)
        .pivot("confirm_order", ConfirmOrder(orders))
        .retriable("request_shipment", RequestShipment)
        .build()
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
        Value::of(&version(tx, call).await?)
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
    Ok(tx.get(STOCK, &call.data.sku).await?.map_or(0, |stock| stock.version))
}
