//! A store that is put back to a copy of itself.

use super::steps::stage;
use crate::{
    conformance::{
        Outcome, StoreSubject, Verdict,
        outcome::expect_eq,
        samples::{claim, lone},
    },
    ports::{OutboxRow, Store, StoreError},
};

/// Claims all rows: each by its message, with its sequence and epoch.
async fn claimed(store: &dyn Store, subject: &dyn StoreSubject, token: u128) -> Result<Vec<OutboxRow>, StoreError> {
    store.claim(&claim(token, 9, subject.unit())).await
}

/// What was committed since is gone, and what is staged now has the sequence of what is gone and another epoch.
pub async fn a_store_that_is_put_back_is_what_it_was_in_another_epoch(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    stage(&*store, &[lone(1)]).await?;
    let copy = match store.backup().await {
        Err(StoreError::Refused(_)) => return Ok(Verdict::NotApplicable("the store makes no copies, and says so")),
        copy => copy?,
    };
    stage(&*store, &[lone(2)]).await?;
    let before = claimed(&*store, subject, 1).await?;
    let lost = before.iter().find(|row| row.message.id == lone(2).id).map(|row| &row.message);
    let Some(lost) = lost else { return expect_eq("committed rows can be claimed", 0, 1).map(|()| Verdict::Held) };
    subject.advance(subject.unit()).await;
    for again in 0..2 {
        copy.restore().await?;
        stage(&*store, &[lone(3)]).await?;
        let rows = claimed(&*store, subject, 2 + again).await?;
        let ids: Vec<_> = rows.iter().map(|row| row.message.id).collect();
        let promise = "what was committed after the copy is gone, and what was before is as it was, however often it is put back";
        expect_eq(promise, ids, vec![lone(1).id, lone(3).id])?;
        let staged = &rows[1].message;
        expect_eq("the counters of a store go back with it", staged.sequence, lost.sequence)?;
        expect_eq("a store that was put back is in another epoch", staged.epoch == lost.epoch, false)?;
        subject.advance(subject.unit()).await;
    }
    Ok(Verdict::Held)
}
