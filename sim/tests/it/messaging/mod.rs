//! What tests of the core's messaging over the simulated store and broker need: a bench in virtual time, and a broker
//! that says what a test wants it to say.
#![allow(dead_code, reason = "each test crate uses its own part")]

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::MessageId,
    message::{Message, MessageBuilder},
    outbox::{LogRelay, Relay, RelayConfig},
    ports::{
        Broker, BrokerError, Clock, PublishError, PublishResult, Random, Store, Subscription, SubscriptionSpec,
        Timestamp,
    },
    wake::Wake,
};
use seaworthy_sim::{
    broker::{BrokerConfig, MemoryBroker},
    store::MemoryStore,
};

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Virtual time, started at the epoch.
pub(crate) struct VirtualClock(madsim::time::TimeHandle);

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH + self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        madsim::time::sleep(duration).await;
    }
}

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Dice(AtomicU64);

impl Random for Dice {
    fn next_u64(&self) -> u64 {
        let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// What the broker says of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    Accept,
    /// Accepts it and loses the acknowledgement.
    Lose,
    /// Does not accept it, and loses that.
    LoseUnheard,
    Reject,
    Throttle,
}

type Script = Box<dyn FnMut(&Message, Timestamp) -> Say + Send>;

/// One message in one publish, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) at: Timestamp,
    /// Which call it was a part of.
    pub(crate) call: usize,
    pub(crate) id: MessageId,
    pub(crate) key: String,
    pub(crate) sequence: u64,
    pub(crate) gap: u32,
    pub(crate) said: Say,
}

/// The simulated broker behind a script and a log.
pub(crate) struct ScriptedBroker {
    pub(crate) inner: MemoryBroker,
    clock: Arc<dyn Clock>,
    script: Mutex<Script>,
    log: Mutex<Vec<Published>>,
    calls: AtomicU64,
    /// How long a publish takes.
    latency: Mutex<Duration>,
    /// Whether calls fail as a whole.
    outage: Mutex<Option<BrokerError>>,
}

impl ScriptedBroker {
    pub(crate) fn says(&self, script: impl FnMut(&Message, Timestamp) -> Say + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub(crate) fn takes(&self, latency: Duration) {
        *self.latency.lock().unwrap() = latency;
    }

    pub(crate) fn fails(&self, error: Option<BrokerError>) {
        *self.outage.lock().unwrap() = error;
    }

    pub(crate) fn log(&self) -> Vec<Published> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// How often each message was handed to the broker, accepted or not.
    pub(crate) fn times(&self) -> BTreeMap<MessageId, usize> {
        let mut times = BTreeMap::new();
        for published in self.log() {
            *times.entry(published.id).or_default() += 1;
        }
        times
    }
}

#[async_trait]
impl Broker for ScriptedBroker {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) as usize;
        let latency = *self.latency.lock().unwrap();
        if !latency.is_zero() {
            madsim::time::sleep(latency).await;
        }
        if let Some(error) = self.outage.lock().unwrap().clone() {
            return Err(error);
        }
        let mut results = Vec::new();
        for message in batch {
            let at = self.clock.now();
            let said = (self.script.lock().unwrap())(message, at);
            if matches!(said, Say::Accept | Say::Lose) {
                self.inner.publish(std::slice::from_ref(message)).await?;
            }
            let (id, key, sequence) = (message.id, message.partition_key.to_string(), message.sequence);
            self.log.lock().unwrap().push(Published { at, call, id, key, sequence, gap: message.gap, said });
            results.push(match said {
                Say::Accept => Ok(()),
                Say::Lose | Say::LoseUnheard => Err(PublishError::Unknown("connection reset".into())),
                Say::Reject => Err(PublishError::Refused("too large".into())),
                Say::Throttle => Err(PublishError::Unavailable("throttled".into())),
            });
        }
        Ok(results)
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let outage = self.outage.lock().unwrap().clone();
        match outage {
            Some(error) => Err(error),
            None => self.inner.subscribe(spec).await,
        }
    }
}

/// A store, a broker, a clock and dice of one run.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) broker: Arc<ScriptedBroker>,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) random: Arc<Dice>,
}

impl Bench {
    pub(crate) fn relay(&self, config: RelayConfig) -> Relay {
        self.relay_with(config, Wake::new())
    }

    pub(crate) fn relay_with(&self, config: RelayConfig, wake: Wake) -> Relay {
        let (store, broker) = (self.store.clone(), self.broker.clone());
        Relay::from_parts(store, broker, self.clock.clone(), self.random.clone()).config(config).wake(wake)
    }

    pub(crate) fn log_relay(&self, config: RelayConfig) -> LogRelay {
        self.log_relay_with(config, Wake::new())
    }

    pub(crate) fn log_relay_with(&self, config: RelayConfig, wake: Wake) -> LogRelay {
        let (store, broker) = (self.store.clone(), self.broker.clone());
        LogRelay::from_parts(store, broker, self.clock.clone(), self.random.clone(), "relay").config(config).wake(wake)
    }

    /// Where the relays that tail the log are.
    pub(crate) async fn position(&self) -> Option<u64> {
        let mut tx = self.store.begin().await.unwrap();
        tx.checkpoint("relay").await.unwrap()
    }

    /// Stages one message in a transaction of its own.
    pub(crate) async fn stage(&self, key: &str, kind: &str) -> MessageId {
        let message = MessageBuilder::new("orders", kind, key).json(&key).unwrap().draw(&*self.clock, &*self.random);
        let mut tx = self.store.begin().await.unwrap();
        seaworthy_core::ports::OutboxWrites::stage(&mut *tx, &message).await.unwrap();
        tx.commit().await.unwrap();
        message.id
    }

    /// Stages `count` messages with a key each.
    pub(crate) async fn stage_many(&self, count: usize) -> Vec<MessageId> {
        let mut ids = Vec::new();
        for number in 0..count {
            ids.push(self.stage(&format!("order-{number}"), "order.placed").await);
        }
        ids
    }

    pub(crate) async fn unsettled(&self) -> u64 {
        self.store.backlog().await.unwrap().outbox_unsettled
    }

    /// Lets virtual time pass.
    pub(crate) async fn pass(&self, duration: Duration) {
        madsim::time::sleep(duration).await;
    }
}

/// Runs a test on a bench of its own, in virtual time, on a fresh thread as the simulator does.
pub(crate) fn on_bench<F: Future<Output = ()>>(seed: u64, test: impl FnOnce(Bench) -> F + Send) {
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            madsim::runtime::Runtime::with_seed_and_config(seed, madsim::Config::default()).block_on(async {
                let clock = Arc::new(VirtualClock(madsim::time::TimeHandle::current()));
                let broker = ScriptedBroker {
                    inner: MemoryBroker::new(clock.clone(), BrokerConfig::default()),
                    clock: clock.clone(),
                    script: Mutex::new(Box::new(|_, _| Say::Accept)),
                    log: Mutex::default(),
                    calls: AtomicU64::new(0),
                    latency: Mutex::default(),
                    outage: Mutex::default(),
                };
                let store = Arc::new(MemoryStore::new(clock.clone()));
                let random = Arc::new(Dice(AtomicU64::new(seed)));
                test(Bench { store, broker: Arc::new(broker), clock, random }).await;
            });
        });
        if let Err(panic) = run.join() {
            std::panic::resume_unwind(panic);
        }
    });
}
