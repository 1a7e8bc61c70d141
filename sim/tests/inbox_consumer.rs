//! The consumer over the simulated store and broker.

mod messaging;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use messaging::{Bench, ms, on_bench};
use seaworthy_core::{
    ids::MessageId,
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers, Retention},
    message::Message,
    outbox::MessageBuilder,
    ports::{
        Broker, BrokerError, Clock, Delivery, DeliveryTag, Expected, InboxStore, PublishResult, Store, StoreError,
        Subscription, SubscriptionSpec, Timestamp, Transaction,
    },
    stop::Stop,
};

/// What a handler is to do with a message, given how often it saw that message before.
type Behaviour = dyn Fn(&Message, u32) -> Result<(), HandlerError> + Send + Sync;

/// Counts, in a document for each message and with a message of its own, how often its effect was had.
#[derive(Clone)]
struct Count {
    behaviour: Arc<Behaviour>,
    calls: Arc<Mutex<Vec<MessageId>>>,
    takes: Duration,
}

impl Count {
    fn new(behaviour: impl Fn(&Message, u32) -> Result<(), HandlerError> + Send + Sync + 'static) -> Self {
        Self { behaviour: Arc::new(behaviour), calls: Arc::default(), takes: Duration::ZERO }
    }

    fn calls(&self) -> Vec<MessageId> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl Handler for Count {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let before = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(message.id);
            calls.iter().filter(|id| **id == message.id).count() as u32 - 1
        };
        if !self.takes.is_zero() {
            madsim::time::sleep(self.takes).await;
        }
        let id = message.id.to_string();
        let times = tx.get("effects", &id).await?.map_or(0, |document| document.body[0]);
        tx.put("effects", &id, Expected::Any, Bytes::from(vec![times + 1])).await?;
        let reply = MessageBuilder::new("shipping", "shipment.created", message.subject.clone())
            .caused_by(message)
            .derive(message.id.0, &["reply"], Timestamp::EPOCH);
        tx.stage(&reply).await?;
        (self.behaviour)(message, before)
    }
}

fn consumer(bench: &Bench, handlers: Handlers) -> Consumer {
    let (store, broker) = (bench.store.clone(), bench.broker.clone());
    let config = ConsumerConfig::of(["orders"]);
    Consumer::new("shipping", store, broker, bench.clock.clone(), bench.random.clone(), handlers, config)
}

fn counting(bench: &Bench, count: &Count) -> Consumer {
    consumer(bench, Handlers::new().on("order.placed", count.clone()).unwrap())
}

/// Publishes one message as a relay would, and returns it.
async fn publish(bench: &Bench, key: &str, kind: &str, sequence: u64) -> Message {
    let builder = MessageBuilder::new("orders", kind, key).json(&key).unwrap();
    let message = Message { sequence, ..builder.draw(&*bench.clock, &*bench.random) };
    bench.broker.publish(std::slice::from_ref(&message)).await.unwrap();
    message
}

async fn effects(bench: &Bench) -> BTreeMap<String, u8> {
    let mut tx = bench.store.begin().await.unwrap();
    let found = tx.scan("effects", None, 1_000).await.unwrap();
    found.into_iter().map(|(id, document)| (id.to_string(), document.body[0])).collect()
}

fn declare(bench: &Bench) {
    bench.broker.inner.declare(&SubscriptionSpec { group: "shipping".into(), topics: vec!["orders".into()] });
}

#[test]
fn a_duplicate_is_acknowledged_without_running_the_handler() {
    on_bench(1, async |bench| {
        declare(&bench);
        let message = publish(&bench, "order-1", "order.placed", 1).await;
        bench.broker.inner.duplicate(message.id);
        bench.broker.inner.duplicate(message.id);
        let (count, stop) = (Count::new(|_, _| Ok(())), Stop::new());
        madsim::task::spawn(counting(&bench, &count).run(stop.clone()));
        bench.pass(ms(100)).await;
        assert_eq!(count.calls(), [message.id]);
        assert_eq!(bench.broker.inner.pending(), 0);
        assert_eq!(bench.unsettled().await, 1, "one reply is staged");
    });
}

