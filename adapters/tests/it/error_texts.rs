//! A text of an error is kept to 1 KiB, whoever wrote it and wherever it is kept.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    choreography::{Domain, FollowUp, REJECTED, Rejection, RejectionReason, rejected_letters},
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::{LogRelay, Relay},
    ports::{DeadLetterRequest, DeadRowRequest, External, PublishError, Timestamp, Transaction},
    saga::{Action, Orchestrator, OrchestratorConfig, Record, Registry, SagaBuilder, StepCall, StepError, Value},
};
use uuid::Uuid;

use crate::support::{
    World,
    card_room::{Players, player, player_rejections, player_to_table, table},
    on_each_store,
};

/// An answer of a megabyte, of characters that have two bytes each and lie at odd places.
fn long() -> String {
    "-".to_owned() + &"é".repeat(500_000)
}

fn is_cut(text: &str) -> bool {
    text.len() <= 1_024 && text.contains("-é") && text.ends_with('…')
}

async fn stage_one(world: &World) {
    let message =
        MessageBuilder::new("orders", "order.confirmed", "order-1").topic("orders").json(&1).expect("a number");
    world.stage([message.derive(Uuid::nil(), &["confirm"], Timestamp::EPOCH)]).await;
}

async fn a_row_is_refused(world: &World) {
    world.broker.says(|_, _| Err(PublishError::Refused(long().into())));
    stage_one(world).await;
    world.pass(Duration::from_secs(5)).await;
    let dead = world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up");
    assert!(is_cut(&dead[0].reason), "{} bytes", dead[0].reason.len());
}

#[test]
fn seed_41_the_reason_of_a_dead_row() {
    on_each_store(async |world| {
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        a_row_is_refused(world).await;
    });
}

#[test]
fn the_reason_of_a_row_that_a_log_relay_gave_up() {
    on_each_store(async |world| {
        world.ports.spawn("relay", LogRelay::new(&world.ports, "log").run());
        a_row_is_refused(world).await;
    });
}

struct Refuses;

#[async_trait]
impl Handler for Refuses {
    async fn handle(&self, _: &mut dyn Transaction, _: &Message) -> Result<(), HandlerError> {
        Err(HandlerError::Refused(long().into()))
    }
}

#[test]
fn the_reason_of_a_dead_letter() {
    on_each_store(async |world| {
        let handlers = Handlers::builder().on("order.confirmed", Refuses).build().expect("one handler");
        let consumer = Consumer::new(&world.ports, "shipping", handlers, ConsumerConfig::new(["orders"]));
        world.ports.spawn("consumer", consumer.run());
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        world.pass(Duration::from_secs(1)).await;
        stage_one(world).await;
        world.pass(Duration::from_secs(5)).await;
        let letters = world.ports.store.dead_letters(&DeadLetterRequest::new("shipping", 10)).await.expect("up");
        assert!(is_cut(&letters[0].reason), "{} bytes", letters[0].reason.len());
    });
}

struct FailsThenRefuses;

#[async_trait]
impl Action<u32> for FailsThenRefuses {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        Err(match call.attempt {
            1 => StepError::Unavailable(long().into()),
            2 => StepError::Unknown(long().into()),
            _ => StepError::Refused(long().into()),
        })
    }
}

#[test]
fn what_a_saga_keeps_of_its_participants() {
    on_each_store(async |world| {
        let definition =
            SagaBuilder::<u32>::new("checkout", 1).pivot("charge", FailsThenRefuses).build().expect("steps");
        let mut registry = Registry::new();
        registry.register(definition).expect("one definition");
        let orchestrator = Orchestrator::new(&world.ports, registry, OrchestratorConfig::default());
        let started = orchestrator.start("checkout", "order-1", &1_u32).await.expect("up");
        world.pass(Duration::from_secs(60)).await;
        let log = world.ports.store.saga_log(started.saga, 0, 100).await.expect("up");
        let texts: Vec<String> = log
            .iter()
            .filter_map(|entry| match Record::decode(&entry.record).expect("a record") {
                Record::Retry { error, .. } => Some(error),
                Record::Rejected { reason, .. } => Some(reason),
                _ => None,
            })
            .collect();
        assert_eq!(texts.iter().map(|text| is_cut(text)).collect::<Vec<_>>(), [true; 3]);
    });
}

/// The aggregate that refuses a command gives any reason that can be written down; its source keeps the command with it.
#[test]
fn the_reason_of_a_rejected_command_that_is_kept() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 100)], [table("t-1", 6)]).await;
        let ports = &world.ports;
        ports.spawn("relay", Relay::new(ports).run());
        ports.spawn("router", player_to_table().consumer(ports).run());
        let handlers = player_rejections(ports, FollowUp::none().dead_letter());
        let config = ConsumerConfig::new([Players::rejections_topic()]);
        ports.spawn("rejections", Consumer::new(ports, "player-rejections", handlers, config).run());
        world.change_player("ann", |player| player.join("t-1", 40)).await;
        world.pass(Duration::from_secs(5)).await;
        let command = world.sent("seat.player").remove(0);
        let rejection = Rejection { command: command.clone(), reason: RejectionReason::Refused(long().into()) };
        let told = MessageBuilder::new("table", REJECTED, "ann").topic(Players::rejections_topic()).json(&rejection);
        let told = told.expect("a form").derive(command.id.0, &["rejection"], Timestamp::EPOCH);
        world.stage([told]).await;
        world.pass(Duration::from_secs(5)).await;
        let request = DeadLetterRequest::new(rejected_letters::<Players>(), 9);
        let letters = ports.store.dead_letters(&request).await.expect("up");
        assert!(is_cut(&letters[0].reason), "{} bytes", letters[0].reason.len());
        assert_eq!((letters.len(), letters[0].message.id), (1, command.id));
    });
}
