//! The saga of an order, whose steps write to the service's own tables.

use async_trait::async_trait;
use rusqlite::Connection;
use seaworthy_core::{
    aggregate::{AggregateError, Cause, Repository, Tracked, UpdateError},
    ports::{Transaction, connection},
    saga::{Action, Definition, SagaBuilder, StepCall, StepError, Value},
};
use seaworthy_sqlite::store_error;

use crate::sqlite_own_table::service::{Order, PICK, State, forward};

pub(crate) const CHECKOUT: &str = "checkout";

/// Each step is one transaction with its entry in the saga's log: it happens once, however often it is tried.
pub(crate) fn checkout(orders: &Repository<Order>) -> Definition<String> {
    let steps = SagaBuilder::new(CHECKOUT, 1)
        .retriable("open", OpenOrder(orders.clone()))
        .retriable("pick", Pick)
        .retriable("confirm", Confirm(orders.clone()));
    steps.build().expect("the steps fit together")
}

fn cause(call: &StepCall<'_, String>) -> Cause<'static> {
    Cause::Operation { id: call.operation_id(), correlation_id: call.correlation_id }
}

fn step_error(error: AggregateError) -> StepError {
    match error {
        AggregateError::Store(error) => StepError::Store(error),
        error => StepError::Unavailable(error.to_string().into()),
    }
}

/// Saves a new order: by way of its repository, which writes a row.
struct OpenOrder(Repository<Order>);

#[async_trait]
impl Action<String> for OpenOrder {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, String>, _: Value) -> Result<Value, StepError> {
        let order = Order { id: call.data.clone(), state: State::Pending };
        self.0.save(tx, Tracked::new(order), cause(call)).await.map_err(step_error)?;
        Ok(Value::NULL)
    }
}

/// Picks the goods: a row that the step writes itself.
struct Pick;

#[async_trait]
impl Action<String> for Pick {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, String>, _: Value) -> Result<Value, StepError> {
        let sql: &mut Connection = connection(tx).await?;
        sql.prepare_cached("INSERT INTO picks (order_id) VALUES (?1)")
            .and_then(|mut write| write.execute([call.data]))
            .map_err(|error| StepError::Store(store_error("pick goods", &error)))?;
        tx.observe(PICK, call.data, 1);
        Ok(Value::NULL)
    }
}

/// Confirms the order, which stages the message that tells of it.
struct Confirm(Repository<Order>);

#[async_trait]
impl Action<String> for Confirm {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, String>, _: Value) -> Result<Value, StepError> {
        match self.0.update_in(tx, call.data, cause(call), forward(State::Confirmed)).await {
            Ok(()) => Ok(Value::NULL),
            Err(UpdateError::Aggregate(error)) => Err(step_error(error)),
            Err(error) => Err(StepError::Unavailable(error.to_string().into())),
        }
    }
}

#[test]
fn the_adapters_readme_shows_the_step_that_runs_here() {
    let readme = include_str!("../../../adapters/sqlite/README.md");
    let here = include_str!("checkout.rs");
    let (from, to) = (here.find("/// Picks the goods").expect("above"), here.find("/// Confirms").expect("above"));
    assert!(readme.contains(here[from..to].trim_end()), "copy the step into the README");
}
