//! A message of a service that knows nothing of sagas finds the one that waits for it, by a key of both: in whichever order they
//! come, once, and no other.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{SagaStatus, Timestamp, Transaction},
    saga::{
        Action, Definition, Endures, KeyContext, Limited, Migration, Orchestrator, OrchestratorConfig, Registry,
        RetryPolicy, SagaBuilder, SagaError, Signal, StepCall, StepError, Value, Wait, WaitsFor, account, saga_id,
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

/// Two waits for one type: what comes for the first, once more, is nothing for the second.
#[test]
fn each_wait_has_its_own_key() {
    on_each_store(async |world| {
        let keyed = |prefix: &'static str| {
            let wait = Wait::message("invoice.paid");
            let wait = wait.keyed(move |context| Some(format!("{prefix}-{}", context.data).into()));
            wait.correlate_by(paid_invoice)
        };
        let definition = SagaBuilder::new("order", 1)
            .pivot("send", Part::well())
            .wait("deposit", keyed("deposit"))
            .wait("rest", keyed("rest"))
            .result_of("rest")
            .build()
            .expect("three steps");
        let orchestrator = world.sagas(definition);
        let saga = start(&orchestrator, "o-7", 7).await;
        // Before either is waited for: both keys follow from the input.
        for message in [paid("deposit-7", 2), paid("deposit-7", 3), paid("rest-7", 1), paid("rest-7", 4)] {
            assert_eq!(deliver(world, &orchestrator, &message).await, Ok(vec![saga]));
        }
        world.pass(SECOND).await;
        assert_eq!(orchestrator.handle(saga).result::<(String, u32)>().await, Ok(("rest-7".to_owned(), 1)));
        assert_eq!(
            orchestrator.state(saga).await.expect("its log is there").output("deposit").map(|it| it.decode()),
            Some(Ok(("deposit-7".to_owned(), 2)))
        );
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

/// The version that it began under knew nothing of keys, and it does not wait yet.
#[test]
fn a_saga_that_passes_to_a_version_with_a_key_is_found_by_it_from_then_on() {
    on_each_store(async |world| {
        let slow = Part::local(|attempt| if attempt < 9 { Does::Fail } else { Does::Well });
        let unkeyed = SagaBuilder::new("order", 1)
            .pivot("invoice", DrawsUp)
            .retriable("send", slow.clone())
            .wait("paid", Wait::message("invoice.paid"))
            .result_of("paid");
        let first = world.sagas(unkeyed.build().expect("three steps"));
        let saga = start(&first, "o-7", 7).await;
        world.pass(SECOND).await;
        world.ports.stop.set();
        world.pass(SECOND).await;
        let ports = world.replica(3);
        let mut registry = Registry::new();
        registry.register(order(2, slow.clone())).expect("one definition");
        registry.migration(Migration::new("order", 1, 2)).expect("to a version that is there");
        let next = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        let (recovery, stop) = (next.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        while slow.attempts() < 7 {
            world.pass(SECOND).await;
        }
        assert!(slow.attempts() < 9, "it does not wait yet");
        let mut tx = ports.store.begin().await.expect("up");
        assert_eq!(next.deliver_in(&mut *tx, "order", &paid("invoice-107", 1)).await, Ok(vec![saga]));
        tx.commit().await.expect("up");
        assert_eq!(next.handle(saga).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 1)));
    });
}

/// Versions side by side, one by a key and one by correlation id: a message is for whoever it finds in either way.
#[test]
fn a_message_finds_sagas_of_both_versions_each_in_its_way() {
    on_each_store(async |world| {
        let unkeyed = || {
            let builder = SagaBuilder::new("order", 1).pivot("invoice", DrawsUp).retriable("send", Part::well());
            builder.wait("paid", Wait::message("invoice.paid")).result_of("paid").build().expect("three steps")
        };
        let older = start(&world.sagas(unkeyed()), "o-7", 7).await;
        world.pass(DAY).await;
        world.ports.stop.set();
        world.pass(SECOND).await;
        let ports = world.replica(3);
        let mut registry = Registry::new();
        registry.register(unkeyed()).expect("a version");
        registry.register(order(2, Part::well())).expect("another");
        let both = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        let (recovery, stop) = (both.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        let newer = start(&both, "o-8", 8).await;
        world.pass(DAY).await;
        let answers = Message { correlation_id: older.0, ..paid("invoice of the bank's", 1) };
        assert_eq!(deliver(world, &both, &answers).await, Ok(vec![older]));
        assert_eq!(deliver(world, &both, &paid("invoice-108", 1)).await, Ok(vec![newer]));
        world.pass(DAY).await;
        assert_eq!(world.status_of(older).await, SagaStatus::Completed);
        assert_eq!(world.status_of(newer).await, SagaStatus::Completed);
        // There was one in one of the ways: that says more than that there is none in the other.
        let late = deliver(world, &both, &paid("invoice-108", 2)).await;
        assert!(matches!(late, Err(SagaError::Ended { .. })), "{late:?}");
    });
}

/// It sleeps there for as long as it takes, or for long: nobody wakes it, and what it waits for can't find it.
#[test]
fn a_saga_that_waits_when_its_version_gets_a_key_is_found_by_it_from_then_on() {
    fn unlimited(wait: Wait<u32>) -> Wait<u32> {
        wait
    }
    fn limited(wait: Wait<u32>) -> Wait<u32, Limited> {
        wait.or_else(DAY * 300, Value::NULL)
    }
    fn check<L: Endures + 'static>(limit: fn(Wait<u32>) -> Wait<u32, L>) {
        on_each_store(async |world| {
            let order = |version, name: &str, wait: fn(Wait<u32, L>) -> Wait<u32, L>| {
                let builder = SagaBuilder::new("order", version).pivot("invoice", DrawsUp);
                builder.wait(name, wait(limit(Wait::message("invoice.paid")))).result_of(name).build()
            };
            let first = world.sagas(order(1, "paid", |wait| wait).expect("two steps"));
            let sagas = [start(&first, "o-7", 7).await, start(&first, "o-8", 8).await];
            world.pass(DAY).await;
            world.ports.stop.set();
            world.pass(SECOND).await;
            let ports = world.replica(3);
            let keyed =
                order(2, "settled", |wait| wait.keyed(of_invoice).correlate_by(paid_invoice)).expect("two steps");
            let mut registry = Registry::new();
            registry.register(keyed).expect("one definition");
            registry
                .migration(Migration::new("order", 1, 2).rename("paid", "settled"))
                .expect("to a version that is there");
            // One at a time: those for which there is no room are found later.
            let next = Orchestrator::new(&ports, registry, OrchestratorConfig::default().concurrency(1).batch(1));
            let (recovery, stop) = (next.clone(), ports.stop.clone());
            ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
            world.pass(SECOND * 20).await;
            let account = account(&*world.ports.store, sagas[0]).await.expect("it is there");
            let WaitsFor::Signal { step, key, .. } = &account.waits_for else { panic!("{:?}", account.waits_for) };
            assert_eq!((step.as_str(), key.as_deref()), ("settled", Some("invoice-107")), "as the new version has it");
            for (saga, invoice) in sagas.into_iter().zip(["invoice-107", "invoice-108"]) {
                let mut tx = ports.store.begin().await.expect("up");
                assert_eq!(next.deliver_in(&mut *tx, "order", &paid(invoice, 1)).await, Ok(vec![saga]));
                tx.commit().await.expect("up");
                assert_eq!(next.handle(saga).result::<(String, u32)>().await, Ok((invoice.to_owned(), 1)));
            }
            let entries = world.log_of(sagas[0]).await;
            assert_eq!(entries.iter().filter(|entry| *entry == "migrated").count(), 1, "{entries:?}");
        });
    }
    check(unlimited);
    check(limited);
}

/// During a deployment the older release goes on, and leaves sagas at their waits after the new one has looked.
#[test]
fn a_saga_that_an_older_replica_leaves_at_its_wait_is_found_by_its_key_within_minutes() {
    on_each_store(async |world| {
        let unkeyed = SagaBuilder::new("order", 1)
            .pivot("invoice", DrawsUp)
            .wait("paid", Wait::message("invoice.paid"))
            .result_of("paid");
        let older = world.sagas(unkeyed.build().expect("two steps"));
        let ports = world.replica(3);
        let mut registry = Registry::new();
        let keyed = Wait::message("invoice.paid").keyed(of_invoice).correlate_by(paid_invoice);
        let keyed = SagaBuilder::new("order", 2).pivot("invoice", DrawsUp).wait("paid", keyed).result_of("paid");
        registry.register(keyed.build().expect("two steps")).expect("one definition");
        registry.migration(Migration::new("order", 1, 2)).expect("to a version that is there");
        let next = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        let (recovery, stop) = (next.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        world.pass(SECOND).await;
        let saga = start(&older, "o-7", 7).await;
        world.pass(SECOND * 660).await;
        let mut tx = ports.store.begin().await.expect("up");
        assert_eq!(next.deliver_in(&mut *tx, "order", &paid("invoice-107", 1)).await, Ok(vec![saga]));
        tx.commit().await.expect("up");
        assert_eq!(next.handle(saga).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 1)));
    });
}

/// A verb of an operator is the first entry of the new version, and may come before anybody has looked for the saga.
#[test]
fn a_saga_that_passes_by_a_verb_while_it_waits_is_found_by_its_key_as_well() {
    on_each_store(async |world| {
        let order = |version, paid: Wait<u32>| {
            let waits = SagaBuilder::new("order", version).pivot("invoice", DrawsUp);
            let waits = waits.parallel(|group| group.wait("paid", paid).wait("approval", Wait::signal("approved")));
            waits.result_of("paid").build().expect("three steps")
        };
        let first = world.sagas(order(1, Wait::message("invoice.paid")));
        let saga = start(&first, "o-7", 7).await;
        world.pass(DAY).await;
        world.ports.stop.set();
        world.pass(SECOND).await;
        let ports = world.replica(3);
        let mut registry = Registry::new();
        let keyed = Wait::message("invoice.paid").keyed(of_invoice).correlate_by(paid_invoice);
        registry.register(order(2, keyed)).expect("one definition");
        registry.migration(Migration::new("order", 1, 2)).expect("to a version that is there");
        let next = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        next.skip(saga, "approval", "by phone").await.expect("it waits");
        let (recovery, stop) = (next.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        world.pass(SECOND * 20).await;
        let mut tx = ports.store.begin().await.expect("up");
        assert_eq!(next.deliver_in(&mut *tx, "order", &paid("invoice-107", 1)).await, Ok(vec![saga]));
        tx.commit().await.expect("up");
        assert_eq!(next.handle(saga).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 1)));
    });
}

