//! Logs of sagas that ended do not stay for ever; those of others do.

use std::time::Duration;

use seaworthy_core::saga::{RetryPolicy, SagaBuilder, SagaRetention, saga_id};

use crate::support::{
    on_each_store,
    saga::{Does, Part},
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
        let (store, clock) = (world.ports.store.clone(), world.ports.clock.clone());
        world.ports.spawn("retention", SagaRetention::default().batch(7).run(store, clock, world.ports.stop.clone()));
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
        world.ports.spawn(
            "retention",
            retention.run(world.ports.store.clone(), world.ports.clock.clone(), world.ports.stop.clone()),
        );
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
