//! Verbs of an operator whose tool does not know the definitions: requests in the log, which whoever knows them answers.

use std::time::Duration;

use seaworthy_core::{
    ids::{Direction, SagaId},
    ports::{Ports, SagaListRequest, SagaStatus},
    saga::{
        self, Asked, CompensationCause, Definition, Orchestrator, OrchestratorConfig, Registry, RetryPolicy,
        SagaBuilder, SagaError, SagaRequest, Status, Verb,
    },
};

use crate::support::{
    World, on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

const SECOND: Duration = Duration::from_secs(1);

/// One attempt, and then it waits for an operator.
fn once() -> RetryPolicy {
    RetryPolicy::default().attempts_max(Some(1)).base(SECOND * 3_600).cap(SECOND * 3_600)
}

fn trip(pay: &Part) -> Definition<u32> {
    SagaBuilder::new("trip", 1)
        .compensatable("hotel", Part::well(), Part::well())
        .pivot("pay", pay.clone())
        .step_retry(once())
        .build()
        .unwrap()
}

/// A saga that is stuck before its pivot.
async fn stuck(world: &World, orchestrator: &Orchestrator, key: &str) -> SagaId {
    let saga = orchestrator.start("trip", key, &1_u32).await.unwrap().saga;
    world.pass(SECOND).await;
    assert_eq!(world.status_of(saga).await, SagaStatus::Stuck);
    saga
}

/// Another process, which recovers.
fn recover(ports: &Ports, definition: Definition<u32>) {
    let mut registry = Registry::new();
    registry.register(definition).unwrap();
    let (orchestrator, stop) = (Orchestrator::new(ports, registry, OrchestratorConfig::default()), ports.stop.clone());
    ports.spawn("recovery", async move { orchestrator.run_recovery(&stop).await });
}

async fn ask(world: &World, saga: SagaId, verb: Verb) -> Result<Asked, SagaError> {
    saga::ask(&*world.ports.store, saga, &SagaRequest::new(verb, "ops").because("by phone")).await
}

#[test]
fn a_stuck_saga_goes_on_that_is_resumed_by_a_tool_which_does_not_know_it() {
    on_each_store(async |world| {
        let pay = Part::remote(|attempt| if attempt < 3 { Does::Fail } else { Does::Well });
        let orchestrator = world.sagas(trip(&pay));
        let saga = stuck(world, &orchestrator, "t-1").await;
        assert_eq!(ask(world, saga, Verb::Resume).await, Ok(Asked::Written));
        // Nothing has moved in between: a verb may be repeated.
        assert_eq!(ask(world, saga, Verb::Resume).await, Ok(Asked::Needless));
        world.pass(SECOND * 10).await;
        // The next attempt fails again.
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Stuck, 2));
        assert_eq!(ask(world, saga, Verb::Resume).await, Ok(Asked::Written));
        world.pass(SECOND * 10).await;
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Completed, 3));
        let log = world.log_of(saga).await;
        let asked = log.iter().position(|entry| entry == "requested").unwrap();
        assert_eq!(log[asked..asked + 3], ["requested", "resumed", "granted"], "{log:?}");
        let ended = ask(world, saga, Verb::Resume).await.unwrap_err();
        assert!(ended.to_string().contains("it has ended: it is completed"), "{ended}");
    });
}

#[test]
fn a_saga_that_is_cancelled_by_a_tool_turns_back_also_in_the_middle_of_a_call() {
    on_each_store(async |world| {
        let undone = Part::well();
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::remote(|_| Does::Nothing), undone.clone())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        for expected in [Asked::Written, Asked::Waits] {
            assert_eq!(ask(world, saga, Verb::Cancel).await, Ok(expected));
        }
        world.pass(SECOND * 10).await;
        assert_eq!((world.status_of(saga).await, undone.attempts()), (SagaStatus::Compensated, 1));
        assert_eq!(orchestrator.state(saga).await.unwrap().cause(), Some(CompensationCause::Cancelled));
        assert_eq!(ask(world, saga, Verb::Cancel).await, Ok(Asked::Needless));
    });
}

