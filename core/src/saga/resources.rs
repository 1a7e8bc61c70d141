use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use smol_str::SmolStr;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{OrchestratorConfig, Passage, State, interrupted::Interrupted, watchers::Watchers};
use crate::{
    backoff::Backoff,
    ids::SagaId,
    ports::{
        Clock, External, Ports, Random, SagaInstance, SagaStatus, Spawner, Store, StoreError, Timestamp, answered,
    },
    stop::Stop,
    wake::Wake,
};

/// Resources that all executions of one orchestrator share.
pub(crate) struct Resources {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) external: Arc<dyn External>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) spawner: Arc<dyn Spawner>,
    pub(crate) stop: Stop,
    pub(crate) config: OrchestratorConfig,
    /// The names of all definitions that this process can run.
    pub(crate) names: Vec<SmolStr>,
    /// The store's clock minus ours, in microseconds, as last seen.
    offset: AtomicI64,
    active: AtomicUsize,
    reserved: AtomicUsize,
    /// Recovery took fewer sagas than it might have, for want of room.
    starved: AtomicBool,
    idle: Notify,
    /// Sagas that the store has this process leave again and again.
    pub(crate) interrupted: Interrupted,
    /// Hints that a step has committed.
    pub(crate) committed: OnceLock<Wake>,
    /// Hints that this process let go of a saga that is not over, so that recovery looks for it soon.
    pub(crate) left: Wake,
    /// Those who wait here for a saga to come to rest.
    pub(crate) watchers: Arc<Watchers>,
}

impl Resources {
    pub(crate) fn new(ports: &Ports, names: Vec<SmolStr>, config: OrchestratorConfig) -> Self {
        Self {
            store: ports.store.clone(),
            clock: ports.clock.clone(),
            external: ports.external.clone(),
            random: ports.random.clone(),
            spawner: ports.spawner.clone(),
            stop: ports.stop.clone(),
            names,
            config,
            offset: AtomicI64::new(0),
            active: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
            starved: AtomicBool::new(false),
            idle: Notify::new(),
            interrupted: Interrupted::default(),
            committed: OnceLock::new(),
            left: Wake::new(),
            watchers: Arc::default(),
        }
    }

    /// The store's clock, as far as it is known: deadlines and timers are the store's, and processes' clocks differ.
    pub(crate) fn store_now(&self) -> Timestamp {
        let own = self.clock.now().as_micros();
        Timestamp::from_micros(own.saturating_add(self.offset.load(Ordering::Relaxed)))
    }

    /// Learns what the store's clock shows right now.
    pub(crate) fn synchronize(&self, store_now: Timestamp) {
        let offset = store_now.as_micros().saturating_sub(self.clock.now().as_micros());
        self.offset.store(offset, Ordering::Relaxed);
    }

    /// Asks the store for its clock.
    pub(crate) async fn read_store_clock(&self) -> Result<(), StoreError> {
        self.synchronize(self.answered(self.store.now()).await?);
        Ok(())
    }

    /// Waits for an answer of the store, for as long as one may take.
    pub(crate) async fn answered<T, E: From<StoreError>>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        answered(&*self.clock, self.config.store_limit, call).await
    }

    /// Returns the delay after the store has failed `failures` times in a row.
    pub(crate) fn store_delay(&self, failures: u32) -> Duration {
        Backoff::new(Duration::from_millis(5), Duration::from_secs(1)).delay(failures, &*self.random)
    }

    /// Returns how many more sagas this process may drive.
    pub(crate) fn room(&self) -> usize {
        let taken = self.active.load(Ordering::Relaxed) + self.reserved.load(Ordering::Relaxed);
        self.config.concurrency.saturating_sub(taken)
    }

    /// Returns how many sagas may be taken over at once. Recovery hears of it when there is room for as many again.
    pub(crate) fn room_for_a_batch(&self) -> usize {
        // First: room that becomes free from here on is heard of.
        self.starved.store(true, Ordering::Relaxed);
        let room = self.room();
        if room >= self.config.batch {
            self.starved.store(false, Ordering::Relaxed);
        }
        room.min(self.config.batch)
    }

    /// Says that recovery has found all that there is.
    pub(crate) fn has_all(&self) {
        self.starved.store(false, Ordering::Relaxed);
    }

    /// Counts one more saga that is being driven, until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Active {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(self.clone())
    }

    /// Keeps room for a saga that is being created, if there is any.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<Reserved> {
        let has_room = self.room() > 0;
        has_room.then(|| {
            self.reserved.fetch_add(1, Ordering::Relaxed);
            Reserved(self.clone())
        })
    }

    /// Hints that there is room, where recovery stopped for want of it.
    fn hint_room(&self) {
        let enough = self.config.batch.min(self.config.concurrency.div_ceil(2));
        if self.starved.load(Ordering::Relaxed) && self.room() >= enough {
            self.starved.store(false, Ordering::Relaxed);
            self.left.hint();
        }
    }

    /// Waits until no saga is being driven.
    pub(crate) async fn all_left(&self) {
        loop {
            let left = self.idle.notified();
            if self.active.load(Ordering::Relaxed) == 0 {
                return;
            }
            left.await;
        }
    }
}

pub(crate) struct Active(Arc<Resources>);

impl Drop for Active {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.idle.notify_waiters();
        }
        self.0.hint_room();
    }
}

/// Room that is kept for a saga which may come. A process that stops does not wait for it.
pub(crate) struct Reserved(Arc<Resources>);

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.reserved.fetch_sub(1, Ordering::Relaxed);
        self.0.hint_room();
    }
}

/// A saga that this process owns.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) saga: SagaId,
    pub(crate) key: SmolStr,
    pub(crate) input: Bytes,
    pub(crate) correlation_id: Uuid,
    pub(crate) epoch: u64,
    pub(crate) length: u64,
    /// Its state, where it is known without reading the log.
    pub(crate) state: Option<State>,
    /// Status of the saga, as the store keeps it.
    pub(crate) status: SagaStatus,
    /// Its passage to the version that it is driven under, if it was stored under another.
    pub(crate) passage: Option<Arc<Passage>>,
}

impl Owned {
    pub(crate) fn from_instance(instance: SagaInstance, passage: Option<Arc<Passage>>) -> Self {
        Self {
            saga: instance.id,
            key: instance.key,
            input: instance.input,
            correlation_id: instance.correlation_id,
            epoch: instance.epoch,
            length: instance.log_length,
            state: None,
            status: instance.status,
            passage,
        }
    }
}
