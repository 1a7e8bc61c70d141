//! Code that hand-written relays and consumers have in common: everything but the mistake.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use seaworthy_core::{
    backoff::Backoff,
    ids::ClaimToken,
    inbox::HandlerError,
    message::Message,
    ports::{
        BrokerError, ClaimRequest, Delivery, InboxEntry, OutboxOrder, OutboxRow, Ports, PublishError, PublishResult,
        SettleOutcome, Settlement, StoreError, SubscriptionSpec, WhenDead, draw_id,
    },
    wake::{Wake, Woken},
};
use smol_str::SmolStr;

/// Time that the broker has for an answer to a consumer.
const BROKER_LIMIT: Duration = Duration::from_secs(20);

/// Time that the broker has for a batch: less than a claim lasts.
const PUBLISH_LIMIT: Duration = Duration::from_secs(10);

/// Pause after an error of a store or the broker.
const REST: Duration = Duration::from_millis(200);

/// Claims rows until a stop is asked for and hands them, with their claim, to `publish`; waits where there are none, by
/// `poll` and for as long as nobody hints at any.
pub(super) async fn relay<F>(
    ports: Ports,
    poll: Backoff,
    wake: Wake,
    publish: impl Fn(Ports, ClaimToken, Vec<OutboxRow>) -> F,
) where
    F: Future<Output = ()>,
{
    let mut idle = 0;
    while !ports.stop.is_set() {
        let token = ClaimToken(draw_id(&*ports.clock, &*ports.random));
        let request = ClaimRequest {
            token,
            limit: 100,
            lease: Duration::from_secs(30),
            ordering: OutboxOrder::PerKey,
            when_dead: WhenDead::BlockKey,
            except_topics: Vec::new(),
        };
        match ports.store.claim(&request).await {
            Ok(rows) if rows.is_empty() => {
                let rest = poll.delay(idle, &*ports.random);
                idle = match wake.idle(&*ports.clock, &ports.stop, rest).await {
                    Woken::Hint => 0,
                    Woken::Stop | Woken::Timeout => idle + 1,
                };
            }
            Ok(rows) => {
                idle = 0;
                publish(ports.clone(), token, rows).await;
            }
            Err(_) => ports.clock.sleep(REST).await,
        }
    }
}

/// The outcome of a row by the broker's word on its message.
pub(super) fn outcome(result: PublishResult) -> SettleOutcome {
    match result {
        Ok(()) => SettleOutcome::Dispatched,
        Err(PublishError::Refused(why)) => SettleOutcome::Dead { reason: why },
        Err(PublishError::Unavailable(_) | PublishError::Unknown(_)) => SettleOutcome::Release { delay: REST },
    }
}

/// Publishes messages and returns the broker's word on each. One that does not answer in time has none on any.
pub(super) async fn publish(ports: &Ports, messages: &[Message]) -> Vec<PublishResult> {
    match select(ports.broker.publish(messages), ports.clock.limit(PUBLISH_LIMIT)).await {
        Either::Left((answer, _)) => each(answer, messages.len()),
        Either::Right(_) => {
            vec![Err(PublishError::Unknown(SmolStr::new_static("there was no answer in time"))); messages.len()]
        }
    }
}

/// The broker's word on each of `count` messages, where it may have answered for none: then it says the same of all.
fn each(answer: Result<Vec<PublishResult>, BrokerError>, count: usize) -> Vec<PublishResult> {
    answer.unwrap_or_else(|error| vec![Err(PublishError::Unavailable(SmolStr::from(error.to_string()))); count])
}

/// Settles rows, and says which of them are dead now, so that an operator hears of them. `messages` are theirs, one for each.
pub(super) async fn settle(ports: &Ports, token: ClaimToken, settlements: &[Settlement], messages: &[Message]) {
    let Ok(held) = ports.store.settle(token, settlements).await else { return };
    for ((settlement, message), _) in settlements.iter().zip(messages).zip(held).filter(|(_, held)| *held) {
        if let SettleOutcome::Dead { reason } = &settlement.outcome {
            tracing::warn!(message = %message.id, %reason, "the row is dead");
        }
    }
}

