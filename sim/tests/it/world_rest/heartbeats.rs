use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use seaworthy_core::ports::{Expected, Ports, StoreError};
use seaworthy_sim::scenario::{Boot, Topology};

use super::{booked::Payments, holds};

fn payments(name: &'static str, beside: impl Fn(Topology) -> Topology + Send + Sync + 'static) -> Payments {
    Payments { name, poll: Duration::from_millis(100), beside: Arc::new(beside) }
}

async fn beat(ports: Ports, every: Duration) {
    loop {
        ports.clock.sleep(every).await;
        let now = ports.clock.now().to_string();
        // A beat that fails is made up for by the next.
        let _ = write(&ports, "beats", "here", now.into()).await;
    }
}

async fn write(ports: &Ports, collection: &str, id: &str, body: Bytes) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.put(collection, id, Expected::Any, body).await?;
    tx.commit().await
}

#[test]
fn a_heartbeat_keeps_no_run_alive() {
    for (name, every) in [("heartbeat-100ms", 100), ("heartbeat-1s", 1_000), ("heartbeat-30s", 30_000)] {
        let beat = move |boot: Boot| beat(boot.ports, Duration::from_millis(every));
        holds(payments(name, move |topology| topology.process("heart-1", "heart", "heart", beat)), 100);
    }
}

#[test]
fn a_log_of_rounds_keeps_no_run_alive_if_it_is_declared() {
    async fn log(boot: Boot) {
        for round in 0_u64.. {
            boot.ports.clock.sleep(Duration::from_secs(1)).await;
            let _ = write(&boot.ports, "rounds", &format!("{round}"), Bytes::new()).await;
        }
    }
    holds(payments("rounds", |topology| topology.process("guard-1", "guard", "guard", log).heartbeat("rounds")), 100);
}

#[test]
fn a_sweeper_keeps_no_run_alive() {
    async fn sweep(ports: &Ports) -> Result<(), StoreError> {
        let mut tx = ports.store.begin().await?;
        for (id, document) in tx.scan("sessions", None, 100).await? {
            let until = String::from_utf8_lossy(&document.body).parse().unwrap_or(0);
            if until < ports.clock.now().as_millis() {
                tx.delete("sessions", &id, Expected::Any).await?;
            }
        }
        tx.put("sweeps", "last", Expected::Any, ports.clock.now().to_string().into()).await?;
        tx.commit().await
    }
    async fn sweeper(boot: Boot) {
        loop {
            let _ = sweep(&boot.ports).await;
            boot.ports.clock.sleep(Duration::from_secs(30)).await;
        }
    }
    holds(payments("sweeper", |topology| topology.process("sweeper-1", "sweeper", "payments", sweeper)), 100);
}

#[test]
fn replicas_that_compete_for_a_lease_keep_no_run_alive() {
    async fn compete(ports: &Ports, who: &str) -> Result<(), StoreError> {
        let mut tx = ports.store.begin().await?;
        let now = ports.clock.now().as_millis();
        let lease = tx.get("leases", "leader").await?;
        let free = lease.is_none_or(|lease| {
            let held = String::from_utf8_lossy(&lease.body).into_owned();
            let (holder, until) = held.split_once(' ').unwrap_or_default();
            holder == who || until.parse().unwrap_or(0) < now
        });
        if free {
            tx.put("leases", "leader", Expected::Any, format!("{who} {}", now + 10_000).into()).await?;
        }
        tx.commit().await
    }
    let candidate = |who: &'static str| {
        move |boot: Boot| async move {
            loop {
                let _ = compete(&boot.ports, who).await;
                boot.ports.clock.sleep(Duration::from_secs(3)).await;
            }
        }
    };
    holds(
        payments("leases", move |topology| {
            topology.process("candidate-1", "candidates", "leases", candidate("one")).process(
                "candidate-2",
                "candidates",
                "leases",
                candidate("two"),
            )
        }),
        100,
    );
}
