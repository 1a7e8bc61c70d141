use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::select;
use seaworthy_core::ports::{BrokerError, Delivery, DeliveryTag, Extended, Subscription};

use super::{
    model::{GroupNumber, MemberNumber, Received},
    shared_model::SharedModel,
};

/// Membership in a group. Dropping it gives back what was not acknowledged.
pub(super) struct MemorySubscription {
    shared: Arc<SharedModel>,
    group: GroupNumber,
    member: MemberNumber,
}

impl MemorySubscription {
    pub(super) fn new(shared: Arc<SharedModel>, group: GroupNumber, member: MemberNumber) -> Self {
        Self { shared, group, member }
    }
}

impl Drop for MemorySubscription {
    fn drop(&mut self) {
        self.shared.model().leave(self.group, self.member);
    }
}

#[async_trait]
impl Subscription for MemorySubscription {
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        loop {
            let now = self.shared.clock.now();
            let (arrived, due) = {
                let mut model = self.shared.model();
                match model.receive(self.group, self.member, max, now) {
                    Received::Some(deliveries) => return Ok(deliveries),
                    // Made while the model is locked: from here on no arrival is missed.
                    Received::Wait(arrived, due) => (arrived.notified_owned(), due),
                }
            };
            match due {
                None => arrived.await,
                Some(due) => _ = select(pin!(arrived), self.shared.clock.sleep(due.since(now))).await,
            }
        }
    }

    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        self.shared.model().ack(self.group, tag, self.shared.clock.now());
        Ok(())
    }

    async fn nack(&self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        self.shared.model().nack(self.group, tag, delay, self.shared.clock.now());
        Ok(())
    }

    async fn extend(&self, tag: DeliveryTag, by: Duration) -> Result<Extended, BrokerError> {
        let held = self.shared.model().extend(self.group, tag, by, self.shared.clock.now());
        Ok(if held { Extended::Held } else { Extended::Lost })
    }
}
