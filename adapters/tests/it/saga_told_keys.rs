//! Keys by which messages find a saga: told to the store with the entries that make them known, and with no others. And
//! attempts that are announced, since an earlier owner went without a word: each by an entry that is in the log.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    ports::{
        AcquireRequest, Answers, Call, FailureKind, Intercept, InterceptTransaction, Intercepted, Operation, PortError,
        Ports, SagaStatus, StoreError, Transaction,
    },
    saga::{
        self, Action, Definition, KeyContext, Migration, Orchestrator, OrchestratorConfig, Record, Registry,
        RetryPolicy, SagaBuilder, SagaRequest, Signal, StepCall, StepError, Value, Verb, Wait,
    },
};

use crate::support::{
    World,
    calls::{Calls, Fate},
    on_each_store,
    saga::{Does, Part},
};

const SECOND: Duration = Duration::from_secs(1);

/// Entries of one append by their names, and the keys that go with it.
type Append = (Vec<String>, Vec<String>);

/// A store that remembers what is appended to logs.
#[derive(Clone, Default)]
struct Appends(Arc<Mutex<Vec<Append>>>);

impl Appends {
    fn before(ports: &Ports) -> (Self, Ports) {
        let appends = Self::default();
        let store = Arc::new(Intercepted::new(ports.store.clone(), appends.clone()));
        (appends, Ports { store, ..ports.clone() })
    }

    fn all(&self) -> Vec<Append> {
        self.0.lock().expect("no panic with it in hand").clone()
    }

    /// The keys that went with the first append whose entries are these.
    fn with(&self, entries: &[&str]) -> Vec<String> {
        let all = self.all();
        let found = all.iter().find(|(names, _)| names == entries);
        found.unwrap_or_else(|| panic!("no append of {entries:?}: {all:?}")).1.clone()
    }
}

impl Intercept for Appends {
    type Transaction = Self;

    fn transaction(&self) -> Self {
        self.clone()
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        _: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        inner.await
    }
}

impl InterceptTransaction for Appends {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if let Call::SagaAppend { append } = call {
            let read = append.records.iter().map(|record| Record::decode(record).expect("the log is ours"));
            let names = read.map(|record| record.name().to_owned()).collect();
            let keys = append.keys.iter().map(|key| key.key.to_string()).collect();
            self.0.lock().expect("no panic with it in hand").push((names, keys));
        }
        inner.await
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        inner?.commit().await
    }
}

/// A step whose output is the number of an invoice.
struct DrawsUp;

#[async_trait]
impl Action<u32> for DrawsUp {
    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        Value::new(&format!("invoice-{}", call.data))
    }
}

fn of_invoice(context: &KeyContext<'_, u32>) -> Option<smol_str::SmolStr> {
    context.output::<smol_str::SmolStr>("invoice").ok().flatten()
}

fn keyed() -> Wait<u32> {
    Wait::message("invoice.paid").keyed(of_invoice)
}

/// Draws up an invoice, asks somebody who is down for a while, and waits until the invoice is paid and the order approved.
fn order(version: u32, between: Part, paid: Wait<u32>) -> Definition<u32> {
    let rarely = RetryPolicy::default().base(SECOND * 20).cap(SECOND * 20);
    SagaBuilder::new("order", version)
        .pivot("invoice", DrawsUp)
        .retriable("send", between)
        .step_retry(rarely)
        .wait("paid", paid)
        .wait("approval", Wait::signal("approved"))
        .build()
        .expect("four steps")
}

/// Another process on a store whose appends are remembered.
fn recover(world: &World, registry: Registry) -> (Appends, Orchestrator) {
    let (appends, ports) = Appends::before(&world.replica(3));
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    (appends, orchestrator)
}

fn registry(definition: Definition<u32>) -> Registry {
    let mut registry = Registry::new();
    registry.register(definition).expect("one definition");
    registry
}

/// Starts the saga in a process that is then asked to stop, once it has gone so far.
async fn begun_elsewhere(world: &World, definition: Definition<u32>) -> SagaId {
    let first = world.sagas(definition);
    let saga = first.start("order", "o-7", &7_u32).await.expect("up").saga;
    world.pass(SECOND).await;
    world.ports.stop.set();
    world.pass(SECOND).await;
    saga
}

