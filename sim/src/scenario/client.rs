use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, select};
use seaworthy_core::ports::{Document, Refusal, Store, StoreError, Timestamp};
use smol_str::SmolStr;

/// Interval at which the client looks for an outcome, in virtual time.
const LOOK: Duration = Duration::from_millis(50);

/// The outside: asks services, sleeps, and never fails.
///
/// A request goes to a drawn replica of the service; where no answer is heard it is asked again, to a replica drawn
/// anew, until one is.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<dyn Outside>);

/// Services of the world for its client.
pub(crate) trait Outside: Send + Sync {
    fn ask(&self, service: &str, operation: &str, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>>;
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
    fn now(&self) -> Timestamp;
    fn spawn(&self, task: BoxFuture<'static, ()>);
    fn store(&self, name: &str) -> Option<Arc<dyn Store>>;
}

/// Error of a client's wait: what it waited for has not come to be. It says nothing about whether it ever will.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store {store:?} did not show the outcome within {within:?} of virtual time")]
pub struct Overdue {
    /// The store that was looked at.
    pub store: SmolStr,
    /// Time that it waited.
    pub within: Duration,
}

impl Client {
    /// Asks `service` until it answers for good: what it accepted with, or why it refused.
    ///
    /// # Errors
    /// [`Refusal`] if the service refused the request, with its reason.
    ///
    /// # Panics
    /// If no process of the topology belongs to the service.
    pub async fn ask(&self, service: &str, operation: &str, body: Bytes) -> Result<Bytes, Refusal> {
        self.0.ask(service, operation, body).await
    }

    /// Waits, in virtual time. Who waits for more than ten years waits for ever: a run in which nothing else happens is given
    /// up as stuck then, an hour after its last change.
    pub async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }

    /// Virtual time, unskewed.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Waits until a store shows an outcome: `shows` is asked every 50 ms of virtual time, for as long as `within`. An
    /// error of the store counts as not yet.
    ///
    /// It reads the store itself, as [`prepare`](crate::scenario::Scenario::prepare) fills it: no fault strikes what it
    /// does, and none of it is part of the trace. It is for reading only; what it writes, no invariant sees.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use seaworthy_sim::scenario::{Client, Overdue};
    /// # async fn drive(client: Client) -> Result<(), Overdue> {
    /// client
    ///     .until("shipping", Duration::from_secs(60), |store| async move {
    ///         Ok(store.begin().await?.scan("shipments", None, 3).await?.len() == 3)
    ///     })
    ///     .await
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Overdue`] if it has not shown it by then.
    ///
    /// # Panics
    /// If the topology has no store of this name.
    pub async fn until<F>(
        &self,
        store: &str,
        within: Duration,
        shows: impl Fn(Arc<dyn Store>) -> F,
    ) -> Result<(), Overdue>
    where
        F: Future<Output = Result<bool, StoreError>>,
    {
        let look = |store| {
            let shown = shows(store);
            async move { Ok(shown.await?.then_some(())) }
        };
        self.find(store, within, look).await
    }

    /// Waits until a document shows an outcome, and returns it; otherwise as [`Client::until`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use seaworthy_sim::scenario::{Client, Overdue};
    /// # async fn drive(client: Client) -> Result<(), Overdue> {
    /// let minute = Duration::from_secs(60);
    /// let order = client.document("orders", "orders", "order-17", minute, |order| order.version == 2).await?;
    /// # assert_eq!(order.version, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Overdue`] if it has not shown it by then.
    ///
    /// # Panics
    /// If the topology has no store of this name.
    pub async fn document(
        &self,
        store: &str,
        collection: &str,
        id: &str,
        within: Duration,
        shows: impl Fn(&Document) -> bool,
    ) -> Result<Document, Overdue> {
        let shows = &shows;
        let look = |store: Arc<dyn Store>| async move {
            Ok(store.begin().await?.get(collection, id).await?.filter(|document| shows(document)))
        };
        self.find(store, within, look).await
    }

    async fn find<T, F>(&self, name: &str, within: Duration, look: impl Fn(Arc<dyn Store>) -> F) -> Result<T, Overdue>
    where
        F: Future<Output = Result<Option<T>, StoreError>>,
    {
        let store = self.0.store(name).unwrap_or_else(|| panic!("the topology has no store {name:?} to look at"));
        let search = async {
            loop {
                if let Ok(Some(found)) = look(store.clone()).await {
                    return found;
                }
                self.sleep(LOOK).await;
            }
        };
        // A store of one writer may make whoever looks wait for longer than that.
        match select(pin!(search), pin!(self.sleep(within))).await {
            Either::Left((found, _)) => Ok(found),
            Either::Right(_) => Err(Overdue { store: name.into(), within }),
        }
    }

    /// Does something beside: the run does not come to rest before it is done.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(Box::pin(task));
    }
}
