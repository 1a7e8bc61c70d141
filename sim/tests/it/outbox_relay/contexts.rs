//! Two contexts, each with a store and a relay of its own, on one broker.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use seaworthy_core::{
    outbox::Relay,
    ports::{Broker, DeadRowRequest, OutboxStore, Store},
    stop::Stop,
};
use seaworthy_sim::store::MemoryStore;

use super::config;
use crate::{
    messaging::{Bench, Say, ms, on_bench},
    saga_support::gate::{Disposition, Gate},
};

/// How the relay of the other context is down.
#[derive(Clone, Copy, Debug)]
enum Down {
    NotThere,
    /// It died at its call of this number, with rows in its hands or none.
    DiedAt(usize),
    /// Its store does not answer.
    WithItsStore,
}

#[test]
fn seed_60_a_relay_that_is_down_and_a_message_that_is_refused_concern_their_own_context_and_row() {
    for down in [Down::NotThere, Down::DiedAt(0), Down::DiedAt(1), Down::DiedAt(2), Down::WithItsStore] {
        on_bench(60, async move |orders| {
            let shipping = Bench { store: Arc::new(MemoryStore::new(orders.clock.clone())), ..orders.clone() };
            let (ours, theirs) = (orders.stage_many(50).await, shipping.stage_many(50).await);
            let poison = theirs[20];
            orders.broker.says(move |message, _| if message.id == poison { Say::Reject } else { Say::Accept });
            let gate = match down {
                Down::NotThere => None,
                Down::DiedAt(call) => Some(Gate::striking_any([(call, Disposition::CrashBefore)])),
                Down::WithItsStore => Some(Gate::striking_any((0..1_000).map(|call| (call, Disposition::Unavailable)))),
            };
            if let Some(gate) = gate {
                let (store, broker) =
                    (gate.before::<dyn Store>(orders.store.clone()), gate.before::<dyn Broker>(orders.broker.clone()));
                let relay = Relay::from_parts(store, broker, orders.clock.clone(), orders.random.clone());
                madsim::task::spawn(relay.config(config()).run());
            }
            let stop = Stop::new();
            madsim::task::spawn(shipping.relay(config()).stop(stop.clone()).run());
            shipping.pass(ms(100)).await;
            // All of the one context is out at once, but for the message that nobody takes, and nothing is lost of the other.
            assert_eq!(shipping.unsettled().await, 0, "{down:?}");
            let dead = shipping.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap();
            assert_eq!(dead.iter().map(|dead| dead.row.message.id).collect::<Vec<_>>(), [poison], "{down:?}");
            assert_eq!(orders.unsettled().await, 50, "{down:?}");
            let sent: BTreeSet<_> = orders.broker.times().into_keys().collect();
            assert!(theirs.iter().all(|id| sent.contains(id)), "{down:?}");
            // Once it is back, it goes on by itself.
            orders.pass(Duration::from_secs(31)).await;
            madsim::task::spawn(orders.relay(config()).stop(stop.clone()).run());
            orders.pass(Duration::from_secs(5)).await;
            stop.set();
            assert_eq!(orders.unsettled().await, 0, "{down:?}");
            // Whoever dies between publishing and noting it publishes again.
            let times = if matches!(down, Down::DiedAt(2)) { 2 } else { 1 };
            assert!(ours.iter().all(|id| orders.broker.times()[id] == times), "{down:?}");
        });
    }
}
