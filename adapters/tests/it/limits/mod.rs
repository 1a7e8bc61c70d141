//! A store that does not answer, or a broker: whoever waits for it in a loop of ours gives the call up after a while, says so, and goes on.
//! Each operation of each loop hangs once, and the work is done all the same.

mod callers;
mod consumers;
mod relays;
mod retentions;
mod sagas;
mod statements;
mod subscribers;

use std::{sync::Arc, time::Duration};

use seaworthy_core::{
    choreography::ProcessRetention,
    events::SubscriberConfig,
    inbox::{ConsumerConfig, InboxRetention},
    outbox::{OutboxRetention, RelayConfig},
    participant::OperationRetention,
    ports::{Intercepted, Operation, Ports},
    saga::{OrchestratorConfig, SagaRetention},
    settings::InvalidSetting,
};

use crate::support::{
    World,
    calls::{Calls, Fate},
    inbox::SHOP,
    on_each_store,
    warnings::Warnings,
};

const SECOND: Duration = Duration::from_secs(1);

/// Time that the store has, of each loop here.
const LIMIT: Duration = Duration::from_secs(3);

/// Runs a test on each store, once for each of these operations, whose call of this number never returns. The test is given
/// the ports of that store, and `is_done` once everything is as it should be, for which there is a minute.
fn goes_on(hanging: &[(Operation, usize)], begin: impl AsyncFn(&World, &Ports), is_done: impl AsyncFn(&World) -> bool) {
    for (operation, number) in hanging.iter().copied() {
        println!("{} number {number} hangs", operation.name()); // Shown with a failure.
        on_each_store(async |world| {
            let heard = Warnings::listen();
            let script = move |called, count| {
                if (called, count) == (operation, number) { Fate::Hangs } else { Fate::Well }
            };
            let (calls, ports) = Calls::before(&world.ports, script);
            let broker = Arc::new(Intercepted::new(ports.broker.clone(), calls.clone()));
            let ports = Ports { broker, ..ports };
            begin(world, &ports).await;
            let mut waited = 0;
            while !is_done(world).await {
                waited += 1;
                assert!(waited < 60, "it waits for ever: {:?}", heard.lines());
                world.pass(SECOND).await;
            }
            assert!(calls.times(operation).len() >= number, "the call was never made");
            let said = |line: &&String| {
                line.contains("has not answered, and its call is dropped") || line.contains("has not returned")
            };
            assert!(heard.lines().iter().any(|line| said(&line)), "nobody hears of it: {:?}", heard.lines());
        });
    }
}

/// No limit is a limit of nothing.
#[test]
fn a_limit_of_no_time_is_refused() {
    let none = Duration::ZERO;
    let said = |checked: Result<(), InvalidSetting>| checked.expect_err("it can't work").to_string();
    for text in [
        said(RelayConfig::default().store_limit(none).check()),
        said(ConsumerConfig::new([SHOP]).store_limit(none).check()),
        said(SubscriberConfig::default().store_limit(none).check()),
        said(OrchestratorConfig::default().store_limit(none).check()),
    ] {
        assert!(text.contains("::store_limit is 0ns: no call of the store could ever succeed, so set it"), "{text}");
    }
    for text in [
        said(OutboxRetention::default().batch_limit(none).check()),
        said(InboxRetention::new(2 * SECOND, SECOND).expect("longer").batch_limit(none).check()),
        said(SagaRetention::default().batch_limit(none).check()),
        said(OperationRetention::new(2 * SECOND, SECOND).batch_limit(none).check()),
        said(ProcessRetention::new("process.games", SECOND).batch_limit(none).check()),
    ] {
        assert!(text.contains("::batch_limit is 0ns: no batch would ever be done in time, so set it"), "{text}");
    }
}
