//! A process of an older release that finds a saga of a newer one, again and again: it notes each time that it leaves the saga to those
//! who know it.

use std::time::Duration;

use seaworthy_core::{
    ports::{AcquireRequest, NewSaga, Ports, SagaCreate, SagaStatus, StoreError},
    saga::{Record, saga_id},
};
use seaworthy_sim::scenario::Topology;

use super::{is_found_and_the_right_service_holds, saga_by_hand::new, sagas_hoarded::append};
use crate::small_service::{Answer, Service, messaging::fronts, serve};

#[test]
fn a_log_that_grows_with_each_look() {
    is_found_and_the_right_service_holds("bounded-growth", Service::wrong("notes-each-time-that-it-leaves", topology));
}

/// Looks until somebody comes who knows the saga: more than the core has entries in a log before it condenses them, twice.
const LOOKS: u32 = 1_100;

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| {
        serve(boot.ports, move |ports, name| Box::pin(async move { take(&ports, &name, is_right).await }))
    });
    // It is in the nature of these that they wait, and that they are looked at so often is another mistake.
    fronts.without("saga-starts-late").without("sagas-hoarded")
}

async fn take(ports: &Ports, name: &str, is_right: bool) -> Result<Answer, StoreError> {
    let id = saga_id("checkout", name);
    let mut tx = ports.store.begin().await?;
    if tx.saga_create(&NewSaga { lease: Duration::ZERO, ..new(id, name) }).await? == SagaCreate::Created {
        let started = Record::Started { deadline_us: None, traceparent: None };
        tx.saga_append(&append(&id, (1, 0), &started, SagaStatus::Running)).await?;
        tx.commit().await?;
    } else {
        drop(tx);
    }
    for look in 0..=LOOKS {
        let request =
            AcquireRequest { only: Some(id), definitions: vec!["checkout".into()], limit: 1, lease: Duration::ZERO };
        let Some(saga) = ports.store.acquire_sagas(&request).await?.pop() else { return Ok(Answer::Yes) };
        let (record, status) = match look {
            LOOKS => (Record::Completed, SagaStatus::Completed),
            // Said once, it is said.
            _ if is_right && saga.log_length > 1 => continue,
            _ => (Record::LeftToNewer { newest: 1 }, SagaStatus::Running),
        };
        let mut tx = ports.store.begin().await?;
        tx.saga_append(&append(&id, (saga.epoch, saga.log_length), &record, status)).await?;
        tx.commit().await?;
    }
    Ok(Answer::Yes)
}
