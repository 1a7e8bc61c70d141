//! A handler notes the answer as handled and gives it to its saga once that is committed, in a task and a transaction of its own. A
//! process that dies in between has handled the answer, and its saga never hears of it.
//!
//! Threads: one order. A crash of its replica is enough, or a store that can't be reached for a moment.
//!
//! Mechanism: two commits that should be one.
//!
//! Violates: `orders-end`: the order is pending for ever; `saga-resolves` or `handled-without-effect`.
//!
//! Right: [`HearAnswer`](seaworthy_order_inventory::orders::HearAnswer) gives it to the saga in the transaction with the inbox row.

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::Message,
    ports::{Ports, Transaction},
};
use seaworthy_order_inventory::{
    orchestrated::orders_with,
    orders::{HearAnswer, fulfilment},
};

use crate::order_inventory::OrderInventory;

/// The orchestrated variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "an answer is noted as handled in one commit, and given to its saga in the next";
    OrderInventory::orchestrated().with_mistake("hears-after-the-commit", about).orders(|ports| {
        let later = ports.clone();
        Box::pin(orders_with(ports, fulfilment, move |orders, sagas| HearLater {
            hear: HearAnswer(orders, sagas),
            ports: later.clone(),
        }))
    })
}

struct HearLater {
    hear: HearAnswer,
    ports: Ports,
}

#[async_trait]
impl Handler for HearLater {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let (hear, ports, message) = (self.hear.clone(), self.ports.clone(), message.clone());
        tx.after_commit(Box::new(move || {
            let store = ports.store.clone();
            ports.spawn("hear", async move {
                let heard = async {
                    let mut tx = store.begin().await?;
                    hear.handle(&mut *tx, &message).await?;
                    Ok::<(), HandlerError>(tx.commit().await?)
                };
                // An error ends the task, and nobody hears of it.
                let _ = heard.await;
            });
        }));
        Ok(())
    }
}
