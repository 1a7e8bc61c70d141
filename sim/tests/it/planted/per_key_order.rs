//! The relay takes whatever row is due. One that the broker did not take waits, and a later one of its key passes it.

use seaworthy_core::{
    outbox::{Relay, RelayConfig},
    ports::OutboxOrder,
};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Service,
    messaging::{front_beside, fronts, listener, place},
};

pub(super) const WRONG: Service = Service::wrong("takes-rows-in-any-order", topology);

fn topology(is_right: bool) -> Topology {
    let ordering = if is_right { OutboxOrder::PerKey } else { OutboxOrder::Unordered };
    listener(fronts(move |boot| {
        let relay = Relay::new(&boot.ports).config(RelayConfig::default().ordering(ordering));
        let running = relay.run();
        let take = |ports, name: String| -> futures_util::future::BoxFuture<'static, _> {
            Box::pin(async move { place(&ports, &name, "all orders").await })
        };
        front_beside(boot, running, take)
    }))
}
