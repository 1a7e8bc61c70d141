//! One payout of a settlement is stale, so the settlement is split again, and all its payouts are sent once more: those that had
//! come in come in twice.
//!
//! Threads: a settlement, and somebody else who changes one of the wallets meanwhile.
//!
//! Mechanism: the event is retried, not the command; what is sent again has ids of its own, which no inbox knows.
//!
//! Trap 07: all commands of a split are sent again, those that succeeded too.
//!
//! Violates: `chips-conserved` and `duplicate-effect`.
//!
//! Right: a [`Router`](seaworthy_core::choreography::Router) sends the one command again that was stale.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_card_table::{
    messages::{HAND_SETTLED, HAND_STARTED, PAID_OUT, PLAYER_SEATED, TABLE_TO_PLAYER},
    players::{PayOut, Wallet, consumers, serve_with, table_to_player, wallets},
};
use seaworthy_core::{
    choreography::{DestinationStates as _, Destinations, Rejection, Router},
    events::Ledger,
    ids::{MessageId, derive},
    inbox::{Handler, HandlerError, Handlers},
    message::Message,
    ports::{Clock, Transaction},
};

use crate::card_table::CardTable;

/// The card table with this mistake.
pub(super) fn twin() -> CardTable {
    let about = "where one payout is stale, all payouts of the settlement are sent again";
    CardTable::with_mistake("sends-all-again", about).players(|ports| {
        let router = table_to_player(&ports, PayOut);
        let split = Split { router, wallets: wallets(&ports), clock: ports.clock.clone() };
        let handlers = Handlers::builder()
            .on(PLAYER_SEATED, split.clone())
            .on(PAID_OUT, split.clone())
            .on("command.stale", split)
            .ignore(HAND_STARTED)
            .ignore(HAND_SETTLED);
        let handlers = handlers.build().expect("one handler for one type");
        let consumers = consumers(&ports).with(TABLE_TO_PLAYER, handlers);
        Box::pin(serve_with(ports, consumers))
    })
}

#[derive(Clone)]
struct Split {
    router: Router,
    wallets: Ledger<Wallet>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Handler for Split {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let stale = message.json::<Rejection>().ok();
        let again = stale.as_ref().map(Rejection::event).transpose()?.flatten();
        let event = again.as_ref().unwrap_or(message);
        let mut states = Vec::new();
        for destination in self.router.prepare(event)? {
            let state = self.wallets.fetch(tx, &destination).await?;
            states.push((destination, state));
        }
        let commands = self.router.handle(event, &Destinations::from_iter(states))?;
        for mut command in self.router.split(event, commands, self.clock.now())? {
            if again.is_some() {
                command.id = MessageId(derive(message.id.0, &[&command.id.to_string()]));
            }
            tx.stage(&command).await?;
        }
        Ok(())
    }
}
