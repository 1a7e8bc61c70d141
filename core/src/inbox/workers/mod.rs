//! Messages of several keys handled side by side, those of one key in order.

mod hands;

use std::{pin::pin, time::Duration};

use smol_str::SmolStr;
use tracing::{Instrument as _, warn};

use self::hands::{Dealt, Halt, Hands, Next};
use super::{Consumer, batch::DeliveryOutcome, extension::Extender, handler::Route};
use crate::{
    ports::{BrokerError, Delivery, Subscription},
    stop::Stop,
    wake::pause,
};

impl Consumer {
    /// Deals with deliveries of several keys side by side, until a stop is asked for or the subscription is lost.
    pub(super) async fn serve_side_by_side(
        &self,
        subscription: &dyn Subscription,
        stop: &Stop,
        errors: &mut u32,
    ) -> Result<(), BrokerError> {
        let extender = Extender::new(&self.name, &self.config, &*self.clock, subscription);
        let mut hands = Hands::new(self, subscription, extender.as_ref());
        let mut stopped = pin!(stop.wait());
        loop {
            if hands.dealing.is_empty() {
                match hands.halt.take() {
                    Some(Halt::Stop) => return Ok(()),
                    Some(Halt::Lost(error)) => return Err(error),
                    Some(Halt::Down(delay)) => {
                        warn!(consumer = %self.name, ?delay, "consumer pauses: its store can't be reached");
                        pause(&*self.clock, stop, delay).await;
                        hands.store_errors = hands.store_errors.saturating_add(1);
                    }
                    None if !hands.suspects.is_empty() => {
                        let suspects = std::mem::take(&mut hands.suspects);
                        let (errors, extender) = (hands.store_errors, extender.as_ref());
                        let down = self.work_off(subscription, suspects, stop, errors, extender).await;
                        hands.tags.clear();
                        hands.due = None;
                        match down {
                            Some(delay) => hands.halt = Some(Halt::Down(delay)),
                            None => hands.store_errors = 0,
                        }
                        continue;
                    }
                    None => {}
                }
            }
            hands.ask();
            match hands.next(stop, stopped.as_mut()).await {
                Next::Stop => hands.halt(Halt::Stop),
                Next::Dealt(dealt) => hands.dealt(dealt),
                Next::Received(Ok(deliveries)) => {
                    *errors = 0;
                    hands.take(deliveries);
                    self.clock.yield_now().await;
                }
                Next::Received(Err(error)) => hands.halt(Halt::Lost(error)),
            }
        }
    }

    /// Returns `true` for a message that has come so often that it may end its process.
    fn suspects(&self, delivery: &Delivery) -> bool {
        delivery.redeliveries >= self.config.suspect_after
            && matches!(self.handlers.route(&delivery.message.kind), Some(Route::Handle(_)))
    }

    async fn deal(&self, subscription: &dyn Subscription, delivery: Delivery, store_errors: u32) -> Dealt {
        let span = self.span(&delivery);
        // The last of its batch, which it has for itself.
        let outcome = self.take(&delivery, None, true).instrument(span.clone()).await;
        let is_down = outcome == DeliveryOutcome::StoreDown;
        let later = match outcome {
            DeliveryOutcome::Done => None,
            DeliveryOutcome::Later(delay) => Some(delay),
            DeliveryOutcome::StoreDown => Some(self.config.store_backoff.delay(store_errors, &*self.random)),
            // Nobody is before the last one.
            DeliveryOutcome::Last(_) => Some(Duration::ZERO),
        };
        self.tell(subscription, &delivery, later, span).await;
        Dealt { key: delivery.message.partition_key, tags: vec![delivery.tag], later, is_down }
    }

    /// Gives deliveries of one key back, in their order.
    async fn give_back(
        &self,
        subscription: &dyn Subscription,
        key: SmolStr,
        deliveries: Vec<Delivery>,
        delay: Duration,
    ) -> Dealt {
        for delivery in &deliveries {
            self.tell(subscription, delivery, Some(delay), self.span(delivery)).await;
        }
        let tags = deliveries.into_iter().map(|delivery| delivery.tag).collect();
        Dealt { key, tags, later: Some(delay), is_down: false }
    }
}
