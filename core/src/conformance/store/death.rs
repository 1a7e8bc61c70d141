//! Dead rows: they block their key or are skipped, and come back by a redrive.

use super::steps::{drain, ids, kill_next, settle, stage};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect_conflict, expect_eq},
        samples::{claim, lone, message, purge},
    },
    ports::{ClaimRequest, DeadRow, DeadRowRequest, SettleOutcome, StoreError, WhenDead},
};

/// With `BlockKey`, later rows of a dead row's key wait; other keys go on.
pub async fn a_dead_row_blocks_its_key(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[message(1, "a"), message(2, "a"), lone(3)]).await?;
    kill_next(&*store, 1, "too large", lease).await?;
    stage(&*store, &[message(4, "a")]).await?;
    let drained = drain(&*store, lease).await?;
    expect_eq("a dead row blocks its key, and only its key", drained, vec![lone(3).id])?;
    subject.advance(lease * 2).await;
    expect_eq("a dead row does not come back by itself", drain(&*store, lease).await?, Vec::new())?;
    Ok(CheckVerdict::Held)
}

/// With `SkipDead`, later rows go on, still one at a time, and carry the gap.
pub async fn a_dead_row_can_be_skipped(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let skipping = |number| ClaimRequest { when_dead: WhenDead::SkipDead, ..claim(number, 9, lease) };
    stage(&*store, &[1, 2, 3].map(|number| message(number, "a"))).await?;
    kill_next(&*store, 1, "too large", lease).await?;
    for (number, expected) in [(2, 2), (3, 3)] {
        let rows = store.claim(&skipping(number)).await?;
        let promise = "later rows of a dead row's key go on past it, one at a time";
        expect_eq(promise, ids(&rows), vec![message(expected, "a").id])?;
        expect_eq("rows that pass a dead one of their key carry the gap", rows[0].message.gap, 1)?;
        expect_eq(promise, ids(&store.claim(&skipping(number + 10)).await?), Vec::new())?;
        settle(&*store, number, &rows, SettleOutcome::Dispatched).await?;
    }
    Ok(CheckVerdict::Held)
}

/// Operators see what died, why, and after how many attempts.
pub async fn dead_rows_are_listed_with_their_reason(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    stage(&*store, &[lone(1), lone(2)]).await?;
    kill_next(&*store, 1, "too large", subject.unit() * 5).await?;
    subject.advance(subject.unit()).await;
    kill_next(&*store, 2, "unroutable", subject.unit() * 5).await?;
    let listed = store.dead_rows(&DeadRowRequest::new(9)).await?;
    let shown = listed.iter().map(|dead| (dead.row.message.id, dead.row.attempts, dead.reason.as_str())).collect();
    let expected = vec![(lone(1).id, 1, "too large"), (lone(2).id, 1, "unroutable")];
    expect_eq("dead rows are listed with their reason, oldest first", shown, expected)?;
    expect_eq("no more dead rows are listed than asked for", store.dead_rows(&DeadRowRequest::new(1)).await?.len(), 1)?;
    let mut tx = store.begin().await?;
    expect_conflict("the message id of a dead row stays taken", tx.stage(&lone(1)).await)?;
    Ok(CheckVerdict::Held)
}

/// Redrive: the same event, its attempts at zero, before the later rows of its key.
pub async fn a_redriven_row_keeps_its_event_id_and_its_place(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[message(1, "a"), message(2, "a")]).await?;
    let died = kill_next(&*store, 1, "unroutable", lease).await?;
    expect_eq(
        "a redrive names the rows that it took",
        store.redrive(&DeadRowRequest::new(9)).await?,
        vec![died.message.id],
    )?;
    expect_eq("a redriven row is not dead any more", store.dead_rows(&DeadRowRequest::new(9)).await?.len(), 0)?;
    let rows = store.claim(&claim(2, 9, lease)).await?;
    expect_eq("a redriven row keeps its event id and its place", ids(&rows), vec![died.message.id])?;
    expect_eq("a redriven row starts with no attempts", rows[0].attempts, 1)?;
    expect_eq("a redriven row keeps its message and sequence", &rows[0].message, &died.message)?;
    settle(&*store, 2, &rows, SettleOutcome::Dispatched).await?;
    expect_eq("then the key goes on", drain(&*store, lease).await?, vec![message(2, "a").id])?;
    Ok(CheckVerdict::Held)
}

