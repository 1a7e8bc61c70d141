//! What services with an outbox have in common: a front that places orders, a relay, a listener with an inbox; the relay
//! and the listener also as one writes them by hand.

use std::{pin::pin, time::Duration};

use async_trait::async_trait;
use futures_util::future::{BoxFuture, Either, select};
use seaworthy_core::{
    ids::ClaimToken,
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{
        BrokerError, ClaimRequest, Delivery, DeliveryTag, Expected, InboxEntry, OutboxOrder, OutboxRow, Ports,
        PublishError, PublishResult, SettleOutcome, Settlement, StoreError, Subscription, SubscriptionSpec,
        Transaction, WhenDead, draw_id,
    },
};
use seaworthy_sim::scenario::{Boot, Topology};

use super::{Answer, serve};

/// How long a hand-written loop waits where there is nothing to do, or after an error.
pub(crate) const REST: Duration = Duration::from_millis(200);

/// Serves requests, with core's relay beside.
pub(crate) async fn front_beside_relay(
    boot: Boot,
    take: impl Fn(Ports, String) -> BoxFuture<'static, Result<Answer, StoreError>>,
) {
    let relay = Relay::new(&boot.ports);
    let running = relay.run();
    front_beside(boot, running, take).await;
}

/// Serves requests, with something else beside.
pub(crate) async fn front_beside(
    boot: Boot,
    beside: impl Future<Output = ()> + Send + 'static,
    take: impl Fn(Ports, String) -> BoxFuture<'static, Result<Answer, StoreError>>,
) {
    boot.ports.spawn("beside", beside);
    serve(boot.ports, take).await;
}

/// Two replicas of a front on one store.
pub(crate) fn fronts<F>(front: impl Fn(Boot) -> F + Copy + Send + Sync + 'static) -> Topology
where
    F: Future<Output = ()> + Send + 'static,
{
    Topology::new().process("front-1", "front", "front", front).process("front-2", "front", "front", front)
}

/// Places an order, once for each name, and stages its event under a key.
pub(crate) async fn place(ports: &Ports, name: &str, key: &str) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("orders", name).await?.is_some() {
        return Ok(Answer::Yes);
    }
    tx.put("orders", name, Expected::Absent, b"1".to_vec().into()).await?;
    let placed = MessageBuilder::new("front", "order.placed", name).topic("orders").partition_key(key);
    tx.stage(&placed.draw(&*ports.clock, &*ports.random)).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}

/// A front of which each order has a key of its own.
pub(crate) fn placing(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move { place(&ports, &name, &name).await })
}

/// Adds core's consumer of `orders`.
pub(crate) fn listener(topology: Topology) -> Topology {
    topology.process("listener-1", "listener", "listener", |boot| listen(boot.ports)).group("listener", &["orders"])
}

async fn listen(ports: Ports) {
    let handlers = Handlers::builder().on("order.placed", Note).build().expect("one handler for one type");
    Consumer::new(&ports, "listener", handlers, ["orders"]).run().await;
}

/// Notes a message.
pub(crate) struct Note;

#[async_trait]
impl Handler for Note {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        tx.put("notes", &message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
        Ok(())
    }
}

/// Claims rows for ever and hands them to `work_off`.
pub(crate) async fn relay_by_hand<F>(ports: Ports, work_off: impl Fn(Ports, ClaimToken, Vec<OutboxRow>) -> F)
where
    F: Future<Output = Result<(), StoreError>>,
{
    while !ports.stop.is_set() {
        let token = ClaimToken(draw_id(&*ports.clock, &*ports.random));
        let lease = Duration::from_secs(30);
        let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
        let rows = ports
            .store
            .claim(&ClaimRequest { token, limit: 100, lease, ordering, when_dead, except_topics: Vec::new() })
            .await;
        match rows {
            Ok(rows) if !rows.is_empty() => _ = work_off(ports.clone(), token, rows).await,
            _ => ports.clock.sleep(REST).await,
        }
    }
}

/// Time that the broker has for a batch.
const PUBLISH_LIMIT: Duration = Duration::from_secs(10);

/// Publishes rows; where the broker gives no answer at all, or none in time, it has none for any of them.
pub(crate) async fn publish(ports: &Ports, rows: &[OutboxRow]) -> Vec<PublishResult> {
    let published = publish_without_limit(ports, rows);
    match select(pin!(published), ports.clock.limit(PUBLISH_LIMIT)).await {
        Either::Left((results, _)) => results,
        Either::Right(_) => unanswered(rows, "there was no answer in time"),
    }
}

/// The same for as long as it takes.
pub(crate) async fn publish_without_limit(ports: &Ports, rows: &[OutboxRow]) -> Vec<PublishResult> {
    let batch: Vec<Message> = rows.iter().map(|row| row.message.clone()).collect();
    ports.broker.publish(&batch).await.unwrap_or_else(|error| unanswered(rows, &error.to_string()))
}

/// Returns the results of rows of which nobody knows if the broker has them.
fn unanswered(rows: &[OutboxRow], why: &str) -> Vec<PublishResult> {
    vec![Err(PublishError::Unknown(why.into())); rows.len()]
}