#[test]
fn the_first_entry_under_a_version_with_other_keys_tells_them_and_no_later_one_does() {
    on_each_store(async |world| {
        let down = Part::remote(|attempt| if attempt < 3 { Does::Fail } else { Does::Well });
        begun_elsewhere(world, order(1, down.clone(), Wait::message("invoice.paid"))).await;
        // Its next attempt is due before anybody who knows the new version looks for it.
        world.pass(SECOND * 60).await;
        let mut registry = registry(order(2, down, keyed()));
        registry.migration(Migration::new("order", 1, 2)).expect("to a version that is there");
        let (appends, _) = recover(world, registry);
        world.pass(SECOND * 120).await;
        let all = appends.all();
        assert_eq!(all[0], (vec!["migrated".to_owned(), "attempting".to_owned()], vec!["invoice-7".to_owned()]));
        // Whoever owns it by then says so again where it waits.
        let later = all[1..].iter().filter(|(names, _)| !names.contains(&"waiting".to_owned()));
        assert!(later.clone().count() > 2 && later.clone().all(|(_, keys)| keys.is_empty()), "told once: {all:?}");
    });
}

/// Whoever takes the saga over does not know what the store was told, and tells it when the saga comes to rest at its wait; an
/// attempt, and an answer to an operator, tell nothing.
#[test]
fn who_takes_a_saga_over_tells_its_keys_once_it_waits_and_not_before() {
    on_each_store(async |world| {
        let down = Part::remote(|attempt| if attempt < 4 { Does::Fail } else { Does::Well });
        let saga = begun_elsewhere(world, order(1, down.clone(), keyed())).await;
        let (appends, _) = recover(world, registry(order(1, down, keyed())));
        world.pass(SECOND * 25).await;
        let hasten = SagaRequest::new(Verb::RetryNow, "ops");
        saga::ask(&*world.ports.store, saga, &hasten).await.expect("it is under way");
        world.pass(SECOND * 120).await;
        let all = appends.all();
        let waits = all.iter().position(|(names, _)| names.contains(&"waiting".to_owned())).expect("it waits");
        let answered = all[..waits].iter().any(|(names, _)| names.contains(&"granted".to_owned()));
        assert!(answered, "an operator was answered before: {all:?}");
        assert!(all[..waits].iter().all(|(_, keys)| keys.is_empty()), "{all:?}");
        assert_eq!(all[waits].1, ["invoice-7"]);
    });
}

/// It has waited since before it was taken over, and is woken by what it does not wait for yet.
#[test]
fn a_saga_that_is_woken_for_nothing_tells_its_keys_as_it_goes_to_sleep_again() {
    on_each_store(async |world| {
        let saga = begun_elsewhere(world, order(1, Part::well(), keyed())).await;
        let (appends, orchestrator) = recover(world, registry(order(1, Part::well(), keyed())));
        world.pass(SECOND * 20).await;
        assert_eq!(appends.all(), [], "it sleeps");
        orchestrator.signal(saga, &Signal::new("approved", "1")).await.expect("it will wait for that");
        world.pass(SECOND * 20).await;
        assert_eq!(appends.with(&[]), ["invoice-7"], "it has nothing else to say");
    });
}

/// Under the new version each of three waits has a key: one is over, one is waited for, one is yet to come.
#[test]
fn a_passage_gives_keys_to_the_wait_that_the_saga_is_at_and_to_no_other() {
    on_each_store(async |world| {
        let order = |version, wait: fn(&'static str) -> Wait<u32>| {
            SagaBuilder::new("order", version)
                .pivot("invoice", DrawsUp)
                .wait("deposit", wait("deposit.paid"))
                .wait("paid", wait("invoice.paid"))
                .wait("rest", wait("rest.paid"))
                .build()
                .expect("four steps")
        };
        let first = world.sagas(order(1, Wait::message));
        let saga = first.start("order", "o-7", &7_u32).await.expect("up").saga;
        first.signal(saga, &Signal::new("deposit.paid", "1")).await.expect("it waits for that");
        world.pass(SECOND).await;
        world.ports.stop.set();
        world.pass(SECOND).await;
        let mut registry = registry(order(2, |name| Wait::message(name).keyed(of_invoice)));
        registry.migration(Migration::new("order", 1, 2)).expect("to a version that is there");
        let _next = recover(world, registry);
        world.pass(SECOND * 20).await;
        let entries = world.ports.store.saga_log(saga, 0, 100).await.expect("up");
        let keys = entries.iter().find_map(|entry| match Record::decode(&entry.record) {
            Ok(Record::Migrated { keys, .. }) => Some(keys),
            _ => None,
        });
        assert_eq!(keys, Some(vec![("paid".into(), "invoice-7".into())]));
    });
}

