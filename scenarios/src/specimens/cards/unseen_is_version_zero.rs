//! A wallet that the translator has not looked up is taken for one that is not there yet: its credit expects version 0, is stale,
//! and is as stale the next time. In the end it is rejected, and lies among the dead letters of the table, which owes it to its player.
//!
//! Threads: one settlement.
//!
//! Mechanism: a default where a look-up is missing; what nobody knows reads as "new".
//!
//! Trap 04: a destination that is missing reads as sequence 0.
//!
//! Violates: `dead-only-injected`.
//!
//! Right: [`PayOut`](seaworthy_card_table::players::PayOut) names each wallet in `prepare`, and what is not named is an error.

use seaworthy_card_table::{
    messages::{CREDIT, PaidOut, Players, TABLE_TO_PLAYER},
    players::{consumers, serve_with, table_to_player},
};
use seaworthy_core::choreography::{Command, Destination, Destinations, TranslateError, Translator};

use crate::card_table::CardTable;

/// The card table with this mistake.
pub(super) fn twin() -> CardTable {
    let about = "a wallet that was not looked up is taken for one at version 0, and its credits are stale for ever";
    CardTable::with_mistake("unseen-is-version-zero", about).players(|ports| {
        let router = table_to_player(&ports, NotLookedUp).handlers(ports.clock.clone());
        let consumers = consumers(&ports).with(TABLE_TO_PLAYER, router);
        Box::pin(serve_with(ports, consumers))
    })
}

struct NotLookedUp;

impl Translator for NotLookedUp {
    type Event = PaidOut;

    fn handle(&self, paid: &PaidOut, wallets: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let credits = paid.payouts.iter().map(|payout| {
            let wallet = Destination::new::<Players>(payout.player.clone());
            let seen = wallets.version(&wallet).unwrap_or(0);
            Ok(Command::new::<Players>(CREDIT, wallet.id, payout)?.exact(seen))
        });
        credits.collect()
    }
}
