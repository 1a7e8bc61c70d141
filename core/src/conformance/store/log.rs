//! The outbox as a log: read in commit order without a claim, and settled together with the position.

use smol_str::SmolStr;

use super::steps::{drain, ids, kill_next, settle, stage};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::expect_eq,
        poll::step,
        samples::{TOPIC, claim, lone, message, purge, tail},
    },
    ids::MessageId,
    message::Message,
    ports::{DeadRowRequest, OutboxOrder, SettleOutcome, Store, StoreError, TailRequest, WhenDead},
};

const RELAY: &str = "relay";

async fn seen(store: &dyn Store) -> Result<Vec<MessageId>, StoreError> {
    Ok(ids(&store.tail(&tail(9)).await?))
}

/// The messages of key `a`.
fn shown(numbers: &[u64]) -> Vec<MessageId> {
    numbers.iter().map(|number| message(*number, "a").id).collect()
}

async fn redrive(store: &dyn Store) -> Result<Vec<MessageId>, StoreError> {
    store.redrive(&DeadRowRequest::new(9)).await
}

/// The log is in commit order, whatever order rows were staged in, and ends at its limit.
pub async fn the_log_is_read_in_commit_order(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    if subject.concurrent_writers() {
        let mut slow = store.begin().await?;
        slow.stage(&message(1, "a")).await?;
        stage(&*store, &[message(2, "a")]).await?;
        step().await;
        expect_eq("the log shows no commit that is still in flight", seen(&*store).await?, shown(&[2]))?;
        slow.commit().await?;
    } else {
        stage(&*store, &[message(2, "a"), message(1, "a")]).await?;
    }
    stage(&*store, &[message(3, "a"), message(4, "b")]).await?;
    let rows = store.tail(&tail(9)).await?;
    let promise = "the log is read in commit order, each key's rows behind its head";
    expect_eq(promise, ids(&rows), shown(&[2, 1, 3, 4]))?;
    let sequences: Vec<u64> = rows.iter().map(|row| row.message.sequence).collect();
    expect_eq("each row of the log has a higher sequence than the one before", sequences.is_sorted(), true)?;
    let sent = store.claim(&claim(1, 1, subject.unit())).await?;
    expect_eq("a relay that claims sees the same messages", &sent[0].message, &rows[0].message)?;
    expect_eq("no more of the log is read than asked for", store.tail(&tail(1)).await?.len(), 1)?;
    Ok(CheckVerdict::Held)
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
        let left = (position, seen(&*store).await?.len());
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
    Ok(CheckVerdict::Held)
}

/// The position is in front of the first row that waits, as the transaction that moves it leaves the log.
pub async fn the_position_is_in_front_of_the_first_row_that_waits(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let both = async |store: &dyn Store, marked: &[MessageId], buried: Option<MessageId>| {
        let mut tx = store.begin().await?;
        tx.outbox_dispatched(marked).await?;
        if let Some(buried) = buried {
            tx.outbox_bury(buried, "too large").await?;
        }
        let positions =
            (tx.outbox_settled_to(WhenDead::BlockKey).await?, tx.outbox_settled_to(WhenDead::SkipDead).await?);
        tx.commit().await?;
        Ok::<_, StoreError>(positions)
    };
    expect_eq("the log begins before its first row", both(&*store, &[], None).await?, (0, 0))?;
    stage(&*store, &[lone(1), lone(2), lone(3)]).await?;
    let places: Vec<u64> = store.tail(&tail(9)).await?.iter().map(|row| row.message.sequence).collect();
    expect_eq("the log shows every row that waits", places.len(), 3)?;
    let before = places[0] - 1;
    let promise = "the position is in front of the first row that waits";
    expect_eq(promise, both(&*store, &[lone(2).id], None).await?, (before, before))?;
    expect_eq(promise, both(&*store, &[lone(1).id], None).await?, (places[1], places[1]))?;
    let promise = "a dead row is waited for, unless the dead are passed";
    expect_eq(promise, both(&*store, &[], Some(lone(3).id)).await?, (places[1], places[2]))?;
    expect_eq("a redrive", redrive(&*store).await?, vec![lone(3).id])?;
    expect_eq("a redriven row waits", both(&*store, &[], None).await?, (places[1], places[1]))?;
    Ok(CheckVerdict::Held)
}

