//! Rows of an outbox, step by step: claims, fences, order within a key, death, redrive and retention.

use std::time::Duration;

use seaworthy_core::{
    message::Message,
    ports::{Clock, DeadRowRequest, OutboxOrder, PurgeRequest, SettleOutcome, StoreError, WhenDead},
};

use crate::support::{
    on_each_store_by_hand,
    rows::{asking, message, numbers, settled, stage, token},
};

const SECOND: Duration = Duration::from_secs(1);

fn retry(after: Duration) -> SettleOutcome {
    SettleOutcome::Retry { delay: after, error: "refused".into() }
}

fn dead() -> SettleOutcome {
    SettleOutcome::Dead { reason: "unroutable".into() }
}

#[test]
fn a_claimed_message_is_the_one_that_was_staged_with_its_sequence() {
    on_each_store_by_hand(async |store, _| {
        let staged = message(1, "k");
        stage(store, std::slice::from_ref(&staged)).await;
        let rows = store.claim(&asking(1, 10)).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].attempts, 1);
        assert_eq!(rows[0].message.sequence, rows[0].row.0);
        let mut found = rows[0].message.clone();
        (found.sequence, found.epoch) = (0, 0);
        assert_eq!(found, staged);
    });
}

#[test]
fn staging_an_id_twice_is_a_conflict_and_nothing_of_the_transaction_is_applied() {
    on_each_store_by_hand(async |store, _| {
        stage(store, &[message(1, "k")]).await;
        let mut tx = store.begin().await.unwrap();
        tx.stage(&message(2, "k")).await.unwrap();
        let refused = tx.stage(&message(1, "k")).await.unwrap_err();
        assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
        drop(tx);
        assert_eq!(numbers(&store.claim(&asking(1, 10)).await.unwrap()), [1]);
    });
}

#[test]
fn only_the_first_row_of_a_key_is_out_and_the_next_follows_when_it_is_settled() {
    on_each_store_by_hand(async |store, _| {
        stage(store, &[message(1, "a"), message(2, "a"), message(3, "b"), message(4, "a")]).await;
        let first = store.claim(&asking(1, 10)).await.unwrap();
        assert_eq!(numbers(&first), [1, 3]);
        assert_eq!(numbers(&store.claim(&asking(2, 10)).await.unwrap()), []);
        store.settle(token(1), &settled(&first[..1], &SettleOutcome::Dispatched)).await.unwrap();
        assert_eq!(numbers(&store.claim(&asking(3, 10)).await.unwrap()), [2]);
    });
}

#[test]
fn a_row_that_backs_off_holds_up_its_key_but_no_other() {
    on_each_store_by_hand(async |store, clock| {
        stage(store, &[message(1, "a"), message(2, "a"), message(3, "b")]).await;
        let first = store.claim(&asking(1, 1)).await.unwrap();
        store.settle(token(1), &settled(&first, &retry(5 * SECOND))).await.unwrap();
        assert_eq!(store.next_available().await.unwrap(), Some(clock.now() + 5 * SECOND));
        assert_eq!(numbers(&store.claim(&asking(2, 10)).await.unwrap()), [3]);
        clock.advance(5 * SECOND);
        let again = store.claim(&asking(3, 10)).await.unwrap();
        assert_eq!(numbers(&again), [1]);
        assert_eq!(again[0].attempts, 2);
    });
}

/// Two topics, of which one has a single row: its share of the limit is for the other.
#[test]
fn a_claim_takes_as_much_as_it_may_whichever_topic_that_is_of() {
    on_each_store_by_hand(async |store, _| {
        let of_topic = |number, topic: &str| {
            let message = message(number, &number.to_string());
            Message { topic: topic.into(), ..message }
        };
        let staged: Vec<Message> =
            (1..=20).map(|number| of_topic(number, if number == 20 { "stock" } else { "orders" })).collect();
        stage(store, &staged).await;
        assert_eq!(store.claim(&asking(1, 12)).await.unwrap().len(), 12);
    });
}

