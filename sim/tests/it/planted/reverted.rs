//! The core's own consumer with its limits taken off one by one: each is found as a service's own mistake would be.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    backoff::Backoff,
    ids::OperationId,
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::Message,
    outbox::{LogRelay, Relay, RelayConfig},
    ports::{Expected, ExternalCall, Ports, Refusal, Transaction},
};
use seaworthy_sim::scenario::Topology;
use smol_str::{SmolStr, format_smolstr};

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::{Note, front_beside, front_beside_relay, fronts, listener, placing},
};

/// A consumer by these settings, or by the defaults.
fn consumer(is_right: bool, unlimited: fn(ConsumerConfig) -> ConsumerConfig) -> Topology {
    let listen = move |boot: seaworthy_sim::scenario::Boot| async move {
        let handlers = Handlers::builder().on("order.placed", Note).build().expect("one handler for one type");
        let config = ConsumerConfig::new(["orders"]);
        let config = if is_right { config } else { unlimited(config) };
        Consumer::new(&boot.ports, "listener", handlers, config).run().await;
    };
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    fronts.process("listener-1", "listener", "listener", listen).group("listener", &["orders"])
}

fn conflicts(is_right: bool) -> Topology {
    consumer(is_right, |config| {
        config
            .max_store_failures(u32::MAX)
            .store_backoff(Backoff::new(Duration::from_millis(50), Duration::from_secs(1)))
    })
}

fn panics(is_right: bool) -> Topology {
    consumer(is_right, |config| {
        config.max_failures(u32::MAX).backoff(Backoff::new(Duration::from_millis(50), Duration::from_secs(1)))
    })
}

/// A broker that soon delivers again, so that a process dies often.
fn deaths(is_right: bool) -> Topology {
    consumer(is_right, |config| config.suspect_after(u32::MAX)).visibility_timeout(Duration::from_millis(200))
}

const BY: &str = "bounded-attempts";

#[test]
fn conflicts_that_are_not_counted() {
    is_found_and_the_right_service_holds(BY, Service::wrong("counts-no-conflicts", conflicts).fails_for_good());
}

#[test]
fn panics_that_never_make_a_dead_letter() {
    is_found_and_the_right_service_holds(BY, Service::wrong("counts-no-panics", panics).fails_for_good());
}

#[test]
fn deaths_that_are_not_counted_before_they_come() {
    is_found_and_the_right_service_holds(BY, Service::wrong("counts-no-deaths", deaths).fails_for_good());
}

/// A relay of which a message that kills it takes up the whole batch soon.
fn relay(is_right: bool, unlimited: fn(RelayConfig) -> RelayConfig) -> Topology {
    let fronts = fronts(move |boot| {
        let config = RelayConfig::default().lease(Duration::from_millis(200)).publish_limit(Duration::from_millis(150));
        let config = config.max_attempts(2).bury_after_claims(Some(30));
        let relay = Relay::new(&boot.ports).config(if is_right { config } else { unlimited(config) }).run();
        front_beside(boot, relay, placing)
    });
    listener(fronts.supervised())
}

fn claims(is_right: bool) -> Topology {
    relay(is_right, |config| config.bury_after_claims(None))
}

#[test]
fn deaths_of_a_relay_that_bury_nothing() {
    is_found_and_the_right_service_holds(BY, Service::wrong("counts-no-claims", claims).fails_for_good());
}

/// The same for a relay by the log, of which there is one: each publishes all of it.
fn deaths_by_the_log(is_right: bool) -> Topology {
    let front = Topology::new().process("front-1", "front", "front", move |boot| {
        let config = RelayConfig::default().max_attempts(2);
        let config = config.bury_after_claims(is_right.then_some(30));
        let relay = LogRelay::new(&boot.ports, "relay").config(config).run();
        front_beside(boot, relay, placing)
    });
    listener(front.supervised())
}

#[test]
fn deaths_of_a_relay_by_the_log_that_bury_nothing() {
    let wrong = Service::wrong("counts-no-deaths-by-the-log", deaths_by_the_log).fails_for_good();
    is_found_and_the_right_service_holds(BY, wrong);
}

/// A consumer that asks outside for each message.
fn asking(is_right: bool) -> Topology {
    let listen = move |boot: seaworthy_sim::scenario::Boot| async move {
        let handlers = Handlers::builder().on("order.placed", Ask(boot.ports.clone())).build().expect("one handler");
        // An outage of whom it asks is to bury nothing.
        let patient = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        let config = ConsumerConfig::new(["orders"]).max_failures(25).backoff(patient);
        let soon = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let unlimited = |config: ConsumerConfig| config.suspect_after(u32::MAX).max_failures(u32::MAX).backoff(soon);
        let config = if is_right { config } else { unlimited(config) };
        Consumer::new(&boot.ports, "listener", handlers, config).run().await;
    };
    let fronts = fronts(|boot| front_beside_relay(boot, placing)).external("bell", || Bell);
    let topology = fronts.process("listener-1", "listener", "listener", listen).group("listener", &["orders"]);
    topology.visibility_timeout(Duration::from_secs(1))
}

struct Bell;

impl seaworthy_sim::external::Service for Bell {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
        Ok(Bytes::new())
    }

    fn subject(&self, call: &ExternalCall) -> SmolStr {
        format_smolstr!("{}", call.operation_id)
    }
}

struct Ask(Ports);

#[async_trait]
impl Handler for Ask {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let (service, operation, body) = ("bell".into(), "ring".into(), Bytes::new());
        let call = ExternalCall { service, operation, operation_id: OperationId(message.id.0), body };
        self.0.external.call(&call).await.map_err(|error| HandlerError::Unavailable(error.to_string().into()))?;
        tx.put("notes", &message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
        Ok(())
    }
}

#[test]
fn a_call_that_kills_whoever_makes_it_and_is_made_for_ever() {
    is_found_and_the_right_service_holds(BY, Service::wrong("asks-for-ever", asking).fails_for_good());
}
