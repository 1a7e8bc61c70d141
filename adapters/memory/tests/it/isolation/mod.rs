//! What snapshot isolation allows and what it does not, over every interleaving of two and three transactions.

mod aggregates;
mod model;

use std::{pin::pin, task::Poll};

use bytes::Bytes;
use seaworthy_core::{
    conformance::block_on,
    ids::MessageId,
    ports::{Expected, InboxEntry, InboxInsert, Store, StoreError, Transaction},
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
