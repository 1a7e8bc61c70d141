//! The context of orders. It knows stock by the answers of `inventory` alone.

mod fulfilment;
mod order;
mod requests;

pub use fulfilment::{
    Ask, CloseOrder, ConfirmOrder, FULFILMENT, Hear, HearAnswer, Release, Settle, Withdraw, fulfilment, shape,
};
pub use order::{
    IllegalChange, ORDER_COLLECTION, Order, OrderEvent, OrderStatus, handler_error, kept_to_itself, repository, told,
};
pub use requests::{CANCEL_ORDER, Denied, LOOK_UP_ORDER, PLACE_ORDER, PlaceOrder, RequestHandler, answer};
