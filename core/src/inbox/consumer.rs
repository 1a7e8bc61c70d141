use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, join, select};
use smol_str::{SmolStr, format_smolstr};
use tracing::{Instrument, Span, debug, info_span, warn};

use super::{ConsumerConfig, Handlers, extension::Extender};
use crate::{
    ports::{
        Broker, BrokerError, Clock, Delivery, Part, Ports, Random, Scopes, Store, Subscription, SubscriptionSpec,
        within,
    },
    startup::can_run,
    stop::Stop,
    wake::{Wake, pause},
};

/// Receives messages and has their effect exactly once: the inbox row, the handler's writes and what it stages are one
/// transaction, and the broker hears of it after the commit.
///
/// Deliveries are handled one after the other, or those of several keys [side by side](ConsumerConfig::workers); several
/// consumers of one name, in one process or many, share the work. Cloning is cheap.
///
/// ```
/// use seaworthy_core::{inbox::{Consumer, Handlers}, ports::Ports};
///
/// async fn shipping(ports: Ports, handlers: Handlers) {
///     Consumer::new(&ports, "shipping", handlers, ["orders"]).run().await;
/// }
/// ```
#[derive(Clone)]
pub struct Consumer {
    pub(super) name: SmolStr,
    pub(super) store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) handlers: Arc<Handlers>,
    pub(super) config: Arc<ConsumerConfig>,
    pub(super) wake: Option<Wake>,
    /// Attempts of handlers may be dropped one by one.
    pub(super) scopes: Scopes,
    pub(super) stop: Stop,
}

impl Consumer {
    /// A consumer of a process, called `name`, which is its consumer group and its part of the inbox key: renaming one
    /// makes it handle everything again. It listens to topics (`["orders"]`) or works as a [`ConsumerConfig`] says, until
    /// the process is asked to stop.
    pub fn new(ports: &Ports, name: impl Into<SmolStr>, handlers: Handlers, config: impl Into<ConsumerConfig>) -> Self {
        let Ports { store, broker, clock, random, stop, .. } = ports;
        let (store, broker) = (store.clone(), broker.clone());
        let mut consumer = Self::from_parts(name, store, broker, clock.clone(), random.clone(), handlers, config);
        consumer.scopes = Some(ports.spawner.clone());
        consumer.stop(stop.clone())
    }

    /// A consumer outside a process: it never stops unless it is given a [`stop`](Self::stop).
    pub fn from_parts(
        name: impl Into<SmolStr>,
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        handlers: Handlers,
        config: impl Into<ConsumerConfig>,
    ) -> Self {
        let (handlers, config) = (Arc::new(handlers), Arc::new(config.into()));
        let (wake, scopes, stop) = (None, None, Stop::new());
        Self { name: name.into(), store, broker, clock, random, handlers, config, wake, scopes, stop }
    }

    /// Hints to this process's relay after each commit, so that what handlers stage is published at once.
    #[must_use]
    pub fn wake(mut self, wake: Wake) -> Self {
        self.wake = Some(wake);
        self
    }

    /// Sets what stops it.
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Consumes until a stop is asked for. Messages that are being handled by then are finished; others are given back.
    ///
    /// Ends at once, with an error in the log and to the process, if a setting can't work or the store has no [inbox](Part::Inbox). What a handler needs beside it, as
    /// an outbox to stage to, is refused at its first call, and the message fails with that reason.
    ///
    /// Dropping the future, as a crash does, rolls back what is open; the broker delivers it again.
    pub async fn run(self) {
        let (process, settings) = (self.scopes.as_deref(), self.config.check());
        if !can_run(format_args!("consumer {}", self.name), process, settings, &*self.store, &[Part::Inbox]) {
            return;
        }
        if let Some(spawner) = &self.scopes {
            spawner.offer(Arc::new(self.clone()));
        }
        // In a box: it is large, and whoever makes, spawns or awaits this future would copy it each time.
        let consuming = Box::pin(self.consume());
        match self.config.redrive_requests {
            None => consuming.await,
            Some(every) => drop(join(consuming, self.heed_requests(every)).await),
        }
    }

