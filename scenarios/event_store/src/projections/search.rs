use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::Message,
    ports::{Ports, Transaction},
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    account::AccountEvent,
    messages::SEARCH,
    parts::{change, follow, on_both},
};

/// Bookings in whose purpose a word stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hits {
    /// Account and booking, each in the order of its events: `anna b-1`.
    pub entries: Vec<SmolStr>,
}

/// Runs the one replica until a stop is asked for.
pub async fn search(ports: Ports) {
    follow(ports, SEARCH, on_both(Search)).await;
}

/// Enters each booking under the words of its purpose.
#[derive(Clone, Copy)]
pub struct Search;

#[async_trait]
impl Handler for Search {
    async fn handle(&self, tx: &mut dyn Transaction, event: &Message) -> Result<(), HandlerError> {
        let booked: AccountEvent = event.json()?;
        let Some(booking) = &booked.entry().booking else { return Ok(()) };
        for word in booked.entry().purpose.split_whitespace() {
            let hit = format_smolstr!("{} {booking}", event.subject);
            change(tx, SEARCH, word, |hits: &mut Hits| hits.entries.push(hit)).await?;
        }
        Ok(())
    }
}
