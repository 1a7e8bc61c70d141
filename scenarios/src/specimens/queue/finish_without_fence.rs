//! A worker that claims a job for a while, and finishes it without asking whether it is still its own. By then another
//! worker may have taken it over, and the job is done twice.
//!
//! Threads: two workers, of which one is slower than its lease: a pause, a slow link, or a clock that is ahead.
//!
//! Mechanism: a lease says when others may take over, not that its owner has stopped. Only the store can tell a late owner
//! from the present one, if the write says which claim it belongs to.
//!
//! Violates: `duplicate-effect`.
//!
//! Right: the version of the job at its claim is the fence: the twin below finishes at that version only.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::{
    ports::{Expected, Ports, StoreError, Timestamp, draw_id},
    wake::Wake,
};
use seaworthy_sim::scenario::{EffectTable, Topology};
use serde::{Deserialize, Serialize};

use crate::small::{FRONT, SmallService, answer_requests};

const JOBS: &str = "jobs";
const PRINTS: &str = "prints";
/// Twice as long as the work takes when nothing is in the way.
const LEASE: Duration = Duration::from_millis(100);
const WORK: Duration = Duration::from_millis(50);

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "queue/finish-without-fence",
        about: "a worker finishes a job that another has taken over, and does it twice",
        topology: || topology(|_| Expected::Any),
    };
    let right = SmallService {
        name: "queue/finish-without-fence/right",
        about: "a worker finishes a job only at the version at which it claimed it; everything is right",
        topology: || topology(Expected::Version),
    };
    (broken, right)
}

/// Expectation about the job when it is finished, given its version at the claim.
type Fence = fn(u64) -> Expected;

fn topology(fence: Fence) -> Topology {
    Topology::new()
        .process("worker-1", FRONT, "work", move |boot| worker(boot.ports, fence))
        .process("worker-2", FRONT, "work", move |boot| worker(boot.ports, fence))
        .effect_table(EffectTable::documents("work", PRINTS).one_per("job"))
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Job {
    /// Nobody may claim it before: the epoch for a new one.
    FreeAt(Timestamp),
    Done,
}

async fn worker(ports: Ports, fence: Fence) {
    let working = ports.clone();
    let work = async move {
        while !working.stop.is_set() {
            // What fails is found again at the next look.
            let _ = working.scope(look(&working, fence)).await;
            working.clock.sleep(Duration::from_millis(250)).await;
        }
    };
    ports.spawn("worker", work);
    answer_requests(ports, Wake::new(), submit).await;
}

fn encode(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("text and numbers have a JSON form").into()
}

async fn submit(ports: Ports, job: String) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get(JOBS, &job).await?.is_none() {
        tx.put(JOBS, &job, Expected::Absent, encode(&Job::FreeAt(Timestamp::EPOCH))).await?;
    }
    tx.commit().await
}

/// Claims each job that is free, and does it.
async fn look(ports: &Ports, fence: Fence) -> Result<(), StoreError> {
    let jobs = ports.store.begin().await?.scan(JOBS, None, 100).await?;
    for (job, document) in jobs {
        let now = ports.clock.now();
        match serde_json::from_slice(&document.body) {
            Ok(Job::FreeAt(moment)) if moment <= now => {}
            _ => continue,
        }
        let mut tx = ports.store.begin().await?;
        let lease = encode(&Job::FreeAt(now + LEASE));
        let claimed = tx.put(JOBS, &job, Expected::Version(document.version), lease).await?;
        tx.commit().await?;

        ports.clock.sleep(WORK).await;

        let mut tx = ports.store.begin().await?;
        tx.put(JOBS, &job, fence(claimed), encode(&Job::Done)).await?;
        let print = draw_id(&*ports.clock, &*ports.random).to_string();
        tx.put(PRINTS, &print, Expected::Absent, encode(&serde_json::json!({ "job": job }))).await?;
        tx.commit().await?;
    }
    Ok(())
}
