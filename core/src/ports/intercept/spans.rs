use tracing::{Instrument, debug, debug_span, field::Empty};

use super::{Intercept, InterceptTransaction};
use crate::ports::{Answers, Call, PortError, StoreError, Transaction};

/// Puts each call into a span `port` of level debug, with the operation, its subject and, once it is answered, how many
/// things it wrote or returned; a failure is an event in it. No body of a document or message and no text of a user's is
/// in them.
///
/// Requests and their answers, which do not fail, have none: a service has a span of its own around what it does for them.
///
/// ```
/// use std::sync::Arc;
/// use seaworthy_core::ports::{Intercepted, PortSpans, Ports, Store};
///
/// fn with_spans(ports: Ports) -> Ports {
///     Ports {
///         store: Arc::new(Intercepted::new(ports.store, PortSpans)),
///         broker: Arc::new(Intercepted::new(ports.broker, PortSpans)),
///         external: Arc::new(Intercepted::new(ports.external, PortSpans)),
///         ..ports
///     }
/// }
/// # let _ = with_spans;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PortSpans;

impl PortSpans {
    async fn within<T: Answers, E: PortError>(
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let operation = call.operation().name();
        let span = debug_span!("port", operation, on = call.subject(), count = Empty);
        let told = async {
            let answered = inner.await;
            match &answered {
                Ok(answer) => _ = span.record("count", answer.answer().count()),
                Err(error) => debug!(%error, "the call failed"),
            }
            answered
        };
        told.instrument(span.clone()).await
    }
}

impl Intercept for PortSpans {
    type Transaction = Self;

    fn transaction(&self) -> Self {
        Self
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        Self::within(call, inner).await
    }
}

impl InterceptTransaction for PortSpans {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        PortSpans::within(call, inner).await
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        Self::within(Call::Commit, async { inner?.commit().await }).await
    }
}
