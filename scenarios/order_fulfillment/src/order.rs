//! The order: an aggregate whose transition to `confirmed` is what the rest of the shop hears of.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::{Aggregate, AggregateError, Cause, DomainEvent, MessageMap, Repository, UpdateError},
    inbox::{Handler, HandlerError},
    message::Message,
    ports::Transaction,
    saga::StepError,
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use crate::{
    clock_and_random::ClockAndRandom,
    documents::{ORDER_COLLECTION, OrderStatus},
    json::whole_number,
    messages::{Goods, ORDER_CONFIRMED, ORDERS_SERVICE, ShipmentReport},
    requests::PlaceOrder,
};

/// An order as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept")]
pub struct Order {
    /// Request that placed the order.
    #[serde(flatten)]
    pub placed: PlaceOrder,
    /// Status of the order.
    pub status: OrderStatus,
    /// The number of its shipment, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<SmolStr>,
}

/// The document of an order, field by field: reading one that is flattened would keep the whole of it aside first, and an
/// order is read at each of its steps.
#[derive(Deserialize)]
struct Kept {
    id: SmolStr,
    sku: SmolStr,
    quantity: u32,
    amount_cents: u64,
    #[serde(with = "whole_number")]
    customer: u64,
    status: OrderStatus,
    #[serde(default)]
    shipment: Option<SmolStr>,
}

impl From<Kept> for Order {
    fn from(Kept { id, sku, quantity, amount_cents, customer, status, shipment }: Kept) -> Self {
        Self { placed: PlaceOrder { id, sku, quantity, amount_cents, customer }, status, shipment }
    }
}

/// Domain event of an order.
///
/// Closed on purpose: each of them is a message of its own, whose name others know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// The order was placed.
    Placed,
    /// The order is paid for and will be sent.
    Confirmed(Goods),
    /// The order was called off.
    Cancelled,
    /// The order is on its way.
    Shipped,
}

impl DomainEvent for OrderEvent {
    const NAMES: &'static [&'static str] = &["Placed", "Confirmed", "Cancelled", "Shipped"];

    fn name(&self) -> &'static str {
        match self {
            Self::Placed => "Placed",
            Self::Confirmed(_) => "Confirmed",
            Self::Cancelled => "Cancelled",
            Self::Shipped => "Shipped",
        }
    }
}

impl Aggregate for Order {
    const NAME: &'static str = ORDER_COLLECTION;
    type Event = OrderEvent;

    fn id(&self) -> &str {
        &self.placed.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<OrderEvent> {
        match (before.map(|order| order.status), after.status) {
            (None, OrderStatus::Pending) => Some(OrderEvent::Placed),
            (Some(OrderStatus::Pending), OrderStatus::Confirmed) => Some(OrderEvent::Confirmed(after.goods())),
            (Some(OrderStatus::Pending), OrderStatus::Cancelled) => Some(OrderEvent::Cancelled),
            (Some(OrderStatus::Confirmed), OrderStatus::Shipped) => Some(OrderEvent::Shipped),
            _ => None,
        }
    }
}

/// A change that an order's life cycle does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {from:?} can't become {to:?}")]
pub struct IllegalChange {
    from: OrderStatus,
    to: OrderStatus,
}

impl Order {
    /// A new order.
    pub fn placed(placed: PlaceOrder) -> Self {
        Self { placed, status: OrderStatus::Pending, shipment: None }
    }

    /// Returns the goods that it takes from the stock.
    pub fn goods(&self) -> Goods {
        goods(&self.placed)
    }

    /// Moves it to `status`; moving it to where it is changes nothing.
    ///
    /// # Errors
    /// [`IllegalChange`]: it only goes from pending to confirmed or cancelled, and from confirmed to shipped.
    pub fn move_to(&mut self, status: OrderStatus) -> Result<(), IllegalChange> {
        let allowed = matches!(
            (self.status, status),
            (OrderStatus::Pending, OrderStatus::Confirmed | OrderStatus::Cancelled)
                | (OrderStatus::Confirmed, OrderStatus::Shipped)
        );
        if !allowed && self.status != status {
            return Err(IllegalChange { from: self.status, to: status });
        }
        self.status = status;
        Ok(())
    }
}

/// Returns the goods that an order takes from the stock.
pub fn goods(order: &PlaceOrder) -> Goods {
    Goods { order: order.id.clone(), sku: order.sku.clone(), quantity: order.quantity }
}

/// Mapping of the events of an order to messages: only its confirmation becomes one. The same for every process that
/// boots.
static MESSAGES: LazyLock<Arc<MessageMap<OrderEvent>>> = LazyLock::new(|| {
    let messages = MessageMap::builder(ORDERS_SERVICE)
        .publish("Confirmed", ORDER_CONFIRMED, |event| match event {
            OrderEvent::Confirmed(goods) => Some(goods.clone()),
            _ => None,
        })
        .ignore("Placed")
        .ignore("Cancelled")
        .ignore("Shipped")
        .build();
    Arc::new(messages.expect("each event of an order is registered once"))
});

/// The repository of orders.
pub fn repository(sources: &ClockAndRandom) -> Repository<Order> {
    Repository::new(MESSAGES.clone(), sources.clock.clone(), sources.random.clone())
}

/// Notes the number of an order's shipment; the first one counts.
#[derive(Clone)]
pub struct NoteShipment(pub Repository<Order>);

#[async_trait]
impl Handler for NoteShipment {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let report: ShipmentReport = message.json()?;
        let noted = self.0.update_in(tx, &report.order, Cause::Message(message), |order| {
            order.shipment.get_or_insert(report.shipment);
            Ok::<(), IllegalChange>(())
        });
        noted.await.map_err(handler_error)
    }
}

/// Marks an order as shipped when its shipment has left.
#[derive(Clone)]
pub struct MarkShipped(pub Repository<Order>);

#[async_trait]
impl Handler for MarkShipped {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let report: ShipmentReport = message.json()?;
        let moved = self.0.update_in(tx, &report.order, Cause::Message(message), |order| {
            order.shipment.get_or_insert(report.shipment);
            order.move_to(OrderStatus::Shipped)
        });
        moved.await.map_err(handler_error)
    }
}

/// Maps a failed change of an order to the error of the message that asked for it.
fn handler_error(error: UpdateError<IllegalChange>) -> HandlerError {
    match error {
        UpdateError::Aggregate(error) => error.into(),
        error => HandlerError::Refused(error.to_smolstr()),
    }
}

/// Maps a failed change of an order to the error of the step that made it.
pub fn step_error(order: &SmolStr, error: UpdateError<IllegalChange>) -> StepError {
    match error {
        UpdateError::Aggregate(AggregateError::Store(error)) => StepError::Store(error),
        UpdateError::Aggregate(error) => StepError::Unavailable(error.to_smolstr()),
        error => StepError::Refused(format_smolstr!("order {order}: {error}")),
    }
}
