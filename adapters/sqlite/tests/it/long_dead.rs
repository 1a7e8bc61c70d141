//! What is dead, and what waits behind it, costs nothing: what a relay asks for again and again, beside many dead rows and
//! beside few.

use crate::support::{asking, in_memory, message, meter::Meter, settled, tailing, token};
use rusqlite::Connection;
use seaworthy_core::{
    message::Message,
    ports::{ClaimRequest, DeadRowRequest, OutboxStore, SettleOutcome, Store, TailRequest, WhenDead, connection},
};
use seaworthy_sqlite::SqliteStore;

/// Dead rows, `keys` of one key and one of each of as many others, and behind each of those one that waits. They are staged
/// as what they are; then they die.
async fn die(store: &SqliteStore, keys: u128) {
    let mut tx = store.begin().await.unwrap();
    for number in 0..keys {
        tx.stage(&message(10_000 + 3 * number, "many")).await.unwrap();
        tx.stage(&message(10_001 + 3 * number, &format!("key-{number}"))).await.unwrap();
        tx.stage(&message(10_002 + 3 * number, &format!("key-{number}"))).await.unwrap();
    }
    for number in 0..keys {
        assert!(tx.outbox_bury(message(10_000 + 3 * number, "many").id, "refused").await.unwrap());
        assert!(tx.outbox_bury(message(10_001 + 3 * number, "").id, "refused").await.unwrap());
    }
    tx.commit().await.unwrap();
}

/// What relays do, with a row of a new key and one of the key that has the most dead ones.
async fn relay(store: &SqliteStore, meter: &mut Meter) {
    let skipping = |number, limit| ClaimRequest { when_dead: WhenDead::SkipDead, ..asking(number, limit) };
    assert_eq!(store.claim(&asking(1, 9)).await.unwrap(), []);
    meter.note("claim of nothing where a dead row blocks its key");
    assert_eq!(store.tail(&tailing(9)).await.unwrap(), []);
    meter.note("log at rest where a dead row blocks its key");
    let mut tx = store.begin().await.unwrap();
    tx.stage(&message(1, "many")).await.unwrap();
    tx.stage(&message(2, "fresh")).await.unwrap();
    meter.note("stage");
    tx.outbox_settled_to(WhenDead::BlockKey).await.unwrap();
    tx.outbox_settled_to(WhenDead::SkipDead).await.unwrap();
    meter.note("position");
    tx.commit().await.unwrap();
    meter.note("commit");
    assert_eq!(store.claim(&asking(2, 9)).await.unwrap().len(), 1);
    meter.note("claim where a dead row blocks its key");
    let shown = store.tail(&TailRequest { when_dead: WhenDead::SkipDead, ..tailing(9) }).await.unwrap();
    meter.note("log where dead rows are passed");
    assert_eq!(shown.len(), 9);
    // All those that wait behind a dead row go first; the row of the key with the most dead ones is the last of all.
    let left = ClaimRequest { except_topics: vec!["orders".into()], ..skipping(3, 9) };
    assert_eq!(store.claim(&left).await.unwrap().len(), 0);
    meter.note("claim of nothing where the topic is left alone");
    let rows = store.claim(&skipping(4, 9)).await.unwrap();
    meter.note("claim where dead rows are passed");
    assert!(rows.iter().all(|row| row.message.gap == 1), "{rows:?}");
    store.settle(token(4), &settled(&rows, &SettleOutcome::Dispatched)).await.unwrap();
    meter.note("settle where dead rows are passed");
}

/// What happens to the key with the most dead rows.
async fn pass_many(store: &SqliteStore, meter: &mut Meter, dead: u128) {
    for number in [5, 6] {
        let last: Message = message(number, "many");
        let mut tx = store.begin().await.unwrap();
        tx.stage(&last).await.unwrap();
        meter.note("stage behind many dead ones");
        tx.commit().await.unwrap();
        meter.note("commit");
    }
    let sql = "UPDATE seaworthy_outbox SET state = 2, settled_at = 1 WHERE state < 2 AND partition_key <> 'many'";
    let mut tx = store.begin().await.unwrap();
    let raw: &mut Connection = connection(&mut *tx).await.unwrap();
    raw.execute(sql, []).unwrap();
    tx.commit().await.unwrap();
    meter.found.clear();
    for (token_number, outcome) in [(7, SettleOutcome::Dispatched), (8, SettleOutcome::Dead { reason: "no".into() })] {
        meter.note("between");
        let request = ClaimRequest { when_dead: WhenDead::SkipDead, ..asking(token_number, 1) };
        let rows = store.claim(&request).await.unwrap();
        meter.note("claim behind many dead ones");
        assert_eq!(rows.iter().map(|row| u128::from(row.message.gap)).collect::<Vec<_>>(), [dead]);
        store.settle(token(token_number), &settled(&rows, &outcome)).await.unwrap();
        meter.note("settle behind many dead ones");
    }
    meter.note("between");
    let only = DeadRowRequest::new(1).only([message(10_000, "many").id]);
    assert_eq!(store.redrive(&only).await.unwrap().len(), 1);
    meter.note("redrive of one of many");
}

async fn steps_beside(dead: u128) -> Vec<(&'static str, u64)> {
    let (store, _) = in_memory();
    die(&store, dead).await;
    let mut meter = Meter::on(&store).await;
    meter.note("begin");
    relay(&store, &mut meter).await;
    let mut found = std::mem::take(&mut meter.found);
    pass_many(&store, &mut meter, dead).await;
    found.append(&mut meter.found);
    found.retain(|(operation, _)| *operation != "between");
    found
}

/// To walk over rows or an index takes a step a row at the least, so thousands can't be missed.
#[tokio::test]
async fn no_operation_of_a_relay_costs_more_beside_six_thousand_dead_rows_than_beside_twenty() {
    let (few, many) = (steps_beside(10).await, steps_beside(3_000).await);
    for ((operation, few), (_, many)) in few.into_iter().zip(many) {
        assert!(few > 0, "{operation} is counted");
        assert!(many <= few + 40, "{operation}: {few} steps beside few dead rows, {many} beside many");
    }
}
