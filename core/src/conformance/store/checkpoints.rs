//! A consumer's checkpoint, written together with its effect.

use super::steps::{SINGLE_WRITER, count, increment};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect_conflict, expect_eq},
        poll::{persist, race, step},
    },
    ports::{Store, StoreError},
};

async fn moved(store: &dyn Store, consumer: &str, position: u64) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.set_checkpoint(consumer, position).await?;
    tx.commit().await
}

async fn position(store: &dyn Store, consumer: &str) -> Result<Option<u64>, StoreError> {
    store.begin().await?.checkpoint(consumer).await
}

/// Both or neither.
pub async fn a_checkpoint_moves_with_its_effect(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    expect_eq("a consumer starts without a checkpoint", position(&*store, "report").await?, None)?;
    for commit in [false, true] {
        let mut tx = store.begin().await?;
        increment(&mut *tx).await?;
        tx.set_checkpoint("report", 7).await?;
        if commit {
            tx.commit().await?;
        } else {
            drop(tx);
        }
        let seen = (count(&*store).await?, position(&*store, "report").await?);
        let expected = if commit { (1, Some(7)) } else { (0, None) };
        expect_eq("a checkpoint and its effect are written together or not at all", seen, expected)?;
    }
    expect_eq("each consumer has its own checkpoint", position(&*store, "search").await?, None)?;
    Ok(CheckVerdict::Held)
}

/// Forward, or where it is; never back.
pub async fn a_checkpoint_does_not_go_back(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    moved(&*store, "report", 0).await?;
    moved(&*store, "report", 7).await?;
    moved(&*store, "report", 7).await?;
    expect_conflict("a checkpoint does not go back", moved(&*store, "report", 6).await)?;
    expect_eq("a checkpoint does not go back", position(&*store, "report").await?, Some(7))?;
    Ok(CheckVerdict::Held)
}

/// Two copies of a projection at once: one of them fails, also where both move to the same position.
pub async fn of_two_overlapping_moves_of_a_checkpoint_one_conflicts(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let store = subject.fresh().await;
    for target in [1, 2] {
        let mut slow = store.begin().await?;
        slow.checkpoint("report").await?;
        moved(&*store, "report", target).await?;
        let overtaken = match slow.set_checkpoint("report", target).await {
            Ok(()) => slow.commit().await,
            error => error,
        };
        expect_conflict("a checkpoint that another transaction moved meanwhile is a conflict", overtaken)?;
    }
    Ok(CheckVerdict::Held)
}

/// Eight copies of a projection work through ten positions: each is applied once.
pub async fn racing_projections_apply_each_position_once(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let done = race(8, async |_| {
        loop {
            let more = persist(async || {
                let mut tx = store.begin().await?;
                step().await;
                let next = tx.checkpoint("report").await?.map_or(1, |done| done + 1);
                if next > 10 {
                    return Ok(false);
                }
                increment(&mut *tx).await?;
                tx.set_checkpoint("report", next).await?;
                step().await;
                tx.commit().await?;
                Ok(true)
            });
            if !more.await? {
                return Ok::<(), StoreError>(());
            }
        }
    });
    for done in done.await {
        done?;
    }
    expect_eq("each position is applied once", count(&*store).await?, 10)?;
    Ok(CheckVerdict::Held)
}
