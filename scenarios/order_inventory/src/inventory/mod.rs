//! The context of stock. It knows orders by their ids alone.

mod reservation;
mod stock;

pub use reservation::{RESERVATION_COLLECTION, Reservation, ReservationState, mark_released, release, reserve, settle};
pub use stock::{STOCK_COLLECTION, StockLevel, level, stock_up, write_level};
