use std::{pin::pin, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, select};
use smol_str::SmolStr;

use super::Refusal;
use crate::stop::Stop;

/// One request from outside, such as an HTTP call.
///
/// Whoever asks may not hear the answer and may ask again: everything that a request starts must be keyed by what the
/// request names, not by its arrival.
#[derive(Debug)]
pub struct Request {
    /// Operation that is asked for, for example `place_order`.
    pub operation: SmolStr,
    /// Arguments of the operation.
    pub body: Bytes,
    /// Answers the caller. Dropping it unanswered makes the caller ask again.
    pub response: Response,
}

/// The way back to a caller.
pub struct Response {
    number: u64,
    answer: Option<Answer>,
}

type Answer = Box<dyn FnOnce(Result<Bytes, Refusal>) + Send>;

impl Response {
    /// Wraps what an adapter does with an answer.
    pub fn new(answer: impl FnOnce(Result<Bytes, Refusal>) + Send + 'static) -> Self {
        Self::numbered(0, answer)
    }

    /// The same for a request that whoever asked knows by a number.
    pub fn numbered(number: u64, answer: impl FnOnce(Result<Bytes, Refusal>) + Send + 'static) -> Self {
        Self { number, answer: Some(Box::new(answer)) }
    }

    /// Returns the number by which whoever asked knows the request; 0 where it has none.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Accepts the request: the process has made it durable.
    pub fn accept(self, body: Bytes) {
        self.give(Ok(body));
    }

    /// Refuses the request for good; the caller does not ask again.
    pub fn refuse(self, reason: impl Into<Refusal>) {
        self.give(Err(reason.into()));
    }

    /// Gives the answer, whichever it is.
    pub fn give(mut self, said: Result<Bytes, Refusal>) {
        if let Some(answer) = self.answer.take() {
            answer(said);
        }
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Response")
    }
}

/// Requests from outside.
#[async_trait]
pub trait Ingress: Send + Sync {
    /// Waits for the next request; `None` once the process is asked to stop, or if none can come any more. Whoever asks
    /// later waits for the next incarnation. Dropping the future loses no request.
    ///
    /// An adapter need not know of the stop: what puts the [`Ports`](super::Ports) together sees to it, see
    /// [`UntilStop`].
    async fn next(&self) -> Option<Request>;
}

/// An ingress that ends when the process is asked to stop. A stop wins over a request that waits.
pub struct UntilStop {
    inner: Arc<dyn Ingress>,
    stop: Stop,
}

impl UntilStop {
    /// Ends `inner` at `stop`.
    pub fn new(inner: Arc<dyn Ingress>, stop: Stop) -> Self {
        Self { inner, stop }
    }
}

#[async_trait]
impl Ingress for UntilStop {
    async fn next(&self) -> Option<Request> {
        match select(pin!(self.stop.wait()), self.inner.next()).await {
            Either::Left(_) => None,
            Either::Right((request, _)) => request,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody always asks.
    struct Busy;

    #[async_trait]
    impl Ingress for Busy {
        async fn next(&self) -> Option<Request> {
            Some(Request { operation: "ask".into(), body: Bytes::new(), response: Response::new(drop) })
        }
    }

    #[tokio::test]
    async fn a_stop_ends_the_requests_also_where_one_waits() {
        let stop = Stop::new();
        let ingress = UntilStop::new(Arc::new(Busy), stop.clone());
        assert!(ingress.next().await.is_some());
        stop.set();
        assert!(ingress.next().await.is_none());
    }
}
