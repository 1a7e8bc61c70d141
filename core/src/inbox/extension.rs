//! More time for deliveries whose handling takes long.

use std::{
    future::pending,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::{BoxFuture, Either, select};
use smol_str::{SmolStr, format_smolstr};
use tracing::{debug, warn};

use super::ConsumerConfig;
use crate::ports::{BrokerError, Clock, DeliveryTag, Extended, Subscription, within};

/// Number of times that a delivery is extended within the time that each gives it: one that goes wrong costs nothing yet.
const SHARE: u32 = 3;

/// Extends what one subscription has in hand.
pub(super) struct Extender<'a> {
    consumer: &'a SmolStr,
    clock: &'a dyn Clock,
    subscription: &'a dyn Subscription,
    by: Duration,
    /// The broker has said that it can't.
    is_unsupported: AtomicBool,
}

impl<'a> Extender<'a> {
    /// `None` where the consumer of this name is not to extend deliveries.
    pub(super) fn new(
        consumer: &'a SmolStr,
        config: &ConsumerConfig,
        clock: &'a dyn Clock,
        subscription: &'a dyn Subscription,
    ) -> Option<Self> {
        let by = config.extend?;
        Some(Self { consumer, clock, subscription, by, is_unsupported: AtomicBool::new(false) })
    }

    /// Waits until what is in hand now is to be extended.
    pub(super) fn due(&self) -> BoxFuture<'a, ()> {
        match self.is_unsupported.load(Ordering::Relaxed) {
            true => Box::pin(pending()),
            false => self.clock.limit(self.by / SHARE),
        }
    }

    /// Does a piece of work, and extends what is in hand each time that it is due meanwhile.
    pub(super) async fn beside<T>(
        &self,
        due: &mut BoxFuture<'a, ()>,
        work: impl Future<Output = T>,
        in_hand: impl Fn() -> Vec<DeliveryTag>,
    ) -> T {
        let mut work = pin!(work);
        loop {
            if let Either::Left((done, _)) = select(work.as_mut(), &mut *due).await {
                return done;
            }
            // First, so that there is a next time where this one is dropped.
            *due = self.due();
            if let Either::Left((done, _)) = select(work.as_mut(), pin!(self.extend(in_hand()))).await {
                return done;
            }
        }
    }

    /// Extends deliveries, one after the other, each for as long as there is until the next time at most. One that can't be
    /// extended this time may be the next time.
    pub(super) async fn extend(&self, in_hand: Vec<DeliveryTag>) {
        for tag in in_hand {
            let extended = within(self.clock, self.by / SHARE, self.subscription.extend(tag, self.by).as_mut()).await;
            match extended.unwrap_or_else(|late| Err(BrokerError::Unknown(format_smolstr!("the call {late}")))) {
                Ok(Extended::Held) => {}
                Ok(Extended::Lost) => {
                    debug!(tag = tag.0, "a delivery had timed out, or was settled, before it was extended")
                }
                Ok(Extended::Unsupported) => {
                    if !self.is_unsupported.swap(true, Ordering::Relaxed) {
                        warn!(
                            consumer = %self.consumer,
                            "the broker extends no deliveries: what takes longer than its visibility timeout comes again"
                        );
                    }
                    return;
                }
                Err(error) => debug!(tag = tag.0, %error, "a delivery was not extended"),
            }
        }
    }
}