/// Copies of each message reach four members at about the same moment, and handlers overlap.
#[test]
fn four_consumers_of_one_group_have_each_effect_once_although_duplicates_race() {
    for seed in 0..30 {
        on_bench(seed, async move |bench| {
            declare(&bench);
            for number in 0..20 {
                let message = publish(&bench, &format!("order-{number}"), "order.placed", number + 1).await;
                // A second broker key for the copy, so that the broker itself does not keep the two apart.
                let copy = Message { partition_key: format!("copy-{number}").into(), ..message };
                bench.broker.publish(&[copy]).await.unwrap();
            }
            let count = Count { takes: ms(5), ..Count::new(|_, _| Ok(())) };
            let stop = Stop::new();
            for _ in 0..4 {
                madsim::task::spawn(counting(&bench, &count).run(stop.clone()));
            }
            bench.pass(Duration::from_secs(5)).await;
            let effects = effects(&bench).await;
            assert_eq!(effects.len(), 20);
            assert!(effects.values().all(|times| *times == 1), "seed {seed}: {effects:?}");
            assert_eq!(bench.broker.inner.pending(), 0);
        });
    }
}

#[test]
fn a_failing_handler_leaves_nothing_behind_and_its_message_becomes_a_dead_letter_with_its_payload() {
    on_bench(3, async |bench| {
        declare(&bench);
        let poison = publish(&bench, "order-1", "order.placed", 1).await;
        let next = publish(&bench, "order-1", "order.placed", 2).await;
        let other = publish(&bench, "order-2", "order.placed", 3).await;
        let id = poison.id;
        let count = Count::new(move |message, _| match message.id == id {
            true => Err(HandlerError::Retry("no stock".into())),
            false => Ok(()),
        });
        let stop = Stop::new();
        madsim::task::spawn(counting(&bench, &count).run(stop.clone()));
        bench.pass(ms(100)).await;
        // The message behind it waits, one of another key does not.
        assert_eq!(effects(&bench).await.keys().cloned().collect::<Vec<_>>(), [other.id.to_string()]);
        bench.pass(Duration::from_secs(60)).await;
        let calls = count.calls();
        assert_eq!(calls.iter().filter(|call| **call == poison.id).count(), 5);
        assert_eq!(calls.last(), Some(&next.id), "the key goes on after the burial, and not before");
        let letters = bench.store.dead_letters("shipping", 10).await.unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!((&letters[0].message, letters[0].failures), (&poison, 5));
        assert_eq!(letters[0].reason, "no stock");
        assert_eq!(effects(&bench).await.len(), 2);
        assert_eq!(bench.unsettled().await, 2, "the failed attempts staged nothing");
        assert_eq!(bench.broker.inner.pending(), 0);
    });
}

#[test]
fn a_message_that_fails_is_handled_before_the_later_ones_of_its_key() {
    on_bench(4, async |bench| {
        declare(&bench);
        let mut ids = Vec::new();
        for sequence in 1..=9 {
            ids.push(publish(&bench, "order-1", "order.placed", sequence).await.id);
        }
        // Each message fails twice.
        let count = Count::new(|_, before| match before {
            0 | 1 => Err(HandlerError::Retry("not yet".into())),
            _ => Ok(()),
        });
        madsim::task::spawn(counting(&bench, &count).run(Stop::new()));
        bench.pass(Duration::from_secs(60)).await;
        let expected: Vec<_> = ids.iter().flat_map(|id| [*id; 3]).collect();
        assert_eq!(count.calls(), expected);
    });
}

#[test]
fn what_can_not_be_decoded_or_is_rejected_becomes_a_dead_letter_at_once() {
    for hopeless in [HandlerError::Undecodable("bad".into()), HandlerError::Rejected("bad".into())] {
        on_bench(5, async |bench| {
            declare(&bench);
            let message = publish(&bench, "order-1", "order.placed", 1).await;
            let count = Count::new(move |_, _| Err(hopeless.clone()));
            madsim::task::spawn(counting(&bench, &count).run(Stop::new()));
            bench.pass(ms(50)).await;
            assert_eq!(count.calls(), [message.id]);
            let letters = bench.store.dead_letters("shipping", 10).await.unwrap();
            assert_eq!((&letters[0].message, letters[0].failures), (&message, 1));
            assert_eq!(bench.broker.inner.pending(), 0);
        });
    }
}

