//! A service that answers an order names it as the cause, and begins a business transaction of its own: who asks for the
//! order's gets half of it.

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::{Message, MessageBuilder},
    ports::Transaction,
};
use uuid::Uuid;

use super::billing::answered_by;
use crate::small_service::Service;

pub(super) const WRONG: Service = Service::wrong("a-lineage-that-breaks-off", |is_right| answered_by(is_right, Bill));

struct Bill(bool);

#[async_trait]
impl Handler for Bill {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let billed = MessageBuilder::new("biller", "order.billed", message.subject.clone()).topic("bills");
        let billed = billed.caused_by(message);
        let billed = if self.0 { billed } else { billed.correlation(Uuid::from_u128(message.id.0.as_u128() ^ 1)) };
        tx.stage(&billed.derive(message.id.0, &["order.billed"], message.time)).await?;
        Ok(())
    }
}
