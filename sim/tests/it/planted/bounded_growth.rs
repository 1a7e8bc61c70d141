//! A relay that writes an entry about each publish that failed, and never deletes one: a broker that is down for a minute
//! fills the table, be it a collection of its own or one of the store's; or stages a message about it, or starts a saga.

use seaworthy_core::{
    ids::OperationId,
    message::MessageBuilder,
    ports::{Expected, OperationRecord, OperationState, Ports, SagaStatus, StoreError, draw_id},
    saga::{Record, saga_id},
};
use seaworthy_sim::scenario::Topology;
use uuid::Uuid;

use super::{is_found_and_the_right_service_holds, saga_by_hand::new, sagas_hoarded::append};
use crate::small_service::{
    Service,
    messaging::{front_beside, fronts, listener, placing, publish, relay_by_hand, settle},
};

pub(super) const WRONG: Service = Service::wrong("keeps-each-failure", topology);

#[test]
fn an_operation_for_each_attempt() {
    is_found_and_the_right_service_holds("bounded-growth", Service::wrong("keeps-an-operation-for-each-attempt", kept));
}

#[test]
fn a_message_about_each_attempt() {
    is_found_and_the_right_service_holds("bounded-growth", Service::wrong("tells-of-each-failure", told));
}

#[test]
fn a_saga_for_each_attempt() {
    is_found_and_the_right_service_holds("bounded-growth", Service::wrong("starts-a-saga-for-each-failure", begun));
}

fn topology(is_right: bool) -> Topology {
    noting(is_right, As::Document)
}

fn kept(is_right: bool) -> Topology {
    noting(is_right, As::Operation)
}

fn told(is_right: bool) -> Topology {
    noting(is_right, As::Message)
}

fn begun(is_right: bool) -> Topology {
    noting(is_right, As::Saga)
}

/// What is made of a failure.
#[derive(Clone, Copy)]
enum As {
    Document,
    Operation,
    Message,
    Saga,
}

fn noting(is_right: bool, noted: As) -> Topology {
    listener(fronts(move |boot| {
        let relay = relay_by_hand(boot.ports.clone(), move |ports, token, rows| async move {
            let results = publish(&ports, &rows).await;
            if results.iter().any(Result::is_err) {
                match noted {
                    As::Operation => record(&ports, is_right).await?,
                    As::Message if !is_right => tell(&ports).await?,
                    As::Saga if !is_right => begin(&ports).await?,
                    _ => note(&ports, is_right).await?,
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

/// Tells whoever listens that a publish failed.
async fn tell(ports: &Ports) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let failed = MessageBuilder::new("front", "publish.failed", "relay").topic("alarms");
    tx.stage(&failed.draw(&*ports.clock, &*ports.random)).await?;
    tx.commit().await
}

/// Starts a saga that looks into it, and has nothing to do.
async fn begin(ports: &Ports) -> Result<(), StoreError> {
    let key = draw_id(&*ports.clock, &*ports.random).to_string();
    let saga = new(saga_id("checkout", &key), &key);
    let mut tx = ports.store.begin().await?;
    tx.saga_create(&saga).await?;
    tx.saga_append(&append(
        &saga.id,
        (1, 0),
        &Record::Started { deadline_us: None, traceparent: None },
        SagaStatus::Running,
    ))
    .await?;
    tx.saga_append(&append(&saga.id, (1, 1), &Record::Completed, SagaStatus::Completed)).await?;
    tx.commit().await
}