#[test]
fn a_step_that_is_skipped_by_a_tool_is_settled_and_the_saga_goes_on() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(trip(&Part::local(|_| Does::Fail)));
        let saga = stuck(world, &orchestrator, "t-1").await;
        assert_eq!(ask(world, saga, Verb::Skip { step: "pay".into() }).await, Ok(Asked::Written));
        world.pass(SECOND * 10).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed);
        let log = world.log_of(saga).await;
        assert!(
            log.ends_with(
                &["requested pay", "skipped_by_operator pay", "resumed", "granted", "completed"].map(String::from)
            ),
            "{log:?}"
        );
    });
}

#[test]
fn a_request_that_is_not_allowed_changes_nothing_and_leaves_the_reason() {
    on_each_store(async |world| {
        let warnings = Warnings::listen();
        let pay = Part::remote(|_| Does::Fail);
        let orchestrator = world.sagas(trip(&pay));
        let saga = stuck(world, &orchestrator, "t-1").await;
        for step in ["nothing", "hotel"] {
            assert_eq!(ask(world, saga, Verb::Skip { step: step.into() }).await, Ok(Asked::Written));
        }
        world.pass(SECOND * 10).await;
        // As stuck as it was, for its store as well: nobody takes it up again.
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Stuck, 1));
        let state = orchestrator.state(saga).await.unwrap();
        assert_eq!((state.status(), state.requests()), (Status::Stuck(Direction::Action), &[][..]));
        let log = world.ports.store.saga_log(saga, 0, 99).await.unwrap();
        let said: Vec<_> = log.iter().map(|entry| String::from_utf8_lossy(&entry.record)).collect();
        let declined: Vec<_> = said.iter().filter(|entry| entry.contains("declined")).collect();
        assert!(
            declined[0].contains("there is no such step") && declined[1].contains("the step is settled"),
            "{said:?}"
        );
        let warned = warnings.lines().iter().filter(|line| line.contains("an operator's request is declined")).count();
        assert_eq!(warned, 2);
        assert_eq!(ask(world, saga, Verb::Resume).await, Ok(Asked::Written));
        world.pass(SECOND * 10).await;
        assert_eq!(pay.attempts(), 2, "and it can be resumed");
    });
}

#[test]
fn a_saga_that_a_tool_abandons_is_over_at_once_whoever_knows_it() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(trip(&Part::remote(|_| Does::Fail)));
        let saga = stuck(world, &orchestrator, "t-1").await;
        for expected in [Asked::Written, Asked::Needless] {
            assert_eq!(ask(world, saga, Verb::Abandon).await, Ok(expected));
            assert_eq!(world.status_of(saga).await, SagaStatus::Abandoned);
        }
        assert_eq!(orchestrator.state(saga).await.unwrap().status(), Status::Abandoned);
    });
}

#[test]
fn a_request_waits_for_somebody_who_knows_the_saga() {
    on_each_store(async |world| {
        let pay = Part::remote(|attempt| if attempt < 2 { Does::Fail } else { Does::Well });
        let orchestrator = world.sagas(trip(&pay));
        let saga = stuck(world, &orchestrator, "t-1").await;
        // All that know it are gone; what is left knows another version.
        world.ports.stop.set();
        world.pass(SECOND * 10).await;
        assert_eq!(ask(world, saga, Verb::Resume).await, Ok(Asked::Written));
        let other = SagaBuilder::new("trip", 2).pivot("pay", Part::well()).build().unwrap();
        let stranger = world.replica(7);
        recover(&stranger, other);
        world.pass(SECOND * 60).await;
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Running, 1));
        recover(&world.replica(8), trip(&pay));
        world.pass(SECOND * 60).await;
        let log = world.log_of(saga).await;
        let answered: Vec<_> =
            log.iter().skip_while(|entry| *entry != "requested").map(String::as_str).take(5).collect();
        assert_eq!(answered, ["requested", "left_to_newer", "taken_up", "resumed", "granted"], "{log:?}");
        assert_eq!(
            (world.status_of(saga).await, pay.attempts()),
            (SagaStatus::Completed, 2),
            "{:?}",
            world.log_of(saga).await
        );
    });
}

