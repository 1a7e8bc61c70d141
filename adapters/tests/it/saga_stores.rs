//! What a store does to sagas: a row that can't be read stops no other, and no step waits for its sibling for ever.

use std::{sync::Arc, time::Duration};

use seaworthy_core::{
    ports::{SagaStatus, Store, connection},
    saga::{RetryPolicy, SagaBuilder, saga_id},
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
