//! Verbs of an operator: they may be repeated, they only write, and they are heard at once.

use std::time::Duration;

use seaworthy_core::{
    ports::{PurgeRequest, SagaStatus},
    saga::{
        CompensationCause, Definition, Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder, SagaError,
        Value,
    },
};

use crate::support::{
    World, on_each_store,
    saga::{Does, Part},
};

const SECOND: Duration = Duration::from_secs(1);

/// An operator's tool: another process on the same store, which recovers nothing.
fn tool(world: &World, definition: Definition<u32>) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(definition).unwrap();
    Orchestrator::new(&world.replica(5), registry, OrchestratorConfig::default())
}

#[test]
fn cancel_does_not_wait_for_the_call_that_is_under_way() {
    on_each_store(async |world| {
        let undone = Part::remote(|_| Does::Well);
        let definition = || {
            SagaBuilder::new("trip", 1)
                .parallel(|group| {
                    group.compensatable("hotel", Part::remote(|_| Does::Nothing), undone.clone()).compensatable(
                        "car",
                        Part::well(),
                        Part::well(),
                    )
                })
                .build()
                .unwrap()
        };
        let orchestrator = world.sagas(definition());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        tool(world, definition()).cancel(saga).await.unwrap();
        // The next poll of some process, not the time limit of the call.
        world.pass(SECOND * 10).await;
        assert_eq!((world.status_of(saga).await, undone.attempts()), (SagaStatus::Compensated, 1));
        let cause = orchestrator.state(saga).await.unwrap().cause();
        assert_eq!(cause, Some(CompensationCause::Cancelled));
    });
}

#[test]
fn a_tool_only_writes_and_a_process_with_recovery_goes_on() {
    on_each_store(async |world| {
        let pay = Part::remote(|attempt| if attempt < 2 { Does::Fail } else { Does::Well });
        let retry = RetryPolicy::default().attempts_max(Some(1)).base(SECOND * 3_600).cap(SECOND * 3_600);
        let definition = || SagaBuilder::new("trip", 1).pivot("pay", pay.clone()).step_retry(retry).build().unwrap();
        let tool = tool(world, definition());
        let saga = tool.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Stuck);
        tool.resume(saga).await.unwrap();
        world.pass(SECOND * 60).await;
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Running, 1), "a tool drives nothing");
        tool.resume(saga).await.expect("a verb may be repeated");
        world.sagas(definition());
        world.pass(SECOND * 2).await;
        // A resumed saga does not wait for its old timer, of an hour.
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Completed, 2));
    });
}

#[test]
fn seed_61_verbs_may_be_repeated() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::remote(|_| Does::Doubt), Part::well())
            .compensatable("car", Part::remote(|_| Does::Doubt), Part::well())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        for _ in 0..2 {
            orchestrator.skip(saga, "hotel", "by phone").await.unwrap();
        }
        world.pass(SECOND).await;
        for _ in 0..2 {
            orchestrator.abandon(saga, "enough").await.unwrap();
        }
        let log = world.log_of(saga).await;
        for entry in ["skipped_by_operator hotel", "abandoned"] {
            assert_eq!(log.iter().filter(|logged| *logged == entry).count(), 1, "{log:?}");
        }
        assert!(matches!(orchestrator.cancel(saga).await, Err(SagaError::NotAllowed { .. })));
        assert!(matches!(orchestrator.resume(saga).await, Err(SagaError::NotAllowed { .. })));
    });
}

/// It was stuck at its compensation: it is cancelled already, and a step that is skipped stays so.
#[test]
fn verbs_may_be_repeated_on_a_saga_that_goes_back() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("car", Part::well(), Part::remote(|_| Does::Doubt))
            .compensatable("hotel", Part::well(), Part::local(|_| Does::Fail))
            .compensation_retry(RetryPolicy::default().attempts_max(Some(1)))
            .compensatable("no", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND * 5).await;
        orchestrator.cancel(saga).await.expect("it goes back already");
        orchestrator.skip(saga, "hotel", "by phone").await.unwrap();
        orchestrator.skip(saga, "hotel", "by phone").await.expect("a verb may be repeated");
        orchestrator.cancel(saga).await.expect("it goes back already");
        let log = world.log_of(saga).await;
        for (entry, times) in [("skipped_by_operator hotel", 1), ("compensation_begun", 1)] {
            assert_eq!(log.iter().filter(|logged| *logged == entry).count(), times, "{log:?}");
        }
        // What is not skipped yet is another matter.
        orchestrator.skip(saga, "car", "by phone").await.unwrap();
        world.pass(SECOND * 5).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated, "{:?}", world.log_of(saga).await);
    });
}

