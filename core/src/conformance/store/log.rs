//! The outbox as a log: read from a position on without a claim, and settled together with the position.

use super::steps::{drain, kill_next, settle, stage};
use crate::{
    conformance::{
        Outcome, StoreSubject, Verdict,
        outcome::expect_eq,
        poll::step,
        samples::{claim, lone, message, purge},
    },
    ids::MessageId,
    ports::{
        OutboxState::{self, Claimed, Dead, Pending},
        RedriveRequest, SettleOutcome, Store, StoreError,
    },
};

const RELAY: &str = "relay";

type Seen = Vec<(MessageId, OutboxState)>;

async fn seen(store: &dyn Store, after: u64) -> Result<Seen, StoreError> {
    Ok(store.tail(after, 9).await?.into_iter().map(|(row, state)| (row.message.id, state)).collect())
}

fn shown(rows: &[(u64, &str, OutboxState)]) -> Seen {
    rows.iter().map(|(number, key, state)| (message(*number, key).id, *state)).collect()
}

/// The log is in commit order, whatever order rows were staged in, and ends at its limit.
pub async fn the_log_is_read_in_commit_order(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    if subject.concurrent_writers() {
        let mut slow = store.begin().await?;
        slow.stage(&message(1, "a")).await?;
        stage(&*store, &[message(2, "a")]).await?;
        step().await;
        let early = seen(&*store, 0).await?;
        expect_eq("the log shows no commit that is still in flight", early, shown(&[(2, "a", Pending)]))?;
        slow.commit().await?;
    } else {
        stage(&*store, &[message(2, "a"), message(1, "a")]).await?;
    }
    stage(&*store, &[message(3, "a")]).await?;
    let rows = store.tail(0, 9).await?;
    let order: Vec<_> = rows.iter().map(|(row, _)| row.message.id).collect();
    let expected = [2, 1, 3].map(|number| message(number, "a").id).to_vec();
    expect_eq("the log is read in commit order", order, expected)?;
    let sequences: Vec<u64> = rows.iter().map(|(row, _)| row.message.sequence).collect();
    expect_eq("each row of the log has a higher sequence than the one before", sequences.is_sorted(), true)?;
    let sent = store.claim(&claim(1, 1, subject.unit())).await?;
    expect_eq("a relay that claims sees the same messages", &sent[0].message, &rows[0].0.message)?;
    expect_eq("no more of the log is read than asked for", store.tail(0, 1).await?.len(), 1)?;
    Ok(Verdict::Held)
}

/// Rows are settled with the position, or neither is; then they are a case for retention and for no relay.
pub async fn rows_are_marked_together_with_the_position(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    stage(&*store, &[message(1, "a"), message(2, "a"), lone(3)]).await?;
    let sent = [message(1, "a").id, lone(3).id];
    for commit in [false, true] {
        let mut tx = store.begin().await?;
        let marked = tx.outbox_dispatched(&sent).await?;
        expect_eq("pending rows can be marked without a claim", marked, vec![true; 2])?;
        tx.set_checkpoint(RELAY, 1).await?;
        if commit {
            tx.commit().await?;
        } else {
            drop(tx);
        }
        let position = store.begin().await?.checkpoint(RELAY).await?;
        let left = (position, seen(&*store, 0).await?.len());
        let expected = if commit { (Some(1), 1) } else { (None, 3) };
        expect_eq("rows are marked together with the position, or neither", left, expected)?;
    }
    let mut tx = store.begin().await?;
    let again = tx.outbox_dispatched(&[sent[0], lone(9).id]).await?;
    expect_eq("a row is marked once, and only where there is one", again, vec![false; 2])?;
    drop(tx);
    expect_eq("marked rows are the retention's", store.purge_dispatched(&purge(9)).await?.len(), 2)?;
    let drained = drain(&*store, subject.unit() * 5).await?;
    expect_eq("a relay gets what is not marked, and its key goes on", drained, vec![message(2, "a").id])?;
    Ok(Verdict::Held)
}

