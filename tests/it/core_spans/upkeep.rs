//! A service that does once what an operator or a routine does now and then.

use std::{error::Error, ops::Range, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    ids::{OperationId, SagaId},
    inbox::{self, Consumer, ConsumerConfig, Handlers},
    message::MessageBuilder,
    outbox::{self, LogRelay},
    participant,
    ports::{DeadRowRequest, InboxEntry, Ports, draw_id},
    saga::{Orchestrator, OrchestratorConfig, Registry},
};
use seaworthy_sim::scenario::{Client, Draw, Scenario, Topology, Workload};
use serde::{Deserialize, Serialize};

/// The spans of what [`upkeep`] does.
pub(crate) const OPERATIONS: [&str; 9] = [
    "inbox.redrive",
    "inbox.retention",
    "outbox.discard",
    "outbox.redrive",
    "outbox.retention",
    "participant.refuse",
    "relay.log",
    "saga.acquire",
    "saga.state",
];

const CONSUMER: &str = "mailer";

async fn upkeep(ports: Ports) -> Result<(), Box<dyn Error + Send + Sync>> {
    let message = MessageBuilder::new("desk", "letter.written", "letter-1").draw(&*ports.clock, &*ports.random);
    let mut tx = ports.store.begin().await?;
    tx.stage(&message).await?;
    tx.inbox_bury(&InboxEntry::for_message(CONSUMER, &message), &message, "no stamp").await?;
    participant::refuse(&mut *tx, OperationId(draw_id(&*ports.clock, &*ports.random))).await?;
    tx.commit().await?;

    LogRelay::new(&ports, "log").pass().await?;
    outbox::OutboxRetention::default().sweep(&*ports.store, &ports.stop).await?;
    outbox::redrive(&*ports.store, &DeadRowRequest::new(usize::MAX).only([message.id])).await?;
    outbox::discard(&*ports.store, &DeadRowRequest::new(10)).await?;

    let day = Duration::from_secs(24 * 3_600);
    inbox::InboxRetention::new(day * 2, day)?.sweep(CONSUMER, &*ports.store, &ports.stop).await?;
    let config = ConsumerConfig::new(["desk"]);
    let consumer = Consumer::new(&ports, CONSUMER, Handlers::default(), config);
    consumer.redrive(&consumer.letters(10)).await?;

    let nobody = SagaId(draw_id(&*ports.clock, &*ports.random));
    let orchestrator = Orchestrator::new(&ports, Registry::new(), OrchestratorConfig::default());
    orchestrator.state(nobody).await.expect_err("there is no such saga");
    orchestrator.resume(nobody).await.expect_err("there is no such saga");
    orchestrator.drive(nobody).await.expect_err("there is no such saga");
    Ok(())
}

/// Nothing is asked of the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unasked;

impl Workload for Unasked {
    fn len(&self) -> usize {
        0
    }

    fn without(&self, _: Range<usize>) -> Self {
        Self
    }
}

pub(crate) struct Upkeep;

#[async_trait]
impl Scenario for Upkeep {
    type Workload = Unasked;

    fn name(&self) -> &str {
        "upkeep"
    }

    fn about(&self) -> &str {
        "what an operator or a routine does now and then, done once"
    }

    fn topology(&self) -> Topology {
        let desk = |ports| async {
            upkeep(ports).await.expect("nothing goes wrong in a calm world");
            std::future::pending().await
        };
        Topology::new().without_protocol().process("desk-1", "desk", "desk", move |boot| desk(boot.ports))
    }

    fn workload(&self, _: &mut Draw) -> Unasked {
        Unasked
    }

    async fn drive(&self, _: &Unasked, _: Client) {}
}
