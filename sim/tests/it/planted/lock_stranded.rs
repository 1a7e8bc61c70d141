//! A lock is taken in one transaction and released in another, and has no lease. Who dies in between keeps it.

use std::time::Duration;

use seaworthy_core::ports::{Expected, Ports, StoreError};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{Answer, Service, messaging::fronts, serve};

pub(super) const WRONG: Service = Service::wrong("a-lock-without-a-lease", topology);

/// Longer than any work takes.
const LEASE: Duration = Duration::from_secs(10);

fn topology(is_right: bool) -> Topology {
    fronts(move |boot| {
        serve(boot.ports, move |ports, name| Box::pin(async move { work(&ports, &name, is_right).await }))
    })
    .lock("locks")
}

async fn work(ports: &Ports, name: &str, has_lease: bool) -> Result<Answer, StoreError> {
    let now = ports.store.now().await?.as_micros();
    let mut tx = ports.store.begin().await?;
    if tx.get("done", name).await?.is_some() {
        return Ok(Answer::Yes);
    }
    let mut expected = Expected::Absent;
    if let Some(lock) = tx.get("locks", name).await? {
        let since: i64 = String::from_utf8_lossy(&lock.body).parse().unwrap_or(0);
        if !has_lease || now - since < LEASE.as_micros() as i64 {
            return Err(StoreError::Unavailable("somebody is at work: come again".into()));
        }
        expected = Expected::Version(lock.version);
    }
    let version = tx.put("locks", name, expected, now.to_string().into()).await?;
    tx.commit().await?;

    let mut tx = ports.store.begin().await?;
    tx.put("done", name, Expected::Absent, b"1".to_vec().into()).await?;
    tx.delete("locks", name, Expected::Version(version)).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}