/// A row that the broker refused dies with its reason; the log shows it until the position has passed it.
pub async fn a_refused_row_of_the_log_dies_and_comes_back(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    stage(&*store, &[message(1, "a"), message(2, "a")]).await?;
    let first = message(1, "a").id;
    let mut tx = store.begin().await?;
    expect_eq("a pending row can be given up without a claim", tx.outbox_bury(first, "too large").await?, true)?;
    tx.commit().await?;
    let reasons: Vec<_> = store.dead_rows(9).await?.into_iter().map(|(row, why)| (row.message.id, why)).collect();
    expect_eq("a row that is given up is dead, with the reason", reasons, vec![(first, "too large".into())])?;
    let sequence = store.tail(0, 1).await?.first().map_or(0, |(row, _)| row.message.sequence);
    let before = shown(&[(1, "a", Dead), (2, "a", Pending)]);
    expect_eq("the log shows dead rows after the position", seen(&*store, 0).await?, before)?;
    let after = shown(&[(2, "a", Pending)]);
    expect_eq("the log shows no dead rows before the position", seen(&*store, sequence).await?, after)?;
    let gaps = async |after| Ok::<_, StoreError>(store.tail(after, 9).await?.last().map(|(row, _)| row.message.gap));
    let promise = "a row of the log carries the gap, wherever the position is";
    expect_eq(promise, (gaps(0).await?, gaps(sequence).await?), (Some(1), Some(1)))?;
    let drained = drain(&*store, subject.unit() * 5).await?;
    expect_eq("a row that is given up blocks its key", drained, Vec::new())?;
    let mut tx = store.begin().await?;
    expect_eq("a dead row is not dispatched", tx.outbox_dispatched(&[first]).await?, vec![false])?;
    drop(tx);
    expect_eq("a redrive", store.redrive(&RedriveRequest { only: None, limit: 9 }).await?, vec![first])?;
    let back = shown(&[(1, "a", Pending), (2, "a", Pending)]);
    expect_eq("a redriven row shows in its place, also before the position", seen(&*store, sequence).await?, back)?;
    expect_eq("a redrive closes the gap", gaps(sequence).await?, Some(0))?;
    Ok(Verdict::Held)
}

/// Rows that a relay holds under a lease are its own; once the lease is over the log has them back.
pub async fn a_claimed_row_is_not_settled_by_a_reader_of_the_log(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[message(1, "a"), message(2, "a")]).await?;
    let ids = [message(1, "a").id, message(2, "a").id];
    let rows = store.claim(&claim(1, 1, lease)).await?;
    let leased = shown(&[(1, "a", Claimed), (2, "a", Pending)]);
    expect_eq("the log shows which rows are out under a lease", seen(&*store, 0).await?, leased)?;
    let mut tx = store.begin().await?;
    let promise = "a row that is out under a lease is not settled by another";
    expect_eq(promise, tx.outbox_bury(ids[0], "too large").await?, false)?;
    expect_eq(promise, tx.outbox_dispatched(&ids).await?, vec![false, true])?;
    tx.commit().await?;
    subject.advance(lease).await;
    let free = shown(&[(1, "a", Pending)]);
    expect_eq("a row whose lease has ended is pending again", seen(&*store, 0).await?, free)?;
    let mut tx = store.begin().await?;
    expect_eq("a row whose lease has ended can be marked", tx.outbox_dispatched(&ids[..1]).await?, vec![true])?;
    tx.commit().await?;
    let late = settle(&*store, 1, &rows, SettleOutcome::Dispatched).await?;
    expect_eq("a marked row is no relay's any more", late, vec![false])?;
    stage(&*store, &[message(3, "a")]).await?;
    kill_next(&*store, 2, "unroutable", lease).await?;
    expect_eq("the log shows what a relay gave up", seen(&*store, 0).await?, shown(&[(3, "a", Dead)]))?;
    Ok(Verdict::Held)
}
