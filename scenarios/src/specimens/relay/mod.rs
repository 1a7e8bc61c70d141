//! Mistakes between the outbox and the broker.

pub mod batch_result_ignored;
pub mod mark_before_publish;
pub mod outage_burns_budget;

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff,
    ids::ClaimToken,
    ports::{OutboxRow, Ports},
    wake::Wake,
};
use seaworthy_sim::scenario::Topology;

use super::by_hand;
use crate::small::{FRONT, ITEMS, MAILER, SmallService, answer_requests, mailer, take};

/// All specimens of this family, each with its right twin behind it.
pub fn all() -> Vec<(SmallService, SmallService)> {
    vec![mark_before_publish::pair(), batch_result_ignored::pair(), outage_burns_budget::pair()]
}

const POLL: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(500));

/// A service that takes items and publishes what it has claimed by `publish`, and one that writes a letter about each.
fn topology<F>(publish: impl Fn(Ports, ClaimToken, Vec<OutboxRow>) -> F + Copy + Send + Sync + 'static) -> Topology
where
    F: Future<Output = ()> + Send + 'static,
{
    let front = move |ports: Ports| {
        let wake = Wake::new();
        ports.spawn("relay", by_hand::relay(ports.clone(), POLL, wake.clone(), publish));
        answer_requests(ports, wake, take)
    };
    Topology::new().service(FRONT).run(front).service(MAILER).run(mailer).group(MAILER, &[ITEMS])
}