/// A row that the broker refused dies with its reason; its key waits for it, or passes it and says so.
pub async fn a_refused_row_of_the_log_dies_and_comes_back(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    stage(&*store, &[message(1, "a"), message(2, "a"), lone(3)]).await?;
    let first = message(1, "a").id;
    let mut tx = store.begin().await?;
    expect_eq("a pending row can be given up without a claim", tx.outbox_bury(first, "too large").await?, true)?;
    tx.commit().await?;
    let reasons: Vec<_> = store
        .dead_rows(&DeadRowRequest::new(9))
        .await?
        .into_iter()
        .map(|dead| (dead.row.message.id, dead.reason))
        .collect();
    expect_eq("a row that is given up is dead, with the reason", reasons, vec![(first, "too large".into())])?;
    let promise = "the log shows no dead row, and nothing behind it where it blocks its key";
    expect_eq(promise, seen(&*store).await?, vec![lone(3).id])?;
    let skipping = TailRequest { when_dead: WhenDead::SkipDead, ..tail(9) };
    let gaps = async || {
        let rows = store.tail(&skipping).await?;
        Ok::<_, StoreError>(rows.iter().map(|row| (row.message.id, row.message.gap)).collect::<Vec<_>>())
    };
    let passed = vec![(message(2, "a").id, 1), (lone(3).id, 0)];
    expect_eq("a row of the log that passes a dead one carries the gap", gaps().await?, passed)?;
    let drained = drain(&*store, subject.unit() * 5).await?;
    expect_eq("a row that is given up blocks its key", drained, vec![lone(3).id])?;
    let mut tx = store.begin().await?;
    expect_eq("a dead row is not dispatched", tx.outbox_dispatched(&[first]).await?, vec![false])?;
    drop(tx);
    expect_eq("a redrive", redrive(&*store).await?, vec![first])?;
    expect_eq("a redriven row shows in its place", seen(&*store).await?, shown(&[1, 2]))?;
    expect_eq("a redrive closes the gap", gaps().await?, vec![(first, 0), (message(2, "a").id, 0)])?;
    Ok(CheckVerdict::Held)
}

/// Rows that a relay holds under a lease are its own; once the lease is over the log has them back.
pub async fn a_claimed_row_is_not_settled_by_a_reader_of_the_log(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[message(1, "a"), message(2, "a")]).await?;
    let ids = [message(1, "a").id, message(2, "a").id];
    let rows = store.claim(&claim(1, 1, lease)).await?;
    expect_eq("the log shows no key of which a row is out under a lease", seen(&*store).await?, shown(&[]))?;
    let mut tx = store.begin().await?;
    let promise = "a row that is out under a lease is not settled by another";
    expect_eq(promise, tx.outbox_bury(ids[0], "too large").await?, false)?;
    expect_eq(promise, tx.outbox_dispatched(&ids).await?, vec![false, true])?;
    tx.commit().await?;
    subject.advance(lease).await;
    expect_eq("a row whose lease has ended is pending again", seen(&*store).await?, shown(&[1]))?;
    let mut tx = store.begin().await?;
    expect_eq("a row whose lease has ended can be marked", tx.outbox_dispatched(&ids[..1]).await?, vec![true])?;
    tx.commit().await?;
    let late = settle(&*store, 1, &rows, SettleOutcome::Dispatched).await?;
    expect_eq("a marked row is no relay's any more", late, vec![false])?;
    stage(&*store, &[message(3, "a"), message(4, "a")]).await?;
    kill_next(&*store, 2, "unroutable", lease).await?;
    expect_eq("a row that a relay gave up blocks its key in the log", seen(&*store).await?, shown(&[]))?;
    Ok(CheckVerdict::Held)
}

