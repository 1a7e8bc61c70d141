use async_trait::async_trait;
use bytes::Bytes;
use smol_str::SmolStr;

/// One request from outside, such as an HTTP call.
///
/// Whoever asks may not hear the answer and may ask again: everything that a request starts must be keyed by what the
/// request names, not by its arrival.
#[derive(Debug)]
pub struct Request {
    /// What is asked, for example `place_order`.
    pub operation: SmolStr,
    /// Its arguments.
    pub body: Bytes,
    /// Answers the caller. Dropping it unanswered makes the caller ask again.
    pub response: Response,
}

/// The way back to a caller.
pub struct Response(Option<Answer>);

type Answer = Box<dyn FnOnce(Result<Bytes, String>) + Send>;

impl Response {
    /// Wraps what an adapter does with an answer.
    pub fn new(answer: impl FnOnce(Result<Bytes, String>) + Send + 'static) -> Self {
        Self(Some(Box::new(answer)))
    }

    /// Accepts the request: the process has made it durable.
    pub fn accept(mut self, body: Bytes) {
        if let Some(answer) = self.0.take() {
            answer(Ok(body));
        }
    }

    /// Refuses the request for good; the caller does not ask again.
    pub fn refuse(mut self, reason: impl Into<String>) {
        if let Some(answer) = self.0.take() {
            answer(Err(reason.into()));
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
    /// Waits for the next request. Dropping the future loses no request.
    async fn next(&self) -> Request;
}
