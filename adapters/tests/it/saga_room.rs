//! A process drives as many sagas as it may, no more, and takes what waits as soon as there is room.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ports::{External, SagaStatus},
    saga::{Action, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, StepCall, StepError, Value, saga_id},
};

use crate::support::{World, on_each_store};

/// Counts how many attempts are under way at once.
#[derive(Clone, Default)]
struct Turnstile {
    inside: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    takes: Duration,
}

#[async_trait]
impl Action<u32> for Turnstile {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, _: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        tokio::time::sleep(self.takes).await;
        self.inside.fetch_sub(1, Ordering::SeqCst);
        Ok(Value::NULL)
    }
}

fn orchestrator(world: &World, turnstile: &Turnstile, concurrency: usize) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(SagaBuilder::new("trip", 1).pivot("pay", turnstile.clone()).build().unwrap()).unwrap();
    Orchestrator::new(&world.ports, registry, OrchestratorConfig::default().concurrency(concurrency))
}

fn recover(world: &World, orchestrator: &Orchestrator) {
    let (recovery, stop) = (orchestrator.clone(), world.ports.stop.clone());
    world.ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
}

async fn are_over(world: &World, count: u32) -> bool {
    for number in 0..count {
        if world.status_of(saga_id("trip", &format!("t-{number}"))).await != SagaStatus::Completed {
            return false;
        }
    }
    true
}

#[test]
fn a_process_that_finds_many_due_sagas_takes_no_more_than_it_may_drive_and_loses_no_time() {
    on_each_store(async |world| {
        let turnstile = Turnstile { takes: Duration::from_millis(50), ..Turnstile::default() };
        // Nobody drives what is started here: its process has no room.
        let starter = orchestrator(world, &turnstile, 0);
        for number in 0..640 {
            let _ = starter.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        recover(world, &orchestrator(world, &turnstile, 32));
        world.pass(Duration::from_secs(3)).await;
        assert_eq!(turnstile.most.load(Ordering::SeqCst), 32);
        assert!(are_over(world, 640).await, "twenty rounds of 50 ms take a second");
    });
}

#[test]
fn sagas_that_are_started_beyond_the_limit_begin_as_soon_as_there_is_room() {
    on_each_store(async |world| {
        let turnstile = Turnstile { takes: Duration::from_millis(50), ..Turnstile::default() };
        let orchestrator = orchestrator(world, &turnstile, 32);
        recover(world, &orchestrator);
        world.pass(Duration::from_secs(60)).await;
        for number in 0..320 {
            let _ = orchestrator.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        world.pass(Duration::from_secs(2)).await;
        assert!(turnstile.most.load(Ordering::SeqCst) <= 32);
        assert!(are_over(world, 320).await);
    });
}

/// Room is kept for a saga before it is known that it is a new one; what is there already, and what its transaction dropped, needs none.
#[test]
fn starts_that_come_to_nothing_take_no_room_for_long() {
    on_each_store(async |world| {
        let turnstile = Turnstile { takes: Duration::from_millis(50), ..Turnstile::default() };
        let orchestrator = orchestrator(world, &turnstile, 2);
        recover(world, &orchestrator);
        for _ in 0..8 {
            let _ = orchestrator.start("trip", "t-0", &1_u32).await.unwrap();
            let mut tx = world.ports.store.begin().await.expect("up");
            let started = orchestrator.start_in(&mut *tx, "trip", "t-99", &1_u32).await.unwrap();
            drop((tx, started));
        }
        world.pass(Duration::from_secs(2)).await;
        for number in 1..=20 {
            let _ = orchestrator.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        world.pass(Duration::from_secs(5)).await;
        assert!(are_over(world, 21).await, "there is room for two, ten rounds of which take half a second");
    });
}
