//! The domain of tables. It knows players and hands by their ids alone.

mod service;
mod table;

pub use service::{
    AskForSeat, GIVE_UP_SEAT, GiveUpSeat, SETTLE_TABLE, START_HAND, StartHand, commands, consumers, player_to_table,
    rejections, serve, serve_with, tables,
};
pub use table::{NoMove, NoSeat, Seat, Table, TableEvent, open_tables};
