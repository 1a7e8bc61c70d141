//! The router looks whether there is a free seat, and the table seats whom the router says. Two that have seen the same last seat
//! both get it.
//!
//! Threads: two joins at once.
//!
//! Mechanism: check here, act there, and nothing between them that says that the state is the same: the command expects any version.
//!
//! Violates: `one-seat-each` or `seats`, and `chips`.
//!
//! Right: [`AskForSeat`](seaworthy_card_table::tables::AskForSeat) expects the version that it has seen, and the table looks
//! for itself.

use seaworthy_card_table::{
    messages::{Funds, HandOver, PLAYER_TO_TABLE, SEAT_PLAYER, SETTLE_HAND, TABLE_COMMANDS, Tables},
    tables::{AskForSeat, NoSeat, Table, consumers, player_to_table, serve_with, tables},
};
use seaworthy_core::choreography::{Command, CommandHandlers, Destination, Destinations, TranslateError, Translator};
use serde::{Deserialize, Serialize};

use crate::card_table::CardTable;

/// The card table with this mistake.
pub(super) fn twin() -> CardTable {
    let about =
        "whether a seat is free is decided by the router, on a table that may have changed when its command arrives";
    CardTable::with_mistake("seats-on-a-stale-view", about).tables(|ports| {
        let commands = CommandHandlers::builder::<Tables>(&ports, tables(&ports))
            .on(SEAT_PLAYER, |table: &mut Table, Decided { funds, no_seat }: Decided| match no_seat {
                Some(why) => Err(why),
                None => {
                    table.take_seat(funds);
                    Ok(())
                }
            })
            .on(SETTLE_HAND, |table: &mut Table, over: HandOver| table.settle_hand(&over))
            .ended_when(|table| table.is_settled);
        let consumers = consumers(&ports)
            .with(TABLE_COMMANDS, commands.build().expect("two commands"))
            .with(PLAYER_TO_TABLE, player_to_table(Decide).handlers(ports.clock.clone()));
        Box::pin(serve_with(ports, consumers))
    })
}

/// A join about which the router has decided.
#[derive(Serialize, Deserialize)]
struct Decided {
    #[serde(flatten)]
    funds: Funds,
    no_seat: Option<NoSeat>,
}

struct Decide;

impl Translator for Decide {
    type Event = Funds;

    fn prepare(&self, funds: &Funds) -> Vec<Destination> {
        AskForSeat.prepare(funds)
    }

    fn handle(&self, funds: &Funds, tables: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let destination = Destination::new::<Tables>(funds.table.clone());
        let table: Option<Table> = tables.decode(&destination)?;
        let no_seat = table.and_then(|mut table| table.seat(funds.clone()).err());
        let decided = Decided { funds: funds.clone(), no_seat };
        Ok(vec![Command::new::<Tables>(SEAT_PLAYER, destination.id, &decided)?])
    }
}
