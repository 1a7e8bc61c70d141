//! Deliveries in hand, and what is waited for meanwhile.

use std::{
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use smol_str::SmolStr;

use crate::{
    inbox::{Consumer, extension::Extender},
    ports::{BrokerError, Delivery, DeliveryTag, Subscription},
    stop::Stop,
};

/// Result of dealing with one delivery, or with several of one key that are given back.
pub(super) struct Dealt {
    pub(super) key: SmolStr,
    pub(super) tags: Vec<DeliveryTag>,
    /// Delay with which it was given back, if it was: the later ones of its key must not overtake it.
    pub(super) later: Option<Duration>,
    /// The store can't be reached.
    pub(super) is_down: bool,
}

/// Reason for taking no further deliveries until those in hand are dealt with.
pub(super) enum Halt {
    Stop,
    /// The store can't be reached: a pause of this long follows.
    Down(Duration),
    /// The subscription is lost.
    Lost(BrokerError),
}

/// Something that a consumer with several hands waits for.
pub(super) enum Next {
    Stop,
    Dealt(Dealt),
    Received(Result<Vec<Delivery>, BrokerError>),
}

/// Deliveries in hand.
pub(super) struct Hands<'a> {
    consumer: &'a Consumer,
    subscription: &'a dyn Subscription,
    /// Times in a row that the store could not be reached.
    pub(super) store_errors: u32,
    pub(super) dealing: FuturesUnordered<BoxFuture<'a, Dealt>>,
    /// Keys of which a message is dealt with, with those that wait behind it. A broker that hands out one message of a key
    /// at a time leaves these empty.
    lanes: BTreeMap<SmolStr, VecDeque<Delivery>>,
    /// Messages that may end their process, and later ones of their keys: they are handled alone, one after the other.
    pub(super) suspects: VecDeque<Delivery>,
    /// All that is in hand, dealt with or waiting.
    pub(super) tags: Vec<DeliveryTag>,
    receiving: Option<BoxFuture<'a, Result<Vec<Delivery>, BrokerError>>>,
    extender: Option<&'a Extender<'a>>,
    /// Waits until what is in hand is to be extended.
    pub(super) due: Option<BoxFuture<'a, ()>>,
    extending: Option<BoxFuture<'a, ()>>,
    pub(super) halt: Option<Halt>,
}

impl<'a> Hands<'a> {
    /// Hands of a consumer that has taken nothing yet.
    pub(super) fn new(
        consumer: &'a Consumer,
        subscription: &'a dyn Subscription,
        extender: Option<&'a Extender<'a>>,
    ) -> Self {
        Self {
            consumer,
            subscription,
            store_errors: 0,
            dealing: FuturesUnordered::new(),
            lanes: BTreeMap::new(),
            suspects: VecDeque::new(),
            tags: Vec::new(),
            receiving: None,
            extender,
            due: None,
            extending: None,
            halt: None,
        }
    }

    /// Asks for as many deliveries as there are hands free, unless it has asked already or takes none.
    pub(super) fn ask(&mut self) {
        let config = &self.consumer.config;
        let free = config.workers.saturating_sub(self.lanes.len());
        let room = config.batch.max(config.workers).saturating_sub(self.tags.len());
        let max = free.min(room).min(config.batch);
        if max > 0 && self.receiving.is_none() && self.suspects.is_empty() && self.halt.is_none() {
            self.receiving = Some(self.subscription.receive(max));
        }
    }

    /// Waits for what comes next.
    pub(super) async fn next(&mut self, stop: &Stop, mut stopped: Pin<&mut impl Future<Output = ()>>) -> Next {
        poll_fn(|cx| {
            let is_stopping = matches!(self.halt, Some(Halt::Stop | Halt::Lost(_)));
            if !is_stopping && (stop.is_set() || stopped.poll_unpin(cx).is_ready()) {
                return Poll::Ready(Next::Stop);
            }
            if let Some(extending) = &mut self.extending
                && extending.poll_unpin(cx).is_ready()
            {
                self.extending = None;
            }
            if let (Some(due), Some(extender)) = (&mut self.due, self.extender)
                && due.poll_unpin(cx).is_ready()
            {
                let mut extending = Box::pin(extender.extend(self.tags.clone()));
                let mut due = extender.due();
                let is_pending = extending.poll_unpin(cx).is_pending();
                self.extending = is_pending.then_some(extending as _);
                let _ = due.poll_unpin(cx);
                self.due = Some(due);
            }
            if let Poll::Ready(Some(dealt)) = self.dealing.poll_next_unpin(cx) {
                return Poll::Ready(Next::Dealt(dealt));
            }
            if let Some(receiving) = &mut self.receiving
                && let Poll::Ready(received) = receiving.poll_unpin(cx)
            {
                self.receiving = None;
                return Poll::Ready(Next::Received(received));
            }
            Poll::Pending
        })
        .await
    }