#[test]
fn a_payload_of_another_shape_counts_as_undecodable_and_is_not_quoted() {
    let message = MessageBuilder::new("orders", "order.placed", "order-1")
        .json(&serde_json::json!({ "card": "4111 1111" }))
        .unwrap()
        .derive(uuid::Uuid::nil(), &[], Timestamp::EPOCH);
    let error = HandlerError::from(message.json::<Vec<u32>>().unwrap_err());
    assert!(matches!(&error, HandlerError::Undecodable(why) if why.contains("order.placed")), "{error}");
    assert!(!error.to_string().contains("4111"), "{error}");
}

#[test]
fn a_message_of_an_unknown_type_waits_for_a_newer_version() {
    on_bench(6, async |bench| {
        declare(&bench);
        let message = publish(&bench, "order-1", "order.split", 1).await;
        let (count, stop) = (Count::new(|_, _| Ok(())), Stop::new());
        let old = madsim::task::spawn(counting(&bench, &count).run(stop.clone()));
        bench.pass(Duration::from_secs(600)).await;
        assert_eq!(bench.broker.inner.pending(), 1);
        assert_eq!(bench.store.dead_letters("shipping", 10).await.unwrap(), []);
        stop.set();
        old.await.unwrap();
        let newer = consumer(&bench, Handlers::new().on("order.split", count.clone()).unwrap());
        madsim::task::spawn(newer.run(Stop::new()));
        bench.pass(Duration::from_secs(31)).await;
        assert_eq!(count.calls(), [message.id]);
        assert_eq!(bench.broker.inner.pending(), 0);
    });
}

#[test]
fn a_type_that_is_ignored_by_name_is_acknowledged() {
    on_bench(7, async |bench| {
        declare(&bench);
        publish(&bench, "order-1", "order.touched", 1).await;
        madsim::task::spawn(consumer(&bench, Handlers::new().ignore("order.touched").unwrap()).run(Stop::new()));
        bench.pass(ms(10)).await;
        assert_eq!(bench.broker.inner.pending(), 0);
    });
}

#[test]
fn failures_of_the_store_are_never_counted_against_the_message() {
    let failures = [
        StoreError::Conflict("busy".into()),
        StoreError::Unavailable("down".into()),
        StoreError::Unknown("connection reset".into()),
    ];
    for failure in failures {
        on_bench(8, async |bench| {
            declare(&bench);
            let message = publish(&bench, "order-1", "order.placed", 1).await;
            let count = Count::new(move |_, before| if before < 60 { Err(failure.clone().into()) } else { Ok(()) });
            madsim::task::spawn(counting(&bench, &count).run(Stop::new()));
            bench.pass(Duration::from_secs(900)).await;
            assert_eq!(effects(&bench).await, BTreeMap::from([(message.id.to_string(), 1)]));
            assert_eq!(bench.store.dead_letters("shipping", 10).await.unwrap(), []);
        });
    }
}

#[test]
fn a_statement_that_the_store_refuses_is_counted() {
    on_bench(9, async |bench| {
        declare(&bench);
        publish(&bench, "order-1", "order.placed", 1).await;
        let count = Count::new(|_, _| Err(StoreError::Refused("no such table".into()).into()));
        madsim::task::spawn(counting(&bench, &count).run(Stop::new()));
        bench.pass(Duration::from_secs(60)).await;
        let letters = bench.store.dead_letters("shipping", 10).await.unwrap();
        assert_eq!(letters[0].failures, 5);
    });
}

