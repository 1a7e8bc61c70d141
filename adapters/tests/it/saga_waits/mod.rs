//! A saga that waits, durably: for an approval, for a message, for a moment. It costs nothing meanwhile, and misses nothing.

mod steps;
mod times;

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    inbox::{Handler, HandlerError},
    message::{Message, MessageBuilder},
    ports::{Clock as _, SagaStatus, StoreError, Timestamp, Transaction},
    saga::{Definition, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, SagaError, Signal, Wait, saga_id},
};

use crate::support::{
    World, on_each_store,
    saga::{Does, Part},
};

const SECOND: Duration = Duration::from_secs(1);

const MOMENT: Duration = Duration::from_millis(100);

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn loan<L: 'static>(wait: Wait<u32, L>) -> Definition<u32> {
    SagaBuilder::new("loan", 1)
        .compensatable("reserve", Part::well(), Part::well())
        .wait("approval", wait)
        .pivot("pay_out", Part::well())
        .result_of("approval")
        .build()
        .unwrap()
}

fn approved(id: &str, amount: u32) -> Signal {
    Signal::new("approved", id).payload(&amount).unwrap()
}

/// Another process on the same store, which recovers nothing.
fn elsewhere(world: &World, definition: Definition<u32>) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(definition).unwrap();
    Orchestrator::new(&world.replica(5), registry, OrchestratorConfig::default())
}

async fn started(orchestrator: &Orchestrator, world: &World, key: &str) -> SagaId {
    let saga = orchestrator.start("loan", key, &1_u32).await.unwrap().saga;
    world.pass(SECOND).await;
    saga
}

#[test]
fn a_saga_goes_on_at_once_when_it_is_approved_and_its_output_is_what_came_with_it() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(loan(Wait::signal("approved")));
        let saga = started(&orchestrator, world, "l-1").await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Running);
        world.pass(DAY).await;
        orchestrator.signal(saga, &approved("d-1", 700)).await.unwrap();
        let begun = world.clock.now();
        assert_eq!(orchestrator.handle(saga).result::<u32>().await.unwrap(), 700);
        assert!(world.clock.now().since(begun) < MOMENT, "it did not wait for a poll");
    });
}

#[test]
fn a_saga_that_waits_costs_nothing() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(loan(Wait::signal("approved")));
        let saga = started(&orchestrator, world, "l-1").await;
        let before = world.ports.store.saga(saga).await.unwrap().unwrap();
        assert_eq!(before.wake_at, Timestamp::MAX);
        assert!(before.lease_until <= world.ports.store.now().await.unwrap(), "nobody owns it");
        let backlog = world.ports.store.backlog().await.unwrap();
        assert_eq!((backlog.sagas_active, backlog.sagas_waiting), (0, 1));
        world.pass(30 * DAY).await;
        let after = world.ports.store.saga(saga).await.unwrap().unwrap();
        assert_eq!((after.epoch, after.log_length), (before.epoch, before.log_length));
    });
}

#[test]
fn a_signal_from_another_process_is_found_by_the_next_poll() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(loan(Wait::signal("approved")));
        let saga = started(&orchestrator, world, "l-1").await;
        world.pass(60 * SECOND).await;
        elsewhere(world, loan(Wait::signal("approved"))).signal(saga, &approved("d-1", 1)).await.unwrap();
        world.pass(8 * SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed);
    });
}

#[test]
fn a_signal_that_comes_before_the_wait_is_kept_and_one_that_comes_twice_counts_once() {
    on_each_store(async |world| {
        let slow = Part::local(|_| Does::Take(5_000));
        let definition = SagaBuilder::new("loan", 1)
            .compensatable("reserve", slow, Part::well())
            .wait("first", Wait::signal("approved"))
            .wait("second", Wait::signal("approved"))
            .result(|outputs| Ok((outputs.output::<u32>("first")?, outputs.output::<u32>("second")?)))
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = started(&orchestrator, world, "l-1").await;
        for _ in 0..2 {
            orchestrator.signal(saga, &approved("d-1", 1)).await.unwrap();
        }
        world.pass(20 * SECOND).await;
        orchestrator.signal(saga, &approved("d-1", 1)).await.unwrap();
        world.pass(20 * SECOND).await;
        let state = orchestrator.state(saga).await.unwrap();
        let waiting: Vec<_> = state.waiting().map(|(step, until)| (step.path.as_str(), until)).collect();
        assert_eq!(waiting, [("second", None)], "one approval is one, however often it comes");
        orchestrator.signal(saga, &approved("d-2", 2)).await.unwrap();
        let result = orchestrator.handle(saga).result::<(u32, u32)>().await.unwrap();
        assert_eq!(result, (1, 2));
    });
}

