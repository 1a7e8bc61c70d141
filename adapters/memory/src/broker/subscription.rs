use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::select;
use seaworthy_core::ports::{BrokerError, Delivery, DeliveryTag, Extended, Subscription};

use super::{
    model::{GroupNumber, MemberNumber, Received, Ticket},
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

/// The end of a wait. Dropped before, it is given up, and what came meanwhile goes to another.
struct Arrival<'a> {
    of: &'a MemorySubscription,
    ticket: Option<Ticket>,
}

impl Future for Arrival<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(ticket) = self.ticket else { return Poll::Ready(()) };
        let end = self.of.shared.model().poll_arrival(self.of.group, ticket, context);
        if end.is_ready() {
            // Whoever was woken asks again at once, and has nothing to pass on before.
            self.ticket = None;
        }
        end
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.of.shared.model().stop_waiting(self.of.group, ticket);
        }
    }
}

#[async_trait]
impl Subscription for MemorySubscription {
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        loop {
            let now = self.shared.clock.now();
            let received = self.shared.model().receive(self.group, self.member, max, now);
            let (arrived, due) = match received {
                Received::Some(deliveries) => return Ok(deliveries),
                // It waits since the model was asked: no arrival is missed.
                Received::Wait(ticket, due) => (Arrival { of: self, ticket: Some(ticket) }, due),
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
