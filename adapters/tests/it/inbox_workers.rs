//! Messages of several keys are handled side by side: one that fails, hangs, panics or kills holds up its own key only.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    inbox::HandlerError,
    message::Message,
    ports::{
        Broker, BrokerError, Delivery, DeliveryTag, Ports, PublishResult, StoreError, Subscription, SubscriptionSpec,
        Timestamp,
    },
};
use seaworthy_tokio::TokioSpawner;
use tokio::{runtime::Handle, sync::mpsc, time::sleep};

use crate::support::{
    Kind, World,
    gated::GatedStore,
    inbox::{Scripted, of_key, order},
    on_each_store,
    warnings::Warnings,
};

const WORKERS: usize = 8;

/// Notes when the handling of each message began and ended.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<(String, bool)>>>);

impl Diary {
    fn note(&self, message: &Message, begins: bool) {
        self.0.lock().expect("no panic with it in hand").push((message.subject.to_string(), begins));
    }

    fn entries(&self) -> Vec<(String, bool)> {
        self.0.lock().expect("no panic with it in hand").clone()
    }

    /// The largest number that was being handled at a time.
    fn side_by_side(&self) -> usize {
        let mut now = 0_usize;
        let count = |(_, begins): &(String, bool)| {
            now = if *begins { now + 1 } else { now - 1 };
            now
        };
        self.entries().iter().map(count).max().unwrap_or(0)
    }
}

/// A handler that takes a tenth of a second for each message, and what it notes.
fn slow() -> (Scripted, Diary) {
    let diary = Diary::default();
    let notes = diary.clone();
    let handler = Scripted::new(move |_, message| {
        let notes = notes.clone();
        Box::pin(async move {
            notes.note(message, true);
            sleep(Duration::from_millis(100)).await;
            notes.note(message, false);
            Ok(())
        })
    });
    (handler, diary)
}

/// Forty messages of eight keys, in turn.
fn of_eight_keys() -> Vec<Message> {
    (1..=40).map(|number| of_key(&format!("key-{}", number % 8), order(number))).collect()
}

#[test]
fn messages_of_different_keys_are_handled_side_by_side_and_those_of_one_key_one_at_a_time_in_order() {
    on_each_store(async |world| {
        let (handler, diary) = slow();
        world.publish(of_eight_keys()).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config.workers(WORKERS)).run());
        // Forty of a tenth of a second each: half a second where eight go at a time, on a store of many writers.
        world.pass(Duration::from_millis(if world.kind == Kind::Memory { 550 } else { 4_500 })).await;
        assert_eq!((handler.subjects(), world.unacknowledged()), (40, 0));
        let side_by_side = if world.kind == Kind::Memory { WORKERS } else { 1 };
        assert_eq!(diary.side_by_side(), side_by_side);
        let mut keys: BTreeMap<u64, Vec<(u64, bool)>> = BTreeMap::new();
        for (subject, begins) in diary.entries() {
            let number: u64 = subject.trim_start_matches("order-").parse().expect("a number");
            keys.entry(number % 8).or_default().push((number, begins));
        }
        for (key, notes) in keys {
            let numbers = (1..=40).filter(|number| number % 8 == key);
            let in_order: Vec<(u64, bool)> = numbers.flat_map(|number| [(number, true), (number, false)]).collect();
            assert_eq!(notes, in_order);
        }
    });
}

#[test]
fn one_worker_is_what_a_consumer_has_unless_it_is_told_otherwise() {
    on_each_store(async |world| {
        let (handler, diary) = slow();
        world.publish(of_eight_keys()).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
        world.pass(Duration::from_secs(10)).await;
        assert_eq!((handler.subjects(), diary.side_by_side(), world.unacknowledged()), (40, 1, 0));
    });
}

