//! Loops of the outbox at rest, and at their stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::MessageId,
    outbox::{OutboxRetention, Relay},
    ports::{ClaimRequest, DelegateStore, OutboxRow, Ports, PurgeRequest, Store, StoreError, Timestamp},
    stop::Stop,
};

use crate::support::{messages::message, on_each_store};

/// Counts claims, and asks for a stop at the first purge.
struct Watched {
    inner: Arc<dyn Store>,
    claims: AtomicUsize,
    purges: AtomicUsize,
    stop: Stop,
}

impl Watched {
    fn new(inner: &Arc<dyn Store>) -> Arc<Self> {
        let (claims, purges) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { inner: Arc::clone(inner), claims, purges, stop: Stop::new() })
    }
}

#[async_trait]
impl DelegateStore for Watched {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        self.inner.claim(request).await
    }

    async fn purge_dispatched(&self, request: &PurgeRequest) -> Result<Vec<MessageId>, StoreError> {
        self.purges.fetch_add(1, Ordering::SeqCst);
        self.stop.set();
        self.inner.purge_dispatched(request).await
    }
}

/// By default it polls after 10 ms when there was something, and after half a second at rest, give or take half.
#[test]
fn a_relay_at_rest_polls_ever_more_seldom_and_after_a_message_often_again() {
    on_each_store(async |world| {
        let store = Watched::new(&world.ports.store);
        let ports = Ports { store: store.clone(), ..world.ports.clone() };
        ports.spawn("relay", Relay::new(&ports).run());
        world.pass(Duration::from_secs(60)).await;
        store.claims.store(0, Ordering::SeqCst);
        world.pass(Duration::from_secs(60)).await;
        let claims = store.claims.swap(0, Ordering::SeqCst);
        assert!((60..=180).contains(&claims), "{claims} claims in a minute of rest");
        for number in 0..2 {
            let staged = world.ports.clock.now();
            world.stage([message("orders", number)]).await;
            while world.broker.accepted_of("orders") == number {
                world.pass(Duration::from_millis(1)).await;
            }
            let took = world.ports.clock.now().since(staged);
            let most = if number == 0 { 800 } else { 30 };
            assert!(took < Duration::from_millis(most), "message {number} took {took:?}");
        }
    });
}

#[test]
fn a_stop_ends_a_sweep_between_two_of_its_batches() {
    on_each_store(async |world| {
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        world.stage((0..40).map(|number| message("orders", number))).await;
        world.pass(Duration::from_secs(5)).await;
        let store = Watched::new(&world.ports.store);
        let retention = OutboxRetention::default().keep(Duration::ZERO).batch(10);
        assert_eq!(retention.sweep(&*store, &store.stop).await.expect("up"), 10);
        assert_eq!(store.purges.load(Ordering::SeqCst), 1);
        retention.run_from_parts(store.clone(), world.ports.clock.clone(), store.stop.clone()).await;
        assert_eq!(store.purges.load(Ordering::SeqCst), 1, "and a loop before its first");
        assert!(world.ports.clock.now() < Timestamp::EPOCH + Duration::from_secs(6), "at once");
        let left = retention.sweep(&*world.ports.store, &Stop::new()).await.expect("up");
        assert_eq!(left, 30);
    });
}
