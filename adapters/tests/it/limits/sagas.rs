//! Sagas: recovery, the step at hand, the lease, whoever waits for the end.

use seaworthy_core::{
    ports::{Operation, Ports, SagaStatus, Timestamp},
    saga::{Orchestrator, OrchestratorConfig, Registry, SagaBuilder, saga_id},
};

use super::{LIMIT, SECOND, goes_on};
use crate::support::{
    Kind,
    calls::{Calls, Fate},
    on,
    saga::{Does, Part},
    warnings::Warnings,
};

fn trip() -> seaworthy_core::saga::Definition<u32> {
    let pay = Part::local(|attempt| if attempt == 1 { Does::Conflict } else { Does::Well });
    SagaBuilder::new("trip", 1)
        .compensatable("book", Part::remote(|_| Does::Well), Part::well())
        .pivot("pay", pay)
        .build()
        .expect("two steps that fit together")
}

fn sagas() -> OrchestratorConfig {
    OrchestratorConfig::default().store_limit(LIMIT).lease(3 * SECOND)
}

fn orchestrator(ports: &Ports) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(trip()).expect("one definition");
    Orchestrator::new(ports, registry, sagas())
}

/// Started on a store that is well, by a process that is gone at once; each of the calls with which another one takes it over,
/// reads it and drives it to its end hangs once.
#[test]
fn a_saga_whose_store_does_not_answer_comes_to_its_end() {
    use Operation::{AcquireSagas, Begin, Commit, Now, Saga, SagaAppend, SagaLog};
    let hanging = [(Now, 1), (AcquireSagas, 1), (SagaLog, 1), (Begin, 1), (SagaAppend, 1), (Commit, 1)];
    goes_on(
        &[&hanging[..], &[(Begin, 2), (Begin, 3), (SagaAppend, 2), (Commit, 2), (Saga, 1)]].concat(),
        async |world, ports| {
            let there = Orchestrator::new(&world.ports, registry(), sagas());
            let mut tx = world.ports.store.begin().await.expect("up");
            let started = there.start_in(&mut *tx, "trip", "t-1", &1_u32).await.expect("up");
            tx.commit().await.expect("up");
            std::mem::forget(started);
            let (recovery, stop) = (orchestrator(ports), ports.stop.clone());
            ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        },
        async |world| {
            let saga = world.ports.store.saga(saga_id("trip", "t-1")).await.expect("up").expect("it was started");
            saga.status == SagaStatus::Completed
        },
    );
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register(trip()).expect("one definition");
    registry
}

/// The saga waits for its participant for longer than a renewal may take.
#[test]
fn a_saga_whose_lease_can_not_be_renewed_is_renewed_the_next_time() {
    goes_on(
        &[(Operation::RenewSaga, 1)],
        async |world, ports| {
            let slow = Part::remote(|_| Does::Take(9_000));
            let definition = SagaBuilder::new("trip", 1).compensatable("book", slow, Part::well());
            let definition = definition.pivot("pay", Part::well()).build().expect("two steps");
            let mut registry = Registry::new();
            registry.register(definition).expect("one definition");
            let sagas = Orchestrator::new(ports, registry, sagas());
            let (recovery, stop) = (sagas.clone(), ports.stop.clone());
            ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
            let mut tx = world.ports.store.begin().await.expect("up");
            let started = sagas.start_in(&mut *tx, "trip", "t-1", &1_u32).await.expect("up");
            tx.commit().await.expect("up");
            sagas.launch(&started);
        },
        async |world| {
            let saga = world.ports.store.saga(saga_id("trip", "t-1")).await.expect("up").expect("it was started");
            saga.status == SagaStatus::Completed
        },
    );
}

/// It hears of the end from nobody else, so it looks.
#[test]
fn whoever_awaits_a_saga_asks_again_where_the_store_does_not_answer() {
    goes_on(
        &[(Operation::Saga, 1)],
        async |world, ports| {
            let there = world.sagas(trip());
            let started = there.start("trip", "t-1", &1_u32).await.expect("up");
            let (handle, store) = (orchestrator(ports).handle(started.saga), world.ports.store.clone());
            ports.spawn("waits", async move {
                handle.outcome().await.expect("it ends");
                let mut tx = store.begin().await.expect("up");
                tx.put("heard", "t-1", seaworthy_core::ports::Expected::Any, "1".into()).await.expect("up");
                tx.commit().await.expect("up");
            });
        },
        async |world| {
            let mut tx = world.ports.store.begin().await.expect("up");
            tx.get("heard", "t-1").await.expect("up").is_some()
        },
    );
}

/// Whoever renews the lease looks twice in the time that a call may take whether one has been open since the look before the last.
#[test]
fn a_call_of_a_saga_that_hangs_is_given_up_when_its_time_is_over_and_soon_after() {
    // Where the renewal itself does not wait for the call that hangs, as in an embedded store of one writer.
    on(Kind::Memory, async |world| {
        let heard = Warnings::listen();
        let script = |called, count| {
            if (called, count) == (Operation::Commit, 2) { Fate::Hangs } else { Fate::Well }
        };
        let (calls, ports) = Calls::before(&world.ports, script);
        let sagas = orchestrator(&ports);
        sagas.start("trip", "t-1", &1_u32).await.expect("up");
        let given_up = || heard.lines().iter().any(|line| line.contains("has not returned"));
        while !given_up() {
            world.pass(SECOND / 10).await;
            assert!(world.ports.clock.now() < Timestamp::from_millis(60_000), "{:?}", heard.lines());
        }
        let hung = world.ports.clock.now().since(calls.times(Operation::Commit)[1]);
        assert!(hung >= LIMIT && hung <= LIMIT * 2 + SECOND, "{hung:?}");
    });
}
