//! Names that nearly every service needs, in one line: `use seaworthy_core::prelude::*;`.
//!
//! ```
//! use seaworthy_core::prelude::*;
//!
//! struct CreateShipment;
//!
//! #[async_trait]
//! impl Handler for CreateShipment {
//!     async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
//!         tx.put("shipments", &message.subject, Expected::Absent, Bytes::from_static(b"{}")).await?;
//!         Ok(())
//!     }
//! }
//!
//! async fn shipping(ports: Ports) {
//!     let handlers = Handlers::builder().on("order.confirmed", CreateShipment).build().expect("one for each type");
//!     let wake = Wake::new();
//!     ports.spawn("relay", Relay::new(&ports).wake(wake.clone()).run());
//!     Consumer::new(&ports, "shipping", handlers, ["orders"]).wake(wake).run().await;
//! }
//! ```

pub use async_trait::async_trait;
pub use bytes::Bytes;

pub use crate::{
    boot::Boot,
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::{LogRelay, Relay, RelayConfig},
    ports::{Clock, Expected, Ports, Random, Store, StoreError, Transaction},
    wake::Wake,
};
