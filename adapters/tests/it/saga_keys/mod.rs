//! A message of a service that knows nothing of sagas finds the one that waits for it, by a key of both: in whichever order they
//! come, once, and no other.

mod versions;
mod waits;

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{SagaStatus, Timestamp, Transaction},
    saga::{
        Action, Definition, KeyContext, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, SagaError, StepCall,
        StepError, Value, Wait, WaitsFor, account,
    },
};

use crate::support::{
    World,
    inbox::SHOP,
    on_each_store,
    saga::{Does, Part},
};

const SECOND: Duration = Duration::from_secs(1);

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A step whose output is the number of an invoice that it has drawn up: a hundred more than what the saga is about.
struct DrawsUp;

#[async_trait]
impl Action<u32> for DrawsUp {
    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        Value::new(&format!("invoice-{}", call.data + 100))
    }
}

fn of_invoice(context: &KeyContext<'_, u32>) -> Option<smol_str::SmolStr> {
    context.output::<smol_str::SmolStr>("invoice").ok().flatten()
}

fn paid_invoice(message: &Message) -> Option<smol_str::SmolStr> {
    message.json::<(smol_str::SmolStr, u32)>().ok().map(|(invoice, _)| invoice)
}

/// Draws up an invoice, does something, and waits until somebody has paid it.
fn order(version: u32, between: Part) -> Definition<u32> {
    SagaBuilder::new("order", version)
        .pivot("invoice", DrawsUp)
        .retriable("send", between)
        .wait("paid", Wait::message("invoice.paid").keyed(of_invoice).correlate_by(paid_invoice))
        .result_of("paid")
        .build()
        .expect("three steps")
}

/// Somebody has paid an invoice, by a transfer of this number: it has no correlation id of ours.
fn paid(invoice: &str, transfer: u32) -> Message {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::nil(), format!("{invoice}/{transfer}").as_bytes());
    let built = MessageBuilder::new("bank", "invoice.paid", invoice).topic("shop").correlation(id);
    built.json(&(invoice, transfer)).expect("plain data").derive(id, &["paid"], Timestamp::EPOCH)
}

async fn deliver(world: &World, orchestrator: &Orchestrator, message: &Message) -> Result<Vec<SagaId>, SagaError> {
    let mut tx = world.ports.store.begin().await.expect("up");
    let given = orchestrator.deliver_in(&mut *tx, "order", message).await?;
    tx.commit().await.expect("up");
    Ok(given)
}

async fn start(orchestrator: &Orchestrator, key: &str, about: u32) -> SagaId {
    orchestrator.start("order", key, &about).await.expect("a new key").saga
}

#[test]
fn a_message_finds_the_saga_that_waits_by_the_key_of_its_invoice() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(order(1, Part::well()));
        let (seventh, eighth) = (start(&orchestrator, "o-7", 7).await, start(&orchestrator, "o-8", 8).await);
        world.pass(DAY).await;
        let account = account(&*world.ports.store, seventh).await.expect("it is there");
        let WaitsFor::Signal { key, .. } = &account.waits_for else { panic!("{:?}", account.waits_for) };
        assert_eq!(key.as_deref(), Some("invoice-107"));
        assert_eq!(account.waits_for.to_string(), "`invoice.paid` of `invoice-107`, at step `paid`");
        assert_eq!(deliver(world, &orchestrator, &paid("invoice-108", 1)).await, Ok(vec![eighth]));
        let result = orchestrator.handle(eighth).result::<(String, u32)>().await;
        assert_eq!(result, Ok(("invoice-108".to_owned(), 1)));
        assert_eq!(world.status_of(seventh).await, SagaStatus::Running, "that was not its invoice");
        // A copy that comes late, and one for nobody.
        assert!(matches!(deliver(world, &orchestrator, &paid("invoice-108", 1)).await, Err(SagaError::Ended { .. })));
        let nobody = deliver(world, &orchestrator, &paid("invoice-1", 1)).await.expect_err("nobody's");
        assert!(matches!(&nobody, SagaError::Unkeyed { key, .. } if key == "invoice-1"), "{nobody}");
        let mut tx = world.ports.store.begin().await.expect("up");
        let message = paid("no invoice of ours", 1);
        let by_hand = orchestrator.deliver_keyed_in(&mut *tx, "order", "invoice-107", &message).await;
        assert_eq!(by_hand, Ok(vec![seventh]), "who handles it may know better");
        tx.commit().await.expect("up");
        assert!(orchestrator.handle(seventh).result::<(String, u32)>().await.is_ok());
    });
}

/// Its own steps go by their own names in the key of a nested saga.
#[test]
fn a_nested_saga_that_waits_is_found_by_its_key_as_by_itself() {
    on_each_store(async |world| {
        let bill = SagaBuilder::new("bill", 1)
            .compensatable("invoice", DrawsUp, Part::well())
            .compensatable(
                "paid",
                Wait::message("invoice.paid").keyed(of_invoice).correlate_by(paid_invoice),
                Part::well(),
            )
            .build()
            .expect("two steps");
        let order = SagaBuilder::new("order", 1)
            .nested("bill", &bill, |data: &u32| data)
            .compensatable("send", Part::well(), Part::well())
            .result_of("bill/paid")
            .build()
            .expect("three steps");
        let orchestrator = world.sagas(order);
        let (seventh, eighth) = (start(&orchestrator, "o-7", 7).await, start(&orchestrator, "o-8", 8).await);
        world.pass(DAY).await;
        assert_eq!(deliver(world, &orchestrator, &paid("invoice-108", 1)).await, Ok(vec![eighth]));
        let result = orchestrator.handle(eighth).result::<(String, u32)>().await;
        assert_eq!(result, Ok(("invoice-108".to_owned(), 1)));
        assert_eq!(world.status_of(seventh).await, SagaStatus::Running, "that was not its invoice");
    });
}

