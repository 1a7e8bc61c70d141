//! What a saga stages leaves at once, and says what caused it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Clock, Timestamp, Transaction},
    saga::{Action, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, StepCall, StepError, Value, saga_id},
    wake::Wake,
};
use uuid::Uuid;

use crate::support::{World, on_each_store};

/// A step that stages a message.
struct Tell;

#[async_trait]
impl Action<u32> for Tell {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        tx.stage(&call.message("trips", "trip.booked", "trips", call.key, Bytes::from_static(b"{}"))).await?;
        Ok(Value::NULL)
    }
}

fn orchestrator(world: &World) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(SagaBuilder::new("trip", 1).pivot("tell", Tell).build().unwrap()).unwrap();
    let wake = Wake::new();
    world.ports.spawn("relay", Relay::new(&world.ports).wake(wake.clone()).run());
    Orchestrator::new(&world.ports, registry, OrchestratorConfig::default()).wake(wake)
}

#[test]
fn what_a_step_stages_leaves_without_a_poll() {
    on_each_store(async |world| {
        let orchestrator = orchestrator(world);
        world.pass(Duration::from_secs(60)).await;
        let before = world.clock.now();
        let _ = orchestrator.start("trip", "t-1", &1_u32).await.unwrap();
        world.pass(Duration::from_secs(1)).await;
        let accepted = world.broker.accepted();
        assert_eq!(accepted.len(), 1);
        assert!(accepted[0].0.since(before) < Duration::from_millis(5), "{:?}", accepted[0].0.since(before));
    });
}

/// Starts a saga for each message.
struct Book(Orchestrator);

#[async_trait]
impl Handler for Book {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        self.0
            .start_for(tx, "trip", &message.subject, &1_u32, message)
            .await
            .map_err(|error| HandlerError::Unavailable(error.to_string().into()))?;
        Ok(())
    }
}

#[test]
fn a_saga_that_a_message_starts_begins_at_once_and_its_messages_name_their_cause() {
    on_each_store(async |world| {
        let orchestrator = orchestrator(world);
        let handlers = Handlers::builder().on("trip.asked", Book(orchestrator)).build().unwrap();
        let consumer = Consumer::new(&world.ports, "booking", handlers, ConsumerConfig::new(["asks"]));
        world.ports.spawn("consumer", consumer.run());
        world.pass(Duration::from_secs(60)).await;
        let asked = MessageBuilder::new("front", "trip.asked", "t-1")
            .topic("asks")
            .correlation(Uuid::from_u128(7))
            .traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
            .json(&1)
            .unwrap()
            .derive(Uuid::nil(), &["ask"], Timestamp::EPOCH);
        world.stage([asked.clone()]).await;
        world.pass(Duration::from_secs(2)).await;
        let accepted = world.broker.accepted();
        let handled_at = accepted.iter().find(|(_, message)| message.id == asked.id).expect("it was sent").0;
        let (told_at, told) =
            accepted.iter().find(|(_, message)| message.kind == "trip.booked").expect("it was booked");
        assert!(told_at.since(handled_at) < Duration::from_millis(50), "{:?}", told_at.since(handled_at));
        assert_eq!((told.causation_id, told.correlation_id), (Some(asked.id), asked.correlation_id));
        assert_eq!(told.traceparent, asked.traceparent);
    });
}

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// By whoever drives it: the process that started it, and one that has read its log.
#[test]
fn the_messages_of_a_saga_carry_the_trace_of_the_request_that_it_was_started_for() {
    on_each_store(async |world| {
        let (starter, recovered) = (orchestrator(world), orchestrator(world));
        for key in ["t-1", "t-2"] {
            let mut tx = world.ports.store.begin().await.unwrap();
            let started = starter.start_traced_in(&mut *tx, "trip", key, &1_u32, TRACE).await.unwrap();
            tx.commit().await.unwrap();
            if key == "t-1" {
                starter.drive_started(started).await;
            } else {
                // Its process is gone.
                std::mem::forget(started);
            }
        }
        let stop = world.ports.stop.clone();
        world.ports.spawn("recovery", async move { recovered.run_recovery(&stop).await });
        world.pass(Duration::from_secs(30)).await;
        let accepted = world.broker.accepted();
        assert_eq!(accepted.len(), 2);
        for (_, told) in &accepted {
            assert_eq!((told.traceparent.as_deref(), told.causation_id), (Some(TRACE), None), "{}", told.subject);
        }
        let ids: Vec<Uuid> = accepted.iter().map(|(_, told)| told.correlation_id).collect();
        assert!(ids.contains(&saga_id("trip", "t-1").0) && ids.contains(&saga_id("trip", "t-2").0), "{ids:?}");
    });
}
