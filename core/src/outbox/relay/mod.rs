mod work;

use std::{pin::pin, sync::Arc};

use tracing::{Instrument, debug_span};

use super::{PassReport, RelayConfig, poll::Polling, publisher::Publisher, setters::relay_setters, survived::Survived};
use crate::{
    ids::ClaimToken,
    ports::{Broker, ClaimRequest, Clock, Part, Ports, Random, Scopes, Store, StoreError, answered, draw_id, scoped},
    startup::can_run,
    stop::Stop,
    wake::Wake,
};

/// Publishes what was staged: claims rows, publishes them with no transaction open, settles each by its own result.
///
/// | the broker says | the row |
/// |---|---|
/// | accepted | is dispatched |
/// | refused | is dead |
/// | unavailable | is given back; if nothing of its topic was answered the topic is left alone, longer each time. An attempt is spent only if others of its topic pass meanwhile, as many as wait like it |
/// | unknown | is tried again under the same id; the attempt is spent only if others of its topic pass meanwhile |
///
/// A row that spends attempts waits longer after each, is said by its message's id at `WARN`, and is dead at the
/// [last](RelayConfig::max_attempts). Others of its topic go on.
///
/// A topic that can't be reached stops no other, however many of its rows wait. Later rows of a key wait for earlier ones
/// whatever their topics are.
///
/// Any number of relays may run on one store. Settling is fenced by the claim, so that a relay whose lease has ended
/// changes nothing. A call to the broker that does not end in time, or panics, is one whose outcome is unknown.
///
/// ```
/// use seaworthy_core::{outbox::Relay, ports::Ports, wake::Wake};
///
/// async fn process(ports: Ports) {
///     let wake = Wake::new(); // its clones are for those who stage messages
///     Relay::new(&ports).wake(wake).run().await;
/// }
/// ```
pub struct Relay {
    store: Arc<dyn Store>,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    config: RelayConfig,
    survived: Survived,
    /// Batches with which the next pass begins, since this one had no time for them.
    turn: usize,
    /// The same of rows that may be what kills their relays.
    suspects_wait: bool,
    wake: Wake,
    /// Passes may be dropped one by one.
    scopes: Scopes,
    stop: Stop,
}

impl Relay {
    /// A relay of a process: it publishes what is staged in the process's store until the process is asked to stop, with
    /// the default configuration, and polls for work unless it is given a [`wake`](Self::wake).
    pub fn new(ports: &Ports) -> Self {
        let Ports { store, broker, clock, random, stop, .. } = ports;
        let mut relay = Self::from_parts(store.clone(), broker.clone(), clock.clone(), random.clone());
        relay.scopes = Some(ports.spawner.clone());
        relay.stop(stop.clone())
    }

    /// A relay that publishes what is staged in `store` to `broker`, outside a process: it never stops unless it is given
    /// a [`stop`](Self::stop).
    pub fn from_parts(
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let publisher = Publisher::new(broker, Arc::clone(&clock), Arc::clone(&random));
        Self {
            store,
            publisher,
            clock,
            random,
            config: RelayConfig::default(),
            survived: Survived::default(),
            turn: 0,
            suspects_wait: false,
            wake: Wake::new(),
            scopes: None,
            stop: Stop::new(),
        }
    }

    /// Sets how it works. A call to the broker gets no more than two thirds of the lease, whatever its limit says.
    #[must_use]
    pub fn config(mut self, mut config: RelayConfig) -> Self {
        config.publish_limit = config.publish_limit.min(config.lease / 3 * 2);
        self.config = config;
        self
    }

    relay_setters!();

    /// Publishes until a stop is asked for. What is claimed and not published by then is given back.
    ///
    /// Ends at once, with an error in the log and to the process, if the store has no [outbox](Part::Outbox) or a setting
    /// [can't work](RelayConfig::check).
    ///
    /// Dropping the future, as a crash does, leaves claimed rows to the end of their lease.
    pub async fn run(mut self) {
        let (process, settings) = (self.scopes.as_deref(), self.config.check());
        if !can_run(format_args!("relay"), process, settings, &*self.store, &[Part::Outbox]) {
            return;
        }
        let (clock, random) = (Arc::clone(&self.clock), Arc::clone(&self.random));
        let mut polling = Polling::new(self.config.clone(), clock, random, self.wake.clone(), self.stop.clone());
        let scopes = self.scopes.clone();
        while !self.stop.is_set() {
            let report = scoped(scopes.as_deref(), pin!(self.pass())).await;
            polling.pause(report.unwrap_or_else(|dropped| Err(dropped.into()))).await;
        }
    }

    /// Claims once, publishes what it got and settles it. For tests, and for loops of one's own.
    ///
    /// # Errors
    /// Any [`StoreError`] of claiming, or of settling after it was tried again. Rows that stay claimed come back when
    /// their lease ends, and may then be published twice under the same id.
    pub async fn pass(&mut self) -> Result<PassReport, StoreError> {
        let started = self.clock.now();
        let token = ClaimToken(draw_id(&*self.clock, &*self.random));
        let request = ClaimRequest {
            token,
            limit: self.config.batch,
            lease: self.config.lease,
            ordering: self.config.ordering,
            when_dead: self.config.when_dead,
            except_topics: self.publisher.left_alone(),
        };
        let span = debug_span!("relay", claim = %token);
        async {
            let rows = answered(&*self.clock, self.config.store_limit, self.store.claim(&request)).await?;
            if rows.is_empty() {
                return Ok(PassReport::default());
            }
            let mut report = self.work_off(token, started, rows).await?;
            report.expired = self.publisher.take_expired();
            Ok(report)
        }
        .instrument(span)
        .await
    }
}
