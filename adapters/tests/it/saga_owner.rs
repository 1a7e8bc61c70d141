//! A saga has one owner, who notices at once when it is one no more, and whose store may fail it now and then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    ports::{DelegateStore, External, LogEntry, Ports, SagaStatus, Store, StoreError, Transaction},
    saga::{
        Action, Definition, DriveOutcome, Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder,
        StepCall, StepError, Value, saga_id,
    },
};

use crate::support::{
    World,
    clock::VirtualClock,
    on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

const SECOND: Duration = Duration::from_secs(1);

fn orchestrator(ports: &Ports, definition: Definition<u32>) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(definition).unwrap();
    Orchestrator::new(ports, registry, OrchestratorConfig::default())
}

/// A call that notes when it is dropped on its way.
#[derive(Clone, Default)]
struct Watched {
    is_dropped: Arc<AtomicBool>,
}

struct OnDrop(Arc<AtomicBool>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Action<u32> for Watched {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, _: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        let _note = OnDrop(self.is_dropped.clone());
        std::future::pending().await
    }
}

async fn take_away(world: &World, saga: SagaId) {
    let epoch = world.ports.store.saga(saga).await.unwrap().unwrap().epoch;
    world.ports.store.renew_saga(saga, epoch, Duration::ZERO).await.unwrap();
}

#[test]
fn an_owner_that_lost_its_lease_drops_the_call_that_is_under_way() {
    on_each_store(async |world| {
        let watched = Watched::default();
        let owner =
            orchestrator(&world.ports, SagaBuilder::new("trip", 1).pivot("pay", watched.clone()).build().unwrap());
        let saga = owner.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND / 10).await;
        take_away(world, saga).await;
        let other = orchestrator(
            &world.replica(2),
            SagaBuilder::new("trip", 1).pivot("pay", Part::remote(|_| Does::Well)).build().unwrap(),
        );
        assert_eq!(other.drive(saga).await, Ok(DriveOutcome::Completed));
        assert!(!watched.is_dropped.load(Ordering::SeqCst));
        world.pass(SECOND * 4).await;
        assert!(watched.is_dropped.load(Ordering::SeqCst), "a third of the lease has passed");
    });
}

#[test]
fn an_owner_whose_entry_conflicts_looks_who_owns_the_saga() {
    on_each_store(async |world| {
        let slow = |_| Does::Take(1_000);
        let definition = |pay: Part| SagaBuilder::new("trip", 1).pivot("pay", pay).build().unwrap();
        let owner = orchestrator(&world.ports, definition(Part::remote(slow)));
        let other = orchestrator(&world.replica(2), definition(Part::remote(|_| Does::Well)));
        let mut tx = world.ports.store.begin().await.unwrap();
        let started = owner.start_in(&mut *tx, "trip", "t-1", &1_u32).await.unwrap();
        tx.commit().await.unwrap();
        let saga = started.saga;
        let meanwhile = async {
            world.pass(SECOND / 10).await;
            take_away(world, saga).await;
            other.drive(saga).await
        };
        let before = tokio::time::Instant::now();
        let (mine, theirs) = tokio::join!(owner.drive_started(started), meanwhile);
        assert_eq!((mine, theirs), (DriveOutcome::Elsewhere, Ok(DriveOutcome::Completed)));
        assert!(before.elapsed() < SECOND + SECOND / 10, "it noticed at its first conflict");
    });
}

#[test]
fn an_operators_entry_is_heard_when_the_owner_writes_its_next() {
    on_each_store(async |world| {
        let undone = Part::remote(|_| Does::Well);
        let definition = || {
            SagaBuilder::new("trip", 1)
                .compensatable("hotel", Part::remote(|_| Does::Take(1_000)), undone.clone())
                .compensatable("car", Part::well(), Part::well())
                .build()
                .unwrap()
        };
        let owner = orchestrator(&world.ports, definition());
        let saga = owner.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND / 10).await;
        orchestrator(&world.replica(2), definition()).cancel(saga).await.unwrap();
        // Nobody recovers here: the owner itself hears of it, at the end of its call.
        world.pass(SECOND - SECOND / 20).await;
        assert_eq!((world.status_of(saga).await, undone.attempts()), (SagaStatus::Compensated, 1));
    });
}

