//! The in-process broker: groups, order by key, redelivery, and what it refuses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use seaworthy_core::{
    ids::MessageId,
    message::{Headers, Message},
    ports::{Broker, Delivery, PublishError, Subscription, SubscriptionSpec, Timestamp},
};
use seaworthy_tokio::{LocalBroker, Unroutable};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

const SECOND: Duration = Duration::from_secs(1);

/// A clock that follows tokio's paused time.
struct PausedClock(Instant);

#[async_trait::async_trait]
impl seaworthy_core::ports::Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH + self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

fn broker() -> LocalBroker {
    LocalBroker::new(Arc::new(PausedClock(Instant::now())), LocalBroker::config())
}

fn message(number: u128, key: &str) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(number)),
        source: "orders".into(),
        kind: "order.confirmed".into(),
        topic: "orders".into(),
        subject: "order".into(),
        time: Timestamp::EPOCH,
        content_type: "application/json".into(),
        partition_key: key.into(),
        sequence: 1,
        epoch: 0,
        gap: 0,
        schedule: seaworthy_core::message::Schedule::NONE,
        correlation_id: Uuid::nil(),
        causation_id: None,
        traceparent: None,
        headers: Headers::new(),
        data: "{}".into(),
    }
}

async fn join(broker: &LocalBroker, group: &str) -> Box<dyn Subscription> {
    broker.subscribe(&SubscriptionSpec { group: group.into(), topics: vec!["orders".into()] }).await.unwrap()
}

fn numbers(deliveries: &[Delivery]) -> Vec<u128> {
    deliveries.iter().map(|delivery| delivery.message.id.0.as_u128()).collect()
}

