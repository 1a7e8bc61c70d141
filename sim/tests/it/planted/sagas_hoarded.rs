//! Recovery that takes over all that is due, and drives one after the other.

use std::time::Duration;

use seaworthy_core::{
    ports::{AcquireRequest, NewSaga, Ports, SagaAppend, SagaCreate, SagaInstance, SagaStatus, StoreError, StoreTable},
    saga::{Record, saga_id},
};
use seaworthy_sim::scenario::Topology;

use super::saga_by_hand::new;
use crate::small_service::{
    Answer, Service,
    messaging::{REST, front_beside, fronts},
};

pub(super) const WRONG: Service = Service::wrong("takes-over-all", topology);

/// Sagas of the first item: a few more than a process may hold.
const MANY: u32 = 310;

/// How many are taken over at a time by who does it right.
const BATCH: usize = 20;

/// Time for which a saga is owned by whoever took it over.
const LEASE: Duration = Duration::from_secs(60);

fn topology(is_right: bool) -> Topology {
    // So many take longer than one may wait.
    let topology = fronts(move |boot| {
        let limit = if is_right { BATCH } else { usize::MAX >> 1 };
        let recovery = recover(boot.ports.clone(), limit);
        front_beside(boot, recovery, |ports, name| Box::pin(async move { begin(&ports, &name).await }))
    });
    // One request starts them all.
    topology.without("saga-starts-late").keeps_at_most(StoreTable::Sagas, u64::from(MANY) + 10)
}

/// Creates the sagas of an item, which nobody drives yet.
async fn begin(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    for number in 0..if name == "item-1" { MANY } else { 1 } {
        let key = format!("{name}-{number}");
        let saga = NewSaga { lease: Duration::ZERO, ..new(saga_id("checkout", &key), &key) };
        if let SagaCreate::Exists { .. } = tx.saga_create(&saga).await? {
            return Ok(Answer::Yes);
        }
        let started = Record::Started { deadline_us: None, traceparent: None };
        tx.saga_append(&append(&saga.id, (1, 0), &started, SagaStatus::Running)).await?;
    }
    tx.commit().await?;
    Ok(Answer::Yes)
}

async fn recover(ports: Ports, limit: usize) {
    while !ports.stop.is_set() {
        let request = AcquireRequest { only: None, definitions: vec!["checkout".into()], limit, lease: LEASE };
        let due = ports.store.acquire_sagas(&request).await.unwrap_or_default();
        if due.is_empty() {
            ports.clock.sleep(REST).await;
        }
        for saga in due {
            // Who lost it, or the store, finds it again when its lease has ended.
            let _ = end(&ports, &saga).await;
        }
    }
}

async fn end(ports: &Ports, saga: &SagaInstance) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let place = (saga.epoch, saga.log_length);
    tx.saga_append(&append(&saga.id, place, &Record::Completed, SagaStatus::Completed)).await?;
    tx.commit().await
}

pub(super) fn append(
    saga: &seaworthy_core::ids::SagaId,
    (epoch, expected_length): (u64, u64),
    record: &Record,
    status: SagaStatus,
) -> SagaAppend {
    let (records, lease, sleep) = (vec![record.encode()], Duration::ZERO, Duration::ZERO);
    SagaAppend {
        saga: *saga,
        epoch,
        expected_length,
        records,
        status,
        lease,
        sleep,
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: None,
    }
}
