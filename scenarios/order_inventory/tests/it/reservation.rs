//! All of an order's goods are reserved, or none, whatever it wants and in whatever order its lines stand.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use seaworthy_core::{
    conformance::block_on,
    inbox::Handler,
    message::{Message, MessageBuilder},
    ports::{Store, Timestamp},
};
use seaworthy_memory::{ManualClock, store::MemoryStore};
use seaworthy_order_inventory::{
    inventory::{STOCK_COLLECTION, StockLevel, level, mark_released, release, reserve, settle, stock_up},
    messages::{Answer, Goods, INVENTORY_RESERVED, Line, ORDER_CREATED, ORDERS, RESERVATION_FAILED},
};
use smol_str::{SmolStr, format_smolstr};

use crate::order::staged;

type Levels = BTreeMap<SmolStr, StockLevel>;

fn goods(lines: &[(u8, u32)]) -> Goods {
    let line = |(article, units): &(u8, u32)| Line { sku: format_smolstr!("cd-{article}"), units: *units };
    Goods { order: "order-1".into(), lines: lines.iter().map(line).collect() }
}

async fn stocked(units: &[u64]) -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(ManualClock::new()));
    let units = (1_u8..).zip(units).map(|(article, units)| (format_smolstr!("cd-{article}"), *units));
    stock_up(&*store, &units.collect()).await.expect("an empty store");
    store
}

async fn levels(store: &dyn Store) -> Levels {
    let mut tx = store.begin().await.expect("a store");
    let found = tx.scan(STOCK_COLLECTION, None, 100).await.expect("readable");
    found.into_iter().map(|(sku, document)| (sku, serde_json::from_slice(&document.body).expect("a level"))).collect()
}

/// Has the handler of new orders commit what came of these goods.
async fn handle(store: &Arc<dyn Store>, goods: &Goods) -> Vec<Message> {
    let created = MessageBuilder::new(ORDERS, ORDER_CREATED, goods.order.clone()).json(goods).expect("goods");
    let created = created.derive(uuid::Uuid::from_u128(1), &["created"], Timestamp::EPOCH);
    let handler = seaworthy_order_inventory::choreographed::Reserve(ManualClock::new());
    let mut tx = store.begin().await.expect("a store");
    handler.handle(&mut *tx, &created).await.expect("nobody else writes");
    tx.commit().await.expect("committed");
    staged(&**store).await
}

proptest! {
    #[test]
    fn seed_59_an_order_gets_all_of_its_articles_or_none_and_one_message_tells_which(
        stock in proptest::collection::vec(0_u64..8, 3),
        lines in proptest::collection::vec((1_u8..=4, 1_u32..5), 1..6),
    ) {
        block_on(async {
            let (store, goods) = (stocked(&stock).await, goods(&lines));
            let before = levels(&*store).await;
            let said = handle(&store, &goods).await;
            let after = levels(&*store).await;

            let mut wanted = BTreeMap::<SmolStr, i64>::new();
            for line in &goods.lines {
                *wanted.entry(line.sku.clone()).or_default() += i64::from(line.units);
            }
            let is_there = |(sku, units): (&SmolStr, &i64)| before.get(sku).is_some_and(|level| level.available >= *units);
            let kinds: Vec<&str> = said.iter().map(|message| message.kind.as_str()).collect();
            if wanted.iter().all(is_there) {
                prop_assert_eq!(kinds, [INVENTORY_RESERVED]);
                for (sku, level) in &after {
                    let units = wanted.get(sku).copied().unwrap_or(0);
                    let taken = StockLevel { available: before[sku].available - units, reserved: units, sold: 0 };
                    prop_assert_eq!(*level, taken);
                }
            } else {
                prop_assert_eq!(kinds, [RESERVATION_FAILED]);
                prop_assert_eq!(&after, &before, "nothing is taken");
                let Answer::Failed { reason } = said[0].json().expect("an answer") else { panic!("{said:?}") };
                prop_assert!(reason.contains("wanted"), "{}", reason);
            }
            Ok(())
        })?;
    }
}

#[test]
fn who_asks_again_gets_the_same_answer_and_no_more_units() {
    block_on(async {
        let store = stocked(&[5]).await;
        for (lines, left) in [([(1, 3)], 2), ([(1, 9)], 2)] {
            let goods = Goods { order: format_smolstr!("of {}", lines[0].1), ..goods(&lines) };
            let mut answers = Vec::new();
            for _ in 0..3 {
                let mut tx = store.begin().await.expect("a store");
                answers.push(reserve(&mut *tx, &goods).await.expect("readable"));
                tx.commit().await.expect("committed");
            }
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
            assert_eq!(levels(&*store).await["cd-1"].available, left);
        }
    });
}

#[test]
fn what_is_called_off_before_it_is_reserved_gets_nothing_and_what_is_sold_is_not_given_back() {
    block_on(async {
        let store = stocked(&[5]).await;
        let mut tx = store.begin().await.expect("a store");
        mark_released(&mut *tx, "order-1").await.expect("nobody has asked yet");
        let late = reserve(&mut *tx, &goods(&[(1, 3)])).await.expect("readable");
        assert_eq!(late, Answer::Failed { reason: "the reservation was called off".into() });
        release(&mut *tx, "order-1").await.expect("it may be said again");
        assert!(settle(&mut *tx, "order-1").await.expect_err("nothing is reserved").to_string().contains("Released"));

        let sold = Goods { order: "order-2".into(), ..goods(&[(1, 3)]) };
        assert_eq!(reserve(&mut *tx, &sold).await, Ok(Answer::Success));
        for _ in 0..2 {
            settle(&mut *tx, "order-2").await.expect("it may be said again");
        }
        let error = release(&mut *tx, "order-2").await.expect_err("it is sold");
        assert!(error.to_string().contains("order-2 is sold"), "{error}");
        let (stock, _) = level(&mut *tx, "cd-1").await.expect("readable");
        assert_eq!(stock, StockLevel { available: 2, reserved: 0, sold: 3 });
    });
}
