//! Two workers that write, each half second and for ever, that they live; a monitor that reads it.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::ports::{Expected, Ports, StoreError};
use seaworthy_sim::scenario::Topology;

use crate::small::{FRONT, SmallService};

const BEATS: &str = "heartbeats";
const ITEMS: &str = "items";

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/heartbeat",
        about: "workers write that they live each half second, and a monitor reads it; everything is right",
        topology: || {
            Topology::new()
                .process("worker-1", FRONT, "work", |boot| worker(boot.ports, "worker-1"))
                .process("worker-2", FRONT, "work", |boot| worker(boot.ports, "worker-2"))
                .process("monitor", "monitor", "work", |boot| monitor(boot.ports))
        },
    }
}

async fn worker(ports: Ports, name: &'static str) {
    let beating = ports.clone();
    let beat = async move {
        while !beating.stop.is_set() {
            // A beat that fails is followed by the next one.
            let _ = write(&beating, BEATS, name, beating.clock.now().to_string().into()).await;
            beating.clock.sleep(Duration::from_millis(500)).await;
        }
    };
    ports.spawn("heartbeat", beat);
    while let Some(request) = ports.ingress.next().await {
        let item = String::from_utf8_lossy(&request.body).into_owned();
        if ports.try_scope(write(&ports, ITEMS, &item, request.body.clone())).await.is_ok() {
            request.response.accept(Bytes::new());
        }
    }
}

/// Looks every two seconds who has been silent for ten, and writes it down where that has changed.
async fn monitor(ports: Ports) {
    while !ports.stop.is_set() {
        let _ = ports.scope(look(&ports)).await;
        ports.clock.sleep(Duration::from_secs(2)).await;
    }
}

async fn look(ports: &Ports) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let beats = tx.scan(BEATS, None, 100).await?;
    let alive = Bytes::from(beats.len().to_string());
    if tx.get("monitor", "alive").await?.is_none_or(|known| known.body != alive) {
        tx.put("monitor", "alive", Expected::Any, alive).await?;
    }
    tx.commit().await
}

async fn write(ports: &Ports, collection: &str, id: &str, body: Bytes) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.put(collection, id, Expected::Any, body).await?;
    tx.commit().await
}