#[test]
fn a_redriven_dead_letter_is_handled_once_or_stays() {
    on_bench(10, async |bench| {
        declare(&bench);
        let mut ids = Vec::new();
        for number in 0..3 {
            ids.push(publish(&bench, &format!("order-{number}"), "order.placed", number + 1).await.id);
        }
        let repaired = Arc::new(AtomicU32::new(0));
        let (switch, last) = (repaired.clone(), ids[2]);
        let count = Count::new(move |message, _| match switch.load(Ordering::Relaxed) {
            0 => Err(HandlerError::Rejected("unknown currency".into())),
            _ if message.id == last => Err(HandlerError::Rejected("still unknown".into())),
            _ => Ok(()),
        });
        let consumer = counting(&bench, &count);
        madsim::task::spawn(consumer.clone().run(Stop::new()));
        bench.pass(ms(100)).await;
        assert_eq!(bench.store.backlog().await.unwrap().inbox_dead, 3);

        repaired.store(1, Ordering::Relaxed);
        let one = consumer.redrive(Some(&ids[1..2]), 100).await.unwrap();
        assert_eq!((one.handled, one.failed.len()), (vec![ids[1]], 0));
        let rest = consumer.redrive(None, 100).await.unwrap();
        assert_eq!(rest.handled, [ids[0]]);
        assert_eq!(rest.failed, [(ids[2], "rejected: still unknown".to_owned())]);
        assert_eq!(consumer.redrive(Some(&ids[..2]), 100).await.unwrap().handled, []);

        let effects = effects(&bench).await;
        assert_eq!(effects, BTreeMap::from([(ids[0].to_string(), 1), (ids[1].to_string(), 1)]));
        assert_eq!(bench.store.backlog().await.unwrap().inbox_dead, 1);
        // A redriven message counts as handled: another delivery of it is a duplicate.
        let calls = count.calls().len();
        let again = Message { id: ids[0], ..publish(&bench, "order-0", "order.touched", 9).await };
        let again = Message { kind: "order.placed".into(), partition_key: "order-9".into(), ..again };
        bench.broker.publish(&[again]).await.unwrap();
        bench.pass(ms(100)).await;
        assert_eq!(count.calls().len(), calls);
    });
}

#[test]
fn a_duplicate_is_noticed_after_its_row_was_purged() {
    on_bench(11, async |bench| {
        declare(&bench);
        let (count, stop) = (Count::new(|_, _| Ok(())), Stop::new());
        madsim::task::spawn(counting(&bench, &count).run(stop.clone()));
        let message = publish(&bench, "order-1", "order.placed", 7).await;
        let keep = Retention::new(Duration::from_secs(60), Duration::from_secs(59)).unwrap();
        let keep = keep.batch(1).every(Duration::from_secs(1));
        madsim::task::spawn(keep.run(vec!["shipping".into()], bench.store.clone(), bench.clock.clone(), stop.clone()));
        bench.pass(Duration::from_secs(62)).await;
        assert_eq!(keep.sweep("shipping", &*bench.store, &Stop::new()).await.unwrap(), 0, "the loop has purged it");
        bench.broker.publish(&[message]).await.unwrap();
        bench.pass(ms(100)).await;
        assert_eq!(count.calls().len(), 1);
        let later = publish(&bench, "order-1", "order.placed", 8).await;
        bench.pass(ms(100)).await;
        assert_eq!(count.calls().last(), Some(&later.id));
    });
}

#[test]
fn a_graceful_stop_finishes_one_message_and_gives_the_others_back_at_once() {
    on_bench(12, async |bench| {
        declare(&bench);
        for number in 0..10 {
            publish(&bench, &format!("order-{number}"), "order.placed", number + 1).await;
        }
        let count = Count { takes: ms(100), ..Count::new(|_, _| Ok(())) };
        let stop = Stop::new();
        let first = madsim::task::spawn(counting(&bench, &count).run(stop.clone()));
        bench.pass(ms(250)).await;
        stop.set();
        first.await.unwrap();
        // The third one is finished, give or take the simulator's timers.
        assert!(bench.clock.now() < Timestamp::from_millis(310));
        assert_eq!(effects(&bench).await.len(), 3);
        let quick = Count::new(|_, _| Ok(()));
        madsim::task::spawn(counting(&bench, &quick).run(Stop::new()));
        // Long before the visibility timeout of five seconds.
        bench.pass(ms(50)).await;
        assert_eq!(quick.calls().len(), 7);
    });
}

#[test]
fn a_consumer_subscribes_again_until_the_broker_is_back() {
    on_bench(13, async |bench| {
        declare(&bench);
        let message = publish(&bench, "order-1", "order.placed", 1).await;
        bench.broker.fails(Some(BrokerError::Unavailable("down".into())));
        let count = Count::new(|_, _| Ok(()));
        madsim::task::spawn(counting(&bench, &count).run(Stop::new()));
        bench.pass(Duration::from_secs(300)).await;
        bench.broker.fails(None);
        bench.pass(Duration::from_secs(15)).await;
        assert_eq!(count.calls(), [message.id]);
    });
}

