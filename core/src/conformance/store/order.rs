//! Order within a key: commit order, one row at a time.

use super::steps::{SINGLE_WRITER, drain, ids, settle, stage};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_eq},
        samples::{claim, lone, message},
    },
    ports::{ClaimRequest, OutboxOrder, SettleOutcome},
};

/// The next row of a key is not claimed before the one before it is settled.
pub async fn rows_of_a_key_go_one_at_a_time_in_commit_order(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[message(3, "a"), message(1, "a")]).await?;
    stage(&*store, &[message(2, "a")]).await?;
    for (number, expected) in [(1, 3), (2, 1), (3, 2)] {
        let rows = store.claim(&claim(number, 9, lease)).await?;
        let promise = "at most one row of a key is in flight, and they go in commit order";
        expect_eq(promise, ids(&rows), vec![message(expected, "a").id])?;
        expect_eq(promise, ids(&store.claim(&claim(number + 10, 9, lease)).await?), Vec::new())?;
        settle(&*store, number, &rows, SettleOutcome::Dispatched).await?;
    }
    Ok(CheckVerdict::Held)
}

/// Row numbers are handed out when a row is staged; what counts is the commit.
pub async fn a_row_staged_first_and_committed_last_comes_last(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let mut slow = store.begin().await?;
    slow.stage(&message(1, "a")).await?;
    stage(&*store, &[message(2, "a")]).await?;
    // A store may show row 2 now, or hide it while an earlier row number is open; it may not show row 1.
    let early = store.claim(&claim(1, 9, lease)).await?;
    expect_eq("what is not committed is not claimed", ids(&early).contains(&message(1, "a").id), false)?;
    settle(&*store, 1, &early, SettleOutcome::Release { delay: std::time::Duration::ZERO }).await?;
    slow.commit().await?;
    stage(&*store, &[message(3, "a")]).await?;
    let drained = drain(&*store, lease).await?;
    let expected = [2, 1, 3].map(|number| message(number, "a").id).to_vec();
    expect_eq("order within a key is commit order, whatever the order of the row numbers", drained, expected)?;
    Ok(CheckVerdict::Held)
}

/// A row in backoff is still the first of its key.
pub async fn a_row_that_backs_off_holds_back_its_key(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let (lease, delay) = (subject.unit() * 5, subject.unit() * 3);
    stage(&*store, &[message(1, "a"), message(2, "a"), lone(3)]).await?;
    let first = store.claim(&claim(1, 1, lease)).await?;
    settle(&*store, 1, &first, SettleOutcome::Retry { delay, error: "no".into() }).await?;
    let others = store.claim(&claim(2, 9, lease)).await?;
    expect_eq("later rows of a key wait while an earlier one backs off", ids(&others), vec![lone(3).id])?;
    subject.advance(delay).await;
    let again = store.claim(&claim(3, 9, lease)).await?;
    expect_eq("the row that backed off goes first", ids(&again), vec![message(1, "a").id])?;
    Ok(CheckVerdict::Held)
}

/// A relay died with the first row of a key: that row comes back before the later ones.
pub async fn an_expired_claim_keeps_its_place_in_its_key(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[message(1, "a"), message(2, "a")]).await?;
    store.claim(&claim(1, 9, lease)).await?;
    subject.advance(lease).await;
    let again = store.claim(&claim(2, 9, lease)).await?;
    expect_eq("a row whose lease has ended keeps its place", ids(&again), vec![message(1, "a").id])?;
    Ok(CheckVerdict::Held)
}

/// Order is kept within a key only.
pub async fn keys_do_not_hold_back_each_other(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    stage(&*store, &[message(1, "a"), message(2, "a"), message(3, "b"), message(4, "c"), message(5, "b")]).await?;
    let rows = store.claim(&claim(1, 9, subject.unit())).await?;
    let expected = vec![message(1, "a").id, message(3, "b").id, message(4, "c").id];
    expect_eq("a claim takes the first row of each key, in commit order", ids(&rows), expected)?;
    Ok(CheckVerdict::Held)
}

/// Without order by key, all rows are claimable at once.
pub async fn unordered_rows_wait_for_nobody(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let unordered = |number| ClaimRequest { ordering: OutboxOrder::Unordered, ..claim(number, 2, lease) };
    stage(&*store, &[1, 2, 3].map(|number| message(number, "a"))).await?;
    let first = store.claim(&unordered(1)).await?;
    let second = store.claim(&unordered(2)).await?;
    let counts = (first.len(), second.len());
    expect_eq("without an order by key, rows of a key are in flight together", counts, (2, 1))?;
    settle(&*store, 2, &second, SettleOutcome::Dispatched).await?;
    let settled = settle(&*store, 1, &first, SettleOutcome::Dispatched).await?;
    expect("and are settled in any order", settled == [true, true], || format!("{settled:?}"))?;
    Ok(CheckVerdict::Held)
}
