//! A join is decided on the wallet as it was read, and appended to whatever its stream holds by then. Two joins at once each find
//! enough chips, and together they reserve more than there are.
//!
//! Threads: two joins of one player.
//!
//! Mechanism: events are appended without the version that they were decided on; a log that takes everything loses no event, and
//! the fold no longer makes sense.
//!
//! Violates: `chips-conserved`: a wallet has a negative number of chips.
//!
//! Right: a [`Ledger`](seaworthy_core::events::Ledger) appends to the version that it has read, or decides again.

use async_trait::async_trait;
use seaworthy_card_table::{
    messages::{Funds, Players},
    parts::{Denied, RequestHandler, decode},
    players::{CLOSE_WALLET, JOIN, Wallet, WalletCommand, WalletEvent, consumers, serve_requests_by, stream, wallets},
};
use seaworthy_core::{
    aggregate::DomainEvent as _,
    choreography::Domain as _,
    events::{Ledger, Sourced as _},
    message::{Message, MessageBuilder},
    ports::{EventAppend, ExpectedVersion, Ports, StoreError},
};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use crate::card_table::CardTable;

/// The card table with this mistake.
pub(super) fn twin() -> CardTable {
    let about = "a join is appended to its wallet whatever has happened there since the wallet was read";
    CardTable::with_mistake("appends-to-any-version", about).players(|ports| {
        let consumers = consumers(&ports);
        let handler = Appends { wallets: wallets(&ports), ports: ports.clone() };
        Box::pin(serve_requests_by(ports, consumers, handler))
    })
}

struct Appends {
    wallets: Ledger<Wallet>,
    ports: Ports,
}

impl Appends {
    fn message(&self, player: &str, event: &WalletEvent) -> Result<Message, Denied> {
        let kind = format_smolstr!("wallet.{}", event.name());
        let built = MessageBuilder::new(Players::NAME, kind, player).json(event);
        let built = built.map_err(|error| Denied::Refused(error.to_smolstr()))?;
        Ok(built.draw(&*self.ports.clock, &*self.ports.random))
    }
}

#[async_trait]
impl RequestHandler for Appends {
    async fn carry_out(&self, operation: &str, body: &[u8]) -> Result<(), Denied> {
        let (player, command) = match operation {
            JOIN => {
                let funds: Funds = decode(body)?;
                (funds.player.clone(), WalletCommand::Reserve(funds))
            }
            CLOSE_WALLET => (decode::<SmolStr>(body)?, WalletCommand::Close),
            other => return Err(Denied::Refused(format_smolstr!("players can't {other}"))),
        };
        let store = &self.ports.store;
        let read = self.wallets.load(&mut *store.begin().await?, &player).await;
        let wallet = read.map_err(|error| Denied::AskAgain(error.to_smolstr()))?.state;
        let events = wallet.decide(&command).map_err(|no| Denied::Refused(no.to_smolstr()))?;
        let messages: Result<Vec<Message>, Denied> = events.iter().map(|event| self.message(&player, event)).collect();
        let messages = messages?;
        let mut tx = store.begin().await?;
        for message in &messages {
            tx.stage(message).await?;
        }
        let append = EventAppend::new(stream(&player), ExpectedVersion::Any, messages);
        tx.append_events(&append).await?;
        let committed: Result<(), StoreError> = tx.commit().await;
        Ok(committed?)
    }
}
