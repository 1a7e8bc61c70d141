//! An attempt that never ends holds up neither its saga, nor its siblings, nor its process.

use std::time::Duration;

use seaworthy_core::{
    ports::SagaStatus,
    saga::{CompensationCause, Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder},
};

use crate::support::{
    on_each_store,
    saga::{Does, Part},
};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_pivot_that_never_answers_is_asked_again() {
    on_each_store(async |world| {
        let pay = Part::remote(|attempt| if attempt < 3 { Does::Nothing } else { Does::Well });
        let definition = SagaBuilder::new("trip", 1).pivot("pay", pay.clone()).build().unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 10).await;
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Completed, 3));
        assert_eq!(world.log_of(saga).await[1..4], ["attempting pay", "retry pay", "attempting pay"]);
    });
}

#[test]
fn a_local_step_and_compensations_that_never_end_are_tried_again() {
    on_each_store(async |world| {
        let first = |attempt| if attempt == 1 { Does::Nothing } else { Does::Well };
        let (seat, unseat, call) = (Part::local(first), Part::local(first), Part::remote(first));
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("seat", seat.clone(), unseat.clone())
            .compensatable("hotel", Part::well(), call.clone())
            .compensatable("no", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 10).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated, "{:?}", world.log_of(saga).await);
        assert_eq!((seat.attempts(), unseat.attempts(), call.attempts()), (2, 2, 2));
    });
}

#[test]
fn an_attempt_takes_as_long_as_its_policy_says() {
    on_each_store(async |world| {
        let slow = Part::remote(|_| Does::Take(600_000));
        let hasty = Part::remote(|attempt| if attempt < 5 { Does::Nothing } else { Does::Well });
        let limit = |limit| RetryPolicy::default().attempt_limit(limit);
        let definition = SagaBuilder::new("trip", 1)
            .retriable("hasty", hasty.clone())
            .step_retry(limit(Duration::from_secs(1)))
            .retriable("slow", slow.clone())
            .step_retry(limit(MINUTE * 11))
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(Duration::from_secs(20)).await;
        assert_eq!(hasty.attempts(), 5);
        world.pass(MINUTE * 11).await;
        assert_eq!((world.status_of(saga).await, slow.attempts()), (SagaStatus::Completed, 1));
    });
}

#[test]
fn a_stop_waits_for_no_attempt_that_never_ends() {
    on_each_store(async |world| {
        let parts = [Part::remote(|_| Does::Nothing), Part::local(|_| Does::Nothing)];
        for (key, part) in ["remote", "local"].into_iter().zip(parts) {
            let ports = world.replica(7);
            let mut registry = Registry::new();
            registry.register(SagaBuilder::new("trip", 1).pivot("pay", part).build().unwrap()).unwrap();
            let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
            let saga = orchestrator.start("trip", key, &1_u32).await.unwrap().saga;
            world.pass(Duration::from_secs(1)).await;
            ports.stop.set();
            let stopped = orchestrator.run_recovery(&ports.stop);
            tokio::time::timeout(Duration::from_secs(15), stopped).await.expect("the stop has come to its end");
            let instance = world.ports.store.saga(saga).await.unwrap().unwrap();
            assert!(instance.lease_until <= world.ports.store.now().await.unwrap(), "{key}: it was given back");
        }
    });
}

#[test]
fn a_deadline_holds_beside_a_sibling_that_never_answers_whichever_stands_first() {
    for limited_first in [true, false] {
        on_each_store(async |world| {
            let failing = (Part::remote(|_| Does::Fail), "limited");
            let hanging = (Part::remote(|_| Does::Nothing), "hanging");
            let both = if limited_first { [failing, hanging] } else { [hanging, failing] };
            let retry = RetryPolicy::default().base(Duration::from_secs(2)).cap(Duration::from_secs(2));
            let definition = SagaBuilder::new("trip", 1)
                .parallel(|group| {
                    both.into_iter().fold(group, |group, (part, name)| group.compensatable(name, part, Part::well()))
                })
                .step_retry(retry)
                .step_deadline(Duration::from_secs(10))
                .pivot("pay", Part::well())
                .build()
                .unwrap();
            let orchestrator = world.sagas(definition);
            let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
            world.pass(Duration::from_secs(9)).await;
            assert_eq!(world.status_of(saga).await, SagaStatus::Running, "limited first: {limited_first}");
            world.pass(Duration::from_secs(2)).await;
            assert_eq!(world.status_of(saga).await, SagaStatus::Compensated, "limited first: {limited_first}");
            let cause = orchestrator.state(saga).await.unwrap().cause();
            assert_eq!(cause, Some(CompensationCause::Deadline));
        });
    }
}

#[test]
fn a_rejection_is_logged_at_once_and_cuts_short_what_runs_beside_it() {
    on_each_store(async |world| {
        let (hanging, unhang) = (Part::remote(|_| Does::Nothing), Part::remote(|_| Does::Well));
        let definition = SagaBuilder::new("trip", 1)
            .parallel(|group| {
                group
                    .compensatable("hanging", hanging.clone(), unhang.clone())
                    .compensatable("refused", Part::remote(|_| Does::Reject), Part::well())
                    .compensatable("failing", Part::remote(|_| Does::Fail), Part::well())
            })
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated, "{:?}", world.log_of(saga).await);
        assert_eq!((hanging.attempts(), unhang.attempts()), (1, 1), "what is in doubt is undone");
    });
}

#[test]
fn a_step_that_waits_for_its_time_waits_for_no_slower_sibling() {
    on_each_store(async |world| {
        let retry = RetryPolicy::default().base(Duration::from_secs(4)).cap(Duration::from_secs(4));
        let flaky = Part::remote(|attempt| if attempt < 4 { Does::Fail } else { Does::Well });
        let definition = SagaBuilder::new("trip", 1)
            .retry(retry)
            .retriable("first", Part::well())
            .parallel(|group| {
                group.retriable("flaky", flaky.clone()).retriable("slow", Part::remote(|_| Does::Take(100_000)))
            })
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(Duration::from_secs(20)).await;
        assert_eq!(flaky.attempts(), 4, "three waits of two to six seconds");
        world.pass(Duration::from_secs(100)).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed);
    });
}

#[test]
fn a_group_that_only_waits_leaves_memory() {
    on_each_store(async |world| {
        let retry = RetryPolicy::default().base(Duration::from_secs(60)).cap(Duration::from_secs(60));
        let flaky = || Part::remote(|attempt| if attempt < 3 { Does::Fail } else { Does::Well });
        let definition = SagaBuilder::new("trip", 1)
            .retriable("first", Part::well())
            .parallel(|group| {
                group.retriable("one", flaky()).retriable("two", flaky()).retriable("quick", Part::well())
            })
            .step_retry(retry)
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(Duration::from_secs(2)).await;
        let instance = world.ports.store.saga(saga).await.unwrap().unwrap();
        assert!(instance.lease_until <= world.ports.store.now().await.unwrap(), "nobody owns it while it waits");
        world.pass(MINUTE * 5).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed);
    });
}
