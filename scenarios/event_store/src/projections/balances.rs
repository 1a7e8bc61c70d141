use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    inbox::{Handler, HandlerError, Handlers},
    message::Message,
    ports::{Ports, Transaction},
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use super::{Generation, Generations};
use crate::{
    account::AccountEvent,
    messages::{BALANCES, LOOK_UP, REBUILD},
    parts::{Denied, answer, change, on_both},
};

/// Balance of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Balance in cents.
    pub cents: i64,
    /// Number of its events that are in it: the version of its stream up to which it is.
    pub entries: u64,
}

/// Returns the collection of a generation's balances, by account.
pub fn collection(generation: Generation) -> SmolStr {
    format_smolstr!("{BALANCES}-{generation}")
}

/// Returns the handlers of a generation.
pub fn projection(generation: Generation) -> Handlers {
    on_both(Balances(collection(generation)))
}

/// Runs one replica until a stop is asked for: answers, and runs whichever generations there are.
pub async fn balances(ports: Ports) {
    balances_with(ports, projection).await;
}

/// As [`balances`], with these handlers for each generation.
pub async fn balances_with(ports: Ports, projection: fn(Generation) -> Handlers) {
    let generations = Generations::new(&ports, BALANCES, projection);
    let (running, asked) = (generations.clone(), ports.clone());
    ports.spawn("generations", async move { running.run().await });
    answer(&ports, move |operation, body| serve(asked.clone(), generations.clone(), operation, body)).await;
}

async fn serve(ports: Ports, generations: Generations, operation: SmolStr, body: Bytes) -> Result<Bytes, Denied> {
    let body = String::from_utf8_lossy(&body);
    match operation.as_str() {
        REBUILD => match body.parse() {
            Ok(generation) => generations.rebuild(generation).await.map(|()| Bytes::new()),
            Err(_) => Err(Denied::Refused("a generation is a number".into())),
        },
        LOOK_UP => {
            let mut tx = ports.store.begin().await?;
            let live = generations.now(&mut *tx).await?.0.live;
            let found = tx.get(&collection(live), &body).await?;
            found.map(|balance| balance.body).ok_or_else(|| Denied::Refused("there is no such account".into()))
        }
        other => Err(Denied::Refused(format_smolstr!("{BALANCES} can't {other}"))),
    }
}

/// Adds each event to the balance of its account, in this collection.
#[derive(Clone)]
pub struct Balances(pub SmolStr);

#[async_trait]
impl Handler for Balances {
    async fn handle(&self, tx: &mut dyn Transaction, event: &Message) -> Result<(), HandlerError> {
        let booked: AccountEvent = event.json()?;
        change(tx, &self.0, &event.subject, |balance: &mut Balance| {
            balance.cents += booked.cents();
            balance.entries += 1;
        })
        .await
    }
}