/// A reader of the log counts its attempts with the row, where the next one finds them; one that came to nothing is taken back.
pub async fn attempts_of_a_reader_of_the_log_are_counted_and_taken_back(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[message(1, "a"), lone(2)]).await?;
    let (first, other) = (message(1, "a").id, lone(2).id);
    let attempts = async || {
        let rows = store.tail(&tail(9)).await?;
        Ok::<_, StoreError>(rows.iter().map(|row| row.attempts).collect::<Vec<_>>())
    };
    let attempt = async |begins, commits| {
        let mut tx = store.begin().await?;
        let counted = tx.outbox_attempt(first, begins).await?;
        if commits {
            tx.commit().await?;
        }
        Ok::<_, StoreError>(counted)
    };
    expect_eq("a row that nobody has tried has no attempts", attempts().await?, vec![0, 0])?;
    expect_eq("an attempt at a pending row is counted", attempt(true, false).await?, true)?;
    expect_eq("an attempt is counted with its transaction, or not at all", attempts().await?, vec![0, 0])?;
    for (begins, expected) in [(true, 1), (true, 2), (false, 1), (false, 0), (false, 0), (true, 1)] {
        expect_eq("an attempt at a pending row is counted", attempt(begins, true).await?, true)?;
        let promise = "the log shows the attempts that were counted, less those that were taken back";
        expect_eq(promise, attempts().await?, vec![expected, 0])?;
    }
    let claimed = store.claim(&claim(1, 9, lease)).await?;
    let shown: Vec<u32> = claimed.iter().map(|row| row.attempts).collect();
    expect_eq("a claim counts on from the attempts of a reader of the log", shown, vec![2, 1])?;
    let promise = "no attempt is counted at a row that is out under a lease, dispatched or gone";
    expect_eq(promise, attempt(true, true).await?, false)?;
    subject.advance(lease).await;
    let mut tx = store.begin().await?;
    tx.outbox_dispatched(&[first]).await?;
    expect_eq(promise, tx.outbox_attempt(first, true).await?, false)?;
    expect_eq(promise, tx.outbox_attempt(message(3, "a").id, true).await?, false)?;
    expect_eq("a row whose lease has ended can be tried", tx.outbox_attempt(other, true).await?, true)?;
    tx.commit().await?;
    expect_eq("an attempt is counted beside what is settled in its transaction", attempts().await?, vec![2])?;
    Ok(CheckVerdict::Held)
}

/// Rows that can't go out are not shown, nor what would overtake them, so that they take nobody's place.
pub async fn the_log_leaves_out_what_stands_in_the_way(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let elsewhere = |number, key| Message { topic: "stock".into(), ..message(number, key) };
    stage(&*store, &[message(1, "a"), elsewhere(2, "a"), message(3, "a"), message(4, "b"), elsewhere(5, "c")]).await?;
    let request = |topic: Option<&str>, key: Option<&str>| TailRequest {
        except_topics: topic.map(SmolStr::from).into_iter().collect(),
        except_keys: key.map(SmolStr::from).into_iter().collect(),
        ..tail(9)
    };
    let promise = "the log leaves a key out that waits";
    expect_eq(promise, ids(&store.tail(&request(None, Some("a"))).await?), shown(&[4, 5]))?;
    let promise = "the log leaves a topic out that can't be reached, and what would overtake its rows";
    expect_eq(promise, ids(&store.tail(&request(Some("stock"), None)).await?), shown(&[1, 4]))?;
    expect_eq(promise, ids(&store.tail(&request(Some(TOPIC), None)).await?), shown(&[5]))?;
    let mut tx = store.begin().await?;
    tx.outbox_bury(message(2, "a").id, "too large").await?;
    tx.commit().await?;
    expect_eq("a dead row stops its key where it is", ids(&store.tail(&tail(9)).await?), shown(&[1, 4, 5]))?;
    let unordered = TailRequest { ordering: OutboxOrder::Unordered, when_dead: WhenDead::SkipDead, ..tail(9) };
    let promise = "without an order by key nothing stands in the way";
    expect_eq(promise, ids(&store.tail(&unordered).await?), shown(&[1, 3, 4, 5]))?;
    Ok(CheckVerdict::Held)
}
