//! Deliveries of a batch, handled one after the other.

use std::{collections::VecDeque, iter::once, time::Duration};

use smol_str::SmolStr;
use tracing::Instrument;

use super::{Consumer, extension::Extender};
use crate::{
    ports::{Delivery, Subscription},
    stop::Stop,
};

/// Decision about a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryOutcome {
    /// Acknowledge it: handled now or before, buried, or ignored.
    Done,
    /// Give it back, to come again after this long.
    Later(Duration),
    /// The store can't be reached: nothing else will work either.
    StoreDown,
    /// It may end the process, and has been counted as so many failures: the others of the batch come first.
    Last(u32),
}

impl Consumer {
    /// Handles deliveries in order. How long to pause, if the store can't be reached.
    pub(super) async fn work_off(
        &self,
        subscription: &dyn Subscription,
        deliveries: impl IntoIterator<Item = Delivery>,
        stop: &Stop,
        store_errors: u32,
        extender: Option<&Extender<'_>>,
    ) -> Option<Duration> {
        let mut due = extender.map(Extender::due);
        // Keys of which a message waits: the later ones of the batch must not overtake it.
        let mut waiting: Vec<(SmolStr, Duration)> = Vec::new();
        let mut down = None;
        let mut queue: VecDeque<(Delivery, Option<u32>)> =
            deliveries.into_iter().map(|delivery| (delivery, None)).collect();
        while let Some((delivery, counted)) = queue.pop_front() {
            let key = &delivery.message.partition_key;
            let held = waiting.iter().find(|(waits, _)| waits == key).map(|&(_, delay)| delay);
            let span = self.span(&delivery);
            let outcome = if stop.is_set() {
                DeliveryOutcome::Later(Duration::ZERO)
            } else if let Some(delay) = down.or(held) {
                DeliveryOutcome::Later(delay)
            } else {
                let taking = self.take(&delivery, counted, queue.is_empty()).instrument(span.clone());
                match extender.zip(due.as_mut()) {
                    None => taking.await,
                    Some((extender, due)) => {
                        let in_hand = || once(&delivery).chain(queue.iter().map(|(waiting, _)| waiting));
                        extender.beside(due, taking, || in_hand().map(|delivery| delivery.tag).collect()).await
                    }
                }
            };
            let later = match outcome {
                DeliveryOutcome::Last(failures) => {
                    put_last(&mut queue, delivery, failures);
                    continue;
                }
                DeliveryOutcome::Done => None,
                DeliveryOutcome::Later(delay) => {
                    if held.is_none() {
                        waiting.push((key.clone(), delay));
                    }
                    Some(delay)
                }
                DeliveryOutcome::StoreDown => {
                    let delay = self.config.store_backoff.delay(store_errors, &*self.random);
                    down = Some(delay);
                    down
                }
            };
            self.tell(subscription, &delivery, later, span).await;
        }
        down
    }
}

/// Puts a delivery behind those of all other keys, before the later ones of its own.
fn put_last(queue: &mut VecDeque<(Delivery, Option<u32>)>, delivery: Delivery, failures: u32) {
    let (own, others) = std::mem::take(queue)
        .into_iter()
        .partition::<Vec<_>, _>(|(other, _)| other.message.partition_key == delivery.message.partition_key);
    queue.extend(others);
    queue.push_back((delivery, Some(failures)));
    queue.extend(own);
}
