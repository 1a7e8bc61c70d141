//! A piece of the user's work, kept apart from the loop that runs it: its panic is its own failure, and it has so long and
//! no longer.

use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use smol_str::{SmolStr, format_smolstr};

use super::{Clock, Spawner, StoreError};

/// A piece of work panicked, with the text that it panicked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {0}")]
pub(crate) struct Panicked(pub(crate) SmolStr);

/// A piece of work was not done in time, and was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not done within {0:?}")]
pub(crate) struct Late(pub(crate) Duration);

impl From<Late> for StoreError {
    fn from(late: Late) -> Self {
        Self::Unknown(format_smolstr!("the store has not answered: it was {late}"))
    }
}

/// Runs `work`, whose panic ends nothing but itself. The spawner of its process, if it has one, hears of it. After a panic
/// the caller drops the work.
pub(crate) async fn caught<T>(
    spawner: Option<&dyn Spawner>,
    mut work: Pin<&mut (impl Future<Output = T> + ?Sized)>,
) -> Result<T, Panicked> {
    poll_fn(|cx| match caught_now(spawner, || work.as_mut().poll(cx)) {
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// Does `work`, which waits for nothing, and whose panic ends nothing but itself, as [`caught`] does.
pub(crate) fn caught_now<T>(spawner: Option<&dyn Spawner>, work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        if let Some(spawner) = spawner {
            spawner.caught(&*payload);
        }
        Panicked(text(&*payload))
    })
}

/// Runs `work` for at most `limit`, by the process's clock; the caller then drops it. Work that is done at once sets no
/// timer.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    mut work: Pin<&mut (impl Future<Output = T> + ?Sized)>,
) -> Result<T, Late> {
    let mut end = None;
    // The work is polled once each time, as it would be without a limit.
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        end.get_or_insert_with(|| clock.limit(limit)).as_mut().poll(cx).map(|()| Err(Late(limit)))
    })
    .await
}

/// Waits for an answer of a store for at most `limit`, by the process's clock. A call that has not ended by then is dropped, and
/// its outcome is unknown. One that is answered at once sets no timer.
pub(crate) async fn answered<T, E: From<StoreError>>(
    clock: &dyn Clock,
    limit: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    within(clock, limit, pin!(call)).await.unwrap_or_else(|late| Err(unanswered(late).into()))
}

/// Says that a store has not answered in time, and returns what that is for whoever has asked it.
pub(crate) fn unanswered(late: Late) -> StoreError {
    tracing::warn!(%late, "a store has not answered, and its call is dropped");
    late.into()
}

/// Says the same of a statement of an open transaction: it is rolled back, so nothing of it is in doubt.
pub(crate) fn unanswered_statement(statement: &'static str, late: Late) -> StoreError {
    tracing::warn!(statement, %late, "a store has not answered, and its call is dropped");
    StoreError::Unavailable(format_smolstr!("the store has not answered `{statement}`: its transaction was {late}"))
}

fn text(payload: &(dyn Any + Send)) -> SmolStr {
    let text = payload.downcast_ref::<&str>().map(|text| SmolStr::from(*text));
    text.or_else(|| payload.downcast_ref::<String>().map(SmolStr::from))
        .unwrap_or_else(|| SmolStr::new_static("a panic without a message"))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin, sync::Mutex};

    use async_trait::async_trait;
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::ports::Timestamp;

    #[derive(Default)]
    struct Listener(Mutex<Vec<SmolStr>>);

    impl Spawner for Listener {
        fn spawn(&self, _: &'static str, _: BoxFuture<'static, ()>) {}

        fn caught(&self, payload: &(dyn Any + Send)) {
            self.0.lock().unwrap().push(text(payload));
        }
    }

    /// A clock on which every wait is over at once, or none ever is.
    struct Waits {
        end: bool,
    }

    #[async_trait]
    impl Clock for Waits {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        async fn sleep(&self, _: Duration) {
            if !self.end {
                pending::<()>().await;
            }
        }
    }

    #[tokio::test]
    async fn a_panic_is_the_failure_of_the_work_that_it_came_from_and_its_process_hears_of_it() {
        let listener = Listener::default();
        let number = 3;
        let late = async {
            tokio::task::yield_now().await;
            if number == 3 {
                panic!("the count is {number}");
            }
        };
        assert_eq!(caught(Some(&listener), pin!(late)).await, Err(Panicked("the count is 3".into())));
        let fixed = async { panic!("plain") };
        assert_eq!(caught::<()>(Some(&listener), pin!(fixed)).await, Err(Panicked("plain".into())));
        let odd = async { std::panic::panic_any(7) };
        assert_eq!(caught::<()>(None, pin!(odd)).await, Err(Panicked("a panic without a message".into())));
        assert_eq!(caught(Some(&listener), pin!(async { 7 })).await, Ok(7));
        assert_eq!(*listener.0.lock().unwrap(), ["the count is 3", "plain"]);
    }

    #[tokio::test]
    async fn work_that_is_not_done_in_time_is_late() {
        let (limit, over, never) = (Duration::from_secs(1), Waits { end: true }, Waits { end: false });
        assert_eq!(within(&over, limit, pin!(pending::<()>())).await, Err(Late(limit)));
        assert_eq!(within(&over, limit, pin!(async { 7 })).await, Ok(7));
        assert_eq!(within(&never, limit, pin!(tokio::task::yield_now())).await, Ok(()));
    }
}