#[test]
fn unordered_claims_take_any_row_that_is_due() {
    on_each_store_by_hand(async |store, _| {
        stage(store, &[message(1, "a"), message(2, "a"), message(3, "b")]).await;
        let mut request = asking(1, 10);
        request.ordering = OutboxOrder::Unordered;
        assert_eq!(numbers(&store.claim(&request).await.unwrap()), [1, 2, 3]);
    });
}

#[test]
fn rows_are_due_although_the_clock_steps_back() {
    on_each_store_by_hand(async |store, clock| {
        stage(store, &[message(1, "a"), message(2, "b")]).await;
        clock.step_back(Duration::from_secs(3_600));
        stage(store, &[message(3, "c")]).await;
        assert_eq!(numbers(&store.claim(&asking(1, 2)).await.unwrap()), [1, 2]);
        assert_eq!(numbers(&store.claim(&asking(2, 2)).await.unwrap()), [3]);
    });
}

#[test]
fn retried_rows_come_before_later_fresh_ones() {
    on_each_store_by_hand(async |store, clock| {
        stage(store, &[message(1, "a")]).await;
        let first = store.claim(&asking(1, 1)).await.unwrap();
        store.settle(token(1), &settled(&first, &retry(SECOND))).await.unwrap();
        stage(store, &[message(2, "b"), message(3, "c")]).await;
        clock.advance(2 * SECOND);
        assert_eq!(numbers(&store.claim(&asking(2, 2)).await.unwrap()), [1, 2]);
    });
}

#[test]
fn a_claim_whose_lease_ended_is_fenced_off_by_the_next() {
    on_each_store_by_hand(async |store, clock| {
        stage(store, &[message(1, "a")]).await;
        let lost = store.claim(&asking(1, 10)).await.unwrap();
        assert_eq!(store.next_available().await.unwrap(), Some(clock.now() + 10 * SECOND));
        clock.advance(10 * SECOND);
        let taken = store.claim(&asking(2, 10)).await.unwrap();
        assert_eq!(taken[0].attempts, 2);
        for outcome in [SettleOutcome::Dispatched, dead(), retry(SECOND), SettleOutcome::Release { delay: SECOND }] {
            assert_eq!(store.settle(token(1), &settled(&lost, &outcome)).await.unwrap(), [false]);
        }
        assert_eq!(store.settle(token(2), &settled(&taken, &SettleOutcome::Dispatched)).await.unwrap(), [true]);
        assert!(store.backlog().await.unwrap().is_idle());
        assert_eq!(store.settle(token(2), &settled(&taken, &SettleOutcome::Dispatched)).await.unwrap(), [false]);
    });
}

#[test]
fn a_release_takes_the_attempt_back() {
    on_each_store_by_hand(async |store, _| {
        stage(store, &[message(1, "a")]).await;
        for round in 1..4 {
            let rows = store.claim(&asking(round, 10)).await.unwrap();
            assert_eq!(rows[0].attempts, 1);
            let release = SettleOutcome::Release { delay: Duration::ZERO };
            assert_eq!(store.settle(token(round), &settled(&rows, &release)).await.unwrap(), [true]);
        }
    });
}

#[test]
fn a_dead_row_blocks_its_key_or_is_passed_over_as_the_claim_says() {
    on_each_store_by_hand(async |store, _| {
        stage(store, &[message(1, "a"), message(2, "a"), message(3, "a")]).await;
        let rows = store.claim(&asking(1, 10)).await.unwrap();
        store.settle(token(1), &settled(&rows, &dead())).await.unwrap();
        assert_eq!(numbers(&store.claim(&asking(2, 10)).await.unwrap()), []);
        let mut skipping = asking(3, 10);
        skipping.when_dead = WhenDead::SkipDead;
        assert_eq!(numbers(&store.claim(&skipping).await.unwrap()), [2]);
        let found = store.dead_rows(&DeadRowRequest::new(10)).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].row.message.id, found[0].reason.as_str()), (message(1, "a").id, "unroutable"));
    });
}

