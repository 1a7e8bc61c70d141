//! A service that dies at boot while its database is down, as many do: its supervisor starts it again.

use bytes::Bytes;
use seaworthy_core::ports::{Expected, Ports, StoreError};
use seaworthy_sim::scenario::Topology;

use crate::small::{FRONT, SmallService};

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
    while let Some(request) = ports.ingress.next().await {
        if let Ok(Ok(())) = ports.scope(take(&ports, &request.body, &settings)).await {
            request.response.accept(Bytes::new());
        }
    }
}

async fn settings(ports: &Ports) -> Result<Bytes, StoreError> {
    let mut tx = ports.store.begin().await?;
    let found = tx.get("settings", "greeting").await?;
    Ok(found.map_or_else(|| Bytes::from_static(b"hello"), |found| found.body))
}

async fn take(ports: &Ports, name: &Bytes, greeting: &Bytes) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.put("items", &String::from_utf8_lossy(name), Expected::Any, greeting.clone()).await?;
    tx.commit().await
}
