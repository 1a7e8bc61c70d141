//! The core's own consumer with its limits taken off one by one: each is found as a service's own mistake would be.

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff,
    inbox::{Consumer, ConsumerConfig, Handlers},
};
use seaworthy_sim::scenario::Topology;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::{Note, front_beside_relay, fronts, placing},
};

/// A consumer by these settings, or by the defaults.
fn consumer(is_right: bool, unlimited: fn(ConsumerConfig) -> ConsumerConfig) -> Topology {
    let listen = move |boot: seaworthy_sim::scenario::Boot| async move {
        let handlers = Handlers::builder().on("order.placed", Note).build().expect("one handler for one type");
        let config = ConsumerConfig::new(["orders"]);
        let config = if is_right { config } else { unlimited(config) };
        Consumer::new(&boot.ports, "listener", handlers, config).run().await;
    };
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    fronts.process("listener-1", "listener", "listener", listen).group("listener", &["orders"])
}

fn conflicts(is_right: bool) -> Topology {
    consumer(is_right, |config| {
        config
            .max_store_failures(u32::MAX)
            .store_backoff(Backoff::new(Duration::from_millis(50), Duration::from_secs(1)))
    })
}

fn panics(is_right: bool) -> Topology {
    consumer(is_right, |config| {
        config.max_failures(u32::MAX).backoff(Backoff::new(Duration::from_millis(50), Duration::from_secs(1)))
    })
}

/// A broker that soon delivers again, so that a process dies often.
fn deaths(is_right: bool) -> Topology {
    consumer(is_right, |config| config.suspect_after(u32::MAX)).visibility_timeout(Duration::from_millis(200))
}

const BY: &str = "bounded-attempts";

#[test]
fn conflicts_that_are_not_counted() {
    is_found_and_the_right_service_holds(BY, Service::wrong("counts-no-conflicts", conflicts).fails_for_good());
}

#[test]
fn panics_that_never_make_a_dead_letter() {
    is_found_and_the_right_service_holds(BY, Service::wrong("counts-no-panics", panics).fails_for_good());
}

#[test]
fn deaths_that_are_not_counted_before_they_come() {
    is_found_and_the_right_service_holds(BY, Service::wrong("counts-no-deaths", deaths).fails_for_good());
}