#[test]
fn who_signals_a_saga_that_is_not_there_or_has_ended_is_told_so() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(loan(Wait::signal("approved")));
        let nobody = saga_id("loan", "l-9");
        assert_eq!(orchestrator.signal(nobody, &approved("d-1", 1)).await, Err(SagaError::NotFound(nobody)));
        let saga = started(&orchestrator, world, "l-1").await;
        let unknown = orchestrator.signal(saga, &Signal::new("aproved", "d-1")).await.unwrap_err();
        assert!(unknown.to_string().contains("no step of definition `loan` waits for `aproved`"), "{unknown}");
        assert!(!world.log_of(saga).await.contains(&"signalled".to_owned()));
        orchestrator.signal(saga, &approved("d-1", 1)).await.unwrap();
        world.pass(SECOND).await;
        let late = orchestrator.signal(saga, &approved("d-2", 1)).await.unwrap_err();
        assert_eq!(late, SagaError::Ended { saga, status: SagaStatus::Completed });
    });
}

/// Handles a message by giving it to the saga that asked.
struct Settled(Orchestrator);

#[async_trait]
impl Handler for Settled {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        match self.0.deliver_in(tx, "loan", message).await {
            Ok(_) | Err(SagaError::Ended { .. }) => Ok(()),
            Err(SagaError::Store(error)) => Err(error.into()),
            Err(error) => Err(HandlerError::Refused(error.to_string().into())),
        }
    }
}

fn settled(correlation: uuid::Uuid) -> Message {
    MessageBuilder::new("bank", "payment.settled", "p-1").correlation(correlation).json(&17_u32).unwrap().derive(
        uuid::Uuid::from_u128(9),
        &["settled"],
        Timestamp::EPOCH,
    )
}

#[test]
fn a_message_finds_the_saga_that_asked_by_its_correlation_id() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(loan(Wait::message("payment.settled")));
        // One whose messages share its own id, and one that was started for somebody else's message.
        let own = started(&orchestrator, world, "l-1").await;
        let foreign = uuid::Uuid::from_u128(77);
        let mut tx = world.ports.store.begin().await.unwrap();
        let other = orchestrator.start_correlated_in(&mut *tx, "loan", "l-2", &1_u32, foreign).await.unwrap().saga;
        tx.commit().await.unwrap();
        world.pass(SECOND).await;
        for (saga, correlation) in [(own, own.0), (other, foreign)] {
            let mut tx = world.ports.store.begin().await.unwrap();
            Settled(orchestrator.clone()).handle(&mut *tx, &settled(correlation)).await.unwrap();
            drop(tx);
            world.pass(SECOND).await;
            assert_eq!(world.status_of(saga).await, SagaStatus::Running, "what is rolled back was never said");
            let mut tx = world.ports.store.begin().await.unwrap();
            assert_eq!(orchestrator.deliver_in(&mut *tx, "loan", &settled(correlation)).await, Ok(vec![saga]));
            tx.commit().await.unwrap();
            assert_eq!(orchestrator.handle(saga).result::<u32>().await.unwrap(), 17);
            let mut tx = world.ports.store.begin().await.unwrap();
            Settled(orchestrator.clone())
                .handle(&mut *tx, &settled(correlation))
                .await
                .expect("a late copy is nobody's fault");
        }
        let mut tx = world.ports.store.begin().await.unwrap();
        let nobody = orchestrator.deliver_in(&mut *tx, "loan", &settled(uuid::Uuid::from_u128(5))).await.unwrap_err();
        assert!(matches!(nobody, SagaError::Uncorrelated { .. }), "{nobody}");
        let other_definition = orchestrator.deliver_in(&mut *tx, "trip", &settled(own.0)).await.unwrap_err();
        assert!(matches!(other_definition, SagaError::Uncorrelated { .. }), "{other_definition}");
        drop(tx);
        // By its business key, which the message may know instead.
        let by_key = started(&orchestrator, world, "l-3").await;
        let mut tx = world.ports.store.begin().await.unwrap();
        let signal = Signal::from(&settled(foreign));
        orchestrator.signal_in(&mut *tx, saga_id("loan", "l-3"), &signal).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(orchestrator.handle(by_key).result::<u32>().await.unwrap(), 17);
    });
}

#[test]
fn a_saga_is_started_and_signalled_in_one_transaction() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(loan(Wait::signal("approved")));
        let mut tx = world.ports.store.begin().await.unwrap();
        let saga = orchestrator.start_in(&mut *tx, "loan", "l-1", &1_u32).await.unwrap().saga;
        orchestrator.signal_in(&mut *tx, saga, &approved("d-1", 5)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(orchestrator.handle(saga).result::<u32>().await.unwrap(), 5);
    });
}

#[test]
fn a_signal_in_a_transaction_that_its_saga_overtakes_is_written_again() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(loan(Wait::signal("approved")));
        let saga = started(&orchestrator, world, "l-1").await;
        if world.kind != crate::support::Kind::Memory {
            return; // One transaction at a time.
        }
        let mut tx = world.ports.store.begin().await.unwrap();
        orchestrator.signal_in(&mut *tx, saga, &approved("d-1", 1)).await.unwrap();
        orchestrator.abandon(saga, "nobody wants it").await.unwrap();
        assert!(matches!(tx.commit().await, Err(StoreError::Conflict(_))), "it has ended");
        let late = orchestrator.signal(saga, &approved("d-1", 1)).await.unwrap_err();
        assert_eq!(late, SagaError::Ended { saga, status: SagaStatus::Abandoned });
    });
}
