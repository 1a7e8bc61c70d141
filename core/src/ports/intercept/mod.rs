//! Interceptors between components and their callers, written once for every method of every port.
//!
//! | item | what it is | when you need it |
//! |---|---|---|
//! | [`Intercept`] | sees each call, its future and its answer, and decides what becomes of them | to count, time, trace, delay or refuse calls, whichever they are |
//! | [`InterceptTransaction`] | the same for the statements of one transaction | with it; `()` where transactions are not looked into |
//! | [`Intercepted`] | a component behind an `Intercept`, with the same port | to put it into [`Ports`](super::Ports) |
//! | [`PortSpans`] | an `Intercept` that puts each call into a span of `tracing` | to see calls in production |
//!
//! An interceptor sees every method in the same way, so it changes neither arguments nor answers, which are of each
//! method's own types. Whoever wants that overrides the one method in a [`DelegateStore`](super::DelegateStore) or a
//! [`DelegateTransaction`](super::DelegateTransaction).

mod broker;
mod spans;
mod store;
mod transaction;

use std::sync::Arc;

use super::{
    Answers, Broker, BrokerError, Call, Delivery, External, ExternalCall, ExternalError, Ingress, PortError,
    PublishResult, Refusal, Request, Response, StoreError, Subscription, Transaction,
};
use crate::message::Message;
use bytes::Bytes;
use smol_str::SmolStr;

pub use spans::PortSpans;

/// Decides what becomes of calls.
///
/// The future of a call does nothing until it is polled: an interceptor that does not poll it refuses the call. Dropping
/// the future that a method here returns cancels the call as the port says.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// use seaworthy_core::ports::{Answers, Call, PortError, Intercept, Intercepted, Store};
///
/// /// Counts the calls that change something.
/// #[derive(Clone, Default)]
/// struct Changes(Arc<AtomicU64>);
///
/// impl Intercept for Changes {
///     type Transaction = ();
///
///     fn transaction(&self) {}
///
///     async fn call<T: Answers, E: PortError>(
///         &self,
///         call: Call<'_>,
///         inner: impl Future<Output = Result<T, E>> + Send,
///     ) -> Result<T, E> {
///         if call.operation().changes_something() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///         inner.await
///     }
/// }
///
/// fn counted(store: Arc<dyn Store>, changes: Changes) -> Arc<dyn Store> {
///     Arc::new(Intercepted::new(store, changes))
/// }
/// ```
pub trait Intercept: Send + Sync {
    /// Interceptor of one transaction.
    type Transaction: InterceptTransaction;

    /// Creates the interceptor of a transaction that begins.
    fn transaction(&self) -> Self::Transaction;

    /// Any call, but for those that have a method of their own below; these come here, too, unless they are overridden. A
    /// request and its answer, which have no error, do not. Lets it through unless it is overridden.
    fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send {
        let _ = call;
        inner
    }

    /// Intercepts a call of [`Store::begin`](super::Store::begin).
    fn begin(
        &self,
        inner: impl Future<Output = Result<Box<dyn Transaction>, StoreError>> + Send,
    ) -> impl Future<Output = Result<(Box<dyn Transaction>, Self::Transaction), StoreError>> + Send {
        async { Ok((self.call(Call::Begin, inner).await?, self.transaction())) }
    }

    /// Intercepts a call of [`Broker::publish`].
    fn publish(
        &self,
        batch: &[Message],
        inner: &dyn Broker,
    ) -> impl Future<Output = Result<Vec<PublishResult>, BrokerError>> + Send {
        async move { self.call(Call::Publish { batch }, inner.publish(batch)).await }
    }

    /// [`Subscription::receive`], which may wait for ever.
    fn receive(
        &self,
        group: &SmolStr,
        max: usize,
        inner: &dyn Subscription,
    ) -> impl Future<Output = Result<Vec<Delivery>, BrokerError>> + Send {
        self.call(Call::Receive { group, max }, inner.receive(max))
    }

    /// Intercepts a call of [`External::call`].
    fn external(
        &self,
        call: &ExternalCall,
        inner: &dyn External,
    ) -> impl Future<Output = Result<Bytes, ExternalError>> + Send {
        async move { self.call(Call::External { call }, inner.call(call)).await }
    }

    /// [`Ingress::next`], which may wait for ever and does not fail.
    fn request(&self, inner: &dyn Ingress) -> impl Future<Output = Option<Request>> + Send {
        inner.next()
    }

    /// Intercepts the answer to a request, which is sent off and waits for nothing.
    fn reply(&self, said: Result<Bytes, Refusal>, response: Response) {
        response.give(said);
    }
}

/// Decides what becomes of the statements of one transaction. Dropping it tells that the transaction is over.
///
/// After an error the inner transaction is dropped, which aborts it; what is still asked of it fails.
pub trait InterceptTransaction: Send {
    /// Any statement; [`Call::Statement`] before the connection is lent.
    fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send;

    /// Intercepts a call of [`Transaction::observe`].
    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        let _ = (fact, subject, value);
    }

    /// Intercepts a call of [`Transaction::commit`]. After an error there is no inner transaction, but the error that its
    /// commit returns.
    fn commit(
        self,
        inner: Result<Box<dyn Transaction>, StoreError>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Lets everything through.
impl InterceptTransaction for () {
    fn call<T: Answers, E: PortError>(
        &mut self,
        _: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send {
        inner
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        inner?.commit().await
    }
}

/// A component behind an [`Intercept`]. It has the port that the component has: store, broker, external or ingress.
pub struct Intercepted<P: ?Sized, I> {
    inner: Arc<P>,
    intercept: I,
}

impl<P: ?Sized, I> Intercepted<P, I> {
    /// Puts `intercept` in front of a component.
    pub fn new(inner: Arc<P>, intercept: I) -> Self {
        Self { inner, intercept }
    }
}
