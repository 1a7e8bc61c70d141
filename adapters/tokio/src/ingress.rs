use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::ports::{Ingress, Refusal, Request, Response};
use smol_str::SmolStr;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Error of a request that has no answer.
///
/// Closed on purpose: whether to ask again differs for each, so that none may pass for another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The process refused for good: asking again will not help.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The process dropped the request, or ended. What it asks for may or may not be done: ask again.
    #[error("the process gave no answer; the request may have taken effect: ask again")]
    Unanswered,
}

/// A channel for requests: [`LocalIngress::ask`] on one end, the ingress port on the other.
///
/// ```
/// use seaworthy_core::ports::Ingress;
/// use seaworthy_tokio::LocalIngress;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let ingress = LocalIngress::new(16);
/// let process = async {
///     let request = ingress.next().await.expect("nobody stops it");
///     assert_eq!(request.operation, "place_order");
///     request.response.accept(request.body);
/// };
/// let (answer, ()) = tokio::join!(ingress.ask("place_order", "order-17".into()), process);
/// assert_eq!(answer.unwrap(), "order-17");
/// # });
/// ```
#[derive(Debug)]
pub struct LocalIngress {
    sender: mpsc::Sender<Request>,
    receiver: Mutex<mpsc::Receiver<Request>>,
}

impl LocalIngress {
    /// A channel that holds up to `waiting_max` requests; whoever asks then waits. Zero is taken as one.
    pub fn new(waiting_max: usize) -> Self {
        let (sender, receiver) = mpsc::channel(waiting_max.max(1));
        Self { sender, receiver: Mutex::new(receiver) }
    }

    /// Asks the process and waits for its answer.
    ///
    /// A request that no process has taken yet waits for one, also beyond a restart: put a timeout around the call where
    /// that may be long. Dropping the future leaves open whether the request took effect.
    ///
    /// # Errors
    /// [`AskError`]: refused for good, or unanswered.
    pub async fn ask(&self, operation: impl Into<SmolStr>, body: Bytes) -> Result<Bytes, AskError> {
        let (answer, answered) = oneshot::channel();
        // Whoever asked may have gone; then nobody wants the answer.
        let response = Response::new(move |found| drop(answer.send(found)));
        let request = Request { operation: operation.into(), body, response };
        self.sender.send(request).await.map_err(|_| AskError::Unanswered)?;
        match answered.await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(refusal)) => Err(AskError::Refused(refusal)),
            Err(_) => Err(AskError::Unanswered),
        }
    }
}

#[async_trait]
impl Ingress for LocalIngress {
    async fn next(&self) -> Option<Request> {
        self.receiver.lock().await.recv().await
    }
}
