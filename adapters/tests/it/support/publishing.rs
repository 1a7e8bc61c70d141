//! A broker before a real one, which asks the test before each call that publishes.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use seaworthy_core::{
    message::Message,
    ports::{Broker, BrokerError, Intercept, Intercepted, PublishResult},
};

/// What a test does before a batch is published. Where it fails, the call does, and nothing is.
type Before = dyn Fn(&[Message]) -> BoxFuture<'static, Result<(), BrokerError>> + Send + Sync;

#[derive(Clone)]
struct Publishing(Arc<Before>);

impl Intercept for Publishing {
    type Transaction = ();

    fn transaction(&self) {}

    async fn publish(&self, batch: &[Message], inner: &dyn Broker) -> Result<Vec<PublishResult>, BrokerError> {
        (self.0)(batch).await?;
        inner.publish(batch).await
    }
}

/// Puts `before` in front of whatever is published to a broker.
pub(crate) fn before_publishing(
    broker: Arc<dyn Broker>,
    before: impl Fn(&[Message]) -> BoxFuture<'static, Result<(), BrokerError>> + Send + Sync + 'static,
) -> Arc<dyn Broker> {
    Arc::new(Intercepted::new(broker, Publishing(Arc::new(before))))
}
