use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    aggregate::{AggregateError, Cause, Repository, UpdateError},
    inbox::{Handler, HandlerError},
    message::Message,
    ports::{Clock, Random, Timestamp, Transaction},
    saga::{
        Action, AtLimit, Awaits, Compensation, Definition, DefinitionError, NothingToUndo, Orchestrator, SagaBuilder,
        SagaError, Shape, StepCall, StepError, Value,
    },
};
use smol_str::ToSmolStr as _;

use super::{
    order::{IllegalChange, Order, OrderStatus, handler_error, kept_to_itself},
    requests::PlaceOrder,
};
use crate::{
    messages::{
        Answer, Goods, ORDERS, RESERVATION_ANSWERED, RESERVATION_RELEASED, RESERVATION_REQUESTED, RESERVATION_SETTLED,
        RESERVATIONS,
    },
    parts::encode,
};

/// The definition's name.
pub const FULFILMENT: &str = "fulfilment";

/// Asks for a reservation of what an order wants that is there already, and waits for the answer; the confirmation is the point
/// of no return, and then the reservation is settled.
///
/// A saga that is turned back before its first step is done undoes nothing. So an order is called off by its request, which ends the
/// order itself, and not by an operator's `cancel` of the saga alone.
///
/// # Errors
/// [`DefinitionError`] if the steps do not fit together.
pub fn fulfilment(orders: &Repository<Order>) -> Result<Definition<PlaceOrder>, DefinitionError> {
    SagaBuilder::new(FULFILMENT, 1)
        .compensatable("reserve", Ask, Withdraw(orders.clone()))
        .compensatable("answer", Hear, NothingToUndo)
        .pivot("confirm_order", ConfirmOrder(orders.clone()))
        .retriable("settle", Settle)
        .build()
}

/// Returns the structure of [`fulfilment`], for whoever judges its sagas.
///
/// # Panics
/// If the steps do not fit together.
pub fn shape() -> Arc<Shape> {
    let nowhere = Arc::new(Nowhere);
    let orders = Repository::new(kept_to_itself(), nowhere.clone(), nowhere);
    fulfilment(&orders).expect("its steps fit together").shape().clone()
}

/// A clock that stands still and dice that show zero: a definition that is only looked at asks for neither.
struct Nowhere;

#[async_trait]
impl Clock for Nowhere {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}

impl Random for Nowhere {
    fn next_u64(&self) -> u64 {
        0
    }
}

type Call<'a> = StepCall<'a, PlaceOrder>;

/// Asks `inventory` to reserve what is ordered.
#[derive(Clone, Copy, Debug)]
pub struct Ask;

#[async_trait]
impl Action<PlaceOrder> for Ask {
    async fn apply(&self, tx: &mut dyn Transaction, call: &Call<'_>, _: Value) -> Result<Value, StepError> {
        tell(tx, call, RESERVATION_REQUESTED).await?;
        Ok(Value::NULL)
    }
}

/// Undoes [`Ask`]: nothing is ordered any more, and nothing is held for it.
pub struct Withdraw(pub Repository<Order>);

#[async_trait]
impl Compensation<PlaceOrder> for Withdraw {
    async fn apply(&self, tx: &mut dyn Transaction, call: &Call<'_>, _: Value) -> Result<(), StepError> {
        close(&self.0, tx, call).await?;
        tell(tx, call, RESERVATION_RELEASED).await
    }
}

/// Ends the order, where nobody has done so: most sagas turn back because it has failed or was called off.
pub struct CloseOrder(pub Repository<Order>);

#[async_trait]
impl Compensation<PlaceOrder> for CloseOrder {
    async fn apply(&self, tx: &mut dyn Transaction, call: &Call<'_>, _: Value) -> Result<(), StepError> {
        close(&self.0, tx, call).await
    }
}

/// Has `inventory` give it back, or never take it: the request may still be on its way.
#[derive(Clone, Copy, Debug)]
pub struct Release;

#[async_trait]
impl Compensation<PlaceOrder> for Release {
    async fn apply(&self, tx: &mut dyn Transaction, call: &Call<'_>, _: Value) -> Result<(), StepError> {
        tell(tx, call, RESERVATION_RELEASED).await
    }
}

