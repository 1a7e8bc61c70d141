//! Dead letters that an operator asks for by a tool without handlers: whoever has the handlers hears of it, once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{self, HandlerError},
    ports::{DeadLetter, DeadLetterRequest, DelegateStore, Expected, InboxEntry, Ports, Store, StoreError},
};

use crate::support::{
    World,
    events::{append, journal, subscriber, write_down},
    inbox::{SHOP, Scripted, order},
    on_each_store,
    warnings::Warnings,
};

const EVERY: Duration = Duration::from_secs(10);

/// A handler that does nothing but fail until somebody has mended it.
fn broken() -> Scripted {
    Scripted::new(|tx, message| {
        Box::pin(async {
            match tx.get("mended", "it").await?.is_some() {
                true => Ok(()),
                false => Err(HandlerError::Refused(format!("no room for {}", message.subject).into())),
            }
        })
    })
}

async fn mend(store: &dyn Store) {
    let mut tx = store.begin().await.expect("up");
    tx.put("mended", "it", Expected::Absent, "yes".into()).await.expect("up");
    tx.commit().await.expect("up");
}

/// What a tool does that has the store, and nothing else of the service.
async fn ask(store: &dyn Store, limit: usize) -> usize {
    inbox::ask_redrive(store, &DeadLetterRequest::new(SHOP, limit)).await.expect("up").len()
}

/// A store that counts how often it is asked for dead letters, and is down for the first of these.
struct Counting {
    behind: Arc<dyn Store>,
    looks: AtomicU32,
    down: u32,
}

impl Counting {
    fn around(world: &World, down: u32) -> (Arc<Self>, Ports) {
        let store = Arc::new(Self { behind: world.ports.store.clone(), looks: AtomicU32::new(0), down });
        (store.clone(), Ports { store, ..world.ports.clone() })
    }

    fn looks(&self) -> u32 {
        self.looks.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl DelegateStore for Counting {
    fn inner(&self) -> &dyn Store {
        &*self.behind
    }

    async fn dead_letters(&self, request: &DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        if self.looks.fetch_add(1, Ordering::SeqCst) < self.down {
            return Err(StoreError::Unavailable("it is down".into()));
        }
        self.behind.dead_letters(request).await
    }
}

#[test]
fn letters_that_are_asked_for_are_handled_again_and_others_are_not() {
    on_each_store(async |world| {
        let (store, handler) = (world.ports.store.clone(), broken());
        world.publish((1..=5).map(order)).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config.redrive_requests(EVERY)).run());
        world.pass(EVERY * 3).await;
        assert_eq!(world.letters().await.len(), 5);
        mend(&*store).await;
        world.pass(EVERY * 3).await;
        assert_eq!(world.letters().await.len(), 5, "nobody has asked");
        assert_eq!(ask(&*store, 2).await, 2);
        assert_eq!(ask(&*store, 2).await, 2, "the same two");
        world.pass(EVERY * 2).await;
        let left: Vec<_> = world.letters().await.into_iter().map(|letter| letter.message.id).collect();
        assert_eq!(left, [order(3).id, order(4).id, order(5).id]);
        assert_eq!(handler.runs("order-1"), 2);
        assert_eq!(ask(&*store, 9).await, 3);
        world.pass(EVERY * 2).await;
        assert_eq!((world.letters().await.len(), ask(&*store, 9).await), (0, 0));
    });
}

/// The request is answered by the new reason. Else a letter that fails each time would be tried for ever.
#[test]
fn a_letter_that_fails_again_is_asked_for_no_more() {
    on_each_store(async |world| {
        let (store, handler) = (world.ports.store.clone(), broken());
        world.publish([order(1)]).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config.redrive_requests(EVERY)).run());
        world.pass(EVERY).await;
        assert_eq!(ask(&*store, 9).await, 1);
        world.pass(EVERY * 20).await;
        assert_eq!(handler.runs("order-1"), 2);
        let letters = world.letters().await;
        // The request is counted before it is known what comes of it.
        assert_eq!((letters[0].failures, letters[0].asked_at), (3, None), "{letters:?}");
    });
}

