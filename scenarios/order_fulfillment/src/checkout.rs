//! The checkout saga: open, reserve, charge; confirm is the point of no return; then the shipment is requested.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    aggregate::{AggregateError, Cause, Repository, Tracked},
    participant::{self, Execution, Undoing},
    ports::{External, Transaction},
    saga::{Action, Compensation, Definition, DefinitionError, SagaBuilder, StepCall, StepError, Value},
};
use smol_str::{ToSmolStr as _, format_smolstr};

use crate::{
    clock_and_random::ClockAndRandom,
    documents::OrderStatus,
    json::encode,
    messages::{ORDERS_SERVICE, SHIPMENT_REQUESTED, SHIPMENT_REQUESTS},
    order::{Order, goods, repository, step_error},
    payments::{CHARGE, PAYMENTS, Payment, REFUND},
    requests::PlaceOrder,
    stock::{level, write_level},
};

/// The definition's name.
pub const CHECKOUT: &str = "checkout";

/// A checkout that is not confirmed after this long turns back: a customer does not wait for an hour.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The checkout as it should be.
///
/// # Errors
/// [`DefinitionError`] if the steps do not fit together.
pub fn checkout(sources: &ClockAndRandom) -> Result<Definition<PlaceOrder>, DefinitionError> {
    checkout_with(sources, (ReserveStock, ReleaseStock), ChargeCard, RequestShipment)
}

/// The checkout with these for the steps of the same names: how stock is reserved and released, how the card is charged
/// and how the shipment is requested. The sequence of the steps, their names and the deadline are always the same.
///
/// # Errors
/// [`DefinitionError`] if the steps do not fit together.
pub fn checkout_with(
    sources: &ClockAndRandom,
    (reserve, release): (impl Action<PlaceOrder> + 'static, impl Compensation<PlaceOrder> + 'static),
    charge: impl Action<PlaceOrder> + 'static,
    request: impl Action<PlaceOrder> + 'static,
) -> Result<Definition<PlaceOrder>, DefinitionError> {
    let orders = repository(sources);
    SagaBuilder::new(CHECKOUT, 1)
        .deadline(DEADLINE)
        .compensatable("open_order", OpenOrder(orders.clone()), CancelOrder(orders.clone()))
        .compensatable("reserve_stock", reserve, release)
        .compensatable("charge_card", charge, RefundCharge)
        .pivot("confirm_order", ConfirmOrder(orders))
        .retriable("request_shipment", request)
        .build()
}

/// The checkout of the next release, which charges the card before it reserves stock: no stock is held for a card that is
/// declined. Both versions are registered side by side, so that a checkout ends as it began, whoever takes it over.
///
/// # Errors
/// [`DefinitionError`] if the steps do not fit together.
pub fn charging_first(sources: &ClockAndRandom) -> Result<Definition<PlaceOrder>, DefinitionError> {
    let orders = repository(sources);
    SagaBuilder::new(CHECKOUT, 2)
        .deadline(DEADLINE)
        .compensatable("open_order", OpenOrder(orders.clone()), CancelOrder(orders.clone()))
        .compensatable("charge_card", ChargeCard, RefundCharge)
        .compensatable("reserve_stock", ReserveStock, ReleaseStock)
        .pivot("confirm_order", ConfirmOrder(orders))
        .retriable("request_shipment", RequestShipment)
        .build()
}

/// Makes the order. It is a step, and not a part of accepting the request, because a checkout that turns back undoes its
/// steps and nothing else: a customer may cancel before the first of them.
#[derive(Clone)]
pub struct OpenOrder(pub Repository<Order>);

#[async_trait]
impl Action<PlaceOrder> for OpenOrder {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        _: Value,
    ) -> Result<Value, StepError> {
        let order = Tracked::new(Order::placed(call.data.clone()));
        match self.0.save(tx, order, cause(call)).await {
            Ok(_) => Ok(Value::NULL),
            Err(AggregateError::Store(error)) => Err(error.into()),
            Err(error) => Err(StepError::Unavailable(error.to_smolstr())),
        }
    }
}

/// Cancels the order.
#[derive(Clone)]
pub struct CancelOrder(pub Repository<Order>);

#[async_trait]
impl Compensation<PlaceOrder> for CancelOrder {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        _: Value,
    ) -> Result<(), StepError> {
        move_order(&self.0, tx, call, OrderStatus::Cancelled).await
    }
}