/// Settles rows, each by its own result.
pub(crate) async fn settle(
    ports: &Ports,
    token: ClaimToken,
    rows: &[OutboxRow],
    results: &[PublishResult],
) -> Result<(), StoreError> {
    let outcome = |result: &PublishResult| match result {
        Ok(()) => SettleOutcome::Dispatched,
        Err(PublishError::Refused(reason)) => SettleOutcome::Dead { reason: reason.clone() },
        Err(_) => SettleOutcome::Release { delay: REST },
    };
    let settlement = |(row, result): (&OutboxRow, _)| Settlement { row: row.row, outcome: outcome(result) };
    let settlements: Vec<Settlement> = rows.iter().zip(results).map(settlement).collect();
    let held = ports.store.settle(token, &settlements).await?;
    for ((row, settlement), _) in rows.iter().zip(&settlements).zip(held).filter(|(_, held)| *held) {
        if let SettleOutcome::Dead { reason } = &settlement.outcome {
            tracing::warn!(message = %row.message.id, %reason, "a row is dead");
        }
    }
    Ok(())
}

/// Receives orders for ever, as group `listener`, and hands them to `deal`.
pub(crate) async fn listen_by_hand(
    ports: Ports,
    deal: impl for<'a> Fn(&'a Ports, &'a dyn Subscription, &'a Delivery) -> BoxFuture<'a, Result<(), StoreError>>,
) {
    while !ports.stop.is_set() {
        receive(&ports, &deal).await;
        ports.clock.sleep(REST).await;
    }
}

/// Receives orders until the connection is lost, or a stop is asked for; what can't be dealt with is given back.
pub(crate) async fn receive(
    ports: &Ports,
    deal: &impl for<'a> Fn(&'a Ports, &'a dyn Subscription, &'a Delivery) -> BoxFuture<'a, Result<(), StoreError>>,
) {
    let spec = SubscriptionSpec { group: "listener".into(), topics: vec!["orders".into()] };
    receive_as(ports, &spec, deal).await;
}

/// The same as another group.
pub(crate) async fn receive_as(
    ports: &Ports,
    spec: &SubscriptionSpec,
    deal: &impl for<'a> Fn(&'a Ports, &'a dyn Subscription, &'a Delivery) -> BoxFuture<'a, Result<(), StoreError>>,
) {
    let subscribing = pin!(limited(ports, ports.broker.subscribe(spec)));
    // Nothing is in hand yet, so a stop need not wait for it.
    let Either::Left((Ok(member), _)) = select(subscribing, pin!(ports.stop.wait())).await else { return };
    let subscription = Limited { member, ports };
    while let Either::Left((Ok(deliveries), _)) = select(subscription.receive(16), pin!(ports.stop.wait())).await {
        for delivery in deliveries {
            let Err(error) = deal(ports, &subscription, &delivery).await else { continue };
            let _ = match error {
                // A race is over soon; what conflicts each time is given up.
                StoreError::Conflict(_) if is_given_up(ports, &spec.group, &delivery).await => {
                    subscription.ack(delivery.tag).await
                }
                _ => subscription.nack(delivery.tag, REST).await,
            };
        }
    }
}

/// Time that the broker has for an answer to a consumer.
const BROKER_LIMIT: Duration = Duration::from_secs(20);

/// Waits for an answer of the broker for as long as it has.
pub(crate) async fn limited<T>(
    ports: &Ports,
    call: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    match select(pin!(call), ports.clock.limit(BROKER_LIMIT)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(BrokerError::Unknown("there was no answer in time".into())),
    }
}

/// A member of a group that gives up what the broker does not answer.
struct Limited<'a> {
    member: Box<dyn Subscription>,
    ports: &'a Ports,
}

#[async_trait]
impl Subscription for Limited<'_> {
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        self.member.receive(max).await
    }

    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        limited(self.ports, self.member.ack(tag)).await
    }

    async fn nack(&self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        limited(self.ports, self.member.nack(tag, delay)).await
    }
}

/// So many conflicts of one message are no race.
const CONFLICTS_MAX: u32 = 20;

/// Counts a conflict of a message, which the last one makes a dead letter, and says so.
async fn is_given_up(ports: &Ports, group: &str, delivery: &Delivery) -> bool {
    let entry = InboxEntry::for_message(group, &delivery.message);
    let counted = async {
        let mut tx = ports.store.begin().await?;
        let is_last = tx.inbox_failed(&entry, "it conflicts").await? >= CONFLICTS_MAX;
        if is_last {
            tx.inbox_bury(&entry, &delivery.message, "it conflicts each time").await?;
        }
        tx.commit().await?;
        Ok::<_, StoreError>(is_last)
    };
    let is_last = counted.await.unwrap_or(false);
    if is_last {
        tracing::warn!(message = %delivery.message.id, "a message is a dead letter");
    }
    is_last
}

/// Receives orders for ever, as group `listener`, and gives back whatever fails: nothing is counted, and nothing given up.
pub(crate) async fn listen_without_end(
    ports: Ports,
    deal: impl for<'a> Fn(&'a Ports, &'a dyn Subscription, &'a Delivery) -> BoxFuture<'a, Result<(), StoreError>>,
) {
    listen_by_hand(ports, |ports, subscription, delivery| {
        let dealt = deal(ports, subscription, delivery);
        Box::pin(async move { dealt.await.map_err(|error| StoreError::Unavailable(error.to_string().into())) })
    })
    .await;
}