/// Its handler is given up with its process, as a process that is killed gives it up.
#[test]
fn a_letter_that_ends_its_process_when_it_is_asked_for_ends_one() {
    on_each_store(async |world| {
        let (store, deadly) = (world.ports.store.clone(), broken());
        world.publish([order(1)]).await;
        let first = deadly.consumer(&world.ports, |config| config);
        world.ports.spawn("consumer", first.run());
        world.pass(EVERY).await;
        assert_eq!(ask(&*store, 9).await, 1);
        let handler = Scripted::new(|_, _| Box::pin(std::future::pending()));
        for life in 1..=3 {
            let consumer = handler.consumer(&world.ports, |config| config.redrive_requests(EVERY));
            let dies = tokio::time::timeout(Duration::from_secs(1), consumer.run()).await;
            assert!(dies.is_err(), "life {life}");
            assert_eq!(handler.runs("order-1"), 1, "life {life}");
        }
        assert_eq!(world.letters().await[0].asked_at, None);
    });
}

#[test]
fn a_request_outlasts_the_process_and_an_outage_of_the_store() {
    on_each_store(async |world| {
        let (store, handler) = (world.ports.store.clone(), broken());
        world.publish([order(1)]).await;
        let consumer = handler.consumer(&world.ports, |config| config);
        world.ports.spawn("consumer", consumer.run());
        world.pass(EVERY).await;
        assert_eq!(ask(&*store, 9).await, 1);
        mend(&*store).await;
        world.pass(EVERY * 10).await;
        assert_eq!(world.letters().await.len(), 1, "a consumer that does not look for requests leaves it");
        let (_, ports) = Counting::around(world, 2);
        let warnings = Warnings::listen();
        ports.spawn("next", handler.consumer(&ports, |config| config.redrive_requests(EVERY)).run());
        world.pass(EVERY * 3).await;
        assert_eq!(world.letters().await.len(), 0);
        let told = warnings.lines().iter().filter(|line| line.contains("requests of an operator wait")).count();
        assert_eq!(told, 2, "{:?}", warnings.lines());
    });
}

#[test]
fn a_consumer_looks_for_requests_only_where_it_is_told_to_and_only_so_often() {
    on_each_store(async |world| {
        let handler = broken();
        for (every, looks) in [(None, 0), (Some(EVERY), 7)] {
            let (store, ports) = Counting::around(world, 0);
            let config = |mut config: inbox::ConsumerConfig| {
                config.redrive_requests = every;
                config
            };
            let consumer = handler.consumer(&ports, config);
            let stop = seaworthy_core::stop::Stop::new();
            ports.spawn("consumer", consumer.stop(stop.clone()).run());
            world.pass(EVERY * 6 + EVERY / 2).await;
            stop.set();
            world.pass(EVERY * 6).await;
            assert_eq!(store.looks(), looks);
        }
    });
}

/// It looks at what it has parked anyway.
#[test]
fn a_parked_event_that_is_asked_for_is_taken_up_by_its_subscriber() {
    on_each_store(async |world| {
        let (clock, mended) = (world.ports.clock.clone(), world.ports.clock.now() + EVERY * 6);
        let handler = Scripted::new(move |tx, message| {
            let is_broken = message.subject == "event-1" && clock.now() < mended;
            Box::pin(async move {
                match is_broken {
                    true => Err(HandlerError::Refused("closed".into())),
                    false => write_down(tx, "reader", message).await,
                }
            })
        });
        let store = world.store();
        world.ports.spawn("reader", subscriber(&world.ports, "reader", &handler, |config| config).run());
        append(&**store, "account-1", 1..=2).await;
        world.pass(EVERY).await;
        let parked = DeadLetterRequest::new("reader", 9).because("closed");
        for (round, expected) in [(1, &[][..]), (2, &[1, 2])] {
            assert_eq!(inbox::ask_redrive(&**store, &parked).await.expect("up").len(), 1);
            world.pass(EVERY * 6).await;
            assert_eq!(journal(&**store, "reader").await, expected, "round {round}");
            assert_eq!(handler.runs("event-1"), round + 1);
        }
    });
}

