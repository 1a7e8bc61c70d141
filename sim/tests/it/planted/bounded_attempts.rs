//! A consumer that gives back what fails and counts nothing: a message that fails each time comes again for ever. And a saga
//! that counts each failure of a step, and has no end of it. And a subscriber that parks no event.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    ports::{
        Delivery, Expected, External, ExternalCall, InboxEntry, InboxInsert, Ports, Refusal, StoreError, Subscription,
    },
    saga::{
        Action, NothingToUndo, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, StepCall, StepError, Value,
    },
};
use seaworthy_sim::{
    external::Service as Outside,
    scenario::{Boot, Topology},
};
use smol_str::SmolStr;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Answer, Service,
    messaging::{REST, front_beside_relay, fronts, listen_without_end, listener, placing},
    serve,
    streams::{FIGURES, deal, keeping, subscribe, subscribe_by_hand},
};

pub(super) const WRONG: Service = Service::wrong("counts-no-failures", topology).fails_for_good();

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    if is_right {
        return listener(fronts);
    }
    fronts
        .process("listener-1", "listener", "listener", |boot| listen_without_end(boot.ports, give_back))
        .supervised()
        .group("listener", &["orders"])
}

/// What fails is given back by the loop.
fn give_back<'a>(
    ports: &'a Ports,
    subscription: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        note_once(ports, delivery).await?;
        let _ = subscription.ack(delivery.tag).await;
        Ok(())
    })
}

/// Handles a message in one transaction.
pub(super) async fn note_once(ports: &Ports, delivery: &Delivery) -> Result<(), StoreError> {
    let message = &delivery.message;
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::for_message("listener", message)).await? == InboxInsert::First {
        tx.put("notes", &message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// A subscriber that takes up an event again for as long as it fails.
#[test]
fn a_subscriber_that_parks_nothing() {
    is_found_and_the_right_service_holds(
        "bounded-attempts",
        Service::wrong("parks-nothing", unparked).fails_for_good(),
    );
}

fn unparked(is_right: bool) -> Topology {
    let figures = keeping().process("figures-1", "figures", "front", move |boot| async move {
        match is_right {
            true => subscribe(boot.ports).await,
            false => subscribe_by_hand(boot.ports, deal, REST).await,
        }
    });
    figures.supervised().subscriber("front", FIGURES)
}

#[test]
fn a_step_that_fails_each_time_although_nothing_is_wrong() {
    let wrong = Service::wrong("takes-a-refusal-for-an-outage", refused).fails_for_good();
    is_found_and_the_right_service_holds("bounded-attempts", wrong);
}

fn refused(is_right: bool) -> Topology {
    fronts(move |boot| front(boot, is_right)).external("bank", || NoCredit)
}

async fn front(boot: Boot, is_right: bool) {
    let ports = boot.ports;
    let mut registry = Registry::new();
    let steps = SagaBuilder::new("order", 1).compensatable("charge", Charges { is_right }, NothingToUndo);
    let steps = steps.pivot("confirm", Confirms).build().expect("the steps are in order");
    registry.register(steps).expect("one definition");
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    serve(ports, move |_, name| {
        let orchestrator = orchestrator.clone();
        Box::pin(async move { orchestrator.start("order", &name, &name).await.map(|_| Answer::Yes) })
    })
    .await;
}

/// Declines every charge.
struct NoCredit;

impl Outside for NoCredit {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
        Err("no credit".into())
    }

    fn subject(&self, call: &ExternalCall) -> SmolStr {
        String::from_utf8_lossy(&call.body).into()
    }
}

struct Charges {
    is_right: bool,
}

#[async_trait]
impl Action<String> for Charges {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, String>, external: &dyn External) -> Result<Value, StepError> {
        let answer = external.call(&call.external("bank", "charge", call.data.clone().into())).await;
        if self.is_right {
            return Ok(answer?.into());
        }
        Ok(answer.map_err(|error| StepError::Unavailable(error.to_string().into()))?.into())
    }
}

struct Confirms;

impl Action<String> for Confirms {}
