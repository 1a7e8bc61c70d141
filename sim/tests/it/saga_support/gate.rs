//! An interceptor that counts calls and fails some of them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::pending;
use seaworthy_core::ports::{
    Answers, Call, FailureKind, Intercept, InterceptTransaction, Intercepted, Operation, PortError, StoreError,
    Transaction,
};

/// What becomes of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    CrashBefore,
    CrashAfter,
    Unavailable,
    Conflict,
    /// Applied, but the answer is lost.
    ReplyLost,
    /// Not applied, and nobody knows.
    RequestLost,
}

impl Disposition {
    pub(crate) const ALL: [Self; 6] =
        [Self::CrashBefore, Self::CrashAfter, Self::Unavailable, Self::Conflict, Self::ReplyLost, Self::RequestLost];
}

/// Decides what becomes of each call of one process. A process that has crashed never gets an answer again.
#[derive(Default)]
pub(crate) struct Gate {
    calls: AtomicUsize,
    dead: AtomicBool,
    strikes: Vec<(usize, Disposition)>,
    /// Whether each call counts, and not only those that sagas make.
    every: bool,
    /// How long a call takes before its effect, and as long again after it.
    pace: Duration,
    names: Mutex<Vec<&'static str>>,
}

impl Gate {
    pub(crate) fn open() -> Arc<Self> {
        Arc::default()
    }

    /// Strikes the calls of these numbers, counted from zero.
    pub(crate) fn striking(strikes: impl IntoIterator<Item = (usize, Disposition)>) -> Arc<Self> {
        Arc::new(Self { strikes: strikes.into_iter().collect(), ..Self::default() })
    }

    /// Strikes the calls of these numbers among all, whatever they ask for.
    pub(crate) fn striking_any(strikes: impl IntoIterator<Item = (usize, Disposition)>) -> Arc<Self> {
        Arc::new(Self { strikes: strikes.into_iter().collect(), every: true, ..Self::default() })
    }

    /// Strikes nothing, and takes its time about every call, whatever it asks for.
    pub(crate) fn slow_at_any(pace: Duration) -> Arc<Self> {
        Arc::new(Self { pace, every: true, ..Self::default() })
    }

    /// Strikes nothing, and takes its time about every call.
    pub(crate) fn slow(pace: Duration) -> Arc<Self> {
        Arc::new(Self { pace, ..Self::default() })
    }

    async fn pace(&self) {
        if !self.pace.is_zero() {
            madsim::time::sleep(self.pace).await;
        }
    }

    /// Puts the gate in front of a port.
    pub(crate) fn before<P: ?Sized>(self: &Arc<Self>, port: Arc<P>) -> Arc<Intercepted<P, AtGate>> {
        Arc::new(Intercepted::new(port, AtGate(self.clone())))
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.names.lock().expect("no call panics").clone()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    async fn enter(&self, name: &'static str) -> Option<Disposition> {
        if self.is_dead() {
            return pending().await;
        }
        self.names.lock().expect("no call panics").push(name);
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let strike = self.strikes.iter().find(|(at, _)| *at == number).map(|(_, strike)| *strike);
        if strike == Some(Disposition::CrashBefore) {
            self.kill();
            return pending().await;
        }
        strike
    }

    /// Strikes a call, if it is one of those that are counted.
    async fn pass<T, E: PortError>(
        &self,
        operation: Operation,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if !self.every && !COUNTED.contains(&operation) {
            return inner.await;
        }
        let strike = self.enter(operation.name()).await;
        match strike {
            Some(Disposition::Unavailable) => return Err(E::new(FailureKind::Unavailable, "struck")),
            Some(Disposition::Conflict) => return Err(E::new(FailureKind::Conflict, "struck")),
            Some(Disposition::RequestLost) => return Err(E::new(FailureKind::Unknown, "struck")),
            _ => {}
        }
        self.pace().await;
        let answer = inner.await;
        self.pace().await;
        match strike {
            Some(Disposition::CrashAfter) => {
                self.kill();
                pending().await
            }
            Some(Disposition::ReplyLost) => Err(E::new(FailureKind::Unknown, "struck")),
            _ => answer,
        }
    }
}

/// Operations that sagas ask their ports for; the rest passes unseen.
const COUNTED: &[Operation] = &[
    Operation::Begin,
    Operation::Put,
    Operation::Commit,
    Operation::Now,
    Operation::AcquireSagas,
    Operation::RenewSaga,
    Operation::Saga,
    Operation::SagaByKey,
    Operation::SagaLog,
    Operation::SagaCreate,
    Operation::SagaAppend,
    Operation::SagaSignal,
    Operation::External,
];

/// A gate in front of a port.
#[derive(Clone)]
pub(crate) struct AtGate(Arc<Gate>);

impl Intercept for AtGate {
    type Transaction = Self;

    fn transaction(&self) -> Self {
        self.clone()
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.0.pass(call.operation(), inner).await
    }
}

impl InterceptTransaction for AtGate {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.0.pass(call.operation(), inner).await
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        self.0.pass(Operation::Commit, async { inner?.commit().await }).await
    }
}
