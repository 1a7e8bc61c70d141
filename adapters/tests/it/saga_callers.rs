//! Whoever starts a saga, signals it or operates on it waits for a store no longer than the store may take.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::SagaId,
    ports::{Clock, Operation, SagaStatus, StoreError},
    saga::{
        Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder, SagaError, Signal, Value, Wait, saga_id,
    },
};

use crate::support::{
    calls::{Calls, Fate},
    on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

const HOUR: Duration = Duration::from_secs(3_600);
const LIMIT: Duration = Duration::from_secs(3);

type Call = fn(&Orchestrator, SagaId) -> BoxFuture<'_, Result<(), SagaError>>;

/// Everything that is asked of an orchestrator by others, with the calls of the store that it makes for a stuck saga.
fn calls() -> Vec<(&'static str, Call, &'static [Operation])> {
    use Operation::{AcquireSagas, Begin, Commit, Saga, SagaAppend, SagaCreate, SagaLog, SagaSignal};
    const VERB: &[Operation] = &[Saga, SagaLog, Begin, SagaAppend, Commit];
    vec![
        ("resume", |sagas, saga| Box::pin(sagas.resume(saga)), VERB),
        ("skip", |sagas, saga| Box::pin(sagas.skip(saga, "tell", "by hand")), VERB),
        ("abandon", |sagas, saga| Box::pin(sagas.abandon(saga, "by hand")), VERB),
        (
            "settle",
            |sagas, saga| Box::pin(async move { sagas.settle(saga, "tell", &Value::NULL, "by hand").await }),
            VERB,
        ),
        ("settle_not_done", |sagas, saga| Box::pin(sagas.settle_not_done(saga, "tell", "no")), &[Saga, SagaLog]),
        ("cancel", |sagas, saga| Box::pin(sagas.cancel(saga)), &[Saga, SagaLog]),
        ("retry_now", |sagas, saga| Box::pin(sagas.retry_now(saga)), &[Saga, SagaLog]),
        ("state", |sagas, saga| Box::pin(async move { sagas.state(saga).await.map(drop) }), &[Saga, SagaLog]),
        ("drive", |sagas, saga| Box::pin(async move { sagas.drive(saga).await.map(drop) }), &[AcquireSagas]),
        (
            "start",
            |sagas, _| Box::pin(async { sagas.start("trip", "another", &1_u32).await.map(drop) }),
            &[Begin, SagaCreate, SagaAppend, Commit],
        ),
        (
            "signal",
            |sagas, saga| Box::pin(async move { sagas.signal(saga, &Signal::new("called", "call-1")).await }),
            &[Begin, SagaSignal, Commit],
        ),
    ]
}

#[test]
fn a_store_that_does_not_answer_holds_no_caller() {
    for (name, call, operations) in calls() {
        for hangs in operations {
            println!("{name}, {} hangs", hangs.name()); // Shown with a failure.
            on_each_store(async |world| {
                let heard = Warnings::listen();
                let hanging = Arc::new(Mutex::new(None));
                let script = hanging.clone();
                let (calls, ports) = Calls::before(&world.ports, move |operation, _| {
                    match *script.lock().expect("no panic with it in hand") == Some(operation) {
                        true => Fate::Hangs,
                        false => Fate::Well,
                    }
                });
                let once = RetryPolicy::default().attempts_max(Some(1));
                let trip = SagaBuilder::new("trip", 1)
                    .pivot("pay", Part::well())
                    .retriable("tell", Part::local(|_| Does::Fail));
                let trip = trip.step_retry(once).wait("hear", Wait::signal("called")).build().expect("three steps");
                let mut registry = Registry::new();
                registry.register(trip).expect("one definition");
                let sagas = Orchestrator::new(&ports, registry, OrchestratorConfig::default().store_limit(LIMIT));
                let started = sagas.start("trip", "t-1", &1_u32).await.expect("up");
                let saga = saga_id("trip", "t-1");
                assert_eq!(started.saga, saga);
                world.pass(Duration::from_secs(1)).await;
                assert_eq!(world.status_of(saga).await, SagaStatus::Stuck);

                let made = calls.times(*hangs).len();
                *hanging.lock().expect("no panic with it in hand") = Some(*hangs);
                let began = world.clock.now();
                let called = tokio::time::timeout(HOUR, call(&sagas, saga)).await.expect("it waits for ever");
                assert!(matches!(called, Err(SagaError::Store(StoreError::Unknown(_)))), "{name}: {called:?}");
                assert!(calls.times(*hangs).len() > made, "it was never asked");
                let took = world.clock.now().since(began);
                assert!(took >= LIMIT && took <= LIMIT + Duration::from_millis(10), "{took:?}");
                assert!(heard.lines().iter().any(|line| line.contains("has not answered")), "{:?}", heard.lines());
                // To call again is right.
                *hanging.lock().expect("no panic with it in hand") = None;
                world.pass(Duration::from_secs(1)).await;
                let again = call(&sagas, saga).await;
                assert!(!matches!(again, Err(SagaError::Store(_))), "{again:?}");
            });
        }
    }
}