async fn nothing(member: &dyn Subscription) -> bool {
    timeout(SECOND / 10, member.receive(10)).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn every_group_gets_every_message_and_one_member_of_it_each() {
    let broker = broker();
    let (first, second) = (join(&broker, "shipping").await, join(&broker, "shipping").await);
    let other = join(&broker, "billing").await;
    broker.publish(&[message(1, "a"), message(2, "b")]).await.unwrap();
    assert_eq!(numbers(&first.receive(1).await.unwrap()), [1]);
    assert_eq!(numbers(&second.receive(10).await.unwrap()), [2]);
    assert_eq!(numbers(&other.receive(10).await.unwrap()), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_later_message_of_a_key_waits_for_the_earlier_one() {
    let broker = broker();
    let (first, second) = (join(&broker, "shipping").await, join(&broker, "shipping").await);
    broker.publish(&[message(1, "a"), message(2, "a"), message(3, "b")]).await.unwrap();
    let out = first.receive(10).await.unwrap();
    assert_eq!(numbers(&out), [1, 3]);
    assert!(nothing(&*second).await);
    first.ack(out[0].tag).await.unwrap();
    assert_eq!(numbers(&second.receive(10).await.unwrap()), [2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acknowledged_comes_again_after_the_visibility_timeout_with_another_tag() {
    let broker = broker();
    let member = join(&broker, "shipping").await;
    broker.publish(&[message(1, "a"), message(2, "a")]).await.unwrap();
    let first = member.receive(10).await.unwrap();
    assert_eq!(first[0].redeliveries, 0);
    let begun = Instant::now();
    let again = member.receive(10).await.unwrap();
    assert_eq!((numbers(&again), again[0].redeliveries), (vec![1], 1));
    assert_eq!(begun.elapsed().as_secs(), 30);
    assert_ne!(again[0].tag, first[0].tag);
    member.ack(first[0].tag).await.unwrap();
    assert_eq!(broker.unacknowledged("shipping"), 2, "a late acknowledgement changes nothing");
    member.ack(again[0].tag).await.unwrap();
    assert_eq!(numbers(&member.receive(10).await.unwrap()), [2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_rests_and_holds_up_its_key() {
    let broker = broker();
    let member = join(&broker, "shipping").await;
    broker.publish(&[message(1, "a"), message(2, "a"), message(3, "b")]).await.unwrap();
    let out = member.receive(1).await.unwrap();
    member.nack(out[0].tag, 5 * SECOND).await.unwrap();
    assert_eq!(numbers(&member.receive(10).await.unwrap()), [3]);
    let begun = Instant::now();
    assert_eq!(numbers(&member.receive(10).await.unwrap()), [1]);
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_leaves_gives_back_what_it_had_and_wakes_the_others() {
    let broker = broker();
    let (leaver, stayer) = (join(&broker, "shipping").await, join(&broker, "shipping").await);
    broker.publish(&[message(1, "a"), message(2, "b")]).await.unwrap();
    assert_eq!(leaver.receive(10).await.unwrap().len(), 2);
    let waiting = tokio::spawn(async move { numbers(&stayer.receive(10).await.unwrap()) });
    tokio::task::yield_now().await;
    drop(leaver);
    assert_eq!(waiting.await.unwrap(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_member_is_woken_by_a_publication() {
    let broker = broker();
    let member = join(&broker, "shipping").await;
    let waiting = tokio::spawn(async move { numbers(&member.receive(10).await.unwrap()) });
    tokio::task::yield_now().await;
    broker.publish(&[message(1, "a")]).await.unwrap();
    assert_eq!(waiting.await.unwrap(), [1]);
}

/// Whoever waits keeps the time after which a delivery that another one has comes again. So all that wait hear of each message:
/// were only the one woken who gets it, nobody would look when it does not come back.
#[tokio::test(start_paused = true)]
async fn a_member_that_waits_takes_over_what_another_one_that_waited_does_not_come_back_from() {
    let broker = broker();
    let (hangs, waits) = (join(&broker, "shipping").await, join(&broker, "shipping").await);
    let (mut first, mut second) = (hangs.receive(1), waits.receive(1));
    assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut second).is_pending());
    broker.publish(&[message(1, "a")]).await.unwrap();
    assert_eq!(numbers(&first.await.unwrap()), [1]);
    let again = timeout(40 * SECOND, second).await.expect("30 s are over").unwrap();
    assert_eq!((numbers(&again), again[0].redeliveries), (vec![1], 1));
}

#[tokio::test(start_paused = true)]
async fn each_message_of_a_batch_has_its_own_result() {
    let config = LocalBroker::config().payload_bytes_max(4).unroutable(Unroutable::Reject);
    let broker = LocalBroker::new(Arc::new(PausedClock(Instant::now())), config);
    broker.declare("shipping", ["orders"]);
    let mut unroutable = message(2, "a");
    unroutable.topic = "nobody".into();
    let mut large = message(3, "a");
    large.data = "12345".into();
    let results = broker.publish(&[message(1, "a"), unroutable, large, message(4, "a")]).await.unwrap();
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
    assert!(results[1..3].iter().all(|result| matches!(result, Err(PublishError::Refused(_)))), "{results:?}");
    assert_eq!(broker.unacknowledged("shipping"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_declared_group_misses_nothing_that_was_published_before_it_has_members() {
    let broker = broker();
    broker.declare("shipping", ["orders"]);
    broker.publish(&[message(1, "a")]).await.unwrap();
    assert_eq!(numbers(&join(&broker, "shipping").await.receive(10).await.unwrap()), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_stands_still_is_unavailable_and_no_group_gets_the_message() {
    let config = LocalBroker::config().unacknowledged_max(1);
    let broker = LocalBroker::new(Arc::new(PausedClock(Instant::now())), config);
    broker.declare("billing", ["orders"]);
    broker.declare("shipping", ["orders"]);
    broker.publish(&[message(1, "a")]).await.unwrap();
    let out = join(&broker, "billing").await.receive(1).await.unwrap();
    assert_eq!(out.len(), 1);
    let results = broker.publish(&[message(2, "a")]).await.unwrap();
    assert!(matches!(results[0], Err(PublishError::Unavailable(_))), "{results:?}");
    assert_eq!((broker.unacknowledged("billing"), broker.unacknowledged("shipping")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_group_may_leave_only_so_many_bytes_unacknowledged() {
    // Two messages of a kilobyte, with their envelopes.
    let config = LocalBroker::config().unacknowledged_bytes_max(4_000);
    let broker = LocalBroker::new(Arc::new(PausedClock(Instant::now())), config);
    broker.declare("shipping", ["orders"]);
    let large = |number| Message { data: vec![0; 1_000].into(), ..message(number, "a") };
    let results = broker.publish(&[large(1), large(2), large(3)]).await.unwrap();
    assert!(matches!(&results[..], [Ok(()), Ok(()), Err(PublishError::Unavailable(_))]), "{results:?}");
    // What is acknowledged makes room.
    let member = join(&broker, "shipping").await;
    let first = member.receive(1).await.unwrap();
    member.ack(first[0].tag).await.unwrap();
    assert_eq!(broker.publish(&[large(3)]).await.unwrap(), [Ok(())]);
    // One that is larger than all that is allowed is not kept out for ever.
    broker.declare("billing", ["bills"]);
    let huge = Message { topic: "bills".into(), data: vec![0; 9_000].into(), ..message(4, "b") };
    assert_eq!(broker.publish(&[huge]).await.unwrap(), [Ok(())]);
}

/// Counts rounds of a busy task that were done when another had its turn.
async fn rounds_at_once<F>(round: impl Fn(LocalBroker) -> F + Send + 'static) -> u32
where
    F: Future<Output = ()> + Send + 'static,
{
    let broker = broker();
    broker.declare("shipping", ["orders"]);
    let done = Arc::new(AtomicU32::new(0));
    let count = done.clone();
    let busy = tokio::spawn(async move {
        for _ in 0..10_000 {
            round(broker.clone()).await;
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    tokio::task::yield_now().await;
    busy.abort();
    done.load(Ordering::Relaxed)
}

#[tokio::test]
async fn whoever_is_busy_with_it_lets_others_have_their_turn() {
    let publishing = rounds_at_once(|broker| async move { drop(broker.publish(&[message(1, "a")]).await) });
    assert!((1..1_000).contains(&publishing.await));
    let receiving = rounds_at_once(|broker| async move {
        broker.publish(&[message(1, "a")]).await.unwrap();
        let member = join(&broker, "shipping").await;
        let out = member.receive(1).await.unwrap();
        member.ack(out[0].tag).await.unwrap();
    });
    assert!((1..1_000).contains(&receiving.await));
}
