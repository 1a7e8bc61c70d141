use std::{future::poll_fn, pin::Pin, task::Poll};

use futures_util::future::join_all;

use crate::ports::StoreError;

/// Lets the other futures of a race go first.
pub(super) async fn step() {
    let mut yielded = false;
    poll_fn(|task| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls a future until it is done, at most as many times as a future needs that has nothing to wait for.
///
/// `None` means that it waits; it goes on where it was when it is polled again.
pub(super) async fn settled<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    for _ in 0..16 {
        if let Poll::Ready(output) = poll_fn(|task| Poll::Ready(Pin::new(&mut *future).poll(task))).await {
            return Some(output);
        }
        step().await;
    }
    None
}

/// Runs `count` copies of a piece of work at once, each polled in turn.
pub(super) async fn race<T, W: AsyncFn(usize) -> T>(count: usize, work: W) -> Vec<T> {
    join_all((0..count).map(|number| work(number))).await
}

/// Number of tries that are far beyond what a race of eight needs: who reaches it starves.
const TRIES_MAX: usize = 10_000;

/// Tries again for as long as the store says that trying again may help.
pub(super) async fn persist<T>(work: impl AsyncFn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    for _ in 1..TRIES_MAX {
        match work().await {
            Err(error) if error.is_retryable() => step().await,
            answer => return answer,
        }
    }
    work().await
}
