//! What a store does to sagas: a row that can't be read stops no other, and no step waits for its sibling for ever.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    ports::{AcquireRequest, DelegateStore, LogEntry, SagaStatus, SagaStore as _, Store, StoreError, connection},
    saga::{OrchestratorConfig, RetryPolicy, SagaBuilder, saga_id},
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

use crate::support::{
    Kind, World,
    clock::VirtualClock,
    in_virtual_time, on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

#[test]
fn a_saga_whose_row_cannot_be_read_stops_no_other() {
    in_virtual_time(async {
        let clock = Arc::new(VirtualClock::new());
        let store = Arc::new(SqliteStore::open_in_memory(clock.clone(), SqliteConfig::simulation()).unwrap());
        let world = World::on(Kind::Sqlite, store.clone(), clock);
        let definition = || SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap();
        let starter =
            world.sagas_with(definition(), seaworthy_core::saga::OrchestratorConfig::default().concurrency(0));
        for number in 0..3 {
            let _ = starter.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        let mut tx = store.begin().await.unwrap();
        let sql = connection::<rusqlite::Connection>(&mut *tx).await.unwrap();
        sql.execute("UPDATE seaworthy_sagas SET correlation_id = 'none' WHERE key = 't-0'", []).unwrap();
        tx.commit().await.unwrap();
        let (only, definitions) = (Some(saga_id("trip", "t-0")), vec!["trip".into()]);
        let asked = AcquireRequest { only, definitions, limit: 1, lease: Duration::from_secs(1) };
        let refused = store.acquire_sagas(&asked).await;
        assert!(refused.is_err(), "whoever asks for it is told that it can't be read: {refused:?}");
        let heard = Warnings::listen();
        world.sagas(definition());
        world.pass(Duration::from_secs(30)).await;
        for number in 1..3 {
            assert_eq!(world.status_of(saga_id("trip", &format!("t-{number}"))).await, SagaStatus::Completed);
        }
        assert!(heard.lines().iter().any(|line| line.contains("can't be read")), "{:?}", heard.lines());
        // Mended, it goes on.
        let mut tx = store.begin().await.unwrap();
        let sql = connection::<rusqlite::Connection>(&mut *tx).await.unwrap();
        let id = uuid::Uuid::nil().to_string();
        sql.execute("UPDATE seaworthy_sagas SET correlation_id = ?1 WHERE key = 't-0'", [id]).unwrap();
        tx.commit().await.unwrap();
        world.pass(Duration::from_secs(90)).await;
        assert_eq!(world.status_of(saga_id("trip", "t-0")).await, SagaStatus::Completed);
    });
}

#[test]
fn parallel_steps_of_which_some_meet_conflicts_never_wait_for_each_other_for_ever() {
    on_each_store(async |world| {
        let retry = RetryPolicy::default().base(Duration::from_millis(1)).cap(Duration::from_millis(5));
        let steps = |group| {
            (0..8).fold(group, |group: seaworthy_core::saga::RetriableGroup<u32>, number| {
                let turn = move |attempt| if (attempt + number) % 3 == 0 { Does::Well } else { Does::Conflict };
                group.retriable(&format!("step-{number}"), Part::local(turn))
            })
        };
        let definition =
            SagaBuilder::new("trip", 1).retriable("first", Part::well()).parallel(steps).step_retry(retry).build();
        let orchestrator = world.sagas(definition.unwrap());
        for number in 0..20 {
            let _ = orchestrator.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        let over = async {
            world.pass(Duration::from_secs(60)).await;
            world.ports.store.backlog().await.unwrap().sagas_active
        };
        assert_eq!(tokio::time::timeout(Duration::from_secs(100), over).await, Ok(0));
    });
}

/// A store that reads the log of one saga for nobody.
struct OneBadLog {
    behind: Arc<dyn Store>,
    bad: Mutex<Option<(SagaId, StoreError)>>,
    reads: AtomicU32,
}

#[async_trait]
impl DelegateStore for OneBadLog {
    fn inner(&self) -> &dyn Store {
        &*self.behind
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let bad = self.bad.lock().unwrap().clone();
        if let Some((bad, error)) = bad
            && bad == id
        {
            self.reads.fetch_add(1, Ordering::Relaxed);
            return Err(error);
        }
        self.behind.saga_log(id, after, limit).await
    }
}

#[test]
fn a_saga_that_the_store_fails_each_time_is_stuck_in_the_end_and_goes_on_once_it_is_mended() {
    for error in [StoreError::Unavailable("a bad page".into()), StoreError::Refused("a bad page".into())] {
        on_each_store(async |world| {
            let bad = saga_id("trip", "t-0");
            let (behind, reads) = (world.ports.store.clone(), AtomicU32::new(0));
            let store = Arc::new(OneBadLog { behind, bad: Mutex::new(Some((bad, error.clone()))), reads });
            let world = World::on(world.kind, store.clone(), world.clock.clone());
            let definition = || SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap();
            let starter = world.sagas_with(definition(), OrchestratorConfig::default().concurrency(0));
            for number in 0..3 {
                let _ = starter.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
            }
            let heard = Warnings::listen();
            let orchestrator = world.sagas(definition());
            world.pass(Duration::from_secs(3_600)).await;
            for number in 1..3 {
                assert_eq!(world.status_of(saga_id("trip", &format!("t-{number}"))).await, SagaStatus::Completed);
            }
            assert_eq!(world.status_of(bad).await, SagaStatus::Stuck, "{error}");
            let said = "the store has failed it 20 times in a row, while it answered otherwise: ";
            assert!(heard.lines().iter().any(|line| line.contains(said)), "{:?}", heard.lines());
            let reads = store.reads.load(Ordering::Relaxed);
            world.pass(Duration::from_secs(3_600)).await;
            assert_eq!(store.reads.load(Ordering::Relaxed), reads, "it is left alone");
            *store.bad.lock().unwrap() = None;
            orchestrator.resume(bad).await.unwrap();
            world.pass(Duration::from_secs(60)).await;
            assert_eq!(world.status_of(bad).await, SagaStatus::Completed);
        });
    }
}

/// A store that is down but for takeovers.
struct Down {
    behind: Arc<dyn Store>,
    is_down: AtomicBool,
}

impl Down {
    fn check(&self) -> Result<(), StoreError> {
        match self.is_down.load(Ordering::Relaxed) {
            true => Err(StoreError::Unavailable("no disk".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl DelegateStore for Down {
    fn inner(&self) -> &dyn Store {
        &*self.behind
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.check()?;
        self.behind.saga_log(id, after, limit).await
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        self.check()?;
        self.behind.renew_saga(saga, epoch, lease).await
    }
}

#[test]
fn a_store_that_answers_nobody_makes_no_saga_stuck_however_long_it_is_down() {
    on_each_store(async |world| {
        let store = Arc::new(Down { behind: world.ports.store.clone(), is_down: AtomicBool::new(true) });
        let world = World::on(world.kind, store.clone(), world.clock.clone());
        let definition = || SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap();
        let starter = world.sagas_with(definition(), OrchestratorConfig::default().concurrency(0));
        let _ = starter.start("trip", "t-0", &1_u32).await.unwrap();
        world.sagas(definition());
        world.pass(Duration::from_secs(24 * 3_600)).await;
        store.is_down.store(false, Ordering::Relaxed);
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(world.status_of(saga_id("trip", "t-0")).await, SagaStatus::Completed);
    });
}
