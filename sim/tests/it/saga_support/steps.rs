//! Steps that leave a countable effect: a document each, whose content says how often it was done and undone.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ports::{Expected, External, Store, Transaction},
    saga::{Action, Compensation, Definition, SagaBuilder, StepCall, StepError, Value, Wait},
};
use seaworthy_sim::store::MemoryStore;
use serde::{Deserialize, Serialize};

/// The input: which step is rejected, and whether the optional step is wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Trip {
    pub(crate) rejected: Option<String>,
    pub(crate) insured: bool,
}

/// Writes to our own store.
pub(crate) struct Note;
pub(crate) struct Unnote;
/// Asks a participant that is not ours.
pub(crate) struct Book;
pub(crate) struct Cancel;
/// Applies only to insured trips.
pub(crate) struct Insure;

async fn count(tx: &mut dyn Transaction, collection: &str, step: &str) -> Result<(), StepError> {
    let found = tx.get(collection, step).await?;
    let times = found.as_ref().map_or(0, |document| document.body[0]);
    let expected = found.map_or(Expected::Absent, |document| Expected::Version(document.version));
    // Nobody asks for the number of very many.
    tx.put(collection, step, expected, vec![times.saturating_add(1)].into()).await?;
    Ok(())
}

#[async_trait]
impl Action<Trip> for Note {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, Trip>, _: Value) -> Result<Value, StepError> {
        if call.data.rejected.as_deref() == Some(call.step) {
            return Err(StepError::Refused("not this trip".into()));
        }
        count(tx, "done", call.step).await?;
        Value::new(&format!("{} noted", call.step))
    }
}

#[async_trait]
impl Compensation<Trip> for Unnote {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, Trip>, _: Value) -> Result<(), StepError> {
        count(tx, "undone", call.step).await
    }
}

#[async_trait]
impl Action<Trip> for Book {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, Trip>, external: &dyn External) -> Result<Value, StepError> {
        Ok(external.call(&call.external(call.step, "book", "".into())).await?.into())
    }
}

#[async_trait]
impl Compensation<Trip> for Cancel {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, Trip>, external: &dyn External) -> Result<Value, StepError> {
        let booking = call.action_id().to_string();
        Ok(external.call(&call.external(call.step, "cancel", booking.into())).await?.into())
    }
}

#[async_trait]
impl Action<Trip> for Insure {
    fn applies(&self, call: &StepCall<'_, Trip>) -> bool {
        call.data.insured
    }

    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, Trip>,
        answer: Value,
    ) -> Result<Value, StepError> {
        Note.apply(tx, call, answer).await
    }
}

/// The order of a trip: two local steps around a remote one, a pivot, and one that follows.
pub(crate) fn sequential() -> Definition<Trip> {
    SagaBuilder::new("trip", 1)
        .compensatable("seat", Note, Unnote)
        .compensatable("hotel", Book, Cancel)
        .compensatable("insurance", Insure, Unnote)
        .pivot("pay", Note)
        .retriable("ticket", Note)
        .build()
        .expect("the steps are in order")
}

/// The same with a parallel group and a remote pivot.
pub(crate) fn parallel() -> Definition<Trip> {
    SagaBuilder::new("trip", 1)
        .compensatable("seat", Note, Unnote)
        .parallel(|group| {
            group
                .compensatable("hotel", Book, Cancel)
                .compensatable("car", Book, Cancel)
                .compensatable("guide", Note, Unnote)
        })
        .pivot("pay", Book)
        .parallel(|group| group.retriable("ticket", Note).retriable("mail", Book))
        .build()
        .expect("the steps are in order")
}

/// A trip that waits: for an approval beside a booking, for a while, and for its payment.
pub(crate) fn waiting() -> Definition<Trip> {
    SagaBuilder::new("trip", 1)
        .compensatable("seat", Note, Unnote)
        .parallel(|group| {
            group.compensatable("hotel", Book, Cancel).wait("approval", Wait::signal("approved").or_reject(MINUTE))
        })
        .wait("while", Wait::time(Duration::from_secs(2)))
        .pivot("pay", Note)
        .wait("settled", Wait::message("paid"))
        .retriable("ticket", Note)
        .build()
        .expect("the steps are in order")
}

const MINUTE: Duration = Duration::from_secs(60);

/// A trip whose approval never comes.
pub(crate) fn overdue() -> Definition<Trip> {
    SagaBuilder::new("trip", 1)
        .compensatable("seat", Note, Unnote)
        .compensatable("hotel", Book, Cancel)
        .wait("approval", Wait::signal("approved").or_reject(Duration::from_secs(3)))
        .pivot("pay", Note)
        .build()
        .expect("the steps are in order")
}

/// How often each step of our own store was done and undone.
pub(crate) async fn effects(store: &MemoryStore) -> Vec<(String, u8, u8)> {
    let mut tx = store.begin().await.expect("a store in memory never fails");
    let done = tx.scan("done", None, 100).await.expect("a store in memory never fails");
    let mut effects = Vec::new();
    for (step, document) in done {
        let undone = tx.get("undone", &step).await.expect("a store in memory never fails");
        effects.push((step.to_string(), document.body[0], undone.map_or(0, |document| document.body[0])));
    }
    effects
}