#[test]
fn a_message_that_fails_holds_up_its_own_key_and_nobody_else() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, message| {
            Box::pin(async move {
                match message.subject.as_str() {
                    "order-3" => Err(HandlerError::Unavailable("not today".into())),
                    _ => Ok(()),
                }
            })
        });
        world.publish(of_eight_keys()).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config.workers(WORKERS)).run());
        world.pass(Duration::from_millis(50)).await;
        // All but its own key, of which the first is the third order.
        assert_eq!((handler.subjects(), handler.runs("order-3")), (36, 1));
        world.pass(Duration::from_secs(60)).await;
        assert_eq!((handler.subjects(), handler.runs("order-3"), world.unacknowledged()), (40, 5, 0));
        let letters = world.letters().await;
        assert_eq!((letters.len(), letters[0].message.id), (1, order(3).id));
    });
}

#[test]
fn a_handler_that_hangs_and_one_that_panics_die_and_those_beside_them_are_handled() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, message| {
            Box::pin(async move {
                assert!(message.subject != "order-5", "there is no fifth order");
                if message.subject == "order-3" {
                    std::future::pending::<()>().await;
                }
                Ok(())
            })
        });
        world.publish((1..=50).map(order)).await;
        let consumer =
            handler.consumer(&world.ports, |config| config.workers(WORKERS).handler_limit(Duration::from_secs(2)));
        world.ports.spawn("consumer", consumer.run());
        world.pass(Duration::from_millis(500)).await;
        if world.kind == Kind::Memory {
            // The hanging one has its transaction; where there is one writer, the others wait for it.
            assert_eq!((handler.subjects(), world.unacknowledged()), (50, 2));
        }
        world.pass(Duration::from_secs(120)).await;
        assert_eq!((handler.subjects(), world.unacknowledged()), (50, 0));
        let mut reasons: Vec<_> = world.letters().await.into_iter().map(|letter| letter.reason).collect();
        reasons.sort();
        assert_eq!(reasons, ["panicked: there is no fifth order", "the handler was not done within 2s"]);
    });
}

/// Runs a process with a consumer of several hands; it is started again each time that it dies. How often it died.
async fn supervise(world: &World, handler: &Scripted, mut dies: mpsc::Receiver<()>) -> usize {
    for deaths in 0.. {
        let tasks = TokioSpawner::on(Handle::current());
        let ports = Ports { spawner: Arc::new(tasks.clone()), ..world.ports.clone() };
        ports.spawn("consumer", handler.consumer(&ports, |config| config.workers(WORKERS)).run());
        if tokio::time::timeout(Duration::from_secs(60), dies.recv()).await.is_err() {
            return deaths;
        }
        tasks.abort();
        let _ = tasks.join().await;
        world.pass(Duration::from_millis(100)).await;
    }
    unreachable!("it dies for ever")
}

#[test]
fn a_message_that_ends_its_process_takes_none_of_those_beside_it_along() {
    for culprit in ["order-1", "order-4", "order-40"] {
        on_each_store(async |world| {
            let (die, dies) = mpsc::channel(1);
            // Those beside it take longer than it takes to die, so each death hits all of them.
            let handler = Scripted::new(move |_, message| {
                let die = die.clone();
                Box::pin(async move {
                    if message.subject == culprit {
                        die.send(()).await.expect("somebody looks after the process");
                        std::future::pending::<()>().await;
                    }
                    sleep(Duration::from_millis(50)).await;
                    Ok(())
                })
            });
            world.publish((1..=40).map(order)).await;
            let heard = Warnings::listen();
            // Three deliveries that nobody suspects, and as many failures as the store may have.
            assert_eq!(supervise(world, &handler, dies).await, 13);
            assert_eq!((handler.subjects(), world.unacknowledged()), (40, 0));
            let letters = world.letters().await;
            assert_eq!((letters.len(), letters[0].message.subject.as_str()), (1, culprit));
            assert!(letters[0].reason.starts_with("its handling comes to no end"), "{}", letters[0].reason);
            let dead = heard.lines().iter().filter(|line| line.contains("dead letter")).count();
            assert_eq!(dead, 1, "{:?}", heard.lines());
        });
    }
}

