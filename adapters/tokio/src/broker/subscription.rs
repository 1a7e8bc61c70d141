use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::select;
use seaworthy_core::ports::{BrokerError, Delivery, DeliveryTag, Subscription};
use smol_str::SmolStr;

use super::{
    Shared,
    queue::{Member, Queue},
};

/// One member of a group.
pub(super) struct LocalSubscription {
    shared: Arc<Shared>,
    group: SmolStr,
    member: Member,
}

impl LocalSubscription {
    pub(super) fn new(shared: Arc<Shared>, group: SmolStr, member: Member) -> Self {
        Self { shared, group, member }
    }

    /// Changes the group's queue, and wakes those who wait for what the change made ready.
    fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> Option<T> {
        let changed = self.shared.state().groups.get_mut(&self.group).map(|group| change(&mut group.queue));
        self.shared.changed.notify_waiters();
        changed
    }
}

#[async_trait]
impl Subscription for LocalSubscription {
    async fn receive(&mut self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        loop {
            // Registered before looking, so that what comes between the look and the wait wakes it too.
            let changed = pin!(self.shared.changed.notified());
            let now = self.shared.clock.now();
            let due = {
                let mut state = self.shared.state();
                let state = &mut *state;
                let Some(group) = state.groups.get_mut(&self.group) else {
                    return Err(BrokerError::Unavailable(format!("there is no group {}", self.group)));
                };
                let visibility = self.shared.config.visibility;
                let taken = group.queue.take(self.member, max.max(1), now, visibility, &mut state.tags);
                if !taken.is_empty() {
                    return Ok(taken);
                }
                group.queue.next_due()
            };
            match due {
                Some(at) => drop(select(changed, self.shared.clock.sleep(at.since(now))).await),
                None => changed.await,
            }
        }
    }

    async fn ack(&mut self, tag: DeliveryTag) -> Result<(), BrokerError> {
        let now = self.shared.clock.now();
        self.change(|queue| queue.acknowledge(tag, now));
        Ok(())
    }

    async fn nack(&mut self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        let now = self.shared.clock.now();
        self.change(|queue| queue.give_back(tag, delay, now));
        Ok(())
    }
}

impl Drop for LocalSubscription {
    fn drop(&mut self) {
        self.change(|queue| queue.leave(self.member));
    }
}