/// A store that fails some calls of a process.
struct Moody {
    inner: Arc<dyn Store>,
    /// Every other transaction fails to begin.
    begins: Option<AtomicU32>,
    /// The log can't be read, for good.
    refuses_logs: bool,
    logs_read: AtomicU32,
    /// Set back by an hour when the log is read.
    clock: Option<Arc<VirtualClock>>,
}

impl Moody {
    fn over(inner: &Arc<dyn Store>) -> Self {
        Self { inner: inner.clone(), begins: None, refuses_logs: false, logs_read: AtomicU32::new(0), clock: None }
    }
}

#[async_trait]
impl DelegateStore for Moody {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        match &self.begins {
            Some(begins) if begins.fetch_add(1, Ordering::SeqCst) % 2 == 1 => {
                Err(StoreError::Unavailable("not now".into()))
            }
            _ => self.inner.begin().await,
        }
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.logs_read.fetch_add(1, Ordering::SeqCst);
        if self.refuses_logs {
            return Err(StoreError::Refused("the page is torn".into()));
        }
        let log = self.inner.saga_log(id, after, limit).await;
        if let Some(clock) = &self.clock {
            clock.set_back(SECOND * 3_600);
        }
        log
    }
}

#[test]
fn failures_of_the_store_are_counted_in_a_row_and_not_over_the_life_of_a_saga() {
    on_each_store(async |world| {
        let moody = Arc::new(Moody { begins: Some(AtomicU32::new(0)), ..Moody::over(&world.ports.store) });
        let ports = Ports { store: moody, ..world.replica(2) };
        let steps = (0..20).fold(SagaBuilder::new("trip", 1).pivot("pay", Part::well()), |steps, number| {
            steps.retriable(&format!("step-{number}"), Part::well())
        });
        let saga = orchestrator(&ports, steps.build().unwrap()).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND * 9).await;
        let instance = world.ports.store.saga(saga).await.unwrap().unwrap();
        assert_eq!((instance.status, instance.epoch), (SagaStatus::Completed, 1));
    });
}

#[test]
fn a_saga_that_the_store_refuses_is_tried_now_and_then_and_said() {
    on_each_store(async |world| {
        let definition = || SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap();
        let starter = {
            let mut registry = Registry::new();
            registry.register(definition()).unwrap();
            Orchestrator::new(&world.ports, registry, OrchestratorConfig::default().concurrency(0))
        };
        let _ = starter.start("trip", "t-1", &1_u32).await.unwrap();
        let heard = Warnings::listen();
        let moody = Arc::new(Moody { refuses_logs: true, ..Moody::over(&world.ports.store) });
        let ports = Ports { store: moody.clone(), ..world.replica(2) };
        let (recovery, stop) = (orchestrator(&ports, definition()), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        world.pass(SECOND * 600).await;
        let epoch = world.ports.store.saga(saga_id("trip", "t-1")).await.unwrap().unwrap().epoch;
        assert!((10..70).contains(&epoch), "{epoch} takeovers in ten minutes");
        assert!(heard.lines().iter().any(|line| line.contains("the page is torn")));
    });
}

#[test]
fn a_clock_that_is_set_back_makes_no_wait_longer() {
    on_each_store(async |world| {
        let pay = Part::remote(|attempt| if attempt == 1 { Does::Fail } else { Does::Well });
        let retry = RetryPolicy::default().base(SECOND * 3 / 5).cap(SECOND * 3 / 5);
        let definition = || SagaBuilder::new("trip", 1).pivot("pay", pay.clone()).step_retry(retry).build().unwrap();
        let first = world.replica(2);
        let saga = orchestrator(&first, definition()).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND / 10).await;
        first.stop.set();
        world.pass(SECOND / 100).await;
        // Another process takes it over while it waits, and its clock is set back at that moment.
        let clock = Arc::new(VirtualClock::new());
        let moody = Arc::new(Moody { clock: Some(clock.clone()), ..Moody::over(&world.ports.store) });
        let ports = Ports { store: moody, clock, ..world.replica(3) };
        assert_eq!(orchestrator(&ports, definition()).drive(saga).await, Ok(DriveOutcome::Completed));
        assert_eq!(pay.attempts(), 2);
    });
}