#[test]
fn a_stop_finishes_what_is_in_hand_and_gives_the_rest_back() {
    on_each_store(async |world| {
        let (handler, diary) = slow();
        world.publish((1..=40).map(order)).await;
        let ports = world.replica(2);
        let consumer = tokio::spawn(handler.consumer(&ports, |config| config.workers(WORKERS)).run());
        world.pass(Duration::from_millis(50)).await;
        ports.stop.set();
        tokio::time::timeout(Duration::from_secs(2), consumer).await.expect("it stops").expect("no panic");
        let done = diary.entries().iter().filter(|(_, begins)| !begins).count();
        assert_eq!(done, if world.kind == Kind::Memory { WORKERS } else { done });
        assert_eq!((handler.subjects(), world.unacknowledged()), (done, 40 - done));
        // What was given back is there at once.
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config.workers(WORKERS)).run());
        world.pass(Duration::from_millis(4_500)).await;
        assert_eq!((handler.subjects(), world.unacknowledged()), (40, 0));
        assert_eq!(diary.entries().len(), 80, "each was handled once");
    });
}

#[test]
fn a_stop_ends_a_consumer_that_has_nothing_to_do_at_once() {
    on_each_store(async |world| {
        let ports = world.replica(2);
        let consumer = tokio::spawn(slow().0.consumer(&ports, |config| config.workers(WORKERS)).run());
        world.pass(Duration::from_secs(1)).await;
        ports.stop.set();
        tokio::time::timeout(Duration::from_millis(10), consumer).await.expect("it stops").expect("no panic");
    });
}

/// A broker that hands out several messages of one key at a time: these, and nothing more.
struct InOneGo(Mutex<Vec<Delivery>>, Arc<Mutex<Vec<(DeliveryTag, bool)>>>);

struct Member(Mutex<Vec<Delivery>>, Arc<Mutex<Vec<(DeliveryTag, bool)>>>);

#[async_trait]
impl Broker for InOneGo {
    async fn publish(&self, _: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        Ok(Vec::new())
    }

    async fn subscribe(&self, _: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let deliveries = std::mem::take(&mut *self.0.lock().expect("no panic with it in hand"));
        Ok(Box::new(Member(Mutex::new(deliveries), self.1.clone())))
    }
}

#[async_trait]
impl Subscription for Member {
    async fn receive(&self, _: usize) -> Result<Vec<Delivery>, BrokerError> {
        let deliveries = std::mem::take(&mut *self.0.lock().expect("no panic with it in hand"));
        if deliveries.is_empty() {
            std::future::pending::<()>().await;
        }
        Ok(deliveries)
    }

    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        self.1.lock().expect("no panic with it in hand").push((tag, true));
        Ok(())
    }

    async fn nack(&self, tag: DeliveryTag, _: Duration) -> Result<(), BrokerError> {
        self.1.lock().expect("no panic with it in hand").push((tag, false));
        Ok(())
    }
}

/// Hands a consumer some deliveries, told by number, key and how often they have come before. The order in which they were
/// handled, and whether each was acknowledged in the end or given back.
async fn handed(world: &World, handler: &Scripted, deliveries: &[(u64, &str, u32)]) -> Vec<(u64, bool)> {
    let delivery = |(number, key, redeliveries): &(u64, &str, u32)| {
        let message = of_key(key, order(*number));
        Delivery { message, tag: DeliveryTag(*number), redeliveries: *redeliveries }
    };
    let settled = Arc::new(Mutex::new(Vec::new()));
    let broker = InOneGo(Mutex::new(deliveries.iter().map(delivery).collect()), settled.clone());
    let ports = Ports { broker: Arc::new(broker), ..world.ports.clone() };
    ports.spawn("consumer", handler.consumer(&ports, |config| config.workers(WORKERS)).run());
    world.pass(Duration::from_secs(5)).await;
    let settled = settled.lock().expect("no panic with it in hand");
    settled.iter().map(|(tag, handled)| (tag.0, *handled)).collect()
}

#[test]
fn what_comes_behind_a_message_that_is_suspected_waits_for_it_and_other_keys_do_not() {
    on_each_store(async |world| {
        let (handler, _) = slow();
        let settled = handed(world, &handler, &[(1, "a", 3), (2, "a", 0), (3, "b", 0)]).await;
        assert_eq!(settled, [(3, true), (1, true), (2, true)]);
    });
}

