//! Work that reaches everything that a process can reach.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId},
    message::{Headers, Message},
    ports::{
        ClaimRequest, Expected, ExternalCall, OutboxOrder, Ports, Response, SettleOutcome, Settlement, StoreError,
        SubscriptionSpec, WhenDead, draw_id,
    },
};
use uuid::Uuid;

/// A new id, which no other incarnation draws.
pub(super) fn id(ports: &Ports) -> Uuid {
    draw_id(&*ports.clock, &*ports.random)
}

/// One effect of each kind, and an answer if one is owed. `number` says where it begins, so that futures side by side are
/// at different calls. What fails is left undone.
pub(super) async fn work(ports: Ports, number: u64, response: Option<Response>) {
    for step in 0..6 {
        match (number + step) % 6 {
            0 => _ = commit(&ports).await,
            1 => _ = ports.broker.publish(&[message(&ports)]).await,
            2 => _ = call(&ports).await,
            3 => _ = relay(&ports).await,
            4 => consume(&ports).await,
            _ => ports.clock.sleep(Duration::from_millis(number)).await,
        }
    }
    if let Some(response) = response {
        response.accept(Bytes::new());
    }
}

fn message(ports: &Ports) -> Message {
    let id = id(ports);
    Message {
        id: MessageId(id),
        source: "one".into(),
        kind: "happened".into(),
        topic: "events".into(),
        subject: "it".into(),
        time: ports.clock.now(),
        content_type: "application/json".into(),
        partition_key: id.to_string().into(),
        sequence: 0,
        epoch: 0,
        gap: 0,
        schedule: seaworthy_core::message::Schedule::NONE,
        correlation_id: id,
        causation_id: None,
        traceparent: None,
        headers: Headers::new(),
        data: Bytes::new(),
    }
}

async fn commit(ports: &Ports) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let id = id(ports).to_string();
    tx.observe("effect", &id, 1);
    // One document that all of them want, so that some wait for others.
    let _ = tx.get("all", "it").await?;
    tx.put("effects", &id, Expected::Absent, Bytes::new()).await?;
    tx.stage(&message(ports)).await?;
    tx.commit().await
}

async fn call(ports: &Ports) {
    let operation_id = OperationId(id(ports));
    let call = ExternalCall { service: "till".into(), operation: "ring".into(), operation_id, body: Bytes::new() };
    let _ = ports.external.call(&call).await;
}

/// Claims rows and settles them, without a broker in between.
async fn relay(ports: &Ports) -> Result<(), StoreError> {
    let token = ClaimToken(id(ports));
    let request = ClaimRequest {
        token,
        limit: 3,
        lease: Duration::from_millis(50),
        ordering: OutboxOrder::PerKey,
        when_dead: WhenDead::BlockKey,
        except_topics: Vec::new(),
    };
    let rows = ports.store.claim(&request).await?;
    let settlements: Vec<Settlement> =
        rows.iter().map(|row| Settlement { row: row.row, outcome: SettleOutcome::Dispatched }).collect();
    ports.store.settle(token, &settlements).await?;
    Ok(())
}

/// Takes a few messages, and gives every other one back.
async fn consume(ports: &Ports) {
    let spec = SubscriptionSpec { group: "own".into(), topics: vec!["events".into()] };
    let Ok(subscription) = ports.broker.subscribe(&spec).await else { return };
    let received = match select(subscription.receive(2), pin!(ports.clock.sleep(Duration::from_millis(9)))).await {
        Either::Left((Ok(deliveries), _)) => deliveries,
        _ => Vec::new(),
    };
    for (nth, delivery) in received.iter().enumerate() {
        if nth % 2 == 0 {
            let _ = subscription.ack(delivery.tag).await;
        } else {
            let _ = subscription.nack(delivery.tag, Duration::from_millis(1)).await;
        }
    }
}