#[test]
fn a_redriven_row_keeps_its_id_and_its_place_and_waits_for_a_later_one_that_is_out() {
    on_each_store_by_hand(async |store, _| {
        stage(store, &[message(1, "a"), message(2, "a"), message(3, "a")]).await;
        let rows = store.claim(&asking(1, 10)).await.unwrap();
        store.settle(token(1), &settled(&rows, &dead())).await.unwrap();
        let mut skipping = asking(2, 10);
        skipping.when_dead = WhenDead::SkipDead;
        let second = store.claim(&skipping).await.unwrap();
        assert_eq!(numbers(&second), [2]);

        let all = DeadRowRequest::new(10);
        assert_eq!(store.redrive(&all).await.unwrap().len(), 1);
        assert_eq!(store.redrive(&all).await.unwrap().len(), 0);
        assert_eq!(numbers(&store.claim(&asking(3, 10)).await.unwrap()), [], "the second row of the key is still out");
        store.settle(token(2), &settled(&second, &SettleOutcome::Dispatched)).await.unwrap();
        let first = store.claim(&asking(4, 10)).await.unwrap();
        assert_eq!(numbers(&first), [1]);
        assert_eq!(first[0].attempts, 1, "a redrive starts the attempts anew");
        store.settle(token(4), &settled(&first, &SettleOutcome::Dispatched)).await.unwrap();
        assert_eq!(numbers(&store.claim(&asking(5, 10)).await.unwrap()), [3]);
    });
}

#[test]
fn a_redrive_names_events_or_takes_the_oldest() {
    on_each_store_by_hand(async |store, _| {
        stage(store, &[message(1, "a"), message(2, "b"), message(3, "c")]).await;
        let rows = store.claim(&asking(1, 10)).await.unwrap();
        store.settle(token(1), &settled(&rows, &dead())).await.unwrap();
        let only = DeadRowRequest::new(10).only(vec![message(3, "c").id, message(9, "z").id]);
        assert_eq!(store.redrive(&only).await.unwrap().len(), 1);
        assert_eq!(numbers(&store.claim(&asking(2, 10)).await.unwrap()), [3]);
        assert_eq!(store.redrive(&DeadRowRequest::new(1)).await.unwrap().len(), 1);
        assert_eq!(numbers(&store.claim(&asking(3, 10)).await.unwrap()), [1]);
    });
}

#[test]
fn retention_deletes_dispatched_rows_only_and_numbers_never_come_again() {
    on_each_store_by_hand(async |store, clock| {
        stage(store, &[message(1, "a"), message(2, "b"), message(3, "c"), message(4, "d")]).await;
        let rows = store.claim(&asking(1, 3)).await.unwrap();
        store.settle(token(1), &settled(&rows[..2], &SettleOutcome::Dispatched)).await.unwrap();
        store.settle(token(1), &settled(&rows[2..], &dead())).await.unwrap();
        let old = PurgeRequest { older_than: 60 * SECOND, limit: 1 };
        assert_eq!(store.purge_dispatched(&old).await.unwrap().len(), 0);
        clock.advance(60 * SECOND);
        assert_eq!(store.purge_dispatched(&old).await.unwrap().len(), 1);
        assert_eq!(store.purge_dispatched(&old).await.unwrap().len(), 1);
        assert_eq!(store.purge_dispatched(&old).await.unwrap().len(), 0);
        let backlog = store.backlog().await.unwrap();
        assert_eq!((backlog.outbox_unsettled, backlog.outbox_dead), (1, 1));
        assert_eq!(store.purge_dead(&DeadRowRequest::new(1)).await.unwrap().len(), 1);

        let last = store.claim(&asking(2, 1)).await.unwrap();
        store.settle(token(2), &settled(&last, &SettleOutcome::Dispatched)).await.unwrap();
        clock.advance(60 * SECOND);
        assert_eq!(store.purge_dispatched(&old).await.unwrap().len(), 1);
        stage(store, &[message(5, "a")]).await;
        let next = store.claim(&asking(3, 1)).await.unwrap();
        assert!(next[0].row > last[0].row, "an inbox would take a number that came again for an old message");
    });
}