/// A later row of the key went out while the redriven one was dead: the redriven one waits until that is settled.
pub async fn a_redriven_row_waits_for_a_later_one_that_is_out(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    let skipping = |number| ClaimRequest { when_dead: WhenDead::SkipDead, ..claim(number, 9, lease) };
    stage(&*store, &[1, 2, 3].map(|number| message(number, "a"))).await?;
    kill_next(&*store, 1, "unroutable", lease).await?;
    let out = store.claim(&skipping(2)).await?;
    expect_eq("a dead row is passed over", ids(&out), vec![message(2, "a").id])?;
    let redriven = store.redrive(&DeadRowRequest::new(9)).await?;
    expect_eq("a redrive names the rows that it took", redriven, vec![message(1, "a").id])?;
    let promise = "at most one unsettled row of a key is in flight";
    expect_eq(promise, ids(&store.claim(&skipping(3)).await?), Vec::new())?;
    settle(&*store, 2, &out, SettleOutcome::Dispatched).await?;
    let expected = [1, 3].map(|number| message(number, "a").id).to_vec();
    expect_eq("then the redriven row goes, in its place", drain(&*store, lease).await?, expected)?;
    Ok(CheckVerdict::Held)
}

/// `only` and `limit` bound a redrive; rows that are not dead are not touched.
pub async fn a_redrive_takes_only_what_it_names(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[1, 2, 3, 4].map(lone)).await?;
    for number in 1..=3 {
        kill_next(&*store, number, "unroutable", lease).await?;
    }
    let only = DeadRowRequest::new(9).only(vec![lone(2).id, lone(4).id, lone(9).id]);
    expect_eq("a redrive takes the dead rows that it names", store.redrive(&only).await?, vec![lone(2).id])?;
    let left = |rows: Vec<DeadRow>| rows.into_iter().map(|dead| dead.row.message.id).collect::<Vec<_>>();
    let promise = "a redrive leaves other dead rows";
    expect_eq(promise, left(store.dead_rows(&DeadRowRequest::new(9)).await?), vec![lone(1).id, lone(3).id])?;
    expect_eq(
        "a redrive takes no more than its limit",
        store.redrive(&DeadRowRequest::new(1)).await?,
        vec![lone(1).id],
    )?;
    expect_eq(promise, store.dead_rows(&DeadRowRequest::new(9)).await?.len(), 1)?;
    subject.advance(subject.unit()).await;
    let later = kill_next(&*store, 4, "unroutable", lease).await?.message.id;
    let named = DeadRowRequest::new(1).only(vec![later, lone(3).id]);
    expect_eq("a redrive takes no more than its limit", store.redrive(&named).await?, vec![lone(3).id])?;
    let promise = "of the rows that it names, a redrive takes those that died first";
    expect_eq(promise, left(store.dead_rows(&DeadRowRequest::new(9)).await?), vec![later])?;
    Ok(CheckVerdict::Held)
}

/// Purging the dead is an operator's decision: it frees the key.
pub async fn a_purged_dead_row_frees_its_key(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[message(1, "a"), message(2, "a")]).await?;
    kill_next(&*store, 1, "too large", lease).await?;
    let old = async || Ok::<_, StoreError>(DeadRowRequest::new(9).died_until(store.now().await?.before(lease)));
    let young = store.purge_dead(&old().await?).await?;
    expect_eq("a purge leaves rows that died not long enough ago", young, Vec::new())?;
    expect_eq("a purge of dispatched rows leaves dead ones", store.purge_dispatched(&purge(9)).await?, Vec::new())?;
    subject.advance(lease).await;
    let purged = store.purge_dead(&old().await?).await?;
    expect_eq("a purge takes rows that died long enough ago, and names them", purged, vec![message(1, "a").id])?;
    expect_eq("a purged row is gone", store.dead_rows(&DeadRowRequest::new(9)).await?.len(), 0)?;
    expect_eq("a purged row blocks nothing", drain(&*store, lease).await?, vec![message(2, "a").id])?;
    Ok(CheckVerdict::Held)
}
