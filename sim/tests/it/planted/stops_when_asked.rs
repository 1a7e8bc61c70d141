//! A service that waits for its relay to end, and gave it a stop that nobody sets: asked to stop, the process stays until it is killed.

use futures_util::future::join;
use seaworthy_core::{outbox::Relay, stop::Stop};
use seaworthy_sim::scenario::{Boot, Topology};

use crate::small_service::{
    Service,
    messaging::{fronts, listener, placing},
    serve,
};

pub(super) const WRONG: Service = Service::wrong("ignores-its-stop", topology);

fn topology(is_right: bool) -> Topology {
    listener(fronts(move |boot| front(boot, is_right)))
}

async fn front(boot: Boot, is_right: bool) {
    let relay = Relay::new(&boot.ports);
    let relay = if is_right { relay } else { relay.stop(Stop::new()) };
    join(relay.run(), serve(boot.ports, placing)).await;
}
