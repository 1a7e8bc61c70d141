//! A rejected join gives back all that its player has reserved, also for joins that are still under way. One of those then gets
//! its seat, and its chips are in the wallet and at the table.
//!
//! Threads: two joins of one player, of which one is rejected before the other is confirmed.
//!
//! Mechanism: the compensation goes by the aggregate, not by the command that was rejected.
//!
//! Trap 06: everything that is reserved is released, and not what the rejected join had reserved.
//!
//! Violates: `chips-conserved`; a join whose chips are gone is a dead letter (`dead-only-injected`).
//!
//! Right: [`rejections`](seaworthy_card_table::players::rejections) releases the join that the rejected command names.

use async_trait::async_trait;
use seaworthy_card_table::{
    messages::PLAYER_REJECTIONS,
    players::{JoinState, Wallet, WalletCommand, consumers, serve_with, wallets},
};
use seaworthy_core::{
    aggregate::{Cause, UpdateError},
    choreography::{REJECTED, Rejection},
    events::Ledger,
    inbox::{Handler, HandlerError, Handlers},
    message::Message,
    ports::Transaction,
};
use smol_str::ToSmolStr as _;

use crate::card_table::CardTable;

/// The card table with this mistake.
pub(super) fn twin() -> CardTable {
    let about = "a join that is rejected releases all that its player has reserved, for other joins, too";
    CardTable::with_mistake("releases-all-that-is-reserved", about).players(|ports| {
        let handlers = Handlers::builder().on(REJECTED, ReleaseAll(wallets(&ports))).build().expect("one type");
        let consumers = consumers(&ports).with(PLAYER_REJECTIONS, handlers);
        Box::pin(serve_with(ports, consumers))
    })
}

struct ReleaseAll(Ledger<Wallet>);

#[async_trait]
impl Handler for ReleaseAll {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let rejection: Rejection = message.json()?;
        let player = &message.subject;
        let wallet = self.0.load(tx, player).await?.state;
        for (join, _) in wallet.joins.iter().filter(|(_, join)| join.state == JoinState::Reserved) {
            let release = WalletCommand::Release { join: join.clone(), reason: rejection.reason.to_smolstr() };
            match self.0.execute_in(tx, player, &release, Cause::Message(message)).await {
                Ok(_) => {}
                Err(UpdateError::Aggregate(error)) => return Err(error.into()),
                Err(error) => return Err(HandlerError::Refused(error.to_smolstr())),
            }
        }
        Ok(())
    }
}
