//! A subscriber that stops at the first error of its store and waits for somebody to look at it, who never comes; and one that
//! nobody has started.

use std::time::Duration;

use seaworthy_sim::scenario::Topology;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::REST,
    streams::{FIGURES, deal, keeping, subscribe, subscribe_by_hand},
};

pub(super) const WRONG: Service = Service::wrong("stops-at-an-error", topology);

/// Longer than any run.
const FOR_EVER: Duration = Duration::from_secs(1_000_000);

fn topology(is_right: bool) -> Topology {
    let after_error = if is_right { REST } else { FOR_EVER };
    let figures = keeping().process("figures-1", "figures", "front", move |boot| async move {
        subscribe_by_hand(boot.ports, deal, after_error).await;
    });
    figures.subscriber("front", FIGURES)
}

#[test]
fn a_subscriber_that_nobody_has_started() {
    is_found_and_the_right_service_holds("stands-still", Service::wrong("starts-no-subscriber", unstarted));
}

fn unstarted(is_right: bool) -> Topology {
    let keeping = keeping().subscriber("front", FIGURES);
    if is_right { keeping.process("figures-1", "figures", "front", |boot| subscribe(boot.ports)) } else { keeping }
}
