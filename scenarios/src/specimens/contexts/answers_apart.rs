//! The stock reserves in one transaction and stages its answer in the next. A process that dies in between has reserved and handled the
//! request, and nobody hears of it.
//!
//! Threads: one order. A crash of a replica of the stock is enough, or its store that can't be reached for a moment.
//!
//! Mechanism: two commits that should be one.
//!
//! Violates: `orders-end`: the order is pending for ever; `saga-resolves` or `reservations-end`.
//!
//! Right: [`AnswerRequest`](seaworthy_order_inventory::orchestrated::AnswerRequest) stages the answer in the transaction that reserves.

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::{Message, MessageBuilder},
    ports::{Ports, StoreError, Transaction},
};
use seaworthy_order_inventory::{
    inventory::reserve,
    messages::{Answer, Goods, INVENTORY, RESERVATION_ANSWERED},
    orchestrated::inventory_with,
    parts::encode,
};

use crate::order_inventory::OrderInventory;

/// The orchestrated variant with this mistake.
pub(super) fn twin() -> OrderInventory {
    let about = "the stock reserves in one commit, and stages its answer in the next";
    OrderInventory::orchestrated().with_mistake("answers-apart", about).inventory(|ports| {
        let answer = AnswerApart(ports.clone());
        Box::pin(inventory_with(ports, answer))
    })
}

struct AnswerApart(Ports);

#[async_trait]
impl Handler for AnswerApart {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let goods: Goods = message.json()?;
        let answer = reserve(tx, &goods).await?;
        let (ports, asked) = (self.0.clone(), message.clone());
        tx.after_commit(Box::new(move || {
            let answering = ports.clone();
            ports.spawn("answer", async move {
                // An error ends the task, and nobody hears of it.
                let _ = stage(&answering, &asked, &answer).await;
            });
        }));
        Ok(())
    }
}

async fn stage(ports: &Ports, asked: &Message, answer: &Answer) -> Result<(), StoreError> {
    let reply = MessageBuilder::new(INVENTORY, RESERVATION_ANSWERED, asked.subject.clone()).caused_by(asked);
    let reply = reply.data("application/json", encode(answer));
    let mut tx = ports.store.begin().await?;
    tx.stage(&reply.derive(asked.id.0, &["answer"], ports.clock.now())).await?;
    tx.commit().await
}
