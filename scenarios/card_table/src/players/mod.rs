//! The domain of players. It knows tables by their ids alone.

mod service;
mod wallet;

pub use service::{
    CLOSE_WALLET, JOIN, PayOut, commands, consumers, rejections, serve, serve_requests_by, serve_with, table_to_player,
    wallets,
};
pub use wallet::{Join, JoinState, NoDeal, Wallet, WalletCommand, WalletEvent, WalletState, open_wallets, stream};
