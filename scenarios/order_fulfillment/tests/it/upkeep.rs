//! Upkeep on a store that does not answer: the sweep is given up after a while, and the next one goes on.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    conformance::block_on,
    ports::{
        Answers, Call, Clock, External, ExternalCall, ExternalError, Ingress, Intercept, Intercepted, Operation,
        PortError, Ports, Request, Spawner, Store, Timestamp,
    },
    stop::Stop,
};
use seaworthy_memory::{
    ManualClock,
    broker::{BrokerConfig, MemoryBroker},
    store::MemoryStore,
};
use seaworthy_order_fulfillment::{Settings, upkeep::keep_tidy};

use crate::handlers::sources;

/// A clock on which nobody has to wait, and that keeps how long everybody wanted to.
#[derive(Default)]
struct Quick(Mutex<Vec<Duration>>);

#[async_trait]
impl Clock for Quick {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH + self.0.lock().expect("no panic with it in hand").iter().sum::<Duration>()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.lock().expect("no panic with it in hand").push(duration);
    }
}

/// A store whose first call of one operation never returns. The second one asks the process to stop.
#[derive(Clone)]
struct HangsOnce {
    at: Operation,
    called: Arc<AtomicUsize>,
    stop: Stop,
}

impl Intercept for HangsOnce {
    type Transaction = ();

    fn transaction(&self) {}

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if call.operation() == self.at {
            match self.called.fetch_add(1, Ordering::SeqCst) {
                0 => pending().await,
                _ => self.stop.set(),
            }
        }
        inner.await
    }
}

/// What upkeep has no use for.
struct Nothing;

#[async_trait]
impl External for Nothing {
    async fn call(&self, _: &ExternalCall) -> Result<Bytes, ExternalError> {
        Err(ExternalError::Unavailable("nobody is there".into()))
    }
}

#[async_trait]
impl Ingress for Nothing {
    async fn next(&self) -> Option<Request> {
        None
    }
}

impl Spawner for Nothing {
    fn spawn(&self, _: &'static str, _: BoxFuture<'static, ()>) {}
}

#[test]
fn a_sweep_that_hangs_is_given_up_after_five_minutes_and_the_next_one_goes_on() {
    for at in [Operation::PurgeDispatched, Operation::PurgeInbox, Operation::PurgeSagaLogs, Operation::PurgeSagas] {
        let (clock, stop, called) = (Arc::new(Quick::default()), Stop::new(), Arc::new(AtomicUsize::new(0)));
        let hangs = HangsOnce { at, called: called.clone(), stop: stop.clone() };
        let still = ManualClock::new();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(still.clone()));
        let ports = Ports {
            store: Arc::new(Intercepted::new(store, hangs)),
            broker: Arc::new(MemoryBroker::new(still, BrokerConfig::default())),
            clock: clock.clone(),
            external: Arc::new(Nothing),
            random: sources().random,
            spawner: Arc::new(Nothing),
            ingress: Arc::new(Nothing),
            stop,
        };
        // Without an end of the first sweep nobody would ever wake this, which it says.
        block_on(keep_tidy(ports, Settings::default(), vec!["orders".into()]));
        assert_eq!(called.load(Ordering::SeqCst), 2, "{at:?}");
        let waits = clock.0.lock().expect("no panic with it in hand").clone();
        let limits = waits.iter().filter(|wait| **wait == Duration::from_secs(300)).count();
        assert_eq!((limits, waits.len()), (1, 3), "two pauses, and one limit that was met: {waits:?}");
    }
}
