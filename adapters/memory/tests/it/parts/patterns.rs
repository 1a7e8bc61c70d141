//! The patterns on a store with what they need, and on one without.

use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{FutureExt, future::join};
use seaworthy_core::{
    aggregate::{AggregateError, Cause, DomainEvent, UpdateError},
    conformance::block_on,
    events::{Ledger, Loaded, Sourced, Subscriber},
    inbox::{Consumer, Handler, HandlerError, Handlers, InboxRetention},
    message::{Message, MessageBuilder},
    outbox::{LogRelay, OutboxRetention, Relay},
    ports::{
        Answers, Call, DeadRowRequest, FailureKind, Intercept, InterceptTransaction, Intercepted, Operation, Part,
        PortError, Ports, Store, StoreError, SubscriptionSpec, Transaction,
    },
    saga::{Orchestrator, OrchestratorConfig, Registry},
};
use seaworthy_memory::store::MemoryStore;
use serde::{Deserialize, Serialize};

use super::{chronicle::Chronicle, journal::Journal, log::errors_of, mailroom::Mailroom};
use crate::ports::ports;

fn mailroom() -> Ports {
    ports(|clock| Arc::new(Mailroom::new(clock)))
}

fn journal() -> Ports {
    ports(|clock| Arc::new(Journal::new(clock)))
}

fn chronicle() -> Ports {
    ports(|clock| Arc::new(Chronicle::new(clock)))
}

#[test]
fn a_relay_sends_what_is_staged_in_a_store_that_has_an_outbox_and_nothing_else() {
    let ports = mailroom();
    let spec = SubscriptionSpec { group: "shipping".into(), topics: vec!["orders".into()] };
    block_on(async {
        let subscription = ports.broker.subscribe(&spec).await.expect("a broker");
        let message = MessageBuilder::new("orders", "order.placed", "17").draw(&*ports.clock, &*ports.random);
        let mut tx = ports.store.begin().await.expect("a store");
        tx.stage(&message).await.expect("it has an outbox");
        tx.commit().await.expect("nothing overtakes it");

        let receiving = async {
            let deliveries = subscription.receive(9).await.expect("a broker");
            let received: Vec<_> = deliveries.iter().map(|delivery| delivery.message.id).collect();
            assert_eq!(received, [message.id]);
            ports.stop.set();
        };
        join(Relay::new(&ports).run(), receiving).await;
        assert!(ports.store.backlog().await.expect("a store").is_idle(), "the row is settled");
        assert_eq!(ports.store.dead_rows(&DeadRowRequest::new(9)).await, Ok(Vec::new()));
    });
}

/// How often something has happened.
#[derive(Debug, Default, PartialEq)]
struct Tally(u64);

#[derive(Serialize, Deserialize)]
struct Counted(u64);

impl DomainEvent for Counted {
    const NAMES: &'static [&'static str] = &["Counted"];

    fn name(&self) -> &'static str {
        "Counted"
    }
}

impl Sourced for Tally {
    const NAME: &'static str = "tally";
    type Event = Counted;
    type Command = u64;
    type Refusal = &'static str;

    fn decide(&self, more: &u64) -> Result<Vec<Counted>, &'static str> {
        if *more == 0 { Err("nothing to count") } else { Ok(vec![Counted(*more)]) }
    }

    fn evolve(&mut self, event: &Counted) {
        self.0 += event.0;
    }
}

#[test]
fn an_event_sourced_aggregate_lives_in_a_store_that_has_events_and_nothing_else() {
    let ports = chronicle();
    let ledger = Ledger::<Tally>::new("counters", ports.clock.clone(), ports.random.clone());
    let execute = async |ledger: &Ledger<Tally>, more| ledger.execute(&*ports.store, "7", &more, Cause::New).await;
    block_on(async {
        assert_eq!(execute(&ledger, 3).await, Ok(Loaded { state: Tally(3), version: 1 }));
        assert_eq!(execute(&ledger, 4).await, Ok(Loaded { state: Tally(7), version: 2 }));
        assert_eq!(execute(&ledger, 0).await, Err(UpdateError::Refused("nothing to count")));
        // Others can't hear of it without an outbox: it says so, and appends nothing.
        let missing = UpdateError::Aggregate(AggregateError::Store(Part::Outbox.refusal()));
        assert_eq!(execute(&ledger.clone().publish_all(), 5).await, Err(missing));
        let log = ports.store.read_events(0, 9).await.expect("a store");
        let recorded: Vec<_> = log.iter().map(|event| (event.stream().as_str(), event.version)).collect();
        assert_eq!(recorded, [("tally-7", 1), ("tally-7", 2)]);
    });
}

