use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::Message,
    ports::{Expected, Ports, Transaction, draw_id},
};

use super::{ITEM_TAKEN, ITEMS};

/// The service that writes letters, its store and its group.
pub(crate) const MAILER: &str = "mailer";
/// Collection of its letters, each with the item that it is about.
pub(crate) const LETTERS: &str = "letters";

/// Writes a letter about each item that was taken.
pub(crate) async fn mailer(ports: Ports) {
    let handlers = Handlers::builder().on(ITEM_TAKEN, WriteLetter(ports.clone()));
    let handlers = handlers.build().expect("one handler for one type");
    Consumer::new(&ports, MAILER, handlers, [ITEMS]).run().await;
}

/// Writes a letter about an item. Each has a number of its own: who writes twice has written two.
pub(crate) struct WriteLetter(pub(crate) Ports);

#[async_trait]
impl Handler for WriteLetter {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let number = draw_id(&*self.0.clock, &*self.0.random).to_string();
        let letter = Bytes::from(format!(r#"{{"item":"{}"}}"#, message.subject));
        tx.put(LETTERS, &number, Expected::Absent, letter).await?;
        Ok(())
    }
}
