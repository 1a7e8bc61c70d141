//! A key that says "in progress" is committed before the work. Who dies at work leaves it so, and without an expiry
//! every repetition is turned away.

use std::time::Duration;

use seaworthy_core::ports::{Expected, Ports, StoreError};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{Answer, Service, serve};

pub(crate) const WRONG: Service = Service::wrong("in-flight-key", topology);
pub(crate) const RIGHT: Service = WRONG.right();

/// Longer than any work takes.
const EXPIRY: Duration = Duration::from_secs(10);

fn topology(is_right: bool) -> Topology {
    let front = move |boot: seaworthy_sim::scenario::Boot| {
        serve(boot.ports, move |ports, name| Box::pin(async move { pay(&ports, &name, is_right).await }))
    };
    Topology::new().process("front-1", "front", "ledger", front).process("front-2", "front", "ledger", front)
}

async fn pay(ports: &Ports, key: &str, is_right: bool) -> Result<Answer, StoreError> {
    let now = ports.store.now().await?.as_micros();
    let mut tx = ports.store.begin().await?;
    let mut expected = Expected::Absent;
    if let Some(document) = tx.get("keys", key).await? {
        if &document.body[..] == b"done" {
            return Ok(Answer::Yes);
        }
        if !is_right {
            return Ok(Answer::No("a payment under this key is in progress"));
        }
        let since: i64 = String::from_utf8_lossy(&document.body).parse().unwrap_or(0);
        if now - since < EXPIRY.as_micros() as i64 {
            return Err(StoreError::Unavailable("in progress: come again".into()));
        }
        expected = Expected::Version(document.version);
    }
    let version = tx.put("keys", key, expected, now.to_string().into()).await?;
    tx.commit().await?;

    let mut tx = ports.store.begin().await?;
    tx.put("payments", key, Expected::Absent, b"paid".to_vec().into()).await?;
    tx.put("keys", key, Expected::Version(version), b"done".to_vec().into()).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}
