//! A relay that looks for work twice a minute, and is told by nobody that there is some.

use std::time::Duration;

use seaworthy_core::ports::Ports;
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Service,
    messaging::{front_beside, front_beside_relay, fronts, listener, placing, publish, relay_by_hand, settle},
};

pub(super) const WRONG: Service = Service::wrong("looks-twice-a-minute", topology);

fn topology(is_right: bool) -> Topology {
    listener(match is_right {
        true => fronts(|boot| front_beside_relay(boot, placing)),
        false => fronts(|boot| {
            let relay = now_and_then(boot.ports.clone());
            front_beside(boot, relay, placing)
        }),
    })
}

async fn now_and_then(ports: Ports) {
    relay_by_hand(ports, |ports, token, rows| async move {
        ports.clock.sleep(Duration::from_secs(20)).await;
        let results = publish(&ports, &rows).await;
        settle(&ports, token, &rows, &results).await
    })
    .await;
}