/// The error that work puts into the log, which ends though nobody stops it and no clock moves.
fn ends_with(work: impl Future<Output = ()>) -> String {
    let errors = errors_of(|| work.now_or_never().expect("it ends at once"));
    let [error] = &errors[..] else { panic!("one error: {errors:?}") };
    error.clone()
}

#[test]
fn a_pattern_whose_part_the_store_lacks_ends_at_once_and_says_what_is_missing() {
    let (mailroom, journal, chronicle) = (mailroom(), journal(), chronicle());
    let handlers = || Handlers::builder().build().expect("no handlers are fine");
    let retention = InboxRetention::new(Duration::from_secs(2), Duration::from_secs(1)).expect("kept for long enough");
    let orchestrator = Orchestrator::new(&mailroom, Registry::new(), OrchestratorConfig::default());
    for (error, part) in [
        (ends_with(Relay::new(&journal).run()), "outbox"),
        (ends_with(LogRelay::new(&journal, "relay").run()), "outbox"),
        (ends_with(Relay::new(&chronicle).run()), "outbox"),
        (ends_with(Subscriber::new(&chronicle, "report", handlers()).run()), "checkpoints"),
        (ends_with(Consumer::new(&chronicle, "shipping", handlers(), ["orders"]).run()), "inbox"),
        (ends_with(LogRelay::new(&mailroom, "relay").run()), "checkpoints"),
        (ends_with(OutboxRetention::default().run(journal.clone())), "outbox"),
        (ends_with(Consumer::new(&mailroom, "shipping", handlers(), ["orders"]).run()), "inbox"),
        (ends_with(retention.run(Vec::new(), mailroom.clone())), "inbox"),
        (ends_with(orchestrator.run_recovery(&mailroom.stop)), "sagas"),
    ] {
        assert!(error.contains(&format!("this store has no {part}: use a store with this part")), "{part}: {error}");
    }
}

/// A store that has every part, and of which calls of the inbox and the outbox are refused: as one whose tables are gone.
struct Closed;

impl Closed {
    async fn refuse<T, E: PortError>(call: Call<'_>, inner: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
        match call.operation() {
            Operation::Claim | Operation::InboxInsert | Operation::InboxFailed => {
                Err(E::new(FailureKind::Refused, "no such table"))
            }
            _ => inner.await,
        }
    }
}

impl Intercept for Closed {
    type Transaction = Self;

    fn transaction(&self) -> Self {
        Self
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        Self::refuse(call, inner).await
    }
}

impl InterceptTransaction for Closed {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        Self::refuse(call, inner).await
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        inner?.commit().await
    }
}

struct Idle;

#[async_trait]
impl Handler for Idle {
    async fn handle(&self, _: &mut dyn Transaction, _: &Message) -> Result<(), HandlerError> {
        Ok(())
    }
}

#[test]
fn a_store_that_refuses_what_it_says_it_has_is_told_as_an_error_each_time() {
    let ports = ports(|clock| Arc::new(Intercepted::<dyn Store, _>::new(Arc::new(MemoryStore::new(clock)), Closed)));
    let handlers = Handlers::builder().on("order.placed", Idle).build().expect("one handler");
    let message = MessageBuilder::new("orders", "order.placed", "17").draw(&*ports.clock, &*ports.random);
    let errors = errors_of(|| {
        let consumer = Consumer::new(&ports, "shipping", handlers, ["orders"]).run();
        let mut both = pin!(join(consumer, Relay::new(&ports).run()));
        assert!(both.as_mut().now_or_never().is_none(), "they go on");
        let published = ports.broker.publish(&[message]).now_or_never().expect("a broker in memory");
        published.expect("a broker in memory").remove(0).expect("a consumer listens");
        assert!(both.as_mut().now_or_never().is_none(), "they go on");
    });
    let [relay, consumer] = &errors[..] else { panic!("two errors: {errors:?}") };
    assert!(relay.contains("no such table") && relay.contains("relay pauses: its store refuses"), "{relay}");
    assert!(consumer.contains("the store refuses to count the failure"), "{consumer}");
}

#[test]
fn a_call_of_a_part_that_the_store_lacks_is_refused_and_not_worth_another_try() {
    let journal = journal();
    block_on(async {
        let error = Relay::new(&journal).pass().await.expect_err("it has no outbox");
        assert_eq!(error, Part::Outbox.refusal());
        assert!(!error.is_retryable(), "{error}");
        let message = MessageBuilder::new("orders", "order.placed", "17").draw(&*journal.clock, &*journal.random);
        let mut tx = journal.store.begin().await.expect("a store");
        assert!(matches!(tx.stage(&message).await, Err(StoreError::Refused(why)) if why.contains("no outbox")));
    });
}
