//! What a crash takes: the open transaction, and nothing that was committed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use rusqlite::Connection;
use seaworthy_core::ports::{Operation, Ports, Store, connection};
use seaworthy_sim::{
    plan::{CallFault, Calls, Disturbance, FORMAT, Fault, Plan, Point, Restart, Schedule, TimedFault, Verdict},
    scenario::{Boot, Client, Draw, Scenario, Topology},
    world::run,
};

use crate::sqlite_own_table::scenario::{BOOT, Kept, Orders};

/// Writes down each of its boots, in a table of its own.
async fn clerk(ports: Ports) {
    let mut tx = ports.store.begin().await.expect("a store");
    let sql: &mut Connection = connection(&mut *tx).await.expect("SQLite lends its connection");
    sql.execute("INSERT INTO boots (at) VALUES (?1)", [ports.clock.now().as_millis()]).expect("a row");
    // A call in the middle: the row is written and not committed.
    tx.checkpoint("clerk").await.expect("readable");
    // Whether the answer is heard or not: it is the row that counts.
    _ = tx.commit().await;
    ports.stop.wait().await;
}

struct Clerk;

#[async_trait]
impl Scenario for Clerk {
    type Workload = Orders;

    fn name(&self) -> &str {
        "clerk"
    }

    fn about(&self) -> &str {
        "writes down each of its boots"
    }

    fn topology(&self) -> Topology {
        Topology::new().without_protocol().process("clerk", "clerk", "clerk", |boot: Boot| clerk(boot.ports))
    }

    fn workload(&self, _: &mut Draw) -> Orders {
        Orders { orders: Vec::new() }
    }

    async fn prepare(&self, _: &Orders, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        let mut tx = store("clerk").begin().await.expect("a store");
        let sql: &mut Connection = connection(&mut *tx).await.expect("SQLite lends its connection");
        sql.execute_batch("CREATE TABLE boots (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL)")
            .expect("a table");
        tx.commit().await.expect("committed");
    }

    async fn drive(&self, _: &Orders, client: Client) {
        client.sleep(BOOT).await;
    }
}

/// Boots of which a row is left when the first one is struck, and the number of the last row.
fn boots_after(point: Point, verdict: Verdict) -> Vec<(String, i64)> {
    let fault = Fault::Call(CallFault { process: "clerk".into(), point, nth: 1, verdict });
    let plan = plan_with(fault);
    let kept = Kept::default();
    let report = run(&Clerk, &plan, &kept.options()).expect("a valid plan");
    assert_eq!(report.fired.len(), 1, "{point:?} is reached");
    assert!(report.held(), "{:?}", report.violations);
    kept.rows("clerk", "SELECT 'boot', number FROM boots ORDER BY number")
}

/// The clerk's plan with one fault.
fn plan_with(fault: Fault) -> Plan<Orders> {
    Plan {
        format: FORMAT.into(),
        scenario: "clerk".into(),
        seed: 7,
        schedule: Schedule::default(),
        workload: Orders { orders: Vec::new() },
        faults: vec![fault],
    }
}

fn numbers(rows: &[(String, i64)]) -> Vec<i64> {
    rows.iter().map(|(_, number)| *number).collect()
}

#[test]
fn a_crash_loses_the_open_transaction_and_nothing_that_was_committed() {
    let restart =
        Restart { after_ms: u32::try_from(Duration::from_secs(1).as_millis()).expect("fits"), upgrade: false };
    let (before, after) = (Verdict::CrashBefore(restart), Verdict::CrashAfter(restart));
    // The second boot's row is all that is left, with the number that the first one would have had.
    for (point, verdict) in [
        (Operation::Statement.into(), after),
        (Calls::Read.into(), before),
        (Calls::Read.into(), after),
        (Operation::Commit.into(), before),
    ] {
        assert_eq!(numbers(&boots_after(point, verdict)), [1], "{verdict:?} at {point:?}");
    }
    // The clerk never heard of its first commit, and it is there.
    assert_eq!(numbers(&boots_after(Operation::Commit.into(), after)), [1, 2]);
}

#[test]
fn a_commit_whose_reply_is_lost_leaves_its_row_and_one_whose_request_is_lost_leaves_none() {
    let fault =
        |verdict| Fault::Call(CallFault { process: "clerk".into(), point: Operation::Commit.into(), nth: 1, verdict });
    for (verdict, rows) in [(Verdict::LoseReply, 1), (Verdict::LoseRequest, 0)] {
        let plan = plan_with(fault(verdict));
        let kept = Kept::default();
        let report = run(&Clerk, &plan, &kept.options()).expect("a valid plan");
        assert!(report.held(), "{:?}", report.violations);
        assert_eq!(kept.rows("clerk", "SELECT 'boot', number FROM boots").len(), rows, "{verdict:?}");
    }
}

#[test]
fn a_process_that_stands_still_in_its_transaction_goes_on_when_its_pause_is_over() {
    // The store has one writer: whoever looks at it meanwhile would wait for the clerk, the world itself included.
    let mut within = 0;
    for from_ms in 0..8 {
        let what = Disturbance::Pause { process: "clerk".into() };
        let plan = plan_with(Fault::Timed(TimedFault { from_ms, to_ms: 90_000, what }));
        let kept = Kept::default();
        let report = run(&Clerk, &plan, &kept.options()).expect("a valid plan");
        assert!(report.held(), "from {from_ms} ms: {:?}", report.violations);
        // A pause before the transaction leaves nothing to wait for, and one after it finds the clerk at rest.
        let written = kept.rows("clerk", "SELECT 'boot', number FROM boots") == [("boot".to_owned(), 1)];
        within += u32::from(written && !report.fired.is_empty());
    }
    assert!(
        within > 0,
        "each call takes some milliseconds, so one of the pauses begins between the row and its commit"
    );
}