#[test]
fn what_is_suspected_and_comes_behind_a_message_that_fails_is_given_back_with_it_and_other_keys_are_not() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, message| {
            let fails = message.subject == "order-1";
            Box::pin(async move { if fails { Err(HandlerError::Unavailable("not today".into())) } else { Ok(()) } })
        });
        let settled = handed(world, &handler, &[(1, "a", 0), (2, "a", 3), (3, "b", 3)]).await;
        assert_eq!(settled, [(1, false), (2, false), (3, true)]);
    });
}

/// Pauses grow while the store stays away, and begin anew at the next outage.
#[test]
fn an_outage_of_the_store_pauses_as_briefly_as_the_first_one_did_if_the_store_has_worked_meanwhile() {
    on_each_store(async |world| {
        let is_down =
            |now: Timestamp| [2, 102].iter().any(|from| (*from..from + 60).contains(&(now.as_millis() / 1_000)));
        let (gate, ports) = GatedStore::before(&world.ports, move |now| match is_down(now) {
            true => Err(StoreError::Unavailable("down for a minute".into())),
            false => Ok(()),
        });
        let (handler, _) = slow();
        ports.spawn("consumer", handler.consumer(&ports, |config| config.workers(WORKERS)).run());
        let heard = Warnings::listen();
        let mut first = Vec::new();
        for (number, outage) in [(1, 3), (2, 103)] {
            world.pass(Duration::from_secs(outage) - world.ports.clock.now().since(Timestamp::EPOCH)).await;
            world.publish([order(number)]).await;
            world.pass(Duration::from_secs(2)).await;
            let since = Timestamp::from_millis(outage as i64 * 1_000);
            first.push(gate.begun().iter().filter(|at| **at >= since).count());
            world.pass(Duration::from_secs(70)).await;
            assert_eq!((handler.runs(&format!("order-{number}")), world.unacknowledged()), (1, 0));
        }
        assert!(
            first.iter().all(|tries| *tries > 3),
            "tries in the first two seconds of each: {first:?} {:?}",
            gate.begun()
        );
        let said =
            heard.lines().iter().filter(|line| line.contains("consumer pauses: its store can't be reached")).count();
        assert!((10..60).contains(&said), "{said} pauses in two minutes");
    });
}

#[test]
fn an_outage_of_the_store_pauses_all_workers_and_counts_against_no_message() {
    on_each_store(async |world| {
        let is_down = |now: Timestamp| (2_000_000..32_000_000).contains(&now.as_micros());
        let (gate, ports) = GatedStore::before(&world.ports, move |now| match is_down(now) {
            true => Err(StoreError::Unavailable("down for half a minute".into())),
            false => Ok(()),
        });
        let (handler, _) = slow();
        world.ports.spawn("consumer", handler.consumer(&ports, |config| config.workers(WORKERS)).run());
        world.pass(Duration::from_secs(3)).await;
        world.publish((1..=40).map(order)).await;
        world.pass(Duration::from_secs(28)).await;
        let during = gate.begun().iter().filter(|at| is_down(**at)).count();
        let at_once = gate.begun().iter().filter(|at| (3_000..3_020).contains(&at.as_millis())).count();
        assert!(at_once <= WORKERS, "the first that finds out has nobody take any more: {at_once} times");
        // Pauses of up to 5 s, with up to eight that find out at once: not a busy loop.
        assert!(during > 0 && during <= 20 * WORKERS, "{during} times");
        assert_eq!(handler.subjects(), 0);
        world.pass(Duration::from_secs(20)).await;
        assert_eq!((handler.subjects(), world.unacknowledged(), world.letters().await.len()), (40, 0, 0));
    });
}

#[test]
fn deaths_of_a_process_are_not_counted_where_nobody_counts_deliveries_so_its_messages_are_not_mixed() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
        let _ = handler.consumer(&world.ports, |config| {
            let refused = config.clone().workers(2).suspect_after(0).check().unwrap_err().to_string();
            assert!(refused.starts_with("ConsumerConfig::workers is 2: "), "{refused}");
            assert!(config.clone().workers(0).check().is_err());
            assert_eq!(config.clone().workers(2).check(), Ok(()));
            config
        });
    });
}