/// Two waits for one type, of which one has a key: whatever came by that is its own, also where the other one waits first.
#[test]
fn a_message_that_came_by_a_key_is_left_for_the_step_of_that_key() {
    on_each_store(async |world| {
        let rest = Wait::message("invoice.paid").keyed(|context| Some(format!("rest-{}", context.data).into()));
        let definition = SagaBuilder::new("order", 1)
            .pivot("send", Part::well())
            .wait("deposit", Wait::message("invoice.paid"))
            .wait("rest", rest.correlate_by(paid_invoice))
            .result_of("rest")
            .build()
            .expect("three steps");
        let orchestrator = world.sagas(definition);
        let saga = start(&orchestrator, "o-7", 7).await;
        // Before it waits for either, and once it does.
        for transfer in [1, 2] {
            assert_eq!(deliver(world, &orchestrator, &paid("rest-7", transfer)).await, Ok(vec![saga]));
            world.pass(SECOND).await;
        }
        let log = world.log_of(saga).await;
        assert!(!log.iter().any(|entry| entry.starts_with("received")), "{log:?}");
        let deposit = Signal::new("invoice.paid", "by hand").payload(&"in cash").expect("a text");
        orchestrator.signal(saga, &deposit).await.expect("it waits");
        world.pass(SECOND).await;
        assert_eq!(orchestrator.handle(saga).result::<(String, u32)>().await, Ok(("rest-7".to_owned(), 1)));
        let state = orchestrator.state(saga).await.expect("its log is there");
        assert_eq!(state.output("deposit").map(|it| it.decode()), Some(Ok("in cash".to_owned())));
    });
}