#[test]
fn a_step_of_which_nothing_is_in_doubt_is_settled_by_nobody_while_its_saga_goes_on() {
    on_each_store(async |world| {
        let hourly = RetryPolicy::default().base(SECOND * 3_600).cap(SECOND * 3_600);
        let definition = SagaBuilder::new("trip", 1).pivot("pay", Part::remote(|_| Does::Fail)).step_retry(hourly);
        let orchestrator = world.sagas(definition.build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        let refused = orchestrator.settle(saga, "pay", &Value::NULL, "paid in cash").await.unwrap_err();
        assert!(refused.to_string().contains("the step is not in doubt, and the saga is not stuck"), "{refused}");
    });
}

#[test]
fn a_step_that_is_skipped_while_in_doubt_is_undone_if_the_saga_turns_back() {
    on_each_store(async |world| {
        let undone = Part::well();
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::remote(|_| Does::Nothing), undone.clone())
            .compensatable("car", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        orchestrator.skip(saga, "hotel", "by phone").await.unwrap();
        world.pass(SECOND * 10).await;
        assert_eq!((world.status_of(saga).await, undone.attempts()), (SagaStatus::Compensated, 1));
    });
}

#[test]
fn what_is_known_of_a_saga_whose_log_was_purged_is_how_it_ended() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        let all = PurgeRequest { older_than: Duration::ZERO, limit: 10 };
        assert_eq!(world.ports.store.purge_saga_logs(&all).await, Ok(1));
        let told = orchestrator.state(saga).await.unwrap_err();
        assert_eq!(told, SagaError::Purged { saga, status: SagaStatus::Completed });
        assert_eq!(orchestrator.cancel(saga).await, Err(SagaError::AfterPivot(saga)));
        let refused = orchestrator.abandon(saga, "late").await.unwrap_err();
        assert!(refused.to_string().contains("it has ended: it is completed"), "{refused}");
    });
}

#[test]
fn a_backoff_is_cut_short_by_a_word_of_the_operator() {
    on_each_store(async |world| {
        let pay = Part::remote(|attempt| if attempt < 3 { Does::Fail } else { Does::Well });
        let retry = RetryPolicy::default().base(SECOND * 3_600).cap(SECOND * 3_600).attempts_max(Some(3));
        let definition = || SagaBuilder::new("trip", 1).pivot("pay", pay.clone()).step_retry(retry).build().unwrap();
        let orchestrator = world.sagas(definition());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND * 60).await;
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Running, 1), "it backs off for an hour");
        let tool = tool(world, definition());
        tool.retry_now(saga).await.unwrap();
        world.pass(SECOND * 10).await;
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Running, 2));
        for _ in 0..2 {
            orchestrator.retry_now(saga).await.unwrap();
        }
        world.pass(Duration::from_millis(100)).await;
        assert_eq!(
            (world.status_of(saga).await, pay.attempts()),
            (SagaStatus::Completed, 3),
            "at once in this process"
        );
        let log = world.log_of(saga).await;
        assert_eq!(log.iter().filter(|entry| *entry == "hastened").count(), 2, "{log:?}");
        assert!(matches!(orchestrator.retry_now(saga).await, Err(SagaError::NotAllowed { .. })));
    });
}

