//! Calls without a limit of time, to somebody who never answers: a handler's, a relay's to the broker, and a consumer's.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    backoff::Backoff,
    ids::{ClaimToken, OperationId},
    inbox::{Consumer, ConsumerConfig, FailurePolicy, Handler, HandlerError, Handlers},
    message::Message,
    outbox::Relay,
    ports::{Expected, ExternalCall, ExternalError, Operation, OutboxRow, Ports, Refusal, StoreError, Transaction},
};
use seaworthy_sim::{
    external::Service as Outside,
    generate::generate,
    plan::{CallFault, Disturbance, Fault, FaultKind, Profile, TimedFault, Verdict},
    scenario::{Boot, Topology},
    world::{RunOptions, run},
};
use smol_str::SmolStr;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::{
        Note, front_beside, front_beside_relay, fronts, listener, placing, publish_without_limit, relay_by_hand, settle,
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

#[test]
fn a_consumer_that_waits_for_the_broker_for_ever() {
    let wrong = Service::wrong("acknowledges-without-a-limit", acknowledging).fails_for_good();
    is_found_and_the_right_service_holds("unbounded-wait", wrong);
}

fn acknowledging(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    let listen = move |boot: Boot| async move {
        let handlers = Handlers::builder().on("order.placed", Note).build().expect("one handler for one type");
        let config = ConsumerConfig::new(["orders"]);
        let config = if is_right { config } else { config.broker_limit(NO_LIMIT) };
        Consumer::new(&boot.ports, "listener", handlers, config).run().await;
    };
    fronts.process("listener-1", "listener", "listener", listen).group("listener", &["orders"])
}

/// Each of what a consumer says to the broker needs a limit, and the one of the core's consumer is for each. Of what is given back, the
/// first is a message that conflicts.
#[test]
fn whatever_a_consumer_says_to_the_broker_has_a_limit() {
    let wrong = Service::wrong("says-it-without-a-limit", acknowledging).fails_for_good();
    for point in [Operation::Subscribe, Operation::Ack, Operation::Nack] {
        for (service, told) in [(wrong, &["unbounded-wait"][..]), (wrong.right(), &[])] {
            let mut plan = generate(&service, 7, Profile::Calm);
            let at = |point: Operation, verdict| {
                Fault::Call(CallFault { process: "listener-1".into(), point: point.into(), nth: 1, verdict })
            };
            let conflicts = Disturbance::EndlessConflict { store: "listener".into() };
            plan.faults = vec![
                at(point, Verdict::Hang { after: false }),
                Fault::Timed(TimedFault { from_ms: 0, to_ms: 60_000, what: conflicts }),
            ];
            let report = run(&service, &plan, &RunOptions::default()).expect("the plan is valid");
            let by: Vec<_> = report.violations.iter().map(|violation| violation.invariant.as_str()).collect();
            assert_eq!(by, told, "{}, {point:?}", service.name);
            assert!(report.fired.iter().any(|fired| fired.kind == FaultKind::Hang), "{point:?}");
        }
    }
}
