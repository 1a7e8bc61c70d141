//! Claims of outbox rows: leased, fenced, counted.

use std::cell::RefCell;

use super::steps::{ids, message_ids, settle, stage};
use crate::{
    conformance::{
        BrokenPromise, CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_eq},
        poll::{persist, race, step},
        samples::{claim, lone, tail, token},
    },
    message::Message,
    ports::{DeadRowRequest, OutboxRow, RowId, SettleOutcome, Settlement},
};

/// A lease hides a row from others; its end brings it back, with the attempt counted.
pub async fn a_claimed_row_is_hidden_until_its_lease_ends(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[lone(1)]).await?;
    let first = store.claim(&claim(1, 9, lease)).await?;
    expect_eq("a committed row can be claimed", ids(&first), vec![lone(1).id])?;
    expect_eq("the first claim is the first attempt", first[0].attempts, 1)?;
    let second = store.claim(&claim(2, 9, lease)).await?;
    expect_eq("a claimed row is not claimed again under its lease", ids(&second), Vec::new())?;
    subject.advance(lease).await;
    let third = store.claim(&claim(3, 9, lease)).await?;
    expect_eq("a row whose lease has ended can be claimed again", ids(&third), vec![lone(1).id])?;
    expect_eq("an attempt is counted at claim, also for a relay that never settled", third[0].attempts, 2)?;
    Ok(CheckVerdict::Held)
}

/// Eight relays at once share 100 rows without a gap or an overlap, none beyond its limit.
pub async fn eight_relays_claim_every_row_once(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    // Long enough not to end during the race, whatever eight of them cost each other.
    let lease = subject.unit() * 1_000;
    let staged: Vec<Message> = (0..100).map(lone).collect();
    stage(&*store, &staged).await?;
    let claimed: RefCell<Vec<OutboxRow>> = RefCell::default();
    let relays = race(8, async |relay| {
        for round in 0..100 {
            let request = claim(relay as u128 * 1_000 + round, 7, lease);
            let rows = persist(async || store.claim(&request).await).await?;
            expect("a claim returns no more rows than its limit", rows.len() <= 7, || format!("{} rows", rows.len()))?;
            if rows.is_empty() {
                break;
            }
            claimed.borrow_mut().extend(rows);
            step().await;
        }
        Ok::<(), BrokenPromise>(())
    });
    for relay in relays.await {
        relay?;
    }
    let mut seen = ids(&claimed.into_inner());
    seen.sort();
    expect_eq("relays that claim at once get every row, each one once", seen, message_ids(&staged))?;
    Ok(CheckVerdict::Held)
}

/// Fencing: after a takeover the old token settles nothing, whatever the outcome.
pub async fn a_relay_that_lost_its_claim_changes_nothing(subject: &dyn StoreSubject) -> Outcome {
    let delay = subject.unit();
    for outcome in [
        SettleOutcome::Dispatched,
        SettleOutcome::Retry { delay, error: "late".into() },
        SettleOutcome::Release { delay: std::time::Duration::ZERO },
        SettleOutcome::Dead { reason: "late".into() },
    ] {
        let store = subject.fresh().await;
        let lease = subject.unit() * 5;
        stage(&*store, &[lone(1)]).await?;
        let lost = store.claim(&claim(1, 9, lease)).await?;
        subject.advance(lease).await;
        let held = store.claim(&claim(2, 9, lease)).await?;
        let promise = format!("a relay that lost its claim changes nothing ({outcome:?})");
        expect_eq(&promise, settle(&*store, 1, &lost, outcome).await?, vec![false])?;
        expect_eq(&promise, store.dead_rows(&DeadRowRequest::new(9)).await?.len(), 0)?;
        expect_eq(&promise, ids(&store.claim(&claim(3, 9, lease)).await?), Vec::new())?;
        let settled = settle(&*store, 2, &held, SettleOutcome::Dispatched).await?;
        expect_eq("the relay that took a row over can settle it", settled, vec![true])?;
    }
    Ok(CheckVerdict::Held)
}

/// Each row of a settlement has its own answer; what the claim does not hold is left alone.
pub async fn settling_answers_for_each_row(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[lone(1), lone(2), lone(3)]).await?;
    let mine = store.claim(&claim(1, 2, lease)).await?;
    let others = store.claim(&claim(2, 1, lease)).await?;
    expect_eq("a claim takes the rows that are due", (mine.len(), others.len()), (2, 1))?;
    let as_dispatched = |row: RowId| Settlement { row, outcome: SettleOutcome::Dispatched };
    let unknown = RowId(987_654_321);
    let settlements = [mine[0].row, others[0].row, unknown, mine[1].row].map(as_dispatched);
    let promise = "settling says for each row whether the claim held it, in the order of the question";
    expect_eq(promise, store.settle(token(1), &settlements).await?, vec![true, false, false, true])?;
    expect_eq(promise, store.settle(token(1), &settlements).await?, vec![false; 4])?;
    expect_eq(promise, store.settle(token(2), &settlements[1..2]).await?, vec![true])?;
    Ok(CheckVerdict::Held)
}

