//! The domain of hands. It knows players and tables by their ids alone.

mod hand;
mod life;
mod service;

pub use hand::{Act, Hand, HandEvent, NotActed};
pub use life::{ACT_WITHIN, HandLife, IDLE, hand_life};
pub use service::{ACT, ActInHand, commands, consumers, hands, serve, serve_with, table_to_hand};
