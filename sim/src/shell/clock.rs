use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt};
use seaworthy_core::ports::{Clock, Spawner, Timestamp};
use smol_str::SmolStr;
use tracing::Instrument;

use super::Door;
use crate::{
    executor::{Spawner as Tasks, Time},
    kernel::{Hit, Life, Meter, Mortal, OnPanic, Waiting, World, process_span},
    plan::FaultKind,
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
}

/// A process's clock, which a plan may skew.
pub(super) struct ProcessClock(Door);

impl ProcessClock {
    pub(super) fn new(door: Door) -> Self {
        Self(door)
    }
}

#[async_trait]
impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        let now = self.0.world.now();
        // The clock of a dead incarnation may still be read, by a destructor; no fault strikes for its sake.
        if !self.0.world.is_disturbed() || self.0.life.is_dead() {
            return now;
        }
        let process = self.0.life.process;
        let mut offset_ms = 0;
        self.0.world.disturb(
            |timed| timed.kind == FaultKind::ClockSkew && timed.hit == Hit::Process(process),
            |timed| offset_ms += timed.amount,
        );
        Timestamp::from_micros(now.as_micros().saturating_add(offset_ms.saturating_mul(1_000)))
    }

    async fn sleep(&self, duration: Duration) {
        let _waiting = Waiting::new(&self.0.life.pulse.sleeps);
        self.idle(duration).await;
        self.0.world.stretch(&self.0.life, duration).await;
    }

    async fn idle(&self, duration: Duration) {
        self.0.life.alive(self.0.world.meter.sleep(duration)).await;
    }
}

/// Starts tasks that die with their incarnation.
pub(crate) struct TaskSpawner {
    life: Arc<Life>,
    on_panic: OnPanic,
    keeps_spans: bool,
    tasks: Tasks<Mortal>,
}

impl TaskSpawner {
    pub(crate) fn new(world: &Arc<World>, life: &Arc<Life>) -> Arc<Self> {
        let (keeps_spans, tasks) = (world.keeps_spans, world.spawner.clone());
        let world = Arc::downgrade(world);
        let on_panic = Arc::new(move |life: &Life, message: SmolStr| {
            if let Some(world) = world.upgrade() {
                world.panicked(life, message);
            }
        });
        Arc::new(Self { life: life.clone(), on_panic, keeps_spans, tasks })
    }
}

impl Spawner for TaskSpawner {
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) {
        if !self.life.is_dead() {
            let task = if self.keeps_spans {
                task.instrument(process_span(self.life.process, self.life.incarnation)).boxed()
            } else {
                task
            };
            self.tasks.spawn(Mortal::new(self.life.clone(), task, self.on_panic.clone()));
        }
    }
}
