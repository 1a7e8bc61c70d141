//! Event-sourced aggregates: decided on what their streams hold, appended as decided, published under the same ids.

use std::time::Duration;

use seaworthy_core::{
    aggregate::{AggregateError, Cause, DomainEvent, MapError, UpdateError},
    events::{Ledger, Loaded, Sourced},
    message::MessageBuilder,
    ports::{
        EventAppend, ExpectedVersion, FailureKind, Operation, OutboxOrder, Ports, StoreError, TailRequest, Timestamp,
        WhenDead,
    },
};
use serde::{Deserialize, Serialize};

use crate::support::{
    Kind, World,
    calls::{Calls, Fate, doubled},
    on, on_each_store,
};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Account {
    balance: u64,
}

#[derive(Serialize, Deserialize)]
enum Event {
    Credited { amount: u64 },
    Debited { amount: u64 },
}

impl DomainEvent for Event {
    const NAMES: &'static [&'static str] = &["Credited", "Debited"];

    fn name(&self) -> &'static str {
        match self {
            Self::Credited { .. } => "Credited",
            Self::Debited { .. } => "Debited",
        }
    }
}

#[derive(Clone, Copy)]
enum Command {
    Credit(u64),
    Debit(u64),
    /// Two events of one decision.
    Swap(u64),
}

impl Sourced for Account {
    const NAME: &'static str = "account";
    type Event = Event;
    type Command = Command;
    type Refusal = &'static str;

    fn decide(&self, command: &Command) -> Result<Vec<Event>, &'static str> {
        match *command {
            Command::Credit(0) => Ok(Vec::new()),
            Command::Credit(amount) => Ok(vec![Event::Credited { amount }]),
            Command::Debit(amount) if amount > self.balance => Err("not enough"),
            Command::Debit(amount) => Ok(vec![Event::Debited { amount }]),
            Command::Swap(amount) => Ok(vec![Event::Credited { amount }, Event::Debited { amount }]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Credited { amount } => self.balance += amount,
            Event::Debited { amount } => self.balance -= amount,
        }
    }
}

fn ledger(ports: &Ports) -> Ledger<Account> {
    Ledger::new("bank", ports.clock.clone(), ports.random.clone())
}

async fn load(world: &World, ledger: &Ledger<Account>) -> Result<Loaded<Account>, AggregateError> {
    let mut tx = world.store().begin().await.expect("a store that is up");
    ledger.load(&mut *tx, "17").await
}

#[test]
fn seed_26_a_decision_on_an_older_version_is_not_appended_and_is_taken_again_on_the_new_one() {
    on_each_store(async |world| {
        let (store, ledger) = (world.store(), ledger(&world.ports));
        let credited = ledger.execute(&**store, "17", &Command::Credit(10), Cause::New).await.expect("no refusal");
        assert_eq!((credited.state.balance, credited.version), (10, 1));
        // Somebody who decided on the empty stream.
        let mut tx = store.begin().await.expect("a store that is up");
        let forged =
            MessageBuilder::new("bank", "account.Credited", "17").draw(&*world.ports.clock, &*world.ports.random);
        let stale = EventAppend::new(ledger.stream("17"), ExpectedVersion::Exact(0), vec![forged]);
        assert!(matches!(tx.append_events(&stale).await, Err(StoreError::Conflict(_))));
        drop(tx);
        assert_eq!(load(world, &ledger).await, Ok(credited), "a stale decision changes nothing");
        // Eight that withdraw one each, side by side, of ten: each once, and the ninth and tenth remain.
        let withdrawals = (0..8).map(|_| ledger.execute(&**store, "17", &Command::Debit(1), Cause::New));
        for done in futures_util::future::join_all(withdrawals).await {
            done.expect("decided again until it fits");
        }
        let left = load(world, &ledger).await.expect("readable");
        assert_eq!((left.state.balance, left.version), (2, 9));
        let versions: Vec<u64> =
            store.read_events(0, 99).await.expect("a store that is up").iter().map(|event| event.version).collect();
        assert_eq!(versions, (1..=9).collect::<Vec<_>>(), "without a gap");
    });
}

#[test]
fn a_command_that_others_are_always_before_is_decided_again_eight_times_with_ever_longer_pauses() {
    on_each_store(async |world| {
        for (faster, appended) in [(8, 1), (9, 1)] {
            let conflicts = move |operation, number| match operation {
                Operation::Commit if number <= faster => Fate::Fails(FailureKind::Conflict),
                _ => Fate::Well,
            };
            let (calls, ports) = Calls::before(&world.ports, conflicts);
            let ended = ledger(&ports).execute(&*ports.store, "17", &Command::Credit(1), Cause::New).await;
            let is_conflict =
                matches!(&ended, Err(UpdateError::Aggregate(AggregateError::Store(StoreError::Conflict(_)))));
            assert_eq!((ended.is_ok(), is_conflict), (faster == 8, faster == 9), "{faster} were faster: {ended:?}");
            let pauses: Vec<_> = doubled(Duration::from_millis(5), Duration::from_millis(200)).take(8).collect();
            assert_eq!(calls.pauses(Operation::Commit), pauses);
            let left = load(world, &ledger(&world.ports)).await.expect("readable");
            assert_eq!((left.state.balance, left.version), (appended, appended), "what was refused appends nothing");
        }
    });
}

