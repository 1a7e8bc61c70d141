//! Retention of dispatched rows, beside running relays.

use std::cell::{Cell, RefCell};

use super::steps::{drain, ids, kill_next, message_ids, settle, stage};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::expect_eq,
        poll::{persist, race, step},
        samples::{claim, lone, message, purge},
    },
    ids::MessageId,
    message::Message,
    ports::{DeadRowRequest, PurgeRequest, SettleOutcome},
};

/// Pending, claimed and dead rows are never purged with the dispatched ones.
pub async fn a_purge_takes_dispatched_rows_only(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let lease = subject.unit() * 5;
    stage(&*store, &[1, 2, 3, 4].map(lone)).await?;
    let dispatched = store.claim(&claim(1, 1, lease)).await?;
    settle(&*store, 1, &dispatched, SettleOutcome::Dispatched).await?;
    kill_next(&*store, 2, "unroutable", lease).await?;
    let claimed = store.claim(&claim(3, 1, lease)).await?;
    subject.advance(subject.unit()).await;
    let promise = "a purge takes dispatched rows only";
    expect_eq(promise, store.purge_dispatched(&purge(99)).await?, ids(&dispatched))?;
    expect_eq(promise, store.dead_rows(&DeadRowRequest::new(9)).await?.len(), 1)?;
    expect_eq(promise, settle(&*store, 3, &claimed, SettleOutcome::Dispatched).await?, vec![true])?;
    expect_eq(promise, drain(&*store, lease).await?, vec![lone(4).id])?;
    Ok(CheckVerdict::Held)
}

/// Age counts from the moment of dispatch; batches are bounded.
pub async fn a_purge_takes_only_what_is_old_enough_and_no_more_than_its_limit(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let (lease, age) = (subject.unit() * 5, subject.unit() * 10);
    stage(&*store, &[1, 2, 3, 4, 5].map(lone)).await?;
    subject.advance(age).await;
    drain(&*store, lease).await?;
    let old = PurgeRequest { older_than: age, limit: 3 };
    expect_eq("rows dispatched not long enough ago stay", store.purge_dispatched(&old).await?, Vec::new())?;
    subject.advance(age).await;
    let purged = [
        store.purge_dispatched(&old).await?.len(),
        store.purge_dispatched(&old).await?.len(),
        store.purge_dispatched(&old).await?.len(),
    ];
    expect_eq("a purge takes no more than its limit, and goes on next time", purged, [3, 2, 0])?;
    Ok(CheckVerdict::Held)
}

/// Three relays, a writer and a purge at once: every event goes out once and in the order of its key.
pub async fn a_purge_beside_running_relays_loses_nothing(subject: &dyn StoreSubject) -> Outcome {
    const ROWS: u64 = 40;
    let store = subject.fresh().await;
    let lease = subject.unit() * 1_000;
    let staged: Vec<Message> = (0..ROWS).map(|number| message(number, &format!("key-{}", number % 5))).collect();
    let published: RefCell<Vec<MessageId>> = RefCell::default();
    let purged: RefCell<Vec<MessageId>> = RefCell::default();
    let (all_staged, relays_left) = (Cell::new(false), Cell::new(3));
    let write = async || {
        for message in &staged {
            persist(async || stage(&*store, std::slice::from_ref(message)).await).await?;
            step().await;
        }
        all_staged.set(true);
        Ok(())
    };
    let relay = async |relay: usize| {
        let mut empty = 0;
        for round in 0.. {
            let number = relay as u128 * 1_000_000 + round;
            let rows = persist(async || store.claim(&claim(number, 3, lease)).await).await?;
            step().await;
            published.borrow_mut().extend(ids(&rows));
            if !rows.is_empty() {
                persist(async || settle(&*store, number, &rows, SettleOutcome::Dispatched).await).await?;
            }
            // Ten empty claims after the last row was staged are enough for the other relays to settle theirs.
            empty = if rows.is_empty() && all_staged.get() { empty + 1 } else { 0 };
            if empty == 10 {
                break;
            }
        }
        relays_left.set(relays_left.get() - 1);
        Ok(())
    };
    let sweep = async || {
        while relays_left.get() > 0 {
            let gone = persist(async || store.purge_dispatched(&purge(2)).await).await?;
            purged.borrow_mut().extend(gone);
            step().await;
        }
        Ok::<(), crate::conformance::BrokenPromise>(())
    };
    let done = race(5, async |actor| match actor {
        0 => write().await,
        1 => sweep().await,
        relay_number => relay(relay_number).await,
    });
    for done in done.await {
        done?;
    }
    let mut seen = published.into_inner();
    for key in 0..5 {
        let wanted = message_ids(&staged).into_iter().skip(key).step_by(5).collect::<Vec<_>>();
        let of_key = seen.iter().filter(|id| wanted.contains(id)).copied().collect();
        expect_eq("a key keeps its order beside a purge", of_key, wanted)?;
    }
    seen.sort();
    expect_eq("every event goes out once beside a purge", seen, message_ids(&staged))?;
    let mut purged = purged.into_inner();
    purged.extend(store.purge_dispatched(&purge(99)).await?);
    purged.sort();
    expect_eq("every dispatched row is purged once", purged, message_ids(&staged))?;
    Ok(CheckVerdict::Held)
}
