//! What snapshot isolation allows and what it does not, over every interleaving of two and three transactions.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;
use seaworthy_core::{
    aggregate::{Aggregate, AggregateError, Cause, DomainEvent, MessageMap, Persistence, Repository, Tracked},
    conformance::block_on,
    ids::MessageId,
    ports::{Document, Expected, InboxEntry, InboxInsert, Random, Store, StoreError, Transaction},
};
use seaworthy_memory::{ManualClock, store::MemoryStore};
use uuid::Uuid;

fn store() -> MemoryStore {
    MemoryStore::new(ManualClock::new())
}

/// All orders in which transactions of `steps` statements each can be mixed.
fn interleavings(steps: &[usize]) -> Vec<Vec<usize>> {
    if steps.iter().all(|left| *left == 0) {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for who in (0..steps.len()).filter(|who| steps[*who] > 0) {
        let mut left = steps.to_vec();
        left[who] -= 1;
        all.extend(interleavings(&left).into_iter().map(|rest| [vec![who], rest].concat()));
    }
    all
}

async fn read(tx: &mut dyn Transaction, id: &str) -> u64 {
    let found = tx.get("accounts", id).await.expect("reads");
    found.map_or(0, |document| String::from_utf8_lossy(&document.body).parse().expect("a number"))
}

async fn write(tx: &mut dyn Transaction, id: &str, value: u64) -> Result<(), StoreError> {
    tx.put("accounts", id, Expected::Any, Bytes::from(value.to_string())).await.map(|_| ())
}

async fn committed(store: &MemoryStore, id: &str) -> u64 {
    read(&mut *store.begin().await.expect("begins"), id).await
}

#[test]
fn no_interleaving_of_increments_loses_one() {
    // Begin, read, write, commit: three transactions of four statements have 34,650 interleavings.
    for order in interleavings(&[4, 4, 4]) {
        block_on(async {
            let store = store();
            let mut open: [Option<Box<dyn Transaction>>; 3] = [None, None, None];
            let (mut step, mut seen, mut done) = ([0; 3], [0; 3], 0);
            for who in &order {
                let who = *who;
                step[who] += 1;
                match step[who] {
                    1 => open[who] = Some(store.begin().await.expect("begins")),
                    2 => seen[who] = read(&mut **open[who].as_mut().expect("open"), "a").await,
                    3 => {
                        let tx = open[who].as_mut().expect("open");
                        if write(&mut **tx, "a", seen[who] + 1).await.is_err() {
                            open[who] = None;
                        }
                    }
                    _ => {
                        if let Some(tx) = open[who].take()
                            && tx.commit().await.is_ok()
                        {
                            done += 1;
                        }
                    }
                }
            }
            assert_eq!(committed(&store, "a").await, done, "{order:?}");
            assert!(done >= 1, "somebody always gets through: {order:?}");
        });
    }
}

/// An order that is confirmed once: its event is the transition.
#[derive(Clone, Debug, PartialEq)]
struct Order {
    confirmed: bool,
}

struct Confirmed;

impl DomainEvent for Confirmed {
    const NAMES: &'static [&'static str] = &["Confirmed"];

    fn name(&self) -> &'static str {
        "Confirmed"
    }
}

impl Aggregate for Order {
    const NAME: &'static str = "order";
    type Event = Confirmed;

    fn id(&self) -> &str {
        "17"
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<Confirmed> {
        before.is_some_and(|before| !before.confirmed && after.confirmed).then_some(Confirmed)
    }
}

/// Keeps an order as one byte.
struct InOneByte;

#[async_trait]
impl Persistence<Order> for InOneByte {
    async fn load(&self, tx: &mut dyn Transaction, id: &str) -> Result<Option<(Order, u64)>, AggregateError> {
        let found = tx.get("order", id).await?;
        Ok(found.map(|document| (Order { confirmed: document.body[0] == 1 }, document.version)))
    }

