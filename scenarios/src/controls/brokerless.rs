//! A service that knows no broker: it writes an item and has a participant registered with a partner outside.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::{
    ids::{self, OperationId},
    ports::{Expected, ExternalCall, ExternalError, Ports, Refusal, StoreError},
};
use seaworthy_sim::scenario::Topology;
use uuid::Uuid;

use crate::small::{FRONT, Partner, SmallService};

const REGISTRY: &str = "registry";

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/brokerless",
        about: "writes, and registers with a partner outside, without any broker; everything is right",
        topology: || {
            Topology::new()
                .process("front-1", FRONT, FRONT, |boot| front(boot.ports))
                .process("front-2", FRONT, FRONT, |boot| front(boot.ports))
                .external(REGISTRY, || Partner)
        },
    }
}

async fn front(ports: Ports) {
    while let Some(request) = ports.ingress.next().await {
        match ports.try_scope(register(&ports, &request.body)).await {
            Ok(Ok(())) => request.response.accept(Bytes::new()),
            Ok(Err(refusal)) => request.response.refuse(refusal),
            // Dropped without an answer, it is asked again.
            Err(_) => {}
        }
    }
}

/// Registers an item once, however often it is asked for: its operation has an id that follows from its name.
async fn register(ports: &Ports, name: &Bytes) -> Result<Result<(), Refusal>, StoreError> {
    let item = String::from_utf8_lossy(name);
    let mut tx = ports.store.begin().await?;
    if tx.get("items", &item).await?.is_some() {
        return Ok(Ok(()));
    }
    drop(tx);
    let call = ExternalCall {
        service: REGISTRY.into(),
        operation: "register".into(),
        operation_id: OperationId(ids::derive(Uuid::nil(), &["register", &item])),
        body: name.clone(),
    };
    loop {
        match ports.external.call(&call).await {
            Ok(_) => break,
            Err(ExternalError::Refused(reason)) => return Ok(Err(reason.into())),
            Err(_) => ports.clock.sleep(Duration::from_millis(300)).await,
        }
    }
    let mut tx = ports.store.begin().await?;
    tx.put("items", &item, Expected::Any, name.clone()).await?;
    tx.commit().await?;
    Ok(Ok(()))
}
