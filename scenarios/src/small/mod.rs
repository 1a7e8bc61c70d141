//! The smallest scenarios: some processes that are asked for one thing after the other by its name, and judged by the
//! invariants of the protocol alone.

pub(crate) mod approvals;
mod front;
mod mailer;
mod partner;
mod requests;
mod sagas;
mod seats;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_sim::scenario::{Client, Draw, Scenario, Topology};

pub(crate) use front::{FRONT, ITEM_TAKEN, ITEMS, answer_requests, front, front_by, item_taken, take};
pub(crate) use mailer::{LETTERS, MAILER, WriteLetter, mailer};
pub(crate) use partner::Partner;
pub use requests::{Request, Requests};
pub(crate) use sagas::sagas;
pub(crate) use seats::{Confirm, GiveBack, TakeSeat, version};

/// A small service: its processes are all that tells it from the others.
#[derive(Clone, Copy, Debug)]
pub struct SmallService {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) topology: fn() -> Topology,
}

/// Services that are right and count no failure: their consumers, pollers or calls are written by hand, and what fails each
/// time is tried for ever there.
const UNCOUNTED: [&str; 9] = [
    "inbox/effect-then-mark/right",
    "inbox/mark-then-effect/right",
    "inbox/ack-before-commit/right",
    "saga/approval-apart/right",
    "controls/poller-10ms",
    "controls/poller-100ms",
    "controls/poller-1s",
    "controls/poller-1min",
    "controls/brokerless",
];

impl SmallService {
    /// Returns `true` for a control and for the right twin of a specimen, which are named so, if what fails each time must
    /// do it no harm.
    fn bears_what_fails_for_good(&self) -> bool {
        let is_right = self.name.starts_with("controls/") || self.name.ends_with("/right");
        is_right && !UNCOUNTED.contains(&self.name)
    }
}

#[async_trait]
impl Scenario for SmallService {
    type Workload = Requests;

    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn topology(&self) -> Topology {
        let topology = (self.topology)();
        if self.bears_what_fails_for_good() { topology.fails_for_good() } else { topology }
    }

    fn workload(&self, draw: &mut Draw) -> Requests {
        // What is put back may be an hour old, and has to be of a time with work before it and behind it.
        if (self.topology)().restores { Requests::draw_over_hours(draw) } else { Requests::draw(draw) }
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