#[test]
fn a_consumer_hints_to_the_relay_what_its_handlers_staged() {
    on_bench(14, async |bench| {
        declare(&bench);
        let (wake, stop) = (seaworthy_core::wake::Wake::new(), Stop::new());
        madsim::task::spawn(bench.relay_with(Default::default(), wake.clone()).run(stop.clone()));
        let count = Count::new(|_, _| Ok(()));
        madsim::task::spawn(counting(&bench, &count).with_wake(wake).run(stop.clone()));
        bench.pass(Duration::from_secs(10)).await;
        let message = publish(&bench, "order-1", "order.placed", 1).await;
        let handled = bench.clock.now();
        bench.pass(ms(1_000)).await;
        let log = bench.broker.log();
        let reply = log.iter().find(|published| published.id != message.id).unwrap();
        assert!(reply.at.since(handled) < ms(2), "{:?}", reply.at.since(handled));
    });
}

/// A delivery by position, and for how long it was given back, if it was.
type Heard = (u64, Option<Duration>);

/// A broker that hands out everything at once, several messages of one key too, as one with a prefetch does.
#[derive(Clone, Default)]
struct Prefetching {
    deliveries: Arc<Mutex<Vec<Message>>>,
    /// What the broker heard of each delivery, by position: acknowledged, or given back for how long.
    heard: Arc<Mutex<Vec<Heard>>>,
}

#[async_trait]
impl Broker for Prefetching {
    async fn publish(&self, _: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        Err(BrokerError::Unavailable("nothing is published in this test".into()))
    }

    async fn subscribe(&self, _: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Subscription for Prefetching {
    async fn receive(&mut self, _: usize) -> Result<Vec<Delivery>, BrokerError> {
        let messages = std::mem::take(&mut *self.deliveries.lock().unwrap());
        if messages.is_empty() {
            std::future::pending::<()>().await;
        }
        let delivery = |(tag, message)| Delivery { tag: DeliveryTag(tag), redeliveries: 0, message };
        Ok((0..).zip(messages).map(delivery).collect())
    }

    async fn ack(&mut self, tag: DeliveryTag) -> Result<(), BrokerError> {
        self.heard.lock().unwrap().push((tag.0, None));
        Ok(())
    }

    async fn nack(&mut self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        self.heard.lock().unwrap().push((tag.0, Some(delay)));
        Ok(())
    }
}

#[test]
fn later_messages_of_a_key_in_one_batch_do_not_overtake_one_that_fails() {
    on_bench(15, async |bench| {
        let message = |number: u128, key: &str| {
            MessageBuilder::new("orders", "order.placed", key).derive(
                uuid::Uuid::from_u128(number),
                &[],
                Timestamp::EPOCH,
            )
        };
        let batch = [message(1, "a"), message(2, "a"), message(3, "b"), message(4, "a")];
        let (failing, other) = (batch[0].id, batch[2].id);
        let broker = Prefetching::default();
        broker.deliveries.lock().unwrap().extend(batch);
        let count = Count::new(move |message, _| match message.id == failing {
            true => Err(HandlerError::Retry("not yet".into())),
            false => Ok(()),
        });
        let handlers = Handlers::new().on("order.placed", count.clone()).unwrap();
        let (store, config) = (bench.store.clone(), ConsumerConfig::of(["orders"]));
        let ports = (Arc::new(broker.clone()), bench.clock.clone(), bench.random.clone());
        let consumer = Consumer::new("shipping", store, ports.0, ports.1, ports.2, handlers, config);
        madsim::task::spawn(consumer.run(Stop::new()));
        bench.pass(ms(10)).await;
        assert_eq!(count.calls(), [failing, other]);
        let heard = broker.heard.lock().unwrap().clone();
        let delay = heard[0].1;
        assert!(delay.is_some());
        assert_eq!(heard, [(0, delay), (1, delay), (2, None), (3, delay)]);
    });
}
