//! Whoever starts a saga learns how it ends, and with which result: in whichever process, and however long ago that was.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ports::{Clock as _, PurgeRequest, Transaction},
    saga::{
        Action, CompensationCause, Definition, Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder,
        SagaError, SagaOutcome, StepCall, StepError, Value,
    },
};

use crate::support::{
    World, on_each_store,
    saga::{Does, Part},
};

const SECOND: Duration = Duration::from_secs(1);

/// A step with an output.
struct Receipt;

#[async_trait]
impl Action<u32> for Receipt {
    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        Value::new(&format!("receipt {}", call.data))
    }
}

fn paid() -> Definition<u32> {
    SagaBuilder::new("trip", 1)
        .pivot("pay", Receipt)
        .retriable("ship", Part::local(|_| Does::Take(2_000)))
        .result_of("pay")
        .build()
        .unwrap()
}

/// Another process on the same store, which drives nothing.
fn elsewhere(world: &World, definition: Definition<u32>) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(definition).unwrap();
    Orchestrator::new(&world.replica(5), registry, OrchestratorConfig::default())
}

async fn purge(world: &World) {
    let all = PurgeRequest { older_than: Duration::ZERO, limit: 10 };
    assert_eq!(world.ports.store.purge_saga_logs(&all).await, Ok(1));
}

#[test]
fn a_handle_gets_the_result_when_the_saga_completes_and_long_after_its_log_was_purged() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(paid());
        let saga = orchestrator.start("trip", "t-1", &7_u32).await.unwrap().saga;
        let begun = world.clock.now();
        assert_eq!(orchestrator.handle(saga).result::<String>().await.unwrap(), "receipt 7");
        // In the process that drives the saga: at once, and not with the next look.
        assert!(world.clock.now().since(begun) < SECOND * 2 + Duration::from_millis(10));
        purge(world).await;
        let restarted = elsewhere(world, paid());
        assert_eq!(restarted.handle(saga).result::<String>().await.unwrap(), "receipt 7");
        let wrong = restarted.handle(saga).result::<u32>().await.unwrap_err();
        assert!(wrong.to_string().contains("can't be had"), "{wrong}");
    });
}

#[test]
fn a_handle_in_another_process_looks_until_the_saga_has_ended() {
    on_each_store(async |world| {
        let saga = world.sagas(paid()).start("trip", "t-1", &7_u32).await.unwrap().saga;
        let handle = elsewhere(world, paid()).handle(saga);
        assert_eq!(handle.outcome_within(SECOND).await, Ok(None), "the saga takes two seconds");
        let begun = world.clock.now();
        assert_eq!(handle.result::<String>().await.unwrap(), "receipt 7");
        assert!(world.clock.now().since(begun) < SECOND * 4, "the looks are not that rare");
    });
}

#[test]
fn a_handle_tells_who_rejected_a_saga_and_why_after_its_log_was_purged_too() {
    on_each_store(async |world| {
        let definition = || {
            SagaBuilder::new("trip", 1)
                .compensatable("hotel", Part::well(), Part::well())
                .compensatable("car", Part::local(|_| Does::Reject), Part::well())
                .result_of("car")
                .build()
                .unwrap()
        };
        let orchestrator = world.sagas(definition());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        let outcome = orchestrator.handle(saga).end().await.unwrap();
        let reason = Some("step `car`: no".into());
        assert_eq!(outcome, SagaOutcome::Compensated { cause: Some(CompensationCause::Rejected), reason });
        purge(world).await;
        let handle = elsewhere(world, definition()).handle(saga);
        assert_eq!(handle.outcome().await.unwrap(), outcome);
        let told = handle.result::<u32>().await.unwrap_err();
        assert!(
            matches!(told, SagaError::NotCompleted { .. }) && told.to_string().contains("step `car`: no"),
            "{told}"
        );
    });
}

