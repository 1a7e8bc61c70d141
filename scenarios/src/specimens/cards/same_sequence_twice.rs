//! Two payouts for one wallet expect the same version: the first one moves the wallet on, so the second is stale. It is decided
//! again, as the second of two, and is stale again, until it is a dead letter while its player is owed.
//!
//! Threads: one settlement, in which a player is paid twice.
//!
//! Mechanism: the expected version is that of the event's first look, for all commands alike; nobody counts those of the same
//! event that come before.
//!
//! Trap 05: two payouts for one root get the same sequence.
//!
//! Violates: `dead-only-injected`.
//!
//! Right: the splitter of a [`Router`](seaworthy_core::choreography::Router) numbers the commands for one aggregate one after the
//! other, and one that is sent again alone expects what it finds.

use std::collections::BTreeMap;

use seaworthy_card_table::{
    messages::{CREDIT, PaidOut, Players, TABLE_TO_PLAYER},
    players::{PayOut, consumers, serve_with, table_to_player},
};
use seaworthy_core::choreography::{Command, Destination, Destinations, TranslateError, Translator};
use smol_str::SmolStr;

use crate::card_table::CardTable;

/// The card table with this mistake.
pub(super) fn twin() -> CardTable {
    let about = "two payouts for one wallet expect the same version, so that the second is stale for ever";
    CardTable::with_mistake("same-sequence-twice", about).players(|ports| {
        let router = table_to_player(&ports, NotNumbered).handlers(ports.clock.clone());
        let consumers = consumers(&ports).with(TABLE_TO_PLAYER, router);
        Box::pin(serve_with(ports, consumers))
    })
}

struct NotNumbered;

impl Translator for NotNumbered {
    type Event = PaidOut;

    fn prepare(&self, paid: &PaidOut) -> Vec<Destination> {
        PayOut.prepare(paid)
    }

    fn handle(&self, paid: &PaidOut, wallets: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let mut earlier = BTreeMap::<SmolStr, u64>::new();
        let credits = paid.payouts.iter().map(|payout| {
            let wallet = Destination::new::<Players>(payout.player.clone());
            let before = earlier.entry(wallet.id.clone()).or_default();
            // What the splitter adds is taken off again: all expect the same.
            let expected = wallets.version(&wallet)?.saturating_sub(*before);
            *before += 1;
            Ok(Command::new::<Players>(CREDIT, wallet.id, payout)?.exact(expected))
        });
        credits.collect()
    }
}