/// The key is known with the commit of the step that makes it, long before the saga waits.
#[test]
fn a_message_that_comes_before_the_wait_is_kept_and_counts_once() {
    on_each_store(async |world| {
        let slow = Part::local(|attempt| if attempt < 9 { Does::Fail } else { Does::Well });
        let orchestrator = world.sagas(order(1, slow.clone()));
        let saga = start(&orchestrator, "o-7", 7).await;
        world.pass(SECOND).await;
        assert!(slow.attempts() < 9, "it does not wait yet");
        for _ in 0..2 {
            assert_eq!(deliver(world, &orchestrator, &paid("invoice-107", 1)).await, Ok(vec![saga]));
        }
        // Another one of the same key is one too many.
        assert_eq!(deliver(world, &orchestrator, &paid("invoice-107", 2)).await, Ok(vec![saga]));
        world.pass(DAY).await;
        assert_eq!(orchestrator.handle(saga).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 1)));
        let log = world.log_of(saga).await;
        assert_eq!(log.iter().filter(|entry| *entry == "received paid").count(), 1, "{log:?}");
    });
}

/// Gives what has been paid to whoever waits for it.
struct Paid(Orchestrator);

#[async_trait]
impl Handler for Paid {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        match self.0.deliver_in(tx, "order", message).await {
            Ok(_) | Err(SagaError::Ended { .. }) => Ok(()),
            Err(SagaError::Store(error)) => Err(error.into()),
            // It may have overtaken the invoice.
            Err(error @ SagaError::Unkeyed { .. }) => Err(HandlerError::Unavailable(error.to_string().into())),
            Err(error) => Err(HandlerError::Refused(error.to_string().into())),
        }
    }
}

/// Who pays before the invoice is known pays nobody; the consumer has the message come again, and that is soon enough.
#[test]
fn a_message_that_overtakes_its_key_comes_again() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(order(1, Part::well()));
        let handlers = Handlers::builder().on("invoice.paid", Paid(orchestrator.clone())).build().expect("one handler");
        world.publish([paid("invoice-107", 1)]).await;
        world.ports.spawn("consumer", Consumer::new(&world.ports, SHOP, handlers, [SHOP]).run());
        world.pass(SECOND / 10).await;
        assert_eq!(world.unacknowledged(), 1, "nobody knows the invoice yet");
        let saga = start(&orchestrator, "o-7", 7).await;
        world.pass(SECOND * 10).await;
        assert_eq!(orchestrator.handle(saga).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 1)));
        assert_eq!((world.letters().await.len(), world.unacknowledged()), (0, 0));
    });
}

#[test]
fn sagas_of_one_key_all_get_the_message_each_once() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(order(1, Part::well()));
        let sagas = [start(&orchestrator, "o-1", 7).await, start(&orchestrator, "o-2", 7).await];
        world.pass(SECOND).await;
        assert_eq!(deliver(world, &orchestrator, &paid("invoice-107", 1)).await, Ok(sagas.to_vec()));
        for saga in sagas {
            assert_eq!(orchestrator.handle(saga).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 1)));
        }
        // A third one of that key, while the others have ended: they keep nobody from it.
        let third = start(&orchestrator, "o-3", 7).await;
        world.pass(SECOND).await;
        assert_eq!(deliver(world, &orchestrator, &paid("invoice-107", 2)).await, Ok(vec![third]));
        assert_eq!(orchestrator.handle(third).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 2)));
    });
}

#[test]
fn a_key_outlasts_the_process_and_a_condensed_log() {
    on_each_store(async |world| {
        let config = OrchestratorConfig::default().log_entries_max(1);
        let limited = || {
            let wait = Wait::message("invoice.paid").or_else(DAY * 300, Value::NULL);
            SagaBuilder::new("order", 1)
                .pivot("invoice", DrawsUp)
                .wait("paid", wait.keyed(of_invoice).correlate_by(paid_invoice))
                .result_of("paid")
                .build()
                .expect("two steps")
        };
        let first = world.sagas_with(limited(), config.clone());
        let saga = start(&first, "o-7", 7).await;
        world.pass(DAY).await;
        world.ports.stop.set();
        world.pass(SECOND).await;
        let ports = world.replica(3);
        let mut registry = Registry::new();
        registry.register(limited()).expect("one definition");
        let next = Orchestrator::new(&ports, registry, config);
        let (recovery, stop) = (next.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        let mut tx = ports.store.begin().await.expect("up");
        assert_eq!(next.deliver_in(&mut *tx, "order", &paid("invoice-107", 1)).await, Ok(vec![saga]));
        tx.commit().await.expect("up");
        assert_eq!(next.handle(saga).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 1)));
    });
}
