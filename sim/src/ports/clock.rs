use std::{
    any::Any,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt};
use seaworthy_core::ports::{Clock, Spawner, TakesUp, Timestamp};
use tracing::Instrument;

use crate::{
    executor::{Spawner as Tasks, Time},
    kernel::{
        Hit, Incarnation, IncarnationTask, Meter, OnPanic, Waiting, World, panics::Panicked, process_span, scope,
    },
    plan::FaultKind,
    shell::Gate,
};

/// The world's own clock: what stores and the broker go by.
pub(crate) struct WorldClock {
    time: Time,
    epoch: Timestamp,
    meter: Meter,
}

impl WorldClock {
    pub(crate) fn new(time: Time, epoch: Timestamp, meter: Meter) -> Self {
        Self { time, epoch, meter }
    }
}

#[async_trait]
impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        self.epoch + self.time.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        self.meter.sleep(duration).await;
    }

    async fn yield_now(&self) {}
}

/// A process's clock, which a plan may skew.
pub(super) struct ProcessClock(Gate);

impl ProcessClock {
    pub(super) fn new(gate: Gate) -> Self {
        Self(gate)
    }
}

#[async_trait]
impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        let now = self.0.world.now();
        // The clock of a dead incarnation may still be read, by a destructor; no fault strikes for its sake.
        if !self.0.world.is_disturbed() || self.0.incarnation.is_dead() {
            return now;
        }
        let process = self.0.incarnation.process;
        let mut offset_ms = 0;
        self.0.world.disturb(
            |timed| timed.kind == FaultKind::ClockSkew && timed.hit == Hit::Process(process),
            |timed| offset_ms += timed.amount,
        );
        Timestamp::from_micros(now.as_micros().saturating_add(offset_ms.saturating_mul(1_000)))
    }

    async fn sleep(&self, duration: Duration) {
        let _waiting = Waiting::new(&self.0.incarnation.pulse.sleeps);
        self.idle(duration).await;
        self.0.world.stretch(&self.0.incarnation, duration).await;
    }

    async fn idle(&self, duration: Duration) {
        self.0.incarnation.alive(self.0.world.meter.sleep(duration)).await;
    }

    async fn limit(&self, duration: Duration) {
        let _waiting = Waiting::new(&self.0.incarnation.pulse.sleeps);
        self.0.incarnation.alive(self.0.world.meter.limit(duration)).await;
    }

    // Whose turn is next is drawn at each call of a port, and time stands still while somebody is ready.
    async fn yield_now(&self) {}
}

/// Starts tasks that die with their incarnation.
pub(crate) struct TaskSpawner {
    world: Weak<World>,
    incarnation: Arc<Incarnation>,
    on_panic: OnPanic,
    on_caught: OnPanic,
    keeps_spans: bool,
    tasks: Tasks<IncarnationTask>,
}

impl TaskSpawner {
    pub(crate) fn new(world: &Arc<World>, incarnation: &Arc<Incarnation>) -> Arc<Self> {
        let (keeps_spans, tasks) = (world.keeps_spans, world.spawner.clone());
        let tells = |tell: fn(&World, &Incarnation, Panicked)| -> OnPanic {
            let world = Arc::downgrade(world);
            Arc::new(move |incarnation, panicked| {
                if let Some(world) = world.upgrade() {
                    tell(&world, incarnation, panicked);
                }
            })
        };
        let (on_panic, on_caught) = (tells(World::panicked), tells(World::caught));
        let (world, incarnation) = (Arc::downgrade(world), incarnation.clone());
        Arc::new(Self { world, incarnation, on_panic, on_caught, keeps_spans, tasks })
    }
}

impl Spawner for TaskSpawner {
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) {
        if !self.incarnation.is_dead() {
            let task = if self.keeps_spans {
                task.instrument(process_span(self.incarnation.process, self.incarnation.number)).boxed()
            } else {
                task
            };
            self.tasks.spawn(IncarnationTask::new(self.incarnation.clone(), task, self.on_panic.clone()));
        }
    }

    fn poll_scope(&self, poll: &mut dyn FnMut()) -> bool {
        scope::poll(poll)
    }

    fn caught(&self, panic: &(dyn Any + Send)) {
        (self.on_caught)(&self.incarnation, Panicked::from_payload(panic));
    }

    fn part_ended(&self, part: &str, why: &str) {
        if let Some(world) = self.world.upgrade() {
            world.part_ended(&self.incarnation, part, why);
        }
    }

    fn offer(&self, part: Arc<dyn TakesUp>) {
        self.incarnation.offer(part);
    }
}
