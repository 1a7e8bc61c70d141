use std::{
    pin::pin,
    sync::{
        Arc, Mutex as StdMutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use smol_str::{SmolStr, format_smolstr};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::{Span, span, warn};

use super::{Clock, StoreError};

/// Turns at the only writer of a store, for adapters of databases that have one: fair, in the order in which tasks asked, and
/// each waits so long and no longer.
///
/// A transaction that stays open holds up all others. One that has been open for longer than the `warning` of [`new`](Self::new), while
/// somebody waits, is said at `WARN`, once, in the span in which it was begun, with the name of that span: `inbox.handle` with
/// its message, `saga.step` with its saga, or a request of the user's own. Whoever has waited for
/// its `patience` is told the same as an error.
///
/// Nothing of this costs a transaction that waits for nobody a timer, a look at the clock or an allocation; it costs one that is
/// begun in a program without a [`tracing`] subscriber a counter.
///
/// Dropping the future of a turn gives up the place in the queue.
#[derive(Debug)]
pub struct OneWriter<T> {
    writer: Arc<Mutex<T>>,
    patience: Option<Duration>,
    warning: Option<Duration>,
    /// Number of the turn that was taken last.
    turn: AtomicU64,
    /// Number of the turn that was said to last too long.
    told: AtomicU64,
    holder: StdMutex<Holder>,
}

/// Span in which the turn that was taken last began, as far as somebody listens.
#[derive(Clone, Debug, Default)]
struct Holder {
    span: Option<span::Id>,
    name: Option<&'static str>,
}

impl Holder {
    fn place(&self) -> SmolStr {
        self.name.map_or(SmolStr::default(), |name| format_smolstr!(", begun in `{name}`,"))
    }
}

impl<T> OneWriter<T> {
    /// The turns at a writer. Whoever waits for longer than `patience` gets an error, and waits for ever where that is `None`; a
    /// turn that lasts longer than `warning` is said, and none is where that is `None`.
    pub fn new(writer: Arc<Mutex<T>>, patience: Option<Duration>, warning: Option<Duration>) -> Self {
        let (turn, told, holder) = (AtomicU64::new(0), AtomicU64::new(0), StdMutex::default());
        Self { writer, patience, warning, turn, told, holder }
    }

    /// Returns the writer itself.
    pub fn writer(&self) -> &Arc<Mutex<T>> {
        &self.writer
    }

    /// Waits for a turn, which ends when the guard is dropped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] after the patience: with the transaction that was open for all that time, if it was one, or
    /// with the number of those that came first.
    pub async fn turn(&self, clock: &dyn Clock) -> Result<OwnedMutexGuard<T>, StoreError> {
        // Waiters are served before newcomers, so this overtakes nobody; it saves the timer when nobody waits.
        if let Ok(writer) = Arc::clone(&self.writer).try_lock_owned() {
            self.begun();
            return Ok(writer);
        }
        let mut turn = pin!(Arc::clone(&self.writer).lock_owned());
        let first = self.turn.load(Ordering::Relaxed);
        let (mut seen, mut waited, mut held) = (first, Duration::ZERO, Duration::ZERO);
        loop {
            let left = self.patience.map(|patience| patience.saturating_sub(waited));
            let Some(step) = left.into_iter().chain(self.warning).min() else {
                let writer = turn.await;
                self.begun();
                return Ok(writer);
            };
            let slept = match select(turn.as_mut(), clock.sleep(step)).await {
                Either::Left((writer, _)) => {
                    self.begun();
                    return Ok(writer);
                }
                Either::Right(_) => step,
            };
            waited += slept;
            let now = self.turn.load(Ordering::Relaxed);
            held = if now == seen { held + slept } else { Duration::ZERO };
            seen = now;
            if self.warning.is_some_and(|warning| held >= warning) {
                self.tell(now, held);
            }
            if self.patience.is_some_and(|patience| waited >= patience) {
                return Err(self.given_up(waited, held, now - first));
            }
        }
    }

    /// Says of a transaction that is about to commit that it was open for too long, in the span that commits it: also where nobody has
    /// waited for it. An adapter knows for how long by the times of its first statement and of its last.
    pub fn tell_open(open: Duration, warning: Option<Duration>) {
        if warning.is_some_and(|warning| open >= warning) {
            warn!(
                ?open,
                "a transaction was open for so long, and nobody else could write meanwhile: wait for nothing in one"
            );
        }
    }

    /// Notes that another turn has begun, and where.
    fn begun(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
        if tracing::dispatcher::has_been_set() {
            let span = Span::current();
            let name = span.metadata().map(|metadata| metadata.name());
            *self.holder() = Holder { span: span.id(), name };
        }
    }

    fn holder(&self) -> std::sync::MutexGuard<'_, Holder> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says once of a turn that it lasts too long.
    fn tell(&self, turn: u64, held: Duration) {
        if self.told.swap(turn, Ordering::Relaxed) == turn {
            return;
        }
        let holder = self.holder().clone();
        let begun_in = holder.name.unwrap_or("no span");
        warn!(
            parent: holder.span, ?held, begun_in,
            "a transaction is open for so long and holds the store's only writer: others wait for it"
        );
    }

    fn given_up(&self, waited: Duration, held: Duration, turns: u64) -> StoreError {
        StoreError::Unavailable(if turns == 0 || held >= waited / 2 {
            let place = self.holder().place();
            format_smolstr!(
                "another transaction of this process{place} has not ended for {held:?}: does a task begin one, or read, while it \
                 holds one, or wait for something else in it?"
            )
        } else {
            format_smolstr!(
                "{turns} other transactions of this process came first in {waited:?}: they are more than one writer can do, or \
                 too long"
            )
        })
    }
}

#[cfg(test)]
mod tests;
