//! Waits beside other steps, as steps of one's own, and under the verbs of an operator.

use async_trait::async_trait;
use seaworthy_core::{
    ports::{SagaStatus, Transaction},
    saga::{Action, AtLimit, Awaits, SagaBuilder, Signal, StepCall, StepError, Until, Value, Wait, saga_id},
};

use crate::support::{
    on_each_store,
    saga::{Does, Part},
};

use super::{DAY, SECOND, loan, started};

#[test]
fn cancel_skip_settle_and_abandon_work_while_a_saga_waits() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(loan(Wait::signal("approved")));
        let [cancelled, skipped, given_up, settled] =
            [("l-1"), ("l-2"), ("l-3"), ("l-4")].map(|key| saga_id("loan", key));
        for key in ["l-1", "l-2", "l-3", "l-4"] {
            started(&orchestrator, world, key).await;
        }
        orchestrator.cancel(cancelled).await.unwrap();
        orchestrator.skip(skipped, "approval", "the chief says so").await.unwrap();
        orchestrator.abandon(given_up, "nobody wants it").await.unwrap();
        orchestrator.settle(settled, "approval", &Value::new(&3_u32).unwrap(), "by letter").await.unwrap();
        world.pass(SECOND).await;
        assert_eq!(world.status_of(cancelled).await, SagaStatus::Compensated);
        assert_eq!(world.status_of(skipped).await, SagaStatus::Completed);
        assert_eq!(world.status_of(given_up).await, SagaStatus::Abandoned);
        assert_eq!(orchestrator.handle(settled).result::<u32>().await.unwrap(), 3);
    });
}

/// A step that looks at the decision, and may refuse it.
struct Decision;

#[async_trait]
impl Action<u32> for Decision {
    fn awaits(&self) -> Option<Awaits> {
        Some(Awaits::Signal { name: "decided".into(), at_limit: AtLimit::Output(Value::new("no").expect("a text")) })
    }

    fn until(&self, _: &StepCall<'_, u32>) -> Until {
        Until::After(DAY)
    }

    async fn apply(&self, _: &mut dyn Transaction, _: &StepCall<'_, u32>, answer: Value) -> Result<Value, StepError> {
        match &*answer.decode::<String>()? {
            "yes" => Ok(answer),
            no => Err(StepError::Refused(no.into())),
        }
    }
}

#[test]
fn a_step_of_ones_own_refuses_what_it_has_received() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("loan", 1).pivot("decision", Decision).build().unwrap();
        let orchestrator = world.sagas(definition);
        for (key, said, status) in [("l-1", "yes", SagaStatus::Completed), ("l-2", "never", SagaStatus::Compensated)] {
            let saga = started(&orchestrator, world, key).await;
            orchestrator.signal(saga, &Signal::new("decided", "d-1").payload(said).unwrap()).await.unwrap();
            world.pass(SECOND).await;
            assert_eq!(world.status_of(saga).await, status);
        }
        let saga = started(&orchestrator, world, "l-3").await;
        world.pass(DAY + 10 * SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated);
    });
}

#[test]
fn steps_that_wait_side_by_side_go_on_each_by_its_own_signal() {
    on_each_store(async |world| {
        let slow = Part::remote(|_| Does::Take(60_000));
        let definition = SagaBuilder::new("loan", 1)
            .parallel(|group| {
                group
                    .wait("manager", Wait::signal("by_manager").or_reject(DAY))
                    .wait("auditor", Wait::signal("by_auditor"))
                    .compensatable("score", slow.clone(), Part::well())
            })
            .pivot("pay_out", Part::well())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = started(&orchestrator, world, "l-1").await;
        orchestrator.signal(saga, &Signal::new("by_auditor", "1")).await.unwrap();
        world.pass(90 * SECOND).await;
        let log = world.log_of(saga).await;
        assert!(log.contains(&"received auditor".to_owned()) && log.contains(&"done score".to_owned()), "{log:?}");
        assert_eq!((world.status_of(saga).await, slow.attempts()), (SagaStatus::Running, 1));
        orchestrator.signal(saga, &Signal::new("by_manager", "2")).await.unwrap();
        world.pass(SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed);
        // One that is missed turns it back, whatever the others have heard.
        let saga = started(&orchestrator, world, "l-2").await;
        orchestrator.signal(saga, &Signal::new("by_auditor", "1")).await.unwrap();
        world.pass(DAY + 90 * SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated);
    });
}

#[test]
fn what_is_stuck_is_not_hidden_behind_a_wait_beside_it_and_keeps_its_signals() {
    on_each_store(async |world| {
        let once = seaworthy_core::saga::RetryPolicy::default().attempts_max(Some(1));
        let score = Part::local(|attempt| if attempt < 2 { Does::Fail } else { Does::Well });
        let definition = SagaBuilder::new("loan", 1)
            .retry(once)
            .parallel(|group| {
                group.wait("auditor", Wait::signal("by_auditor")).compensatable("score", score.clone(), Part::well())
            })
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = started(&orchestrator, world, "l-1").await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Stuck);
        orchestrator.signal(saga, &Signal::new("by_auditor", "1")).await.unwrap();
        assert_eq!(world.status_of(saga).await, SagaStatus::Stuck);
        orchestrator.resume(saga).await.unwrap();
        world.pass(SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed);
    });
}
