//! The signal for a graceful stop.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

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
pub struct Stop(Arc<Signal>);

#[derive(Debug)]
struct Signal {
    is_set: AtomicBool,
    waiting: Notify,
}

impl Stop {
    /// A signal that is not set.
    pub fn new() -> Self {
        Self(Arc::new(Signal { is_set: AtomicBool::new(false), waiting: Notify::new() }))
    }

    /// Asks everything that holds a clone to stop.
    pub fn set(&self) {
        self.0.is_set.store(true, Ordering::SeqCst);
        self.0.waiting.notify_waiters();
    }

    /// Returns `true` once a stop was asked for.
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    /// Waits until a stop is asked for. Dropping the future ends the wait.
    pub async fn wait(&self) {
        let mut told = pin!(self.0.waiting.notified());
        // In line before it looks, or a stop between the two would go unheard.
        told.as_mut().enable();
        if !self.is_set() {
            told.await;
        }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
