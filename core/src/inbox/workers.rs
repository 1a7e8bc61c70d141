//! Messages of several keys handled side by side, those of one key in order.

use std::{
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use smol_str::SmolStr;
use tracing::{Instrument as _, warn};

use super::{Consumer, consumer::Verdict, extension::Extender, handler::Route};
use crate::{
    ports::{BrokerError, Delivery, DeliveryTag, Subscription},
    stop::Stop,
    wake::pause,
};

/// Result of dealing with one delivery, or with several of one key that are given back.
struct Dealt {
    key: SmolStr,
    tags: Vec<DeliveryTag>,
    /// Delay with which it was given back, if it was: the later ones of its key must not overtake it.
    later: Option<Duration>,
    /// The store can't be reached.
    is_down: bool,
}

/// Reason for taking no further deliveries until those in hand are dealt with.
enum Halt {
    Stop,
    /// The store can't be reached: a pause of this long follows.
    Down(Duration),
    /// The subscription is lost.
    Lost(BrokerError),
}

/// Something that a consumer with several hands waits for.
enum Next {
    Stop,
    Dealt(Dealt),
    Received(Result<Vec<Delivery>, BrokerError>),
}

/// Deliveries in hand.
struct Hands<'a> {
    consumer: &'a Consumer,
    subscription: &'a dyn Subscription,
    /// Times in a row that the store could not be reached.
    store_errors: u32,
    dealing: FuturesUnordered<BoxFuture<'a, Dealt>>,
    /// Keys of which a message is dealt with, with those that wait behind it. A broker that hands out one message of a key
    /// at a time leaves these empty.
    lanes: BTreeMap<SmolStr, VecDeque<Delivery>>,
    /// Messages that may end their process, and later ones of their keys: they are handled alone, one after the other.
    suspects: VecDeque<Delivery>,
    /// All that is in hand, dealt with or waiting.
    tags: Vec<DeliveryTag>,
    receiving: Option<BoxFuture<'a, Result<Vec<Delivery>, BrokerError>>>,
    extender: Option<&'a Extender<'a>>,
    /// Waits until what is in hand is to be extended.
    due: Option<BoxFuture<'a, ()>>,
    extending: Option<BoxFuture<'a, ()>>,
    halt: Option<Halt>,
}

impl Consumer {
    /// Deals with deliveries of several keys side by side, until a stop is asked for or the subscription is lost.
    pub(super) async fn serve_side_by_side(
        &self,
        subscription: &dyn Subscription,
        stop: &Stop,
        errors: &mut u32,
    ) -> Result<(), BrokerError> {
        let extender = Extender::new(&self.name, &self.config, &*self.clock, subscription);
        let mut hands = Hands::of(self, subscription, extender.as_ref());
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
                        hands.halt = down.map(Halt::Down);
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
        let verdict = self.take(&delivery, None, true).instrument(span.clone()).await;
        let is_down = verdict == Verdict::StoreDown;
        let later = match verdict {
            Verdict::Done => None,
            Verdict::Later(delay) => Some(delay),
            Verdict::StoreDown => Some(self.config.store_backoff.delay(store_errors, &*self.random)),
            // Nobody is before the last one.
            Verdict::Last(_) => Some(Duration::ZERO),
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

impl<'a> Hands<'a> {
    fn of(consumer: &'a Consumer, subscription: &'a dyn Subscription, extender: Option<&'a Extender<'a>>) -> Self {
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
    fn ask(&mut self) {
        let config = &self.consumer.config;
        let free = config.workers.saturating_sub(self.lanes.len());
        let room = config.batch.max(config.workers).saturating_sub(self.tags.len());
        let max = free.min(room).min(config.batch);
        if max > 0 && self.receiving.is_none() && self.suspects.is_empty() && self.halt.is_none() {
            self.receiving = Some(self.subscription.receive(max));
        }
    }

    async fn next(&mut self, stop: &Stop, mut stopped: Pin<&mut impl Future<Output = ()>>) -> Next {
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
    fn halt(&mut self, halt: Halt) {
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

    fn take(&mut self, deliveries: Vec<Delivery>) {
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
    fn dealt(&mut self, Dealt { key, tags, later, is_down }: Dealt) {
        self.tags.retain(|tag| !tags.contains(tag));
        if self.tags.is_empty() {
            self.due = None;
        }
        match later {
            Some(delay) if is_down => self.halt(Halt::Down(delay)),
            Some(_) => {}
            None if self.halt.is_none() => self.store_errors = 0,
            None => {}
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
