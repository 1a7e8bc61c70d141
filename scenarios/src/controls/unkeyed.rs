//! The smallest right service with a message: each request stages one, under a key of its own, and it is handled once.

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::Message,
    ports::{Expected, Ports, Transaction},
};
use seaworthy_sim::scenario::Topology;

use crate::small::{FRONT, ITEM_TAKEN, ITEMS, SmallService, front};

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/unkeyed",
        about: "one message a request, without an order, handled once; everything is right",
        topology: || {
            Topology::new()
                .process("front-1", FRONT, FRONT, |boot| front(boot.ports))
                .process("mailer-1", "mailer", "mailer", |boot| mailer(boot.ports))
                .group("mailer", &[ITEMS])
        },
    }
}

struct Letter;

#[async_trait]
impl Handler for Letter {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        tx.put("letters", &message.subject, Expected::Absent, Bytes::new()).await?;
        Ok(())
    }
}

async fn mailer(ports: Ports) {
    let handlers = Handlers::builder().on(ITEM_TAKEN, Letter).build().expect("one handler for one type");
    Consumer::new(&ports, "mailer", handlers, [ITEMS]).run().await;
}