/// Moment at which a consumer acknowledges a delivery.
#[derive(Clone, Copy)]
pub(super) enum Acknowledge {
    /// As soon as it has it.
    First,
    /// Once it is handled; what was not handled is given back.
    Handled,
}

/// Receives messages of one topic until a stop is asked for. Each is handled by `handle`, and acknowledged at its moment.
pub(super) async fn consume<F>(
    ports: Ports,
    (group, topic): (&str, &str),
    wake: Wake,
    acknowledge: Acknowledge,
    handle: impl Fn(Ports, Delivery) -> F,
) where
    F: Future<Output = Result<(), HandlerError>>,
{
    let spec = SubscriptionSpec { group: group.into(), topics: vec![topic.into()] };
    while !ports.stop.is_set() {
        let subscribing = pin!(answered(&ports, ports.broker.subscribe(&spec)));
        let subscribed = match select(subscribing, pin!(ports.stop.wait())).await {
            Either::Left((subscribed, _)) => subscribed,
            Either::Right(_) => return,
        };
        let Ok(subscription) = subscribed else {
            ports.clock.sleep(REST).await;
            continue;
        };
        loop {
            let stopped = pin!(ports.stop.wait());
            let received = match select(subscription.receive(16), stopped).await {
                Either::Left((received, _)) => received.ok(),
                Either::Right(_) => None,
            };
            let Some(deliveries) = received else { break };
            for delivery in deliveries {
                let (tag, message) = (delivery.tag, delivery.message.clone());
                if let Acknowledge::First = acknowledge {
                    let _ = answered(&ports, subscription.ack(tag)).await;
                }
                let handled = ports.try_scope(handle(ports.clone(), delivery)).await;
                wake.hint();
                let _ = match (acknowledge, handled) {
                    (Acknowledge::First, _) => Ok(()),
                    (Acknowledge::Handled, Ok(())) => answered(&ports, subscription.ack(tag)).await,
                    // A race is over soon, and so is an outage, in which nothing is counted; what fails each time is given up.
                    (
                        Acknowledge::Handled,
                        Err(HandlerError::Store(StoreError::Conflict(_) | StoreError::Unavailable(_))),
                    ) if is_given_up(&ports, group, &message).await => answered(&ports, subscription.ack(tag)).await,
                    (Acknowledge::Handled, Err(_)) => answered(&ports, subscription.nack(tag, REST)).await,
                };
            }
        }
    }
}

/// Waits for an answer of the broker to a consumer for as long as it has.
async fn answered<T>(ports: &Ports, call: impl Future<Output = Result<T, BrokerError>>) -> Result<T, BrokerError> {
    match select(pin!(call), ports.clock.limit(BROKER_LIMIT)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(BrokerError::Unknown(SmolStr::new_static("there was no answer in time"))),
    }
}

/// So many conflicts of one message are no race.
const CONFLICTS_MAX: u32 = 20;

/// Counts a conflict of a message, which the last one makes a dead letter, and says so.
async fn is_given_up(ports: &Ports, group: &str, message: &Message) -> bool {
    let entry = InboxEntry::for_message(group, message);
    let counted = async {
        let mut tx = ports.store.begin().await?;
        let is_last = tx.inbox_failed(&entry, "it conflicts").await? >= CONFLICTS_MAX;
        if is_last {
            tx.inbox_bury(&entry, message, "it conflicts each time").await?;
        }
        tx.commit().await?;
        Ok::<_, StoreError>(is_last)
    };
    let is_last = counted.await.unwrap_or(false);
    if is_last {
        tracing::warn!(message = %message.id, "the message is a dead letter");
    }
    is_last
}