/// What waits behind an event that nobody asks for has its turn after that one, and is not in the way of what could be handled.
#[test]
fn requests_behind_a_parked_event_that_is_not_asked_for_hold_up_no_other() {
    on_each_store(async |world| {
        let (clock, mended) = (world.ports.clock.clone(), world.ports.clock.now() + EVERY * 6);
        let handler = Scripted::new(move |tx, message| {
            let is_broken = ["event-1", "event-701"].contains(&&*message.subject) && clock.now() < mended;
            Box::pin(async move {
                match is_broken {
                    true => Err(HandlerError::Refused("closed".into())),
                    false => write_down(tx, "reader", message).await,
                }
            })
        });
        let store = world.store();
        world.ports.spawn("reader", subscriber(&world.ports, "reader", &handler, |config| config).run());
        // More than are read at once, and all of them older.
        append(&**store, "account-1", 1..=700).await;
        append(&**store, "account-2", 701..=702).await;
        world.pass(EVERY * 6).await;
        let waiting = DeadLetterRequest::new("reader", 1_000).because("waits behind").of_key("account-1");
        assert_eq!(inbox::ask_redrive(&**store, &waiting).await.expect("up").len(), 699);
        let other = DeadLetterRequest::new("reader", 1).of_key("account-2").because("closed");
        assert_eq!(inbox::ask_redrive(&**store, &other).await.expect("up").len(), 1);
        world.pass(EVERY * 2).await;
        assert_eq!(journal(&**store, "reader").await, [701, 702]);
        assert_eq!((handler.runs("event-1"), world.parked("reader").await.len()), (1, 700));
        // Whose turn it is in the end is handled, as it was asked for or because it has waited.
        let first = DeadLetterRequest::new("reader", 1).because("closed");
        assert_eq!(inbox::ask_redrive(&**store, &first).await.expect("up").len(), 1);
        world.pass(EVERY * 2).await;
        assert_eq!((journal(&**store, "reader").await.len(), world.parked("reader").await.len()), (702, 0));
    });
}

/// As for a letter of a consumer: the subscriber is given up with its process.
#[test]
fn a_parked_event_that_ends_its_process_when_it_is_asked_for_ends_one() {
    on_each_store(async |world| {
        let store = world.store();
        append(&**store, "account-1", 1..=1).await;
        let broken = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("closed".into())) }));
        subscriber(&world.ports, "reader", &broken, |config| config).catch_up().await.expect("up");
        let parked = DeadLetterRequest::new("reader", 9);
        assert_eq!(inbox::ask_redrive(&**store, &parked).await.expect("up").len(), 1);
        let deadly = Scripted::new(|_, _| Box::pin(std::future::pending()));
        for life in 1..=3 {
            let reader = subscriber(&world.ports, "reader", &deadly, |config| config);
            let dies = tokio::time::timeout(Duration::from_secs(8), reader.run()).await;
            assert!(dies.is_err(), "life {life}");
            assert_eq!(deadly.runs("event-1"), 1, "life {life}");
        }
        let letters = store.dead_letters(&parked).await.expect("up");
        assert_eq!((letters[0].asked_at, &*letters[0].reason), (None, "refused: closed"), "{letters:?}");
    });
}

/// It waits for nothing but its own mending: that somebody has asked for the one before it is no request for it.
#[test]
fn a_parked_event_behind_one_that_was_asked_for_is_left_alone_if_nobody_asked_for_it() {
    on_each_store(async |world| {
        let store = world.store().clone();
        append(&*store, "account-1", 1..=2).await;
        let stop = seaworthy_core::stop::Stop::new();
        let refuses = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("closed".into())) }));
        let first = subscriber(&world.ports, "reader", &refuses, |config| config).stop(stop.clone());
        world.ports.spawn("first", first.run());
        world.pass(EVERY).await;
        stop.set();
        world.pass(EVERY).await;
        // The second one has failed by itself since, as it does where an operator has redriven it.
        let letters = store.dead_letters(&DeadLetterRequest::new("reader", 9)).await.expect("up");
        let second = letters.iter().find(|letter| letter.message.subject == "event-2").expect("it is parked");
        let entry = InboxEntry { sequence: 0, ..InboxEntry::for_message("reader", &second.message) };
        let mut tx = store.begin().await.expect("up");
        assert!(tx.inbox_exhume(&entry).await.expect("up"));
        tx.inbox_bury(&entry, &second.message, "no such account").await.expect("up");
        tx.commit().await.expect("up");
        let asked = DeadLetterRequest::new("reader", 9).because("closed");
        assert_eq!(inbox::ask_redrive(&*store, &asked).await.expect("up").len(), 1);
        let handler = Scripted::new(|tx, message| Box::pin(write_down(tx, "reader", message)));
        world.ports.spawn("reader", subscriber(&world.ports, "reader", &handler, |config| config).run());
        world.pass(EVERY * 6).await;
        assert_eq!((handler.runs("event-1"), handler.runs("event-2")), (1, 0));
        assert_eq!(world.parked("reader").await, [(2, "no such account".to_owned())]);
    });
}
