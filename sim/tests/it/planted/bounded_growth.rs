//! A relay that writes an entry about each publish that failed, and never deletes one: a broker that is down for a minute
//! fills the table, be it a collection of its own or one of the store's.

use seaworthy_core::{
    ids::OperationId,
    ports::{Expected, OperationRecord, OperationState, Ports, StoreError, draw_id},
};
use seaworthy_sim::scenario::Topology;
use uuid::Uuid;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::{front_beside, fronts, listener, placing, publish, relay_by_hand, settle},
};

pub(super) const WRONG: Service = Service::wrong("keeps-each-failure", topology);

#[test]
fn an_operation_for_each_attempt() {
    is_found_and_the_right_service_holds("bounded-growth", Service::wrong("keeps-an-operation-for-each-attempt", kept));
}

fn topology(is_right: bool) -> Topology {
    noting(is_right, false)
}

fn kept(is_right: bool) -> Topology {
    noting(is_right, true)
}

fn noting(is_right: bool, as_operation: bool) -> Topology {
    listener(fronts(move |boot| {
        let relay = relay_by_hand(boot.ports.clone(), move |ports, token, rows| async move {
            let results = publish(&ports, &rows).await;
            if results.iter().any(Result::is_err) {
                match as_operation {
                    false => note(&ports, is_right).await?,
                    true => record(&ports, is_right).await?,
                }
            }
            settle(&ports, token, &rows, &results).await
        });
        front_beside(boot, relay, placing)
    }))
}

/// The last failure, or all there ever were.
async fn note(ports: &Ports, is_right: bool) -> Result<(), StoreError> {
    let id = match is_right {
        true => "last".to_owned(),
        false => draw_id(&*ports.clock, &*ports.random).to_string(),
    };
    let mut tx = ports.store.begin().await?;
    tx.put("failures", &id, Expected::Any, b"1".to_vec().into()).await?;
    tx.commit().await
}

/// An operation of its own for what is tried, or one for each time.
async fn record(ports: &Ports, is_right: bool) -> Result<(), StoreError> {
    let id = OperationId(if is_right { Uuid::nil() } else { draw_id(&*ports.clock, &*ports.random) });
    let mut tx = ports.store.begin().await?;
    if tx.operation(id).await?.is_none() {
        tx.put_operation(&OperationRecord { id, state: OperationState::Executed("1".into()) }).await?;
    }
    tx.commit().await
}
