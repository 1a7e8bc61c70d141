//! Pieces of work that may end before they are done, while their process goes on.

use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll};

use smol_str::SmolStr;

use super::{Ports, Spawner, StoreError};

/// A piece of work was dropped before it was done, as by a timeout or by a client that hangs up. What its last call
/// was about to do may be done or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the work was dropped before it was done")]
pub struct Cancelled;

impl From<Cancelled> for StoreError {
    fn from(_: Cancelled) -> Self {
        Self::Unknown(SmolStr::new_static("the work was dropped before it was done"))
    }
}

impl Ports {
    /// Runs a piece of work that may be dropped before it is done, while the process lives on: the handling of one
    /// message, the answer to one request, whatever stands behind a timeout or in a `select!`. In production it runs to
    /// its end, unless the [`Spawner`] says otherwise; a simulation drops it in the midst of a call to find out what
    /// is left behind then: a transaction rolls back, a guard is released, what was staged only in memory is gone.
    ///
    /// ```
    /// use seaworthy_core::ports::{Ports, Request};
    ///
    /// async fn serve(ports: Ports, request: Request) {
    ///     let answer = async { request.response.accept(request.body) };
    ///     if let Err(dropped) = ports.scope(answer).await {
    ///         println!("{dropped}: its caller asks again");
    ///     }
    /// }
    /// # let _ = serve;
    /// ```
    ///
    /// Work that may fail has [`try_scope`](Self::try_scope).
    ///
    /// # Errors
    /// [`Cancelled`] once the work has been dropped.
    pub async fn scope<T>(&self, work: impl Future<Output = T>) -> Result<T, Cancelled> {
        let mut work = Box::pin(work);
        let done = scoped(Some(&*self.spawner), work.as_mut()).await;
        drop(work);
        done
    }

    /// Runs a piece of work that may fail as [`scope`](Self::scope) does, and counts being dropped among its failures.
    ///
    /// ```
    /// use seaworthy_core::ports::{Ports, Request, StoreError};
    ///
    /// async fn answer(ports: Ports, request: Request) {
    ///     let work = async { ports.store.begin().await?.commit().await };
    ///     // Dropped or failed, the caller gets no answer and asks again.
    ///     if ports.try_scope::<_, StoreError>(work).await.is_ok() {
    ///         request.response.accept(request.body);
    ///     }
    /// }
    /// # let _ = answer;
    /// ```
    ///
    /// # Errors
    /// The work's own, and what its error makes of [`Cancelled`] once the work has been dropped: for a [`StoreError`] that
    /// is [`StoreError::Unknown`].
    pub async fn try_scope<T, E: From<Cancelled>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        self.scope(work).await?
    }
}

/// Spawner that pieces of work are run under which may be dropped; nothing drops them outside a process.
pub(crate) type Scopes = Option<Arc<dyn Spawner>>;

/// Runs `work` until it is done, or to be dropped, which is up to the caller then: by the end of the statement.
pub(crate) async fn scoped<T>(
    spawner: Option<&dyn Spawner>,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> Result<T, Cancelled> {
    let Some(spawner) = spawner else { return Ok(work.await) };
    poll_fn(|cx| {
        let mut polled = Poll::Pending;
        let is_over = spawner.poll_scope(&mut || polled = work.as_mut().poll(cx));
        match polled {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending if is_over => Poll::Ready(Err(Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        pin::pin,
        sync::atomic::{AtomicBool, Ordering},
    };

    use futures_util::future::BoxFuture;

    use super::*;

    /// Drops every piece of work at its first wait, or none.
    struct Impatient(bool);

    impl Spawner for Impatient {
        fn spawn(&self, _: &'static str, _: BoxFuture<'static, ()>) {}

        fn poll_scope(&self, poll: &mut dyn FnMut()) -> bool {
            poll();
            self.0
        }
    }

    struct Held<'a>(&'a AtomicBool);

    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.store(false, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn work_that_is_dropped_lets_go_of_what_it_held_and_says_so() {
        let is_held = AtomicBool::new(true);
        let held = Held(&is_held);
        let work = async {
            let _held = held;
            pending::<()>().await;
        };
        let done = scoped(Some(&Impatient(true)), pin!(work)).await;
        assert_eq!(done, Err(Cancelled));
        assert!(!is_held.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn work_that_is_done_is_done_whoever_is_impatient() {
        assert_eq!(scoped(Some(&Impatient(true)), pin!(async { 7 })).await, Ok(7));
        assert_eq!(scoped(Some(&Impatient(false)), pin!(tokio::task::yield_now())).await, Ok(()));
        assert_eq!(scoped(None, pin!(async { 7 })).await, Ok(7));
    }
}
