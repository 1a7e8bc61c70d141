//! A store that is put back to a copy of itself.

use super::steps::stage;
use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::expect_eq,
        samples::{claim, lone},
    },
    ports::{OutboxRow, Store, StoreError},
};

/// Claims all rows: each by its message, with its sequence and epoch.
async fn claimed(store: &dyn Store, subject: &dyn StoreSubject, token: u128) -> Result<Vec<OutboxRow>, StoreError> {
    store.claim(&claim(token, 9, subject.unit())).await
}

/// A copy brings back all that was there, of its epoch still; anything that was committed since is gone, and a message that is
/// staged now has the sequence of one that is gone, and another epoch.
pub async fn a_store_that_is_put_back_is_what_it_was_in_another_epoch(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    stage(&*store, &[lone(1)]).await?;
    let copy = match store.backup().await {
        Err(StoreError::Refused(_)) => {
            return Ok(CheckVerdict::NotApplicable("the store makes no copies, and says so"));
        }
        copy => copy?,
    };
    stage(&*store, &[lone(2)]).await?;
    let before = claimed(&*store, subject, 1).await?;
    let of = |rows: &[OutboxRow], id| rows.iter().find(|row| row.message.id == id).map(|row| row.message.clone());
    let (Some(first), Some(lost)) = (of(&before, lone(1).id), of(&before, lone(2).id)) else {
        return expect_eq("committed rows can be claimed", before.len(), 2).map(|()| CheckVerdict::Held);
    };
    subject.advance(subject.unit()).await;
    for again in 0..2 {
        copy.restore().await?;
        stage(&*store, &[lone(3)]).await?;
        let rows = claimed(&*store, subject, 2 + again).await?;
        let ids: Vec<_> = rows.iter().map(|row| row.message.id).collect();
        let promise =
            "what was committed after the copy is gone, and what was before is as it was, however often it is put back";
        expect_eq(promise, ids, vec![lone(1).id, lone(3).id])?;
        let (kept, staged) = (&rows[0].message, &rows[1].message);
        let promise = "what a copy holds stays of the epoch in which it was staged";
        expect_eq(promise, kept.epoch, first.epoch)?;
        expect_eq("the counters of a store go back with it", staged.sequence, lost.sequence)?;
        expect_eq("a store that was put back is in another epoch", staged.epoch == lost.epoch, false)?;
        subject.advance(subject.unit()).await;
    }
    Ok(CheckVerdict::Held)
}