/// It would wait for what can't find it.
#[test]
fn a_saga_that_comes_to_a_wait_without_its_key_is_stuck_and_says_so() {
    on_each_store(async |world| {
        for (key, panics) in [("o-1", false), ("o-2", true)] {
            let wait = Wait::message("invoice.paid").keyed(move |_| if panics { panic!("no key") } else { None });
            let definition = SagaBuilder::new(if panics { "panics" } else { "forgets" }, 1)
                .pivot("send", Part::well())
                .wait("paid", wait)
                .build()
                .expect("two steps");
            let name = definition.reference().name.clone();
            let orchestrator = world.sagas(definition);
            orchestrator.start(&name, key, &7_u32).await.expect("a new key");
            world.pass(SECOND).await;
            let reason = world.reason_of(saga_id(&name, key)).await;
            assert!(reason.starts_with("nobody can say by which key a message finds step `paid`"), "{reason}");
            assert_eq!(reason.contains("panic"), panics, "{reason}");
        }
    });
}

/// Then it was no step's commit with which the key was known.
#[test]
fn a_key_that_an_operator_has_settled_finds_the_saga_as_well() {
    on_each_store(async |world| {
        let once = RetryPolicy::default().attempts_max(Some(1));
        let wait = Wait::message("invoice.paid").keyed(of_invoice).correlate_by(paid_invoice);
        let definition = SagaBuilder::new("order", 1)
            .pivot("invoice", Part::local(|_| Does::Fail))
            .step_retry(once)
            .wait("paid", wait)
            .result_of("paid")
            .build()
            .expect("two steps");
        let orchestrator = world.sagas(definition);
        let saga = start(&orchestrator, "o-7", 7).await;
        world.pass(SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Stuck);
        let drawn_up = Value::new(&"invoice-17").expect("a text");
        orchestrator.settle(saga, "invoice", &drawn_up, "by hand").await.expect("it is stuck there");
        world.pass(SECOND).await;
        assert_eq!(deliver(world, &orchestrator, &paid("invoice-17", 1)).await, Ok(vec![saga]));
        world.pass(SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed);
    });
}
