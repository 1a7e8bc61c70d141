//! A service that dies at boot while its database is down, as many do: its supervisor starts it again.

use bytes::Bytes;
use seaworthy_core::{
    ports::{Expected, Ports, StoreError},
    wake::Wake,
};
use seaworthy_sim::scenario::Topology;

use crate::small::{FRONT, SmallService, answer_requests};

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/supervised",
        about: "dies at boot while its database is down, and is started again; everything is right",
        topology: || {
            Topology::new()
                .process("front-1", FRONT, FRONT, |boot| front(boot.ports))
                .supervised()
                .process("front-2", FRONT, FRONT, |boot| front(boot.ports))
                .supervised()
        },
    }
}

async fn front(ports: Ports) {
    let settings = settings(&ports).await.expect("the database answers at boot");
    answer_requests(ports, Wake::new(), |ports, item| take(ports, item, settings.clone())).await;
}

async fn settings(ports: &Ports) -> Result<Bytes, StoreError> {
    let mut tx = ports.store.begin().await?;
    let found = tx.get("settings", "greeting").await?;
    Ok(found.map_or_else(|| Bytes::from_static(b"hello"), |found| found.body))
}

async fn take(ports: Ports, item: String, greeting: Bytes) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.put("items", &item, Expected::Any, greeting).await?;
    tx.commit().await
}
