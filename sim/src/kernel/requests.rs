use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use seaworthy_core::ports::{Ingress, Request, Response};

use super::{Asked, Incarnation, World, pulse::Listening};

/// Requests as they arrive at a process.
pub(crate) struct Requests {
    world: Arc<World>,
    incarnation: Arc<Incarnation>,
}

impl Requests {
    pub(crate) fn new(world: &Arc<World>, incarnation: &Arc<Incarnation>) -> Self {
        Self { world: world.clone(), incarnation: incarnation.clone() }
    }

    async fn take(&self) -> Asked {
        let _listening = Listening::new(&self.incarnation.pulse);
        loop {
            let arrival = {
                let mut state = self.world.state();
                let process = &mut state.processes[usize::from(self.incarnation.process.0)];
                if let Some(asked) = process.requests.pop_front() {
                    process.taken = Some(asked.clone());
                    return asked;
                }
                process.arrival.clone().notified_owned()
            };
            arrival.await;
        }
    }
}

#[async_trait]
impl Ingress for Requests {
    async fn next(&self) -> Option<Request> {
        let Asked { number, operation, body, answer } = self.take().await;
        // An earlier attempt may have been answered before; and whoever asked may be gone, so that nobody hears.
        let response = Response::numbered(number, move |said| {
            let sender = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(sender) = sender {
                let _ = sender.send(said);
            }
        });
        Some(Request { operation, body, response })
    }
}