/// Reserves what is ordered, all of it or nothing.
#[derive(Clone, Copy, Debug)]
pub struct ReserveStock;

#[async_trait]
impl Action<PlaceOrder> for ReserveStock {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        _: Value,
    ) -> Result<Value, StepError> {
        let order = call.data;
        match participant::execute(tx, call.operation_id()).await? {
            Execution::First(operation) => {
                let (mut stock, expected) = level(tx, &order.sku).await?;
                if stock.available < i64::from(order.quantity) {
                    return Err(StepError::Refused(format_smolstr!("only {} of {} left", stock.available, order.sku)));
                }
                stock.available -= i64::from(order.quantity);
                stock.reserved += i64::from(order.quantity);
                write_level(tx, &order.sku, expected, &stock).await?;
                operation.record(tx, Bytes::new()).await?;
                Ok(Value::NULL)
            }
            Execution::Repeated(_) => Ok(Value::NULL),
            Execution::TooLate => Err(StepError::Refused("the reservation was called off".into())),
        }
    }
}

/// Gives back what was reserved, if it was.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseStock;

#[async_trait]
impl Compensation<PlaceOrder> for ReleaseStock {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        _: Value,
    ) -> Result<(), StepError> {
        let order = call.data;
        if let Undoing::Undo(_) = participant::compensate(tx, call.action_id()).await? {
            let (mut stock, expected) = level(tx, &order.sku).await?;
            stock.available += i64::from(order.quantity);
            stock.reserved -= i64::from(order.quantity);
            write_level(tx, &order.sku, expected, &stock).await?;
        }
        Ok(())
    }
}

/// Charges the customer's card, under the same idempotency key in every attempt.
#[derive(Clone, Copy, Debug)]
pub struct ChargeCard;

#[async_trait]
impl Action<PlaceOrder> for ChargeCard {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, PlaceOrder>, external: &dyn External) -> Result<Value, StepError> {
        let answer = external.call(&call.external(PAYMENTS, CHARGE, payment(call))).await?;
        Ok(answer.into())
    }
}

/// Refunds the charge, or makes sure that it never happens.
#[derive(Clone, Copy, Debug)]
pub struct RefundCharge;

#[async_trait]
impl Compensation<PlaceOrder> for RefundCharge {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, PlaceOrder>, external: &dyn External) -> Result<Value, StepError> {
        let answer = external.call(&call.external(PAYMENTS, REFUND, payment(call))).await?;
        Ok(answer.into())
    }
}

/// The body of a charge and of its refund.
pub fn payment(call: &StepCall<'_, PlaceOrder>) -> Bytes {
    encode(&Payment {
        order: call.data.id.clone(),
        customer: call.data.customer,
        amount_cents: call.data.amount_cents,
        charge: call.action_id(),
    })
}

/// Confirms the order: from here on there is no way back. The transition stages `order.confirmed`.
#[derive(Clone)]
pub struct ConfirmOrder(pub Repository<Order>);

#[async_trait]
impl Action<PlaceOrder> for ConfirmOrder {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        _: Value,
    ) -> Result<Value, StepError> {
        move_order(&self.0, tx, call, OrderStatus::Confirmed).await?;
        Ok(Value::NULL)
    }
}

/// Asks `shipping` for a shipment.
#[derive(Clone, Copy, Debug)]
pub struct RequestShipment;

#[async_trait]
impl Action<PlaceOrder> for RequestShipment {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, PlaceOrder>,
        _: Value,
    ) -> Result<Value, StepError> {
        let body = encode(&goods(call.data));
        let request = call.message(ORDERS_SERVICE, SHIPMENT_REQUESTED, SHIPMENT_REQUESTS, &call.data.id, body);
        tx.stage(&request).await?;
        Ok(Value::NULL)
    }
}

async fn move_order(
    orders: &Repository<Order>,
    tx: &mut dyn Transaction,
    call: &StepCall<'_, PlaceOrder>,
    status: OrderStatus,
) -> Result<(), StepError> {
    orders
        .update_in(tx, &call.data.id, cause(call), |order| order.move_to(status))
        .await
        .map_err(|error| step_error(&call.data.id, error))
}

/// Returns the cause of a step's change of an order: messages of the change get ids that are the same in every attempt.
fn cause(call: &StepCall<'_, PlaceOrder>) -> Cause<'static> {
    Cause::Operation { id: call.operation_id(), correlation_id: call.correlation_id }
}
