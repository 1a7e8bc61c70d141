//! The answer to a key is kept, so that a repetition gets the same one. Where an outage is kept as an answer, the payment
//! is never made.

use seaworthy_core::ports::{Expected, Ports, StoreError};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{Answer, Service, serve};

pub(super) const WRONG: Service = Service::wrong("failure-cached", topology);
pub(super) const RIGHT: Service = WRONG.right();

fn topology(is_right: bool) -> Topology {
    let front = move |boot: seaworthy_sim::scenario::Boot| {
        serve(boot.ports, move |ports, name| Box::pin(async move { answer(&ports, &name, is_right).await }))
    };
    Topology::new().process("front-1", "front", "ledger", front).process("front-2", "front", "ledger", front)
}

async fn answer(ports: &Ports, key: &str, is_right: bool) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    match tx.get("answers", key).await? {
        Some(kept) if &kept.body[..] == b"yes" => return Ok(Answer::Yes),
        Some(_) => return Ok(Answer::No("it failed")),
        None => drop(tx),
    }
    match pay(ports, key).await {
        Ok(()) => Ok(Answer::Yes),
        Err(error) if is_right => Err(error),
        Err(_) => {
            let mut tx = ports.store.begin().await?;
            tx.put("answers", key, Expected::Absent, b"no".to_vec().into()).await?;
            tx.commit().await?;
            Ok(Answer::No("it failed"))
        }
    }
}

async fn pay(ports: &Ports, key: &str) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.put("payments", key, Expected::Absent, b"paid".to_vec().into()).await?;
    tx.put("answers", key, Expected::Absent, b"yes".to_vec().into()).await?;
    tx.commit().await
}