    async fn consume(&self) {
        let stop = self.stop.clone();
        let spec = SubscriptionSpec { group: self.name.clone(), topics: self.config.topics.clone() };
        let mut errors = 0;
        while !stop.is_set() {
            let subscribing = self.answered("subscribe", self.broker.subscribe(&spec));
            let subscribed = match select(pin!(stop.wait()), pin!(subscribing)).await {
                Either::Left(_) => break,
                Either::Right((subscribed, _)) => subscribed,
            };
            let served = match subscribed {
                Ok(subscription) if self.config.workers > 1 => {
                    self.serve_side_by_side(&*subscription, &stop, &mut errors).await
                }
                Ok(subscription) => self.serve(&*subscription, &stop, &mut errors).await,
                Err(error) => Err(error),
            };
            if let Err(error) = served {
                let delay = self.config.broker_backoff.delay(errors, &*self.random);
                warn!(consumer = %self.name, %error, ?delay, "consumer subscribes again after a pause");
                errors = errors.saturating_add(1);
                pause(&*self.clock, &stop, delay).await;
            }
        }
    }

    async fn serve(&self, subscription: &dyn Subscription, stop: &Stop, errors: &mut u32) -> Result<(), BrokerError> {
        let mut store_errors = 0;
        let extender = Extender::new(&self.name, &self.config, &*self.clock, subscription);
        while !stop.is_set() {
            let deliveries = match select(pin!(stop.wait()), subscription.receive(self.config.batch)).await {
                Either::Left(_) => break,
                Either::Right((received, _)) => received?,
            };
            *errors = 0;
            let down = self.work_off(subscription, deliveries, stop, store_errors, extender.as_ref()).await;
            store_errors = match down {
                Some(delay) => {
                    warn!(consumer = %self.name, ?delay, "consumer pauses: its store can't be reached");
                    pause(&*self.clock, stop, delay).await;
                    store_errors.saturating_add(1)
                }
                None => 0,
            };
            // Neither the broker nor the store need ever have it wait.
            self.clock.yield_now().await;
        }
        Ok(())
    }

    /// The span in which a delivery is dealt with. It names the trace that the message belongs to, and the span there that it
    /// was sent from, for whoever joins spans of several services.
    pub(super) fn span(&self, delivery: &Delivery) -> Span {
        info_span!(
            "consume",
            consumer = %self.name,
            message = %delivery.message.id,
            kind = %delivery.message.kind,
            redeliveries = delivery.redeliveries,
            trace_id = delivery.message.trace().map(|trace| trace.trace_id),
            parent_id = delivery.message.trace().map(|trace| trace.parent_id),
        )
    }

    /// Tells the broker what became of a delivery: it is done, or to come again after so long.
    pub(super) async fn tell(
        &self,
        subscription: &dyn Subscription,
        delivery: &Delivery,
        later: Option<Duration>,
        span: Span,
    ) {
        let told = match later {
            None => self.answered("ack", subscription.ack(delivery.tag).instrument(span)).await,
            Some(delay) => self.answered("nack", subscription.nack(delivery.tag, delay).instrument(span)).await,
        };
        if let Err(error) = told {
            // It comes again after the visibility timeout, and then is a duplicate if it was handled.
            debug!(message = %delivery.message.id, %error, "the broker did not hear what became of a message");
        }
    }

    /// Waits for an answer of the broker for as long as it may take. What it did by then is unknown, and said.
    async fn answered<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, BrokerError>>,
    ) -> Result<T, BrokerError> {
        within(&*self.clock, self.config.broker_limit, pin!(call)).await.unwrap_or_else(|late| {
            warn!(consumer = %self.name, what, %late, "a broker has not answered, and its call is dropped");
            Err(BrokerError::Unknown(format_smolstr!("the call {late}")))
        })
    }
}
