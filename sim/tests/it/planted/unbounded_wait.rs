//! Calls without a limit of time, to somebody who never answers: a handler's, and a relay's to the broker.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    backoff::Backoff,
    ids::{ClaimToken, OperationId},
    inbox::{Consumer, ConsumerConfig, FailurePolicy, Handler, HandlerError, Handlers},
    message::Message,
    outbox::Relay,
    ports::{Expected, ExternalCall, ExternalError, OutboxRow, Ports, Refusal, StoreError, Transaction},
};
use seaworthy_sim::{external::Service as Outside, scenario::Topology};
use smol_str::SmolStr;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::{
        front_beside, front_beside_relay, fronts, listener, placing, publish_without_limit, relay_by_hand, settle,
    },
};

pub(super) const WRONG: Service = Service::wrong("handles-without-a-limit", handler).fails_for_good();

/// Kind of failure of a handler that did not get its answer.
const AWAY: &str = "the carrier is away";

/// Longer than any call hangs.
const NO_LIMIT: Duration = Duration::from_secs(3_600);

fn handler(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    let listener = fronts.process("listener-1", "listener", "listener", move |boot| listen(boot.ports, is_right));
    listener.group("listener", &["orders"]).external("carrier", || Carrier)
}

async fn listen(ports: Ports, is_right: bool) {
    let handlers = Handlers::builder().on("order.placed", Books(ports.clone())).build().expect("one handler");
    // As often as it takes until an outage of the carrier is over.
    let policy = FailurePolicy::new(60, Backoff::new(Duration::from_secs(1), Duration::from_secs(10)));
    let config = ConsumerConfig::new(["orders"]).on_failure(AWAY, policy);
    let config = if is_right { config } else { config.handler_limit(NO_LIMIT) };
    Consumer::new(&ports, "listener", handlers, config).run().await;
}

/// Books a carrier for each order.
struct Books(Ports);

#[async_trait]
impl Handler for Books {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let operation_id = OperationId(message.id.0);
        let body = Bytes::copy_from_slice(message.subject.as_bytes());
        let call = ExternalCall { service: "carrier".into(), operation: "book".into(), operation_id, body };
        match self.0.external.call(&call).await {
            Ok(_) => {}
            Err(ExternalError::Refused(reason)) => return Err(HandlerError::Refused(reason)),
            Err(error) => return Err(HandlerError::Failed { kind: AWAY, why: error.to_string().into() }),
        }
        tx.put("notes", &message.id.to_string(), Expected::Absent, Bytes::from_static(b"1")).await?;
        Ok(())
    }
}

struct Carrier;

impl Outside for Carrier {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
        Ok(Bytes::new())
    }

    fn subject(&self, call: &ExternalCall) -> SmolStr {
        String::from_utf8_lossy(&call.body).into()
    }
}

#[test]
fn a_relay_that_waits_for_the_broker_for_ever() {
    let wrong = Service::wrong("publishes-without-a-limit", relay).fails_for_good();
    is_found_and_the_right_service_holds("unbounded-wait", wrong);
}

fn relay(is_right: bool) -> Topology {
    listener(fronts(move |boot| {
        let ports = boot.ports.clone();
        let relay = async move {
            match is_right {
                true => Relay::new(&ports).run().await,
                false => relay_by_hand(ports, publish_all).await,
            }
        };
        front_beside(boot, relay, placing)
    }))
}

async fn publish_all(ports: Ports, token: ClaimToken, rows: Vec<OutboxRow>) -> Result<(), StoreError> {
    let results = publish_without_limit(&ports, &rows).await;
    settle(&ports, token, &rows, &results).await
}