/// What an operator asks for says nothing of who has the saga: that it is taken up is told all the same.
#[test]
fn a_saga_that_was_left_is_taken_up_also_where_somebody_has_asked_for_something_since() {
    on_each_store(async |world| {
        let pay = Part::remote(|attempt| if attempt < 2 { Does::Fail } else { Does::Well });
        let orchestrator = world.sagas(trip(&pay));
        let saga = stuck(world, &orchestrator, "t-1").await;
        world.ports.stop.set();
        world.pass(SECOND * 10).await;
        assert_eq!(ask(world, saga, Verb::Resume).await, Ok(Asked::Written));
        let stranger = world.replica(7);
        recover(&stranger, SagaBuilder::new("trip", 2).pivot("pay", Part::well()).build().unwrap());
        world.pass(SECOND * 60).await;
        assert_eq!(world.log_of(saga).await.last().map(String::as_str), Some("left_to_newer"));
        stranger.stop.set();
        world.pass(SECOND * 60).await;
        assert_eq!(ask(world, saga, Verb::RetryNow).await, Ok(Asked::Written));
        assert_eq!(world.log_of(saga).await.last().map(String::as_str), Some("requested"));
        recover(&world.replica(8), trip(&pay));
        world.pass(SECOND * 60).await;
        let log = world.log_of(saga).await;
        let answered = log.iter().skip_while(|entry| *entry != "left_to_newer").map(String::as_str);
        assert_eq!(answered.take(3).collect::<Vec<_>>(), ["left_to_newer", "requested", "taken_up"], "{log:?}");
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Completed, 2), "{log:?}");
    });
}

#[test]
fn a_saga_that_is_stuck_on_its_way_back_goes_on_backwards() {
    on_each_store(async |world| {
        let undo = Part::remote(|attempt| if attempt < 2 { Does::Fail } else { Does::Well });
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::well(), undo.clone())
            .compensation_retry(once())
            .compensatable("car", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = stuck(world, &orchestrator, "t-1").await;
        assert_eq!(ask(world, saga, Verb::Cancel).await, Ok(Asked::Needless), "it has turned back");
        assert_eq!(ask(world, saga, Verb::Resume).await, Ok(Asked::Written));
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensating, "as its log says");
        world.pass(SECOND * 10).await;
        assert_eq!((world.status_of(saga).await, undo.attempts()), (SagaStatus::Compensated, 2));
    });
}

#[test]
fn every_stuck_saga_is_resumed_once_by_a_tool() {
    on_each_store(async |world| {
        let pay = Part::remote(|attempt| if attempt <= 250 { Does::Fail } else { Does::Well });
        let orchestrator = world.sagas(trip(&pay));
        let mut sagas = Vec::new();
        for number in 0..250 {
            sagas.push(orchestrator.start("trip", &format!("t-{number}"), &1_u32).await.unwrap().saga);
        }
        world.pass(SECOND * 10).await;
        assert_eq!(world.ports.store.backlog().await.unwrap().sagas_stuck, 250);
        let which = SagaListRequest::new(usize::MAX).of_definition("trip");
        let some = SagaListRequest::new(3).of_definition("trip");
        assert_eq!(saga::resume_stuck(&*world.ports.store, &some, "ops").await.unwrap(), sagas[..3]);
        assert_eq!(saga::resume_stuck(&*world.ports.store, &which, "ops").await.unwrap(), sagas[3..]);
        world.pass(SECOND * 60).await;
        assert_eq!((world.ports.store.backlog().await.unwrap().sagas_stuck, pay.attempts()), (0, 500));
        assert_eq!(saga::resume_stuck(&*world.ports.store, &which, "ops").await, Ok(vec![]));
    });
}