#[test]
fn a_stuck_saga_is_resumed_and_not_hastened() {
    on_each_store(async |world| {
        let retry = RetryPolicy::default().attempts_max(Some(1));
        let pay = Part::remote(|_| Does::Fail);
        let orchestrator =
            world.sagas(SagaBuilder::new("trip", 1).pivot("pay", pay).step_retry(retry).build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        let refused = orchestrator.retry_now(saga).await.unwrap_err();
        assert!(matches!(refused, SagaError::NotAllowed { .. }), "{refused}");
        assert_eq!(world.status_of(saga).await, SagaStatus::Stuck);
    });
}

#[test]
fn a_doubtful_step_is_settled_as_done_with_an_output_while_it_is_asked_again() {
    on_each_store(async |world| {
        let pay = Part::remote(|attempt| if attempt < 2 { Does::Doubt } else { Does::Nothing });
        let definition = SagaBuilder::new("trip", 1).pivot("pay", pay).result_of("pay").build().unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        let receipt = Value::new("receipt 7").unwrap();
        for _ in 0..2 {
            orchestrator.settle(saga, "pay", &receipt, "the bank's books").await.unwrap();
        }
        let other = orchestrator.settle(saga, "pay", &Value::NULL, "no books").await.unwrap_err();
        assert!(matches!(other, SagaError::NotAllowed { .. }), "{other}");
        assert_eq!(orchestrator.handle(saga).result::<String>().await.unwrap(), "receipt 7");
        let log = world.log_of(saga).await;
        assert_eq!(log.iter().filter(|entry| *entry == "settled pay").count(), 1, "{log:?}");
    });
}

#[test]
fn a_pivot_that_is_settled_as_not_done_may_be_cancelled_or_is_asked_again() {
    on_each_store(async |world| {
        // It hangs in doubt: the answer of its second attempt comes after the operator's.
        let pay = Part::remote(|attempt| match attempt {
            1 => Does::Doubt,
            2 => Does::Take(5_000),
            _ => Does::Well,
        });
        let hotel = Part::well();
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::well(), hotel.clone())
            .pivot("pay", pay.clone())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        assert_eq!(orchestrator.cancel(saga).await, Err(SagaError::AfterPivot(saga)));
        orchestrator.settle_not_done(saga, "pay", "the bank knows nothing").await.unwrap();
        orchestrator.settle_not_done(saga, "pay", "the bank knows nothing").await.expect("it may be repeated");
        world.pass(SECOND * 20).await;
        // What was answered to the attempt that the operator has settled counts for nothing: it is asked once more.
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Completed, 3));

        let saga = orchestrator.start("trip", "t-2", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed);
        let late = orchestrator.settle_not_done(saga, "pay", "late").await.unwrap_err();
        assert!(matches!(late, SagaError::NotAllowed { .. }), "{late}");
        assert_eq!(hotel.attempts(), 0);
    });
}

#[test]
fn a_doubt_that_is_settled_lets_a_pivot_be_cancelled() {
    on_each_store(async |world| {
        let retry = RetryPolicy::default().base(SECOND * 3_600).cap(SECOND * 3_600);
        let undone = Part::well();
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::well(), undone.clone())
            .pivot("pay", Part::remote(|_| Does::Doubt))
            .step_retry(retry)
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        assert_eq!(orchestrator.cancel(saga).await, Err(SagaError::AfterPivot(saga)));
        orchestrator.settle_not_done(saga, "pay", "the bank knows nothing").await.unwrap();
        orchestrator.cancel(saga).await.unwrap();
        world.pass(SECOND * 10).await;
        assert_eq!((world.status_of(saga).await, undone.attempts()), (SagaStatus::Compensated, 1));
    });
}

#[test]
fn a_step_that_a_saga_is_stuck_at_is_settled_as_done_by_hand_and_the_saga_goes_on() {
    on_each_store(async |world| {
        let retry = RetryPolicy::default().attempts_max(Some(1));
        let ship = Part::well();
        let definition = SagaBuilder::new("trip", 1)
            .pivot("pay", Part::remote(|_| Does::Fail))
            .step_retry(retry)
            .retriable("ship", ship.clone())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Stuck);
        let early = orchestrator.settle(saga, "ship", &Value::NULL, "too early").await.unwrap_err();
        assert!(early.to_string().contains("an earlier step is not settled"), "{early}");
        orchestrator.settle(saga, "pay", &Value::NULL, "paid in cash").await.unwrap();
        world.pass(SECOND).await;
        assert_eq!((world.status_of(saga).await, ship.attempts()), (SagaStatus::Completed, 1));
    });
}

#[test]
fn a_doubt_that_is_settled_while_the_saga_goes_back_says_what_there_is_to_undo() {
    on_each_store(async |world| {
        let undo_hotel = Part::remote(|attempt| if attempt < 2 { Does::Take(5_000) } else { Does::Well });
        let definition = SagaBuilder::new("trip", 1)
            .parallel(|group| {
                group.compensatable("hotel", Part::remote(|_| Does::Nothing), undo_hotel.clone()).compensatable(
                    "car",
                    Part::local(|_| Does::Reject),
                    Part::well(),
                )
            })
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensating);
        orchestrator.settle_not_done(saga, "hotel", "they have no such guest").await.unwrap();
        world.pass(SECOND * 10).await;
        let log = world.log_of(saga).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated, "{log:?}");
        assert!(!log.iter().any(|entry| entry == "compensated hotel"), "{log:?}");
    });
}
