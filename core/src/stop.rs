//! The signal for a graceful stop.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that is set once, which loops look at between two units of work and while they wait.
///
/// ```
/// use seaworthy_core::stop::Stop;
/// let stop = Stop::new();
/// assert!(!stop.is_set());
/// stop.clone().set();
/// assert!(stop.is_set());
/// ```
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// A signal that is not set.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Asks everything that holds a clone to stop.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    /// Whether a stop was asked for.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until a stop is asked for. Dropping the future ends the wait.
    pub async fn wait(&self) {
        let mut flag = self.0.subscribe();
        // The sender lives in `self`, so the channel can't be closed while this waits.
        let _ = flag.wait_for(|set| *set).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
