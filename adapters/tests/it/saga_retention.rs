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