/// Has two owners of a saga go without a word, one after the other.
async fn crash_twice(world: &World, saga: SagaId) {
    world.pass(SECOND * 11).await;
    let definitions = vec!["trip".into()];
    let request = AcquireRequest { only: Some(saga), definitions, limit: 1, lease: SECOND };
    let taken = world.ports.store.acquire_sagas(&request).await.expect("up");
    assert_eq!(taken.len(), 1, "its owner is gone");
    world.pass(SECOND * 2).await;
}

/// Creates the saga `t-1` that nobody drives.
async fn created(world: &World, definition: Definition<u32>) -> SagaId {
    let orchestrator = Orchestrator::new(&world.ports, registry(definition), OrchestratorConfig::default());
    let mut tx = world.ports.store.begin().await.expect("up");
    let started = orchestrator.start_in(&mut *tx, "trip", "t-1", &1_u32).await.expect("up");
    tx.commit().await.expect("up");
    let saga = started.saga;
    // Its process is gone before it has begun.
    std::mem::forget(started);
    crash_twice(world, saga).await;
    saga
}

fn recover_on(ports: &Ports, definition: Definition<u32>) {
    let recovery = Orchestrator::new(ports, registry(definition), OrchestratorConfig::default());
    let stop = ports.stop.clone();
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
}

/// That an attempt begins says nothing of what ended the owners before: the one beside it may be what did.
#[test]
fn after_a_crash_each_step_of_a_group_is_counted_before_it_runs_until_one_has_come_to_its_end() {
    on_each_store(async |world| {
        let trip = || {
            let slow = Part::local(|_| Does::Take(100));
            let builder = SagaBuilder::new("trip", 1).parallel(|group| {
                group.compensatable("a", slow, Part::well()).compensatable("b", Part::well(), Part::well())
            });
            builder.pivot("pay", Part::well()).build().expect("three steps")
        };
        let saga = created(world, trip()).await;
        recover_on(&world.replica(3), trip());
        world.pass(SECOND * 20).await;
        let log = world.log_of(saga).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed, "{log:?}");
        let announced: Vec<_> = log.iter().filter(|entry| entry.starts_with("announced")).collect();
        assert_eq!(announced, ["announced a", "announced b"], "{log:?}");
    });
}

/// The entry that counts an attempt meets somebody else's, and is written once more: what runs is in the log in any case.
#[test]
fn an_attempt_whose_announcement_conflicts_is_announced_before_it_runs() {
    let conflict = |operation, number| match operation {
        Operation::SagaAppend if number == 1 => Fate::Fails(FailureKind::Conflict),
        _ => Fate::Well,
    };
    on_each_store(async |world| {
        let trip = || SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().expect("one step");
        let saga = created(world, trip()).await;
        recover_on(&Calls::before(&world.replica(3), conflict).1, trip());
        world.pass(SECOND * 20).await;
        let log = world.log_of(saga).await;
        assert_eq!(log[log.len() - 3..], ["announced pay", "done pay", "completed"], "{log:?}");
    });
    on_each_store(async |world| {
        let seat = Part::local(|attempt| if attempt == 1 { Does::Nothing } else { Does::Well });
        let trip = || {
            let builder = SagaBuilder::new("trip", 1).compensatable("seat", Part::well(), seat.clone());
            builder.pivot("pay", Part::local(|_| Does::Reject)).build().expect("two steps")
        };
        let first = world.sagas(trip());
        let saga = first.start("trip", "t-1", &1_u32).await.expect("up").saga;
        world.pass(SECOND / 2).await;
        // It dies while it undoes the first step.
        world.tasks.abort();
        drop(first);
        crash_twice(world, saga).await;
        recover_on(&Calls::before(&world.replica(3), conflict).1, trip());
        world.pass(SECOND * 60).await;
        let log = world.log_of(saga).await;
        assert_eq!(log[log.len() - 3..], ["announced seat", "compensated seat", "rolled_back"], "{log:?}");
    });
}