#[test]
fn what_is_refused_or_needs_nothing_appends_nothing() {
    on_each_store(async |world| {
        let (store, ledger) = (world.store(), ledger(&world.ports).publish_all());
        let refused = ledger.execute(&**store, "17", &Command::Debit(1), Cause::New).await;
        assert!(
            matches!(refused, Err(UpdateError::Refused("not enough"))),
            "{:?}",
            refused.map(|loaded| loaded.version)
        );
        let nothing = ledger.execute(&**store, "17", &Command::Credit(0), Cause::New).await.expect("no refusal");
        assert_eq!(nothing.version, 0);
        assert!(store.read_events(0, 9).await.expect("a store that is up").is_empty());
        assert!(store.backlog().await.expect("a store that is up").is_idle());
    });
}

#[test]
fn events_are_what_the_outbox_relays_under_the_same_ids_and_only_those_that_are_to_be() {
    on_each_store(async |world| {
        let store = world.store();
        let ledger = ledger(&world.ports).publish(&["Debited"]).expect("declared").topic("accounts");
        let cause = MessageBuilder::new("shop", "order.placed", "order-1").derive(
            uuid::Uuid::from_u128(5),
            &["place"],
            Timestamp::EPOCH,
        );
        ledger.execute(&**store, "17", &Command::Swap(3), Cause::Message(&cause)).await.expect("no refusal");
        let events = store.read_events(0, 9).await.expect("a store that is up");
        let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
        let all = TailRequest { limit: 9, ordering, when_dead, except_topics: Vec::new(), except_keys: Vec::new() };
        let rows = store.tail(&all).await.expect("a store that is up");
        assert_eq!((events.len(), rows.len()), (2, 1));
        let (event, row) = (&events[1].message, &rows[0].message);
        assert_eq!((row.id, &row.data, &*row.topic), (event.id, &event.data, "accounts"));
        assert_eq!((event.causation_id, event.correlation_id), (Some(cause.id), cause.correlation_id));
        assert_eq!((&*event.kind, &**events[1].stream()), ("account.Debited", "account-17"));
        let twice = ledger.clone().publish(&["Debited", "Debited"]).err();
        assert_eq!(
            (twice, ledger.publish(&["Opened"]).err()),
            (Some(MapError::Twice("Debited")), Some(MapError::Undeclared("Opened")))
        );
    });
}

/// The same account, of which a snapshot has another shape.
#[derive(Default, Serialize, Deserialize)]
struct Reshaped(Account);

impl Sourced for Reshaped {
    const NAME: &'static str = "account";
    const SHAPE: u32 = 2;
    type Event = Event;
    type Command = Command;
    type Refusal = &'static str;

    fn decide(&self, command: &Command) -> Result<Vec<Event>, &'static str> {
        self.0.decide(command)
    }

    fn evolve(&mut self, event: &Event) {
        self.0.evolve(event);
    }
}

#[test]
fn a_snapshot_spares_reading_and_one_of_another_shape_is_left_aside() {
    on_each_store(async |world| {
        let store = world.store();
        let ledger = ledger(&world.ports).snapshot_every(4);
        for _ in 0..10 {
            ledger.execute(&**store, "17", &Command::Credit(1), Cause::New).await.expect("no refusal");
        }
        let mut tx = store.begin().await.expect("a store that is up");
        let kept = tx.stream_snapshot("account-17").await.expect("a store that is up").expect("a snapshot");
        assert_eq!(kept.version, 8, "each time that it has grown by four");
        // Whoever trusts it reads two events; that it is trusted shows by one that is not true.
        let other = serde_json::json!({ "shape": 1, "state": { "balance": 1_000 } }).to_string();
        tx.put_stream_snapshot("account-17", 8, other.into()).await.expect("a store that is up");
        tx.commit().await.expect("a store that is up");
        assert_eq!(
            load(world, &ledger).await.expect("readable"),
            Loaded { state: Account { balance: 1_002 }, version: 10 }
        );
        let reshaped: Ledger<Reshaped> =
            Ledger::new("bank", world.ports.clock.clone(), world.ports.random.clone()).snapshot_every(4);
        let mut tx = store.begin().await.expect("a store that is up");
        let loaded = reshaped.load(&mut *tx, "17").await.expect("readable");
        assert_eq!((loaded.state.0.balance, loaded.version), (10, 10), "folded from its events");
    });
}

#[test]
fn a_stream_of_many_events_is_read_to_its_end() {
    const COUNT: u64 = 1_001;
    on_each_store(async |world| {
        let (clock, random) = (&*world.ports.clock, &*world.ports.random);
        let credited = |_| {
            let event = MessageBuilder::new("bank", "account.Credited", "17").json(&Event::Credited { amount: 1 });
            event.expect("plain data").draw(clock, random)
        };
        let events = (0..COUNT).map(credited).collect();
        let mut tx = world.store().begin().await.expect("a store that is up");
        tx.append_events(&EventAppend::new("account-17", ExpectedVersion::Any, events)).await.expect("appended");
        tx.commit().await.expect("a store that is up");
        let loaded = load(world, &ledger(&world.ports)).await.expect("readable");
        assert_eq!((loaded.state.balance, loaded.version), (COUNT, COUNT));
    });
}

#[test]
fn an_event_that_nobody_can_read_is_an_error_that_names_its_aggregate() {
    on(Kind::Memory, async |world| {
        let odd = MessageBuilder::new("bank", "account.Closed", "17").json("closed").expect("a text");
        let odd = odd.derive(uuid::Uuid::from_u128(9), &["close"], Timestamp::EPOCH);
        let mut tx = world.store().begin().await.expect("a store that is up");
        tx.append_events(&EventAppend::new("account-17", ExpectedVersion::Any, vec![odd])).await.expect("appended");
        tx.commit().await.expect("a store that is up");
        let error = load(world, &ledger(&world.ports)).await.expect_err("unreadable").to_string();
        assert!(error.contains("account 17 has no readable stored form"), "{error}");
    });
}
