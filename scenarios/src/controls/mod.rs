//! Right services of other shapes than a shop that rests: none may ever be accused.
//!
//! A harness is judged by its false alarms first, so each of these is run by the hundred thousand seeds in every profile
//! (see the README), and a share of that in `cargo test`.
//!
//! | control | its shape |
//! |---|---|
//! | [`heartbeat`] | writes that it lives each half second, for ever |
//! | [`poller`] | keeps an outbox of its own in documents, and looks into it every 10 ms, 100 ms, 1 s or 1 min |
//! | [`lock`] | replicas compete for leases, and take over what a dead one has left |
//! | [`supervised`] | dies at boot while its database is down; a supervisor restarts it |
//! | [`unkeyed`] | one message a key, handled once |
//! | [`brokerless`] | writes and calls out, and knows no broker |

pub mod brokerless;
pub mod heartbeat;
pub mod lock;
pub mod poller;
pub mod supervised;
pub mod unkeyed;

mod requests;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_sim::{
    invariants::{Invariant, protocol},
    scenario::{Draw, Scenario, Topology},
    world::Client,
};

pub use requests::Requests;

/// A right service: its processes are all that tells it from the others.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    name: &'static str,
    about: &'static str,
    topology: fn() -> Topology,
}

/// The service that takes the requests of every control.
const FRONT: &str = "front";

/// All controls, in the order of the table above.
pub fn all() -> Vec<Control> {
    let mut all = vec![heartbeat::control()];
    all.extend(poller::controls());
    all.extend([lock::control(), supervised::control(), unkeyed::control(), brokerless::control()]);
    all
}

#[async_trait]
impl Scenario for Control {
    type Workload = Requests;

    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn topology(&self) -> Topology {
        (self.topology)()
    }

    fn workload(&self, draw: &mut Draw) -> Requests {
        Requests::draw(draw)
    }

    fn invariants(&self, _: &Requests) -> Vec<Box<dyn Invariant>> {
        protocol(&self.topology())
    }

    async fn drive(&self, workload: &Requests, client: Client) {
        for request in &workload.requests {
            client.sleep(std::time::Duration::from_millis(request.after_ms)).await;
            let (asker, name) = (client.clone(), Bytes::copy_from_slice(request.name.as_bytes()));
            client.spawn(async move {
                // A refusal is an answer, too.
                let _ = asker.ask(FRONT, "do", name).await;
            });
        }
    }

    fn shares_threads(&self) -> bool {
        true
    }
}