    async fn save(&self, tx: &mut dyn Transaction, order: &Order, expected: Expected) -> Result<u64, AggregateError> {
        Ok(tx.put("order", "17", expected, Bytes::from(vec![u8::from(order.confirmed)])).await?)
    }
}

/// Begin, load, save, commit: three that confirm one order have 34,650 interleavings.
#[test]
fn seed_09_of_concurrent_confirmations_in_any_interleaving_one_wins_and_leaves_one_event() {
    let messages = MessageMap::builder("orders").publish("Confirmed", "order.confirmed", |_| ()).build();
    let messages = Arc::new(messages.expect("one event"));
    for order in interleavings(&[4, 4, 4]) {
        block_on(async {
            let clock = ManualClock::new();
            let store = MemoryStore::new(clock.clone());
            let orders = Repository::with_persistence(
                Arc::new(InOneByte),
                messages.clone(),
                clock,
                Arc::new(Counter::default()),
            );
            let mut tx = store.begin().await.expect("begins");
            orders.save(&mut *tx, Tracked::new(Order { confirmed: false }), Cause::New).await.expect("a new order");
            tx.commit().await.expect("commits");
            let mut open: [Option<Box<dyn Transaction>>; 3] = [None, None, None];
            let mut loaded: [Option<Tracked<Order>>; 3] = [None, None, None];
            let (mut step, mut won, mut conflicts, mut late) = ([0; 3], 0, 0, 0);
            for who in order.iter().copied() {
                step[who] += 1;
                match (step[who], &mut open[who]) {
                    (1, _) => open[who] = Some(store.begin().await.expect("begins")),
                    (2, Some(tx)) => {
                        let found = orders.load(&mut **tx, "17").await.expect("readable");
                        let mut found = found.expect("it was placed");
                        late += u32::from(found.confirmed);
                        found.change(|order| order.confirmed = true);
                        loaded[who] = Some(found);
                    }
                    (3, Some(tx)) => {
                        let saved = orders.save(&mut **tx, loaded[who].take().expect("loaded"), Cause::New).await;
                        if saved.is_err() {
                            assert!(matches!(saved, Err(AggregateError::Store(StoreError::Conflict(_)))), "{saved:?}");
                            conflicts += 1;
                            open[who] = None;
                        }
                    }
                    (4, Some(_)) => match open[who].take().expect("open").commit().await {
                        Ok(()) => won += 1,
                        Err(error) => {
                            assert!(matches!(error, StoreError::Conflict(_)), "{error:?}");
                            conflicts += 1;
                        }
                    },
                    (_, _) => {}
                }
            }
            // Who began when it was confirmed already found nothing to do, and so had no conflict either.
            assert_eq!((won, conflicts), (1 + late, 2 - late), "{order:?}");
            let backlog = store.backlog().await.expect("a store");
            assert_eq!(backlog.outbox_unsettled, 1, "{order:?}");
        });
    }
}

/// Dice that count: no two ids are the same.
#[derive(Default)]
struct Counter(AtomicU64);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[test]
fn write_skew_is_possible_and_only_where_two_transactions_overlap() {
    // Each of two doctors goes off call if the other one is on call. Begin, read both and write, commit.
    let (mut skewed, mut kept) = (0, 0);
    for order in interleavings(&[3, 3]) {
        block_on(async {
            let store = store();
            let mut tx = store.begin().await.expect("begins");
            write(&mut *tx, "0", 1).await.expect("writes");
            write(&mut *tx, "1", 1).await.expect("writes");
            tx.commit().await.expect("commits");
            let mut open: [Option<Box<dyn Transaction>>; 2] = [None, None];
            let mut step = [0; 2];
            for who in &order {
                let who = *who;
                step[who] += 1;
                match step[who] {
                    1 => open[who] = Some(store.begin().await.expect("begins")),
                    2 => {
                        let tx = open[who].as_mut().expect("open");
                        if read(&mut **tx, "0").await + read(&mut **tx, "1").await == 2 {
                            write(&mut **tx, &who.to_string(), 0).await.expect("nobody else writes it");
                        }
                    }
                    _ => open[who].take().expect("open").commit().await.expect("snapshot isolation lets both pass"),
                }
            }
            let serial = order == [0, 0, 0, 1, 1, 1] || order == [1, 1, 1, 0, 0, 0];
            let on_call = committed(&store, "0").await + committed(&store, "1").await;
            assert_eq!(on_call, u64::from(serial), "{order:?}");
            if serial { kept += 1 } else { skewed += 1 }
        });
    }
    assert_eq!((skewed, kept), (18, 2));
}

#[test]
fn every_interleaving_of_duplicates_has_one_effect() {
    // Begin, insert the inbox row, write the effect, end: the first of two rolls back or commits.
    let entry = InboxEntry {
        consumer: "shipping".into(),
        message: MessageId(Uuid::from_u128(1)),
        source: "orders".into(),
        epoch: 0,
        key: "17".into(),
        sequence: 1,
    };
    for rolls_back in [false, true] {
        for order in interleavings(&[4, 4]) {
            block_on(async {
                let store = store();
                let handle = async |rolls_back: bool, turn: tokio::sync::mpsc::Receiver<()>| {
                    let mut turn = turn;
                    turn.recv().await;
                    let mut tx = store.begin().await.expect("begins");
                    turn.recv().await;
                    if tx.inbox_insert(&entry).await.expect("inserts") != InboxInsert::First {
                        return;
                    }
                    turn.recv().await;
                    let effects = read(&mut *tx, "effects").await;
                    write(&mut *tx, "effects", effects + 1).await.expect("the inbox row keeps others out");
                    turn.recv().await;
                    if !rolls_back {
                        tx.commit().await.expect("commits");
                    }
                };
                let (first_turn, first_turns) = tokio::sync::mpsc::channel(8);
                let (second_turn, second_turns) = tokio::sync::mpsc::channel(8);
                let mut first = pin!(handle(rolls_back, first_turns));
                let mut second = pin!(handle(false, second_turns));
                let (mut first_done, mut second_done) = (false, false);
                let turns = [first_turn, second_turn];
                for who in order.iter().copied() {
                    turns[who].try_send(()).unwrap_or_default();
                    std::future::poll_fn(|task| {
                        first_done = first_done || first.as_mut().poll(task).is_ready();
                        second_done = second_done || second.as_mut().poll(task).is_ready();
                        Poll::Ready(())
                    })
                    .await;
                }
                drop(turns);
                if !first_done {
                    first.await;
                }
                if !second_done {
                    second.await;
                }
                assert_eq!(committed(&store, "effects").await, 1, "{rolls_back} {order:?}");
            });
        }
    }
}

#[test]
fn a_circle_of_waits_is_a_conflict_and_not_a_standstill() {
    let entry = |number| InboxEntry {
        consumer: "shipping".into(),
        message: MessageId(Uuid::from_u128(number)),
        source: "orders".into(),
        epoch: 0,
        key: "17".into(),
        sequence: 0,
    };
    block_on(async {
        let store = store();
        let (mut one, mut two) = (store.begin().await.expect("begins"), store.begin().await.expect("begins"));
        one.inbox_insert(&entry(1)).await.expect("free");
        two.inbox_insert(&entry(2)).await.expect("free");
        let second = entry(2);
        let mut waits = one.inbox_insert(&second);
        let waiting = std::future::poll_fn(|task| Poll::Ready(waits.as_mut().poll(task).is_pending())).await;
        assert!(waiting);
        let closed = two.inbox_insert(&entry(1)).await;
        assert!(matches!(closed, Err(StoreError::Conflict(_))), "{closed:?}");
        drop(two);
        assert_eq!(waits.await, Ok(InboxInsert::First));
    });
}

/// A statement of a random history: which transaction, and what it does.
#[derive(Clone, Debug)]
enum Statement {
    Get(u8),
    Put(u8),
    Delete(u8),
    Scan,
    Commit,
    Abort,
}

/// A naive transaction: a copy of everything, as it was at its begin.
struct Copied {
    tx: Box<dyn Transaction>,
    view: BTreeMap<String, Document>,
    began: usize,
    wrote: BTreeMap<String, Option<Document>>,
}

/// A naive store: all that is committed, and who wrote what in which commit.
#[derive(Default)]
struct Naive {
    documents: BTreeMap<String, Document>,
    commits: Vec<Vec<String>>,
}

impl Naive {
    fn overtaken(&self, copied: &Copied, id: &str) -> bool {
        self.commits[copied.began..].iter().any(|written| written.iter().any(|other| other == id))
    }
}

fn compare(history: Vec<(u8, Statement)>) -> Result<(), TestCaseError> {
    let store: Arc<dyn Store> = Arc::new(store());
    let mut naive = Naive::default();
    let mut open: BTreeMap<u8, Copied> = BTreeMap::new();
    block_on(async {
        for (number, (who, statement)) in history.into_iter().enumerate() {
            let copied = match open.entry(who) {
                Entry::Occupied(copied) => copied.into_mut(),
                Entry::Vacant(new) => new.insert(Copied {
                    tx: store.begin().await.expect("begins"),
                    view: naive.documents.clone(),
                    began: naive.commits.len(),
                    wrote: BTreeMap::new(),
                }),
            };
            let mut failed = false;
            match statement {
                Statement::Get(id) => {
                    let id = id.to_string();
                    prop_assert_eq!(copied.tx.get("c", &id).await, Ok(copied.view.get(&id).cloned()));
                }
                Statement::Scan => {
                    let seen = copied.tx.scan("c", None, 9).await.expect("scans");
                    let seen: Vec<(String, Document)> = seen.into_iter().map(|(id, d)| (id.to_string(), d)).collect();
                    prop_assert_eq!(seen, copied.view.clone().into_iter().take(9).collect::<Vec<_>>());
                }
                Statement::Put(id) => {
                    let id = id.to_string();
                    let document = Document {
                        version: copied.view.get(&id).map_or(0, |document| document.version) + 1,
                        body: Bytes::from(number.to_string()),
                    };
                    let answer = copied.tx.put("c", &id, Expected::Any, document.body.clone()).await;
                    failed = answer.is_err();
                    prop_assert_eq!(failed, naive.overtaken(copied, &id));
                    copied.view.insert(id.clone(), document.clone());
                    copied.wrote.insert(id, Some(document));
                }
                Statement::Delete(id) => {
                    let id = id.to_string();
                    failed = copied.tx.delete("c", &id, Expected::Any).await.is_err();
                    prop_assert_eq!(failed, naive.overtaken(copied, &id));
                    if copied.view.remove(&id).is_some() {
                        copied.wrote.insert(id, None);
                    }
                }
                Statement::Abort => failed = true,
                Statement::Commit => {
                    let Some(copied) = open.remove(&who) else { continue };
                    let overtaken = copied.wrote.keys().any(|id| naive.overtaken(&copied, id));
                    prop_assert_eq!(copied.tx.commit().await.is_err(), overtaken);
                    if !overtaken {
                        // A document that was made and deleted in one transaction was written all the same.
                        naive.commits.push(copied.wrote.keys().cloned().collect());
                        for (id, document) in copied.wrote {
                            match document {
                                Some(document) => _ = naive.documents.insert(id, document),
                                None => _ = naive.documents.remove(&id),
                            }
                        }
                    }
                }
            }
            if failed {
                open.remove(&who);
            }
        }
        Ok(())
    })
}

proptest! {
    // 3,000 histories of up to 80 statements by four transactions at a time on six documents.
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn snapshots_without_copies_show_what_copies_show(history in prop::collection::vec((0_u8..4, prop_oneof![
        3 => (0_u8..6).prop_map(Statement::Get),
        3 => (0_u8..6).prop_map(Statement::Put),
        1 => (0_u8..6).prop_map(Statement::Delete),
        1 => Just(Statement::Scan),
        2 => Just(Statement::Commit),
        1 => Just(Statement::Abort),
    ]), 1..80)) {
        compare(history)?;
    }
}
