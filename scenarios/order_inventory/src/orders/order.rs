use seaworthy_core::{
    aggregate::{Aggregate, DomainEvent, MessageMap, Repository, UpdateError},
    inbox::HandlerError,
    ports::Ports,
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, ToSmolStr as _};

use crate::messages::{Goods, Line, ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_CREATED, ORDERS};

/// Collection of orders, by id.
pub const ORDER_COLLECTION: &str = "order";

/// Status of an order. It leaves `pending` once, and the others never.
///
/// Closed on purpose: whoever decides by it has to decide on a new status, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Nobody knows yet whether there is enough of everything.
    Pending,
    /// All of it is reserved, and will be delivered.
    Confirmed,
    /// Its customer has called it off.
    Cancelled,
    /// There was not enough of something.
    Failed,
}

/// An order as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The business key.
    pub id: SmolStr,
    /// Articles and units that are ordered.
    pub lines: Vec<Line>,
    /// Status of the order.
    pub status: OrderStatus,
    /// Reason for which it can't be delivered, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SmolStr>,
}

/// A change that an order's life cycle does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {from:?} can't become {to:?}")]
pub struct IllegalChange {
    /// Status that it has.
    pub from: OrderStatus,
    /// Status that it was to have.
    pub to: OrderStatus,
}

impl Order {
    /// A new order, of which nobody knows whether it can be delivered.
    pub fn placed(id: SmolStr, lines: Vec<Line>) -> Self {
        Self { id, lines, status: OrderStatus::Pending, reason: None }
    }

    /// Moves it to `status`; moving it to where it is changes nothing.
    ///
    /// # Errors
    /// [`IllegalChange`] if it has come to another end.
    pub fn move_to(&mut self, status: OrderStatus) -> Result<(), IllegalChange> {
        if self.status != OrderStatus::Pending && self.status != status {
            return Err(IllegalChange { from: self.status, to: status });
        }
        self.status = status;
        Ok(())
    }

    /// Takes in an answer that may come late: whoever was called off, or has heard it before, stays as it is.
    pub fn conclude(&mut self, status: OrderStatus, reason: Option<SmolStr>) -> Result<(), IllegalChange> {
        if self.status == OrderStatus::Pending {
            (self.status, self.reason) = (status, reason);
        }
        Ok(())
    }

    fn goods(&self) -> Goods {
        Goods { order: self.id.clone(), lines: self.lines.clone() }
    }
}

/// Domain event of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderEvent {
    /// It was placed.
    Created(Goods),
    /// It will be delivered.
    Confirmed(Goods),
    /// Its customer has called it off.
    Cancelled(Goods),
    /// It can't be delivered.
    Failed,
}

impl DomainEvent for OrderEvent {
    const NAMES: &'static [&'static str] = &["Created", "Confirmed", "Cancelled", "Failed"];

    fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "Created",
            Self::Confirmed(_) => "Confirmed",
            Self::Cancelled(_) => "Cancelled",
            Self::Failed => "Failed",
        }
    }
}

impl Aggregate for Order {
    const NAME: &'static str = ORDER_COLLECTION;
    type Event = OrderEvent;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<OrderEvent> {
        match (before.map(|order| order.status), after.status) {
            (None, _) => Some(OrderEvent::Created(after.goods())),
            (Some(OrderStatus::Pending), OrderStatus::Confirmed) => Some(OrderEvent::Confirmed(after.goods())),
            (Some(OrderStatus::Pending), OrderStatus::Cancelled) => Some(OrderEvent::Cancelled(after.goods())),
            (Some(OrderStatus::Pending), OrderStatus::Failed) => Some(OrderEvent::Failed),
            _ => None,
        }
    }
}

/// The repository of orders, whose messages are these.
pub fn repository(ports: &Ports, messages: MessageMap<OrderEvent>) -> Repository<Order> {
    Repository::new(messages, ports.clock.clone(), ports.random.clone())
}

/// Returns what is told of an order where others act on it: all but that it can't be delivered, which they knew first.
pub fn told() -> MessageMap<OrderEvent> {
    let goods = |event: &OrderEvent| match event {
        OrderEvent::Created(goods) | OrderEvent::Confirmed(goods) | OrderEvent::Cancelled(goods) => Some(goods.clone()),
        OrderEvent::Failed => None,
    };
    let messages = MessageMap::builder(ORDERS)
        .publish("Created", ORDER_CREATED, goods)
        .publish("Confirmed", ORDER_CONFIRMED, goods)
        .publish("Cancelled", ORDER_CANCELLED, goods)
        .ignore("Failed");
    messages.build().expect("each event of an order is registered once")
}

/// Returns what is told of an order where a saga does the talking: nothing.
pub fn kept_to_itself() -> MessageMap<OrderEvent> {
    let messages = OrderEvent::NAMES.iter().fold(MessageMap::builder(ORDERS), |messages, event| messages.ignore(event));
    messages.build().expect("each event of an order is ignored once")
}

/// Returns a failed change of an order as the error of the message that asked for it.
pub fn handler_error(error: UpdateError<IllegalChange>) -> HandlerError {
    match error {
        UpdateError::Aggregate(error) => error.into(),
        error => HandlerError::Refused(error.to_smolstr()),
    }
}
