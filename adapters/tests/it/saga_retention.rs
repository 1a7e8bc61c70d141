//! Logs of sagas that ended do not stay for ever; those of others do.

use std::time::Duration;

use seaworthy_core::{
    ports::{FailureKind, Operation},
    saga::{RetryPolicy, SagaBuilder, SagaRetention, saga_id},
};

use crate::support::{
    calls::{Calls, Fate},
    on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[test]
fn logs_of_sagas_that_ended_go_after_a_week_and_those_of_others_stay() {
    on_each_store(async |world| {
        let odd = |attempt| if attempt % 2 == 1 { Does::Well } else { Does::Fail };
        let retry = RetryPolicy::default().attempts_max(Some(1));
        let definition = SagaBuilder::new("trip", 1).pivot("pay", Part::local(odd)).step_retry(retry).build().unwrap();
        let orchestrator = world.sagas(definition);
        for number in 0..40 {
            let _ = orchestrator.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        world.ports.spawn("retention", SagaRetention::default().batch(7).run(world.ports.clone()));
        let mut kept = Vec::new();
        for days in [6, 2] {
            world.pass(DAY * days).await;
            let mut logs = 0;
            for number in 0..40 {
                let saga = saga_id("trip", &format!("t-{number}"));
                logs += usize::from(!world.log_of(saga).await.is_empty());
            }
            kept.push(logs);
        }
        assert_eq!(kept, [40, 20], "what is stuck waits for an operator, for as long as it takes");
    });
}

/// By day it fails; the sweep of the next hour makes up for it.
#[test]
fn a_sweep_that_its_store_fails_is_said_and_made_up_for() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap();
        let saga = world.sagas(definition).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(DAY).await;
        let fails = |operation, number| match operation {
            Operation::PurgeSagaLogs if number == 1 => Fate::Fails(FailureKind::Unavailable),
            _ => Fate::Well,
        };
        let (_, ports) = Calls::before(&world.ports, fails);
        let heard = Warnings::listen();
        let retention = SagaRetention::default().keep_logs(DAY / 2).every(DAY / 24);
        ports.spawn("retention", retention.run(ports.clone()));
        world.pass(DAY / 4).await;
        assert!(world.log_of(saga).await.is_empty());
        let said =
            heard.lines().iter().filter(|line| line.contains("retention is tried again at its next turn")).count();
        assert_eq!(said, 1, "{:?}", heard.lines());
    });
}

/// One by one, and then together: logs and sagas.
#[test]
fn a_sweep_tells_how_much_it_has_deleted() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap();
        let orchestrator = world.sagas(definition);
        for number in 0..5 {
            let _ = orchestrator.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        world.pass(DAY).await;
        let (store, stop) = (&*world.ports.store, &world.ports.stop);
        let retention = SagaRetention::default().keep_logs(DAY / 2).keep_sagas(DAY / 2).batch(2);
        assert_eq!(retention.sweep(store, stop).await, Ok(10));
        assert_eq!(retention.sweep(store, stop).await, Ok(0));
    });
}

#[test]
fn a_saga_that_ended_long_ago_is_deleted_and_its_key_is_free() {
    on_each_store(async |world| {
        let odd = |attempt| if attempt % 2 == 1 { Does::Well } else { Does::Fail };
        let retry = RetryPolicy::default().attempts_max(Some(1));
        let definition = SagaBuilder::new("trip", 1).pivot("pay", Part::local(odd)).step_retry(retry).build().unwrap();
        let orchestrator = world.sagas(definition);
        for number in 0..40 {
            let _ = orchestrator.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        world.pass(DAY).await;
        let there = async || {
            let mut there = 0;
            for number in 0..40 {
                let saga = saga_id("trip", &format!("t-{number}"));
                there += usize::from(world.ports.store.saga(saga).await.unwrap().is_some());
            }
            there
        };
        let retention = SagaRetention::default().keep_logs(DAY).keep_sagas(DAY * 3).batch(7).every(DAY / 8);
        assert_eq!(retention.check(), Ok(()));
        world.ports.spawn("retention", retention.run(world.ports.clone()));
        let mut kept = Vec::new();
        for days in [1, 2] {
            world.pass(DAY * days).await;
            kept.push(there().await);
        }
        assert_eq!(kept, [40, 20], "what is stuck stays");
        let backlog = world.ports.store.backlog().await.unwrap();
        assert_eq!((backlog.sagas_active, backlog.sagas_stuck), (0, 20));
        let gone = (0..40).map(|number| format!("t-{number}"));
        for key in gone {
            let _ = orchestrator.start("trip", &key, &1_u32).await.unwrap();
        }
        world.pass(DAY / 24).await;
        assert_eq!(there().await, 40, "twenty anew");
    });
}
