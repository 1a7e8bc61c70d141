use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::ports::Timestamp;

/// The outside: asks services, sleeps, and never fails.
///
/// A request goes to a drawn replica of the service; where no answer is heard it is asked again, to a replica drawn
/// anew, until one is.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<dyn Outside>);

/// What the world does for its client.
pub(crate) trait Outside: Send + Sync {
    fn ask(&self, service: &str, operation: &str, body: Bytes) -> BoxFuture<'static, Result<Bytes, String>>;
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
    fn now(&self) -> Timestamp;
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

impl Client {
    /// Asks `service` until it answers for good: what it accepted with, or why it refused.
    ///
    /// # Errors
    /// The reason for which the service refused the request.
    pub async fn ask(&self, service: &str, operation: &str, body: Bytes) -> Result<Bytes, String> {
        self.0.ask(service, operation, body).await
    }

    /// Waits, in virtual time.
    pub async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }

    /// Virtual time, unskewed.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Does something beside: the run does not come to rest before it is done.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(Box::pin(task));
    }
}
