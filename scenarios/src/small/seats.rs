use async_trait::async_trait;
use seaworthy_core::{
    participant::{self, Execution, Undoing},
    ports::{Expected, StoreError, Transaction},
    saga::{Action, Compensation, StepCall, StepError, Value},
};

/// A document whose body is the number of its train's seats that are taken.
const TRAIN: (&str, &str) = ("seats", "train-1");

/// A step of a saga that takes a seat. Its output is the version of the train that it left behind.
#[derive(Clone, Copy)]
pub(crate) struct TakeSeat;

#[async_trait]
impl Action<String> for TakeSeat {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, String>, _: Value) -> Result<Value, StepError> {
        match participant::execute(tx, call.operation_id()).await? {
            Execution::First(operation) => {
                let version = change(tx, 1).await?;
                operation.record(tx, version.to_string().into()).await?;
                Value::new(&version)
            }
            Execution::Repeated(_) => Value::new(&version(tx).await?),
            Execution::TooLate => Err(StepError::Refused("the seat was given back before".into())),
        }
    }
}

/// The compensation that gives a seat back, if one was taken: the store knows it by the operation's id.
#[derive(Clone, Copy)]
pub(crate) struct GiveBack;

#[async_trait]
impl Compensation<String> for GiveBack {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, String>, _: Value) -> Result<(), StepError> {
        if let Undoing::Undo(_) = participant::compensate(tx, call.action_id()).await? {
            change(tx, -1).await?;
        }
        Ok(())
    }
}

/// The version of the train as it is now; 0 before anybody took a seat.
pub(crate) async fn version(tx: &mut dyn Transaction) -> Result<u64, StoreError> {
    Ok(tx.get(TRAIN.0, TRAIN.1).await?.map_or(0, |seats| seats.version))
}

/// Changes the number of seats that are taken, and returns the version that this makes.
async fn change(tx: &mut dyn Transaction, by: i64) -> Result<u64, StoreError> {
    let found = tx.get(TRAIN.0, TRAIN.1).await?;
    let expected = found.as_ref().map_or(Expected::Absent, |seats| Expected::Version(seats.version));
    let taken = found.and_then(|seats| str::from_utf8(&seats.body).ok()?.parse::<i64>().ok()).unwrap_or(0);
    tx.put(TRAIN.0, TRAIN.1, expected, (taken + by).to_string().into()).await
}

/// The point of no return of a booking, which has nothing else to do.
pub(crate) struct Confirm;

impl Action<String> for Confirm {}