/// Retry: after its delay, with the attempt. Release: after its delay, without.
pub async fn a_retry_waits_and_counts_and_a_release_takes_its_attempt_back(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let (lease, delay) = (subject.unit() * 5, subject.unit() * 3);
    stage(&*store, &[lone(1)]).await?;
    let retry = SettleOutcome::Retry { delay, error: "broker said no".into() };
    for (number, outcome, attempts) in [
        (1, retry.clone(), 1),
        (2, SettleOutcome::Release { delay }, 2),
        (3, retry, 2),
        (4, SettleOutcome::Dispatched, 3),
    ] {
        let rows = store.claim(&claim(number, 9, lease)).await?;
        expect_eq("a row comes back after its delay", rows.len(), 1)?;
        expect_eq("a retry counts its attempt and a release does not", rows[0].attempts, attempts)?;
        settle(&*store, number, &rows, outcome).await?;
        let early = store.claim(&claim(number + 100, 9, lease)).await?;
        expect_eq("a row is not claimed before its delay has passed", ids(&early), Vec::new())?;
        subject.advance(delay).await;
    }
    let released = SettleOutcome::Release { delay: std::time::Duration::ZERO };
    stage(&*store, &[lone(2)]).await?;
    let rows = store.claim(&claim(5, 9, lease)).await?;
    settle(&*store, 5, &rows, released).await?;
    let again = store.claim(&claim(6, 9, lease)).await?;
    expect_eq("a row released without a delay can be claimed at once", ids(&again), vec![lone(2).id])?;
    Ok(CheckVerdict::Held)
}

/// The envelope and payload as staged; sequences rise in commit order.
pub async fn a_row_carries_its_message_unchanged_and_a_rising_sequence(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let bare = Message { causation_id: None, traceparent: None, data: vec![0, 255].into(), ..lone(3) };
    stage(&*store, &[lone(1), lone(2)]).await?;
    stage(&*store, std::slice::from_ref(&bare)).await?;
    let rows = store.claim(&claim(1, 9, subject.unit())).await?;
    let sequences: Vec<u64> = rows.iter().map(|row| row.message.sequence).collect();
    let rising = sequences[..].is_sorted_by(|a, b| a < b) && sequences.first().is_some_and(|first| *first > 0);
    expect("rows come in commit order, and their sequences rise", rising, || format!("{sequences:?}"))?;
    let plain: Vec<Message> = rows.into_iter().map(|row| Message { sequence: 0, epoch: 0, ..row.message }).collect();
    expect_eq("a message is stored as it was staged", plain, vec![lone(1), lone(2), bare])?;
    Ok(CheckVerdict::Held)
}

/// `next_available` names the end of a lease or of a delay, and nothing where nothing waits.
pub async fn the_end_of_the_next_wait_is_known(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    expect_eq("where nothing waits there is no next moment", store.next_available().await?, None)?;
    stage(&*store, &[lone(1)]).await?;
    let lease = subject.unit() * 5;
    let before = store.now().await?;
    let rows = store.claim(&claim(1, 9, lease)).await?;
    let after = store.now().await?;
    let next = store.next_available().await?;
    let fits = next.is_some_and(|next| before + lease <= next && next <= after + lease);
    expect("the next moment is the end of the lease", fits, || format!("{next:?}, claimed at {before} for {lease:?}"))?;
    let before = store.now().await?;
    settle(&*store, 1, &rows, SettleOutcome::Retry { delay: lease * 2, error: "no".into() }).await?;
    let after = store.now().await?;
    let next = store.next_available().await?;
    let fits = next.is_some_and(|next| before + lease * 2 <= next && next <= after + lease * 2);
    expect("the next moment is the end of the delay", fits, || format!("{next:?}, set back at {before}"))?;
    Ok(CheckVerdict::Held)
}

/// The epoch says in which life of the store a sequence counts.
pub async fn messages_carry_the_epoch_of_their_store(subject: &dyn StoreSubject) -> Outcome {
    let mut epochs = Vec::new();
    for _ in 0..2 {
        let store = subject.fresh().await;
        stage(&*store, &[lone(1), lone(2)]).await?;
        let read: Vec<u64> = store.tail(&tail(9)).await?.into_iter().map(|row| row.message.epoch).collect();
        let rows = store.claim(&claim(1, 9, subject.unit())).await?;
        let claimed: Vec<u64> = rows.iter().map(|row| row.message.epoch).collect();
        let Some(&epoch) = claimed.first() else {
            return expect_eq("committed rows can be claimed", claimed.len(), 2).map(|()| CheckVerdict::Held);
        };
        expect_eq("a claim and the log show the same epoch", &claimed, &read)?;
        expect_eq("all messages of a store have one epoch", claimed.iter().all(|other| *other == epoch), true)?;
        epochs.push(epoch);
        subject.advance(subject.unit()).await;
    }
    expect_eq("a store has an epoch", epochs.contains(&0), false)?;
    expect_eq("a store that is made anew has another", epochs[0] == epochs[1], false)?;
    Ok(CheckVerdict::Held)
}
