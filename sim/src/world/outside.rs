use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, select};
use seaworthy_core::ports::{Refusal, Store, Timestamp};
use smol_str::SmolStr;
use tokio::sync::oneshot;

use crate::{
    kernel::{Asked, Incarnation, IncarnationTask, World, panics::Panicked},
    scenario::Outside,
    trace::{ProcessIndex, micros},
};

/// Time that the client waits for an answer before it asks again. Longer than any single port call, so that asking
/// again is the exception.
const PATIENCE: Duration = Duration::from_secs(2);

/// A wait of the client that is not shorter is taken for a moment at which it will ask; a shorter one may be one of many
/// in which it waits for something to come about.
const NAP: Duration = Duration::from_secs(60);

/// A wait of the client for longer than ten years is one for ever, and no moment at which it will ask.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The world as its client sees it.
pub(super) struct WorldOutside(pub(super) Arc<World>);

impl Outside for WorldOutside {
    fn ask(&self, service: &str, operation: &str, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        let world = self.0.clone();
        let replicas: Vec<ProcessIndex> = (0_u16..)
            .zip(&world.topology.processes)
            .filter(|(_, process)| process.service == service)
            .map(|(index, _)| ProcessIndex(index))
            .collect();
        let (service, operation) = (SmolStr::from(service), SmolStr::from(operation));
        Box::pin(async move {
            // No refusal, which a client may take for an answer: nobody would be asked anything, and all of it would hold.
            assert!(
                !replicas.is_empty(),
                "no process of the topology belongs to service {service:?}, which the client asks; it has {}",
                services(&world)
            );
            let (sender, mut receiver) = oneshot::channel();
            let asked = {
                let at = world.elapsed();
                let mut state = world.state();
                state.asking += 1;
                let number = state.asks.open(service, SmolStr::clone(&operation), at);
                Asked { number, operation, body, answer: Arc::new(Mutex::new(Some(sender))) }
            };
            loop {
                world.deliver(&replicas, &asked);
                if let Either::Left((Ok(answer), _)) = select(&mut receiver, world.meter.sleep(PATIENCE)).await {
                    let mut state = world.state();
                    state.asking -= 1;
                    state.asks.close(asked.number);
                    state.answered += 1;
                    drop(state);
                    world.nudge.notify_one();
                    return answer;
                }
            }
        })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if (NAP..FOR_EVER).contains(&duration) {
            let until = self.0.elapsed().saturating_add(micros(duration));
            let mut state = self.0.state();
            state.fixed = state.fixed.max(until);
        }
        let world = self.0.clone();
        Box::pin(async move { world.meter.sleep(duration).await })
    }

    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn store(&self, name: &str) -> Option<Arc<dyn Store>> {
        self.0.stores.iter().find(|(known, _)| known == name).map(|(_, store)| store.clone())
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let world = self.0.clone();
        world.state().asking += 1;
        let incarnation = world.outside.clone();
        let task = async move {
            task.await;
            world.state().asking -= 1;
            world.nudge.notify_one();
        };
        let world = Arc::downgrade(&self.0);
        let on_panic = Arc::new(move |_: &Incarnation, panicked: Panicked| {
            if let Some(world) = world.upgrade() {
                world.client_panicked(&panicked);
            }
        });
        self.0.spawner.spawn(IncarnationTask::new(incarnation, Box::pin(task), on_panic));
    }
}

/// The services of the topology, each once, where it has any.
fn services(world: &World) -> String {
    if world.topology.processes.is_empty() {
        return "no process at all: add one with `.service(..)` or `.process(..)`".to_owned();
    }
    let mut names: Vec<&str> = world.topology.processes.iter().map(|process| process.service.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

impl World {
    /// Brings a request to one of the replicas that are up; nobody hears it if none is.
    fn deliver(&self, replicas: &[ProcessIndex], asked: &Asked) {
        let mut state = self.state();
        state.asks.asked(asked.number);
        let up: Vec<ProcessIndex> = replicas.iter().copied().filter(|replica| state.hears(*replica)).collect();
        if let Some(replica) = state.routes.pick(&up) {
            state.arrive(*replica, asked.clone());
        }
    }
}