    /// Takes no more from here on: what waits is given back, what is being handled is finished.
    pub(super) fn halt(&mut self, halt: Halt) {
        let delay = match &halt {
            Halt::Down(delay) => *delay,
            Halt::Stop | Halt::Lost(_) => {
                self.receiving = None;
                Duration::ZERO
            }
        };
        // A stop that comes during an outage wins.
        if !matches!((&self.halt, &halt), (Some(_), Halt::Down(_))) {
            self.halt = Some(halt);
        }
        let mut waiting: BTreeMap<SmolStr, Vec<Delivery>> = BTreeMap::new();
        for suspect in std::mem::take(&mut self.suspects) {
            waiting.entry(suspect.message.partition_key.clone()).or_default().push(suspect);
        }
        for (key, deliveries) in waiting {
            self.give_back(key, deliveries, delay);
        }
    }

    /// Takes deliveries in hand.
    pub(super) fn take(&mut self, deliveries: Vec<Delivery>) {
        if self.tags.is_empty() {
            self.due = self.extender.map(Extender::due);
        }
        for delivery in deliveries {
            self.tags.push(delivery.tag);
            let key = &delivery.message.partition_key;
            if let Some(Halt::Down(delay)) = self.halt {
                self.give_back(key.clone(), vec![delivery], delay);
            } else if self.consumer.suspects(&delivery)
                || self.suspects.iter().any(|suspect| suspect.message.partition_key == *key)
            {
                self.suspects.push_back(delivery);
            } else if let Some(lane) = self.lanes.get_mut(key) {
                lane.push_back(delivery);
            } else {
                self.lanes.insert(key.clone(), VecDeque::new());
                self.deal(delivery);
            }
        }
    }

    fn deal(&mut self, delivery: Delivery) {
        let (consumer, subscription, errors) = (self.consumer, self.subscription, self.store_errors);
        self.dealing.push(Box::pin(consumer.deal(subscription, delivery, errors)));
    }

    fn give_back(&mut self, key: SmolStr, deliveries: Vec<Delivery>, delay: Duration) {
        self.lanes.entry(key.clone()).or_default();
        let (consumer, subscription) = (self.consumer, self.subscription);
        self.dealing.push(Box::pin(consumer.give_back(subscription, key, deliveries, delay)));
    }

    /// Goes on with a key of which something was dealt with.
    pub(super) fn dealt(&mut self, Dealt { key, tags, later, is_down }: Dealt) {
        self.tags.retain(|tag| !tags.contains(tag));
        if self.tags.is_empty() {
            self.due = None;
        }
        match later {
            Some(delay) if is_down => self.halt(Halt::Down(delay)),
            Some(_) => {}
            None => self.store_errors = 0,
        }
        let halted = self.halt.as_ref().map(|halt| if let Halt::Down(delay) = halt { *delay } else { Duration::ZERO });
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        if let Some(delay) = later.or(halted) {
            let mut waiting: Vec<Delivery> = lane.drain(..).collect();
            // Suspects of this key came behind it.
            let (own, others) = std::mem::take(&mut self.suspects)
                .into_iter()
                .partition::<Vec<_>, _>(|suspect| suspect.message.partition_key == key);
            self.suspects = others.into();
            waiting.extend(own);
            if !waiting.is_empty() {
                return self.give_back(key, waiting, delay);
            }
        } else if let Some(next) = lane.pop_front() {
            return self.deal(next);
        }
        self.lanes.remove(&key);
    }
}
