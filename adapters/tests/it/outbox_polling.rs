//! The moments at which a relay looks for work, to the millisecond.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    backoff::Backoff,
    outbox::{Relay, RelayConfig},
    ports::{ClaimRequest, Clock, DelegateStore, OutboxRow, Ports, Random, Store, StoreError, Timestamp},
};

use crate::support::{World, messages::message, on_each_store};

/// Notes when somebody claims and how many rows that gave, and does not answer while it is told to be down.
struct Noted {
    inner: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    claims: Mutex<Vec<(u64, usize)>>,
    is_down: AtomicBool,
}

impl Noted {
    fn before(world: &World) -> (Arc<Self>, Ports) {
        let (inner, clock) = (world.ports.store.clone(), world.ports.clock.clone());
        let noted = Arc::new(Self { inner, clock, claims: Mutex::default(), is_down: false.into() });
        let ports = Ports { store: noted.clone(), random: Arc::new(NoJitter), ..world.ports.clone() };
        (noted, ports)
    }

    /// Milliseconds since the epoch of each claim since the last look, with the number of rows.
    fn take(&self) -> Vec<(u64, usize)> {
        std::mem::take(&mut *self.claims.lock().expect("no claim panics"))
    }
}

#[async_trait]
impl DelegateStore for Noted {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        let at = self.clock.now().since(Timestamp::EPOCH).as_millis() as u64;
        let down = self.is_down.load(Ordering::SeqCst);
        let rows = if down { Err(StoreError::Unavailable("down".into())) } else { self.inner.claim(request).await };
        self.claims.lock().expect("no claim panics").push((at, rows.as_ref().map_or(0, Vec::len)));
        rows
    }
}

/// The middle of every range, so that delays are what they are called.
struct NoJitter;

impl Random for NoJitter {
    fn next_u64(&self) -> u64 {
        1 << 63
    }
}

fn config() -> RelayConfig {
    let ms = Duration::from_millis;
    RelayConfig::default().batch(100).poll(Backoff::new(ms(10), ms(500))).store_backoff(Backoff::new(ms(50), ms(5_000)))
}

#[test]
fn seed_38_a_relay_looks_at_these_moments_drains_without_a_wait_and_pauses_after_an_error() {
    on_each_store(async |world| {
        let (noted, ports) = Noted::before(world);
        world.ports.spawn("relay", Relay::new(&ports).config(config()).run());
        world.pass(Duration::from_millis(2_000)).await;
        let idle = |moments: &[u64]| moments.iter().map(|at| (*at, 0)).collect::<Vec<_>>();
        // Twice as long each time, from 10 ms to 500 ms.
        assert_eq!(noted.take(), idle(&[0, 10, 30, 70, 150, 310, 630, 1_130, 1_630]));

        // A backlog of four batches and a half is drained at one moment, the next look; after the last of it there is another
        // look at once, and then it is as at the beginning.
        world.stage((0..450).map(|number| message("orders", number))).await;
        world.pass(Duration::from_millis(1_000)).await;
        let drained = [100, 100, 100, 100, 50].map(|rows| (2_130, rows));
        assert_eq!(noted.take(), [&drained[..], &idle(&[2_130, 2_140, 2_160, 2_200, 2_280, 2_440, 2_760])].concat());
        assert_eq!(world.broker.accepted_of("orders"), 450);

        // While the store does not answer the pauses are others, and longer.
        noted.is_down.store(true, Ordering::SeqCst);
        world.pass(Duration::from_millis(2_000)).await;
        assert_eq!(noted.take(), idle(&[3_260, 3_310, 3_410, 3_610, 4_010, 4_810]));
        noted.is_down.store(false, Ordering::SeqCst);
        world.pass(Duration::from_millis(1_500)).await;
        let back = noted.take();
        assert_eq!(back[0], (6_410, 0), "the pause that had begun, and no longer");
    });
}
