//! Nothing that a step does is waited for without an end: it has a time limit, and it is dropped when the saga turns,
//! by a deadline or by a sibling that was rejected, and some time after a stop was asked for.

use std::{
    future::{pending, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use futures_util::future::{Either, select};

use crate::{
    ids::Direction,
    saga::{SagaData, Status, branch::Branch, execution::Execution},
};

/// End of a piece of a step's work.
#[derive(Debug)]
pub(super) enum Ended<T> {
    /// It is done.
    Done(T),
    /// Its time was over.
    OverTime,
    /// The saga turns, or the process stops: it was dropped, and there is nothing to log of it.
    Dropped,
}

/// Limits of a piece of work, but for those that the saga itself sets.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Its own time.
    pub(super) time: Option<Duration>,
    /// Its time once a stop was asked for.
    pub(super) at_stop: Duration,
}

impl<D: SagaData> Execution<'_, D> {
    /// Awaits a piece of work within its limits.
    pub(super) async fn within<T>(
        &self,
        branch: Branch<'_>,
        limits: Limits,
        work: impl Future<Output = T>,
    ) -> Ended<T> {
        let mut work = pin!(work);
        // Much of it is done at once: then no timer is set.
        if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
            return Ended::Done(done);
        }
        let resources = &*self.log.resources;
        let over = async {
            match limits.time {
                Some(time) => resources.clock.limit(time).await,
                None => pending().await,
            }
        };
        let stopped = async {
            resources.stop.wait().await;
            if !limits.at_stop.is_zero() {
                resources.clock.limit(limits.at_stop).await;
            }
        };
        let (over, stopped) = (pin!(over), pin!(stopped));
        let mut ends = select(over, stopped);
        loop {
            // In line before the state is looked at.
            let moved = self.log.moved();
            let Some(left) = self.time_left(branch) else { return Ended::Dropped };
            let changed = pin!(async {
                let turning_point = async {
                    match left {
                        // The store's clock is looked at now and then: ours may step meanwhile. Where the store does not
                        // answer, ours has to do.
                        Some(left) => {
                            resources.clock.limit(left.min(resources.config.lease)).await;
                            let _ = resources.read_store_clock().await;
                        }
                        None => pending().await,
                    }
                };
                // Without siblings nothing moves but by this very step.
                if branch.beside.is_some() {
                    select(pin!(turning_point), pin!(moved)).await;
                } else {
                    turning_point.await;
                }
            });
            match select(work.as_mut(), select(&mut ends, changed)).await {
                Either::Left((done, _)) => return Ended::Done(done),
                Either::Right((Either::Left((Either::Left(_), _)), _)) => return Ended::OverTime,
                Either::Right((Either::Left((Either::Right(_), _)), _)) => return Ended::Dropped,
                Either::Right((Either::Right(_), _)) => {}
            }
        }
    }

    /// Returns the time until the saga turns, if it ever does; nothing if it has turned.
    fn time_left(&self, branch: Branch<'_>) -> Option<Option<Duration>> {
        let state = self.log.state();
        match branch.direction {
            Direction::Action if state.status != Status::Running || state.is_rejected() => None,
            Direction::Action => match state.turning_point() {
                Some(moment) => {
                    let left = moment.since(self.log.resources.store_now());
                    (!left.is_zero()).then_some(Some(left))
                }
                None => Some(None),
            },
            Direction::Compensation => (state.status == Status::Compensating).then_some(None),
        }
    }
}
