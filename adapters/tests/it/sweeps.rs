//! Sweeps of those who have no ports of a process: a store, a clock and a stop will do.

use std::time::Duration;

use seaworthy_core::{
    choreography::ProcessRetention, inbox::InboxRetention, outbox::OutboxRetention, participant::OperationRetention,
    ports::Operation, saga::SagaRetention,
};

use crate::support::{
    calls::{Calls, Fate},
    on_each_store,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[test]
fn each_sweep_goes_on_outside_a_process_as_it_does_in_one() {
    on_each_store(async |world| {
        let (calls, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
        let parts = || (ports.store.clone(), ports.clock.clone(), ports.stop.clone());
        let (store, clock, stop) = parts();
        ports.spawn("outbox", OutboxRetention::default().run_from_parts(store, clock, stop));
        let (store, clock, stop) = parts();
        let inbox = InboxRetention::new(DAY, DAY / 2).expect("longer than the broker's");
        ports.spawn("inbox", inbox.run_from_parts(vec!["shop".into()], store, clock, stop));
        let (store, clock, stop) = parts();
        ports.spawn("operations", OperationRetention::new(DAY * 2, DAY).run_from_parts(store, clock, stop));
        let (store, clock, stop) = parts();
        ports.spawn("sagas", SagaRetention::default().run_from_parts(store, clock, stop));
        let (store, clock, stop) = parts();
        ports.spawn("processes", ProcessRetention::new("process.games", DAY).run_from_parts(store, clock, stop));
        world.pass(DAY / 4).await;
        for operation in [
            Operation::PurgeDispatched,
            Operation::PurgeInbox,
            Operation::PurgeOperations,
            Operation::PurgeSagaLogs,
            Operation::Scan,
        ] {
            assert!(calls.times(operation).len() > 1, "{operation:?}");
        }
    });
}
