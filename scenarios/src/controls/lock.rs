//! Replicas that compete for the lease of an item, do their work while they hold it, and release it. What a dead one has
//! left is taken over once its lease is over; the version of the lock is the fence that a late owner does not pass.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::{
    ports::{Expected, Ports, StoreError, Timestamp},
    wake::Wake,
};
use seaworthy_sim::scenario::Topology;
use serde::{Deserialize, Serialize};

use crate::small::{FRONT, SmallService, answer_requests};

const LOCKS: &str = "locks";
const JOBS: &str = "jobs";
const LEASE: Duration = Duration::from_secs(5);

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/lock",
        about: "replicas compete for leases and take over what a dead one has left; everything is right",
        topology: || {
            Topology::new().process("worker-1", FRONT, "work", |boot| worker(boot.ports, 1)).process(
                "worker-2",
                FRONT,
                "work",
                |boot| worker(boot.ports, 2),
            )
        },
    }
}

#[derive(Serialize, Deserialize)]
struct Lock {
    owner: u64,
    until: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Job {
    done: bool,
}

async fn worker(ports: Ports, number: u64) {
    let working = ports.clone();
    let work = async move {
        // Another number for each incarnation: what it held before it died is not its own any more.
        let owner = (number << 56) | (working.random.next_u64() >> 8);
        while !working.stop.is_set() {
            // Who is dropped on the way leaves its locks to their leases.
            let _ = working.scope(pass(&working, owner)).await;
            working.clock.sleep(Duration::from_millis(250)).await;
        }
    };
    ports.spawn("worker", work);
    answer_requests(ports, Wake::new(), submit).await;
}

fn encode(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("numbers have a JSON form").into()
}

async fn submit(ports: Ports, item: String) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get(JOBS, &item).await?.is_none() {
        tx.put(JOBS, &item, Expected::Absent, encode(&Job { done: false })).await?;
    }
    tx.commit().await
}

/// Looks for a job that is not done, and does it under its lock.
async fn pass(ports: &Ports, owner: u64) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let jobs = tx.scan(JOBS, None, 100).await?;
    drop(tx);
    for (item, document) in jobs {
        if serde_json::from_slice(&document.body).is_ok_and(|job: Job| job.done) {
            continue;
        }
        let Some(version) = acquire(ports, &item, owner).await? else { continue };
        // The work itself takes a while, in which others go on.
        ports.clock.sleep(Duration::from_millis(40)).await;
        finish(ports, &item, version).await?;
    }
    Ok(())
}

/// Takes the lock if it is free or its lease is over. Clocks of the replicas may differ: then both may think that they
/// hold it, and the version decides.
async fn acquire(ports: &Ports, item: &str, owner: u64) -> Result<Option<u64>, StoreError> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let found = tx.get(LOCKS, item).await?;
    let held = found.as_ref().and_then(|found| serde_json::from_slice::<Lock>(&found.body).ok());
    if held.is_some_and(|held| held.owner != owner && held.until > now) {
        return Ok(None);
    }
    let expected = found.map_or(Expected::Absent, |found| Expected::Version(found.version));
    let version = tx.put(LOCKS, item, expected, encode(&Lock { owner, until: now + LEASE })).await?;
    tx.commit().await?;
    Ok(Some(version))
}

/// The job's end and the lock's release, together, and only for whoever still holds it.
async fn finish(ports: &Ports, item: &str, version: u64) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.put(JOBS, item, Expected::Any, encode(&Job { done: true })).await?;
    tx.delete(LOCKS, item, Expected::Version(version)).await?;
    tx.commit().await
}