/// Waits for the answer, as long as it takes, and turns back where it is no.
#[derive(Clone, Copy, Debug)]
pub struct Hear;

#[async_trait]
impl Action<PlaceOrder> for Hear {
    fn awaits(&self) -> Option<Awaits> {
        Some(Awaits::Signal { name: RESERVATION_ANSWERED.into(), at_limit: AtLimit::None })
    }

    async fn apply(&self, _: &mut dyn Transaction, _: &Call<'_>, heard: Value) -> Result<Value, StepError> {
        match heard.decode() {
            Ok(Answer::Success) => Ok(Value::NULL),
            Ok(Answer::Failed { reason }) => Err(StepError::Refused(reason)),
            Err(error) => Err(StepError::Refused(error.to_smolstr())),
        }
    }
}

/// Confirms the order: from here on there is no way back. One that was called off meanwhile is refused, and the saga turns back.
pub struct ConfirmOrder(pub Repository<Order>);

#[async_trait]
impl Action<PlaceOrder> for ConfirmOrder {
    async fn apply(&self, tx: &mut dyn Transaction, call: &Call<'_>, _: Value) -> Result<Value, StepError> {
        let confirm = |order: &mut Order| order.move_to(OrderStatus::Confirmed);
        self.0.update_in(tx, &call.data.id, cause(call), confirm).await.map_err(change_error)?;
        Ok(Value::NULL)
    }
}

/// Has `inventory` note that what is reserved is sold.
#[derive(Clone, Copy, Debug)]
pub struct Settle;

#[async_trait]
impl Action<PlaceOrder> for Settle {
    async fn apply(&self, tx: &mut dyn Transaction, call: &Call<'_>, _: Value) -> Result<Value, StepError> {
        tell(tx, call, RESERVATION_SETTLED).await?;
        Ok(Value::NULL)
    }
}

/// Ends the order where the answer is no, and gives the answer to the saga that asked: in one transaction with the inbox row, so
/// that neither is lost or had twice.
#[derive(Clone)]
pub struct HearAnswer(pub Repository<Order>, pub Orchestrator);

#[async_trait]
impl Handler for HearAnswer {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        if let Answer::Failed { reason } = message.json()? {
            let fail = |order: &mut Order| order.conclude(OrderStatus::Failed, Some(reason));
            self.0.update_in(tx, &message.subject, Cause::Message(message), fail).await.map_err(handler_error)?;
        }
        match self.1.deliver_in(tx, FULFILMENT, message).await {
            // It has turned back meanwhile, and has told `inventory` so.
            Ok(_) | Err(SagaError::Ended { .. }) => Ok(()),
            Err(SagaError::Store(error)) => Err(error.into()),
            Err(error) => Err(HandlerError::Refused(error.to_smolstr())),
        }
    }
}

async fn close(orders: &Repository<Order>, tx: &mut dyn Transaction, call: &Call<'_>) -> Result<(), StepError> {
    let close = |order: &mut Order| order.conclude(OrderStatus::Cancelled, None);
    orders.update_in(tx, &call.data.id, cause(call), close).await.map_err(change_error)
}

async fn tell(tx: &mut dyn Transaction, call: &Call<'_>, kind: &str) -> Result<(), StepError> {
    let goods = Goods { order: call.data.id.clone(), lines: call.data.lines.clone() };
    let body: Bytes = encode(&goods);
    Ok(tx.stage(&call.message(ORDERS, kind, RESERVATIONS, &call.data.id, body)).await?)
}

/// Returns the cause of a step's change of an order.
fn cause(call: &Call<'_>) -> Cause<'static> {
    Cause::Operation { id: call.operation_id(), correlation_id: call.correlation_id }
}

fn step_error(error: AggregateError) -> StepError {
    match error {
        AggregateError::Store(error) => StepError::Store(error),
        error => StepError::Unavailable(error.to_smolstr()),
    }
}

fn change_error(error: UpdateError<IllegalChange>) -> StepError {
    match error {
        UpdateError::Aggregate(error) => step_error(error),
        error => StepError::Refused(error.to_smolstr()),
    }
}
