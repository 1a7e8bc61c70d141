//! Retentions, each with a table of its own.

use std::time::Duration;

use seaworthy_core::{
    choreography::ProcessRetention,
    inbox::InboxRetention,
    outbox::OutboxRetention,
    participant::OperationRetention,
    ports::{Operation, Ports},
    saga::SagaRetention,
};

use super::{LIMIT, SECOND};
use crate::support::{
    calls::{Calls, Fate},
    inbox::SHOP,
    on_each_store,
    warnings::Warnings,
};

/// The first sweep hangs at its first batch. Each retention has its own table; that the loop goes on shows in the next call.
#[test]
fn a_retention_whose_store_does_not_answer_goes_on() {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    let retentions: [(Operation, fn(Ports)); 6] = [
        (Operation::PurgeDispatched, |ports| {
            let retention = OutboxRetention::default().every(SECOND).batch_limit(LIMIT);
            ports.spawn("retention", retention.run(ports.clone()));
        }),
        (Operation::PurgeInbox, |ports| {
            let retention = InboxRetention::new(DAY * 2, DAY).expect("longer").every(SECOND).batch_limit(LIMIT);
            ports.spawn("retention", retention.run(vec![SHOP.into()], ports.clone()));
        }),
        (Operation::PurgeSagaLogs, |ports| {
            ports.spawn("retention", SagaRetention::default().every(SECOND).batch_limit(LIMIT).run(ports.clone()));
        }),
        (Operation::PurgeSagas, |ports| {
            ports.spawn("retention", SagaRetention::default().every(SECOND).batch_limit(LIMIT).run(ports.clone()));
        }),
        (Operation::PurgeOperations, |ports| {
            let retention = OperationRetention::new(DAY * 2, DAY).every(SECOND).batch_limit(LIMIT);
            ports.spawn("retention", retention.run(ports.clone()));
        }),
        (Operation::Begin, |ports| {
            let retention = ProcessRetention::new("process.games", DAY).every(SECOND).batch_limit(LIMIT);
            ports.spawn("retention", retention.run(ports.clone()));
        }),
    ];
    for (operation, start) in retentions {
        on_each_store(async |world| {
            let heard = Warnings::listen();
            let hangs = move |called, number| if (called, number) == (operation, 1) { Fate::Hangs } else { Fate::Well };
            let (calls, ports) = Calls::before(&world.ports, hangs);
            let began = world.ports.clock.now();
            start(ports);
            world.pass(10 * SECOND).await;
            let again = calls.times(operation).get(1).copied().expect("it goes on");
            assert!(again.since(began) >= LIMIT && again.since(began) < LIMIT + 3 * SECOND, "{operation:?}");
            let said = |line: &String| line.contains("retention is tried again at its next turn");
            assert!(heard.lines().iter().any(said), "{:?}", heard.lines());
        });
    }
}
