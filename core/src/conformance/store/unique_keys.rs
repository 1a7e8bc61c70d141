//! Unique keys: message ids in the outbox and the inbox, business keys of sagas.

use super::steps::{SINGLE_WRITER, count, increment};
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::expect_eq,
        poll::{persist, race, settled, step},
        samples::{entry, lone, new_saga},
    },
    ports::{InboxInsert, Part, SagaCreate, StoreError, Transaction},
};

/// Statement that takes a unique key.
#[derive(Clone, Copy, Debug)]
enum Taker {
    Inbox,
    Saga,
    Outbox,
}

/// Takers of the parts that the subject's stores have.
async fn takers(subject: &dyn StoreSubject) -> Vec<Taker> {
    let parts = subject.fresh().await.parts();
    let all = [(Part::Inbox, Taker::Inbox), (Part::Sagas, Taker::Saga), (Part::Outbox, Taker::Outbox)];
    all.into_iter().filter(|(part, _)| parts.has(*part)).map(|(_, taker)| taker).collect()
}

/// The verdict of a check that held for each of the takers.
fn held(takers: &[Taker]) -> CheckVerdict {
    if takers.is_empty() {
        return CheckVerdict::NotApplicable("the store has none of the parts with unique keys: outbox, inbox, sagas");
    }
    CheckVerdict::Held
}

impl Taker {
    /// Takes the key and returns `true` if it was free.
    async fn take(self, subject: &dyn StoreSubject, tx: &mut dyn Transaction) -> Result<bool, StoreError> {
        match self {
            Self::Inbox => Ok(tx.inbox_insert(&entry(1)).await? == InboxInsert::First),
            Self::Saga => Ok(tx.saga_create(&new_saga(1, subject.unit() * 10)).await? == SagaCreate::Created),
            Self::Outbox => match tx.stage(&lone(1)).await {
                Ok(()) => Ok(true),
                Err(StoreError::Conflict(_)) => Ok(false),
                Err(error) => Err(error),
            },
        }
    }
}

/// A second taker finds the key taken.
pub async fn a_unique_key_is_taken_once(subject: &dyn StoreSubject) -> Outcome {
    let takers = takers(subject).await;
    for &taker in &takers {
        let store = subject.fresh().await;
        for first in [true, false] {
            let mut tx = store.begin().await?;
            let free = taker.take(subject, &mut *tx).await?;
            expect_eq(&format!("a unique key is taken once ({taker:?})"), free, first)?;
            if free {
                tx.commit().await?;
            }
        }
    }
    Ok(held(&takers))
}

/// The second of two open transactions waits; after the first one's commit the key is taken.
pub async fn a_second_taker_waits_and_finds_the_key_taken_after_a_commit(subject: &dyn StoreSubject) -> Outcome {
    overlap(subject, true).await
}

/// The second of two open transactions waits; after the first one's rollback the key is free.
pub async fn a_second_taker_waits_and_gets_the_key_after_a_rollback(subject: &dyn StoreSubject) -> Outcome {
    overlap(subject, false).await
}

async fn overlap(subject: &dyn StoreSubject, first_commits: bool) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let takers = takers(subject).await;
    for &taker in &takers {
        let store = subject.fresh().await;
        let mut first = store.begin().await?;
        let mut second = store.begin().await?;
        taker.take(subject, &mut *first).await?;
        let free = {
            let mut taking = Box::pin(taker.take(subject, &mut *second));
            let early = settled(&mut taking).await;
            let promise = format!("the second taker of a unique key waits for the first to end ({taker:?})");
            expect_eq(&promise, early, None)?;
            if first_commits {
                first.commit().await?;
            } else {
                drop(first);
            }
            taking.await?
        };
        let end = if first_commits { "taken after its commit" } else { "free after its rollback" };
        expect_eq(&format!("a key that another transaction had is {end} ({taker:?})"), free, !first_commits)?;
        if free {
            second.commit().await?;
        }
    }
    Ok(held(&takers))
}

/// Eight copies of one message at once: the effect that goes with the key happens once.
pub async fn racing_duplicates_have_one_effect(subject: &dyn StoreSubject) -> Outcome {
    let takers = takers(subject).await;
    for &taker in &takers {
        let store = subject.fresh().await;
        let done = race(8, async |_| {
            persist(async || {
                let mut tx = store.begin().await?;
                step().await;
                if taker.take(subject, &mut *tx).await? {
                    step().await;
                    increment(&mut *tx).await?;
                    tx.commit().await?;
                }
                Ok(())
            })
            .await
        });
        for done in done.await {
            done?;
        }
        let promise = format!("of concurrent duplicates one has an effect ({taker:?})");
        expect_eq(&promise, count(&*store).await?, 1)?;
    }
    Ok(held(&takers))
}
