//! A store each of whose calls ends as a test says, and that keeps when each was made; and draws that leave every pause
//! exactly as long as its level, so that pauses can be compared with what they should be.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use seaworthy_core::ports::{
    Answers, Call, Clock, FailureKind, Intercept, InterceptTransaction, Intercepted, Operation, PortError, Ports,
    Random, StoreError, Timestamp, Transaction,
};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Well,
    /// It is not done.
    Fails(FailureKind),
    /// It is done, and its answer is lost.
    Lost,
    /// It is not done, and never returns.
    Hangs,
    /// It is done so much later.
    Late(Duration),
}

/// Asked with an operation and the number of its call, from 1.
type Script = dyn Fn(Operation, usize) -> Fate + Send + Sync;

/// The calls that a store got.
#[derive(Clone)]
pub(crate) struct Calls {
    script: Arc<Script>,
    clock: Arc<dyn Clock>,
    made: Arc<Mutex<Vec<(Operation, Timestamp)>>>,
}

impl Calls {
    /// A store before that of these ports, and the ports with it and with draws from the middle.
    pub(crate) fn before(
        ports: &Ports,
        script: impl Fn(Operation, usize) -> Fate + Send + Sync + 'static,
    ) -> (Self, Ports) {
        let calls = Self { script: Arc::new(script), clock: ports.clock.clone(), made: Arc::default() };
        let store = Arc::new(Intercepted::new(ports.store.clone(), calls.clone()));
        let random = Arc::new(Middle::default());
        (calls, Ports { store, random, ..ports.clone() })
    }

    /// Moments at which an operation was asked for.
    pub(crate) fn times(&self, operation: Operation) -> Vec<Timestamp> {
        let made = self.made.lock().expect("no panic with it in hand");
        made.iter().filter(|(asked, _)| *asked == operation).map(|(_, time)| *time).collect()
    }

    /// Pauses between the calls of an operation, in milliseconds.
    pub(crate) fn pauses(&self, operation: Operation) -> Vec<u128> {
        pauses(&self.times(operation))
    }

    async fn fate(&self, operation: Operation) -> Fate {
        let fate = self.decide(operation);
        if let Fate::Late(by) = fate {
            self.clock.sleep(by).await;
        }
        fate
    }

    fn decide(&self, operation: Operation) -> Fate {
        let mut made = self.made.lock().expect("no panic with it in hand");
        made.push((operation, self.clock.now()));
        let number = made.iter().filter(|(asked, _)| *asked == operation).count();
        drop(made);
        (self.script)(operation, number)
    }
}

/// Time between one moment and the next, in milliseconds.
pub(crate) fn pauses(moments: &[Timestamp]) -> Vec<u128> {
    moments.windows(2).map(|two| two[1].since(two[0]).as_millis()).collect()
}

async fn ended<T, E: PortError>(fate: Fate, inner: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
    match fate {
        Fate::Well | Fate::Late(_) => inner.await,
        Fate::Fails(kind) => Err(E::new(kind, "as the test says")),
        Fate::Hangs => std::future::pending().await,
        Fate::Lost => inner.await.and_then(|_| Err(E::new(FailureKind::Unknown, "the answer is lost"))),
    }
}

impl Intercept for Calls {
    type Transaction = Self;

    fn transaction(&self) -> Self {
        self.clone()
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        ended(self.fate(call.operation()).await, inner).await
    }
}

impl InterceptTransaction for Calls {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        ended(self.fate(call.operation()).await, inner).await
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        let inner = inner?;
        ended(self.fate(Operation::Commit).await, inner.commit()).await
    }
}

/// Draws from the middle: jitter changes nothing. No two are alike, for those who draw ids.
#[derive(Default)]
pub(crate) struct Middle(AtomicU64);

impl Random for Middle {
    fn next_u64(&self) -> u64 {
        (1 << 63) + self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// Doubled waits from the first on, none longer than the cap, in milliseconds.
pub(crate) fn doubled(first: Duration, cap: Duration) -> impl Iterator<Item = u128> {
    (0..).map(move |level| (first.as_millis() << level).min(cap.as_millis()))
}
