//! Waits that end by time: their limits, moments, and deadlines of the saga.

use seaworthy_core::{
    ports::{Clock as _, SagaStatus, Timestamp},
    saga::{
        CompensationCause, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, SagaOutcome, Signal, Value, Wait,
    },
};

use crate::support::on_each_store;

use super::{DAY, SECOND, loan, started};

#[test]
fn a_wait_that_lasts_too_long_turns_the_saga_back_or_goes_on_with_another_output() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(loan(Wait::signal("approved").or_reject(3 * DAY)));
        let saga = started(&orchestrator, world, "l-1").await;
        world.pass(3 * DAY - 10 * SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Running);
        world.pass(20 * SECOND).await;
        let reason = Some("step `approval`: no `approved` has come in time".into());
        let outcome = SagaOutcome::Compensated { cause: Some(CompensationCause::Rejected), reason };
        assert_eq!(orchestrator.handle(saga).outcome().await, Ok(outcome));
    });
    on_each_store(async |world| {
        let orchestrator = world.sagas(loan(Wait::signal("approved").or_else(DAY, Value::new(&0_u32).unwrap())));
        let saga = started(&orchestrator, world, "l-1").await;
        world.pass(DAY + 10 * SECOND).await;
        assert_eq!(orchestrator.handle(saga).result::<u32>().await.unwrap(), 0);
    });
}

#[test]
fn a_saga_waits_for_a_time_and_for_a_moment_and_through_a_restart() {
    on_each_store(async |world| {
        let begun = world.clock.now();
        let due = begun + 2 * DAY;
        let definition = move || {
            SagaBuilder::new("loan", 1)
                .wait("day", Wait::time(DAY))
                .wait("moment", Wait::until(move |_| due))
                .wait("past", Wait::until(|_| Timestamp::EPOCH))
                .build()
                .unwrap()
        };
        let first = world.sagas(definition());
        let saga = started(&first, world, "l-1").await;
        world.ports.stop.set();
        let mut registry = Registry::new();
        registry.register(definition()).unwrap();
        let ports = world.replica(5);
        let second = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        let recovery = second.clone();
        ports.clone().spawn("recovery", async move { recovery.run_recovery(&ports.stop).await });
        world.pass(DAY + 20 * SECOND).await;
        let log = world.log_of(saga).await;
        assert!(log.contains(&"done day".to_owned()) && log.contains(&"waiting moment".to_owned()), "{log:?}");
        second.handle(saga).end().await.unwrap();
        let ended = world.clock.now();
        assert!(due <= ended && ended.since(due) < 20 * SECOND, "at {ended}, not at {due}");
    });
}

#[test]
fn a_deadline_of_the_saga_ends_a_wait_too_and_signals_do_not_fill_its_log() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("loan", 1)
            .deadline(DAY)
            .wait("approval", Wait::signal("approved"))
            .wait("other", Wait::signal("other"))
            .build()
            .unwrap();
        let config = OrchestratorConfig::default().log_entries_max(16);
        let orchestrator = world.sagas_with(definition, config);
        let saga = started(&orchestrator, world, "l-1").await;
        for number in 0..100 {
            // Each wakes it for nothing: the first is kept, the others are too many.
            orchestrator.signal(saga, &Signal::new("other", &number.to_string())).await.unwrap();
            world.pass(SECOND).await;
        }
        let log = world.log_of(saga).await;
        assert!(log.len() < 32, "{} entries", log.len());
        world.pass(DAY).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated);
        assert_eq!(orchestrator.state(saga).await.unwrap().cause(), Some(CompensationCause::Deadline));
    });
}
