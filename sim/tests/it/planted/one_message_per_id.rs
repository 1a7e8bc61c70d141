//! Two services derive the ids of their messages from the order's name, and both leave out the type: the event that
//! answers an order has the id of the order's own.

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::{Message, MessageBuilder},
    ports::Transaction,
};
use uuid::Uuid;

use super::billing::answered_by;
use crate::small_service::Service;

pub(super) const WRONG: Service = Service::wrong("one-id-for-two-types", |is_right| answered_by(is_right, Bill));

struct Bill(bool);

#[async_trait]
impl Handler for Bill {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let name = message.subject.as_str();
        let parts: &[&str] = if self.0 { &["order.billed", name] } else { &[name] };
        let billed = MessageBuilder::new("biller", "order.billed", name).topic("bills").caused_by(message);
        tx.stage(&billed.derive(Uuid::nil(), parts, message.time)).await?;
        Ok(())
    }
}