#[test]
fn a_stuck_saga_is_told_with_its_reason_and_its_end_is_waited_for_through_it() {
    on_each_store(async |world| {
        let retry = RetryPolicy::default().attempts_max(Some(1));
        let definition =
            SagaBuilder::new("trip", 1).pivot("pay", Part::local(|_| Does::Fail)).step_retry(retry).build().unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        let handle = orchestrator.handle(saga);
        let outcome = handle.outcome().await.unwrap();
        let SagaOutcome::Stuck { reason } = &outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("`pay` has used up its attempts: it is down"), "{reason}");
        let ending = tokio::spawn({
            let handle = handle.clone();
            async move { handle.end().await }
        });
        world.pass(SECOND).await;
        assert!(!ending.is_finished(), "a stuck saga may go on");
        orchestrator.abandon(saga, "the shop has closed").await.unwrap();
        let abandoned = SagaOutcome::Abandoned { reason: "the shop has closed".into() };
        assert_eq!(ending.await.unwrap(), Ok(abandoned.clone()));
        purge(world).await;
        assert_eq!(handle.outcome().await, Ok(abandoned));
    });
}

#[test]
fn a_resumed_saga_is_no_longer_told_as_stuck() {
    on_each_store(async |world| {
        let retry = RetryPolicy::default().attempts_max(Some(1));
        let pay = Part::local(|attempt| if attempt < 2 { Does::Fail } else { Does::Well });
        let definition = SagaBuilder::new("trip", 1).pivot("pay", pay).step_retry(retry).build().unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        let handle = orchestrator.handle(saga);
        assert!(!handle.outcome().await.unwrap().is_end());
        orchestrator.resume(saga).await.unwrap();
        assert_eq!(handle.outcome().await, Ok(SagaOutcome::Completed { result: Value::NULL, error: None }));
    });
}

#[test]
fn a_closure_makes_the_result_of_all_outputs_and_its_panic_takes_away_nothing_else() {
    on_each_store(async |world| {
        let definition = |fails: bool| {
            SagaBuilder::new(if fails { "torn" } else { "trip" }, 1)
                .pivot("pay", Receipt)
                .result(move |outputs| {
                    assert!(!fails, "no result today");
                    Ok((outputs.output::<String>("pay")?, outputs.output::<u32>("none")?))
                })
                .build()
                .unwrap()
        };
        let orchestrator = world.sagas(definition(false));
        let saga = orchestrator.start("trip", "t-1", &7_u32).await.unwrap().saga;
        let result = orchestrator.handle(saga).result::<(Option<String>, Option<u32>)>().await.unwrap();
        assert_eq!(result, (Some("receipt 7".to_owned()), None));
        let orchestrator = world.sagas(definition(true));
        let saga = orchestrator.start("torn", "t-1", &7_u32).await.unwrap().saga;
        let told = orchestrator.handle(saga).result::<u32>().await.unwrap_err();
        assert!(told.to_string().contains("no result today"), "{told}");
        let SagaOutcome::Completed { error: Some(_), .. } = orchestrator.handle(saga).end().await.unwrap() else {
            panic!("all its steps are done");
        };
    });
}

#[test]
fn a_handle_does_not_hold_up_a_stop_and_can_be_dropped_at_any_time() {
    on_each_store(async |world| {
        let orchestrator =
            world.sagas(SagaBuilder::new("trip", 1).pivot("pay", Part::remote(|_| Does::Nothing)).build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        let handle = orchestrator.handle(saga);
        assert_eq!(handle.outcome_within(SECOND).await, Ok(None));
        let waiting = tokio::spawn(async move { handle.outcome().await });
        world.pass(SECOND).await;
        world.ports.stop.set();
        assert_eq!(waiting.await.unwrap(), Err(SagaError::Stopping(saga)));
        let nobody = seaworthy_core::saga::saga_id("trip", "t-9");
        assert_eq!(orchestrator.handle(nobody).outcome().await, Err(SagaError::NotFound(nobody)));
    });
}
