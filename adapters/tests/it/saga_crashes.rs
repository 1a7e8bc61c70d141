//! A step that panics, or takes its process with it, is counted and ends where an operator sees it.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ports::{AcquireRequest, SagaStatus, Transaction},
    saga::{
        Action, DriveOutcome, Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder, StepCall,
        StepError, Value,
    },
};

use crate::support::{
    World, on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_step_that_panics_is_an_attempt_that_failed() {
    on_each_store(async |world| {
        for (key, part) in [("local", Part::local(|_| Does::Panic)), ("remote", Part::remote(|_| Does::Panic))] {
            let heard = Warnings::listen();
            let retry = RetryPolicy::default().attempts_max(Some(3));
            let definition = SagaBuilder::new(key, 1).pivot("pay", part.clone()).step_retry(retry).build().unwrap();
            let orchestrator = world.sagas(definition);
            let saga = orchestrator.start(key, "t-1", &1_u32).await.unwrap().saga;
            world.pass(MINUTE * 10).await;
            assert_eq!((world.status_of(saga).await, part.attempts()), (SagaStatus::Stuck, 3), "{key}");
            let reason = world.reason_of(saga).await;
            assert!(reason.contains("panicked: the step panics"), "{reason}");
            assert!(heard.lines().iter().any(|line| line.contains("panicked") && line.contains("stuck")));
            // In doubt or not, an operator sets it going again.
            orchestrator.resume(saga).await.unwrap();
            world.pass(MINUTE * 10).await;
            assert_eq!((world.status_of(saga).await, part.attempts()), (SagaStatus::Stuck, 6), "{key}");
        }
    });
}

#[test]
fn a_step_that_panics_without_a_limit_of_its_own_is_stuck_after_ten() {
    on_each_store(async |world| {
        for (key, part) in [("local", Part::local(|_| Does::Panic)), ("remote", Part::remote(|_| Does::Panic))] {
            let orchestrator = world.sagas(SagaBuilder::new(key, 1).pivot("pay", part.clone()).build().unwrap());
            let saga = orchestrator.start(key, "t-1", &1_u32).await.unwrap().saga;
            world.pass(MINUTE * 60).await;
            assert_eq!((world.status_of(saga).await, part.attempts()), (SagaStatus::Stuck, 10), "{key}");
        }
    });
}

#[test]
fn a_panic_now_and_then_stops_nothing() {
    on_each_store(async |world| {
        let part = Part::remote(|attempt| match attempt {
            40.. => Does::Well,
            odd if odd % 2 == 1 => Does::Panic,
            _ => Does::Doubt,
        });
        let orchestrator = world.sagas(SagaBuilder::new("trip", 1).pivot("pay", part.clone()).build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 60).await;
        assert_eq!((world.status_of(saga).await, part.attempts()), (SagaStatus::Completed, 40));
    });
}

#[test]
fn compensations_that_panic_are_exhausted_and_the_others_go_on() {
    on_each_store(async |world| {
        let (seat, panics) = (Part::well(), [Part::local(|_| Does::Panic), Part::remote(|_| Does::Panic)]);
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("seat", Part::well(), seat.clone())
            .compensatable("hotel", Part::well(), panics[0].clone())
            .compensatable("car", Part::well(), panics[1].clone())
            .compensatable("no", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 60).await;
        assert_eq!((world.status_of(saga).await, seat.attempts()), (SagaStatus::Stuck, 1));
        assert_eq!(panics.each_ref().map(Part::attempts), [10, 10]);
    });
}

/// A condition that panics.
struct Odd;

#[async_trait]
impl Action<u32> for Odd {
    fn applies(&self, _: &StepCall<'_, u32>) -> bool {
        panic!("no such number")
    }

    async fn apply(&self, _: &mut dyn Transaction, _: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        Err(StepError::Refused("it must not run".into()))
    }
}

#[test]
fn a_condition_that_panics_is_stuck_and_its_step_never_runs() {
    on_each_store(async |world| {
        let orchestrator =
            world.sagas(SagaBuilder::new("trip", 1).compensatable("odd", Odd, Part::well()).build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE).await;
        assert!(world.reason_of(saga).await.contains("`odd` applies: panicked: no such number"));
        assert_eq!(world.log_of(saga).await, ["started", "stuck"]);
    });
}

/// Drives what is due in a process that dies as soon as the step has begun.
async fn die(world: &World, definition: impl Fn() -> seaworthy_core::saga::Definition<u32>) {
    let mut registry = Registry::new();
    registry.register(definition()).unwrap();
    let orchestrator = Orchestrator::new(&world.replica(3), registry, OrchestratorConfig::default());
    let saga = seaworthy_core::saga::saga_id("trip", "t-1");
    // Dropped at its first wait, with all that it held.
    let _ = tokio::time::timeout(Duration::from_millis(1), orchestrator.drive(saga)).await;
    world.pass(Duration::from_secs(11)).await;
}

#[test]
fn a_step_that_takes_its_process_with_it_each_time_is_counted_in_the_log_and_stuck() {
    for remote in [false, true] {
        on_each_store(async |world| {
            let part = if remote { Part::remote(|_| Does::Nothing) } else { Part::local(|_| Does::Nothing) };
            let definition = || SagaBuilder::new("trip", 1).pivot("pay", part.clone()).build().unwrap();
            let mut registry = Registry::new();
            registry.register(definition()).unwrap();
            let config = OrchestratorConfig::default().concurrency(0);
            let starter = Orchestrator::new(&world.ports, registry, config);
            let saga = starter.start("trip", "t-1", &1_u32).await.unwrap().saga;
            for _ in 0..20 {
                die(world, definition).await;
            }
            assert_eq!(world.status_of(saga).await, SagaStatus::Stuck, "{:?}", world.log_of(saga).await);
            let reason = world.reason_of(saga).await;
            assert!(reason.contains("the last 10 attempts of step `pay` ended with their process"), "{reason}");
            assert!((10..13).contains(&part.attempts()), "{}", part.attempts());
        });
    }
}

#[test]
fn a_compensation_that_takes_its_process_with_it_each_time_is_exhausted() {
    for remote in [false, true] {
        on_each_store(async |world| {
            let part = if remote { Part::remote(|_| Does::Nothing) } else { Part::local(|_| Does::Nothing) };
            let definition = || {
                SagaBuilder::new("trip", 1)
                    .compensatable("hotel", Part::well(), part.clone())
                    .compensatable("no", Part::local(|_| Does::Reject), Part::well())
                    .build()
                    .unwrap()
            };
            let mut registry = Registry::new();
            registry.register(definition()).unwrap();
            let config = OrchestratorConfig::default().concurrency(0);
            let saga =
                Orchestrator::new(&world.ports, registry, config).start("trip", "t-1", &1_u32).await.unwrap().saga;
            for _ in 0..20 {
                die(world, definition).await;
            }
            assert_eq!(world.status_of(saga).await, SagaStatus::Stuck, "{:?}", world.log_of(saga).await);
            assert!(world.reason_of(saga).await.contains("ended with their process"));
        });
    }
}

/// An owner that went without a word may have died of the step that comes next: that is counted before it begins. One that
/// wrote something is no reason, nor is the one that started the saga.
#[test]
fn a_local_step_is_announced_after_an_owner_that_went_without_a_word_and_not_otherwise() {
    for (gone, log) in [
        (0, vec!["started", "done seat", "done pay", "completed"]),
        (1, vec!["started", "announced seat", "done seat", "done pay", "completed"]),
        (2, vec!["started", "announced seat", "done seat", "done pay", "completed"]),
    ] {
        on_each_store(async |world| {
            let definition = || {
                let seat = SagaBuilder::new("trip", 1).compensatable("seat", Part::well(), Part::well());
                seat.pivot("pay", Part::well()).build().unwrap()
            };
            let orchestrator = |config: OrchestratorConfig| {
                let mut registry = Registry::new();
                registry.register(definition()).unwrap();
                Orchestrator::new(&world.ports, registry, config)
            };
            let starter = orchestrator(OrchestratorConfig::default().concurrency(0));
            let saga = starter.start("trip", "t-1", &1_u32).await.unwrap().saga;
            for _ in 0..gone {
                let request = AcquireRequest {
                    only: Some(saga),
                    definitions: vec!["trip".into()],
                    limit: 1,
                    lease: Duration::ZERO,
                };
                assert_eq!(world.ports.store.acquire_sagas(&request).await.unwrap().len(), 1);
            }
            let driven = orchestrator(OrchestratorConfig::default()).drive(saga).await;
            assert_eq!(driven, Ok(DriveOutcome::Completed));
            assert_eq!(world.log_of(saga).await, log, "{gone}");
        });
    }
}
