//! Services that say how few rows they keep, and forget to clear away: what was handled, keys of long ago, operations of others.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ids::OperationId,
    inbox::{Consumer, Handler, HandlerError, Handlers, InboxRetention},
    message::Message,
    participant::{self, Execution, OperationRetention},
    ports::{Expected, Ports, StoreTable, Transaction},
};
use seaworthy_sim::scenario::Topology;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, placing},
};

const BY: &str = "bounded-growth";

#[test]
fn rows_of_the_inbox_that_nobody_purges() {
    is_found_and_the_right_service_holds(BY, Service::wrong("purges-no-inbox", inbox));
}

#[test]
fn watermarks_of_every_key_that_ever_was() {
    is_found_and_the_right_service_holds(BY, Service::wrong("forgets-no-key", watermarks));
}

#[test]
fn operations_that_nobody_forgets() {
    is_found_and_the_right_service_holds(BY, Service::wrong("forgets-no-operation", operations));
}

/// Things that a service clears away.
#[derive(Clone, Copy)]
struct Clears {
    inbox: bool,
    watermarks: bool,
    operations: bool,
}

const ALL: Clears = Clears { inbox: true, watermarks: true, operations: true };

fn inbox(is_right: bool) -> Topology {
    keeps_nothing_of(StoreTable::Inbox, Clears { inbox: is_right, ..ALL })
}

fn watermarks(is_right: bool) -> Topology {
    keeps_nothing_of(StoreTable::Watermarks, Clears { watermarks: is_right, ..ALL })
}

fn operations(is_right: bool) -> Topology {
    keeps_nothing_of(StoreTable::Operations, Clears { operations: is_right, ..ALL })
}

/// Longer than a broker takes to deliver again, so that no message comes after it was forgotten.
const KEEP: Duration = Duration::from_secs(300);

const EVERY: Duration = Duration::from_secs(30);

fn keeps_nothing_of(table: StoreTable, clears: Clears) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    let listener = fronts.process("listener-1", "listener", "listener", move |boot| listen(boot.ports, clears));
    // The run goes on until the last watermark is forgotten, too.
    listener.group("listener", &["orders"]).keeps_at_most(table, 0).rest(KEEP * 2 + EVERY * 3)
}

async fn listen(ports: Ports, clears: Clears) {
    if clears.inbox {
        let retention = InboxRetention::new(KEEP, KEEP / 2).expect("it is kept for longer").every(EVERY);
        let keep = if clears.watermarks { KEEP } else { KEEP * 1_000 };
        let retention = retention.keep_watermarks(keep).expect("they are kept for longer");
        ports.spawn("inbox", retention.run(vec!["listener".into()], ports.clone()));
    }
    if clears.operations {
        let retention = OperationRetention::new(KEEP, KEEP / 2).every(EVERY);
        ports.spawn("operations", retention.run(ports.clone()));
    }
    let handlers = Handlers::builder().on("order.placed", Carries).build().expect("one handler for one type");
    Consumer::new(&ports, "listener", handlers, ["orders"]).run().await;
}

/// Carries out an operation for each message.
struct Carries;

#[async_trait]
impl Handler for Carries {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        if let Execution::First(operation) = participant::execute(tx, OperationId(message.id.0)).await? {
            tx.put("notes", &message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
            operation.record(tx, "done".into()).await?;
        }
        Ok(())
    }
}
