//! A lock that is a row of a service's own SQL table is judged as one: a dead owner either gives it back by its lease, or
//! is found out.

use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::Connection;
use seaworthy_core::ports::{Operation, Ports, Store, StoreError, connection};
use seaworthy_sim::{
    plan::{CallFault, FORMAT, Fault, Latency, Plan, Restart, Schedule, Verdict},
    scenario::{Boot, Client, Draw, LockTable, Scenario, StoreFactory, Topology, Workload},
    trace::{Effect, What},
    world::{RunOptions, RunReport, run},
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore, store_error};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OneJob;

impl Workload for OneJob {
    fn len(&self) -> usize {
        1
    }

    fn without(&self, _: Range<usize>) -> Self {
        Self
    }
}

/// How the lock of the one job is taken: bound to the owner, the end of its lease, and now.
const WITHOUT_LEASE: &str = "UPDATE locks SET owner = ?1 WHERE name = 'job' AND owner IS NULL AND ?2 > ?3";
const WITH_LEASE: &str =
    "UPDATE locks SET owner = ?1, lease_until = ?2 WHERE name = 'job' AND (owner IS NULL OR lease_until < ?3)";

/// Under an owner's name that the worker does not give back.
const KEPT: &str = "UPDATE locks SET owner = ?1 || '!' WHERE name = 'job' AND owner IS NULL AND ?2 > ?3";

/// One process that does a job under a lock, and gives the lock back.
struct Locked {
    take: &'static str,
    table: fn() -> LockTable,
}

#[async_trait]
impl Scenario for Locked {
    type Workload = OneJob;

    fn name(&self) -> &str {
        "locked"
    }

    fn about(&self) -> &str {
        "a job under a lock in SQL"
    }

    fn topology(&self) -> Topology {
        let take = self.take;
        let worker = move |boot: Boot| async move { work(&boot.ports, take).await };
        Topology::new().process("worker-1", "worker", "work", worker).lock_table((self.table)())
    }

    fn workload(&self, _: &mut Draw) -> OneJob {
        OneJob
    }

    fn store(&self) -> Option<StoreFactory> {
        Some(Arc::new(|_, clock| {
            Arc::new(SqliteStore::open_in_memory(clock, SqliteConfig::simulation()).expect("memory for a database"))
        }))
    }

    async fn prepare(&self, _: &OneJob, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        let mut tx = store("work").begin().await.expect("a new database is free");
        let sql: &mut Connection = connection(&mut *tx).await.expect("SQLite's");
        sql.execute_batch(
            "CREATE TABLE locks (name TEXT PRIMARY KEY, owner TEXT, lease_until INTEGER);
             INSERT INTO locks VALUES ('job', NULL, NULL);",
        )
        .expect("an empty database takes a table");
        tx.commit().await.expect("nobody else writes yet");
    }

    async fn drive(&self, _: &OneJob, client: Client) {
        client.ask("worker", "work", Bytes::new()).await.expect("accepted");
    }
}

/// Accepts the job, takes the lock, works for a second, and gives the lock back.
async fn work(ports: &Ports, take: &str) {
    while let Some(request) = ports.ingress.next().await {
        request.response.accept(Bytes::new());
        let until = ports.clock.now().as_millis() + 5_000;
        let taken = write(ports, take, ("worker-1", until, ports.clock.now().as_millis())).await;
        if taken.expect("calm") == 1 {
            ports.clock.sleep(Duration::from_secs(1)).await;
            let free = "UPDATE locks SET owner = NULL, lease_until = NULL WHERE name = 'job' AND owner = ?1";
            write(ports, free, ["worker-1"]).await.expect("calm");
        }
    }
}

async fn write(ports: &Ports, sql: &str, values: impl rusqlite::Params + Send) -> Result<usize, StoreError> {
    let mut tx = ports.store.begin().await?;
    let connection: &mut Connection = connection(&mut *tx).await?;
    let rows = connection.execute(sql, values).map_err(|error| store_error("write a lock", &error))?;
    tx.commit().await?;
    Ok(rows)
}

fn owned() -> LockTable {
    LockTable::sql("work", "locks").named("name").held("owner")
}

fn leased() -> LockTable {
    owned().lease("lease_until")
}

fn execute(take: &'static str, table: fn() -> LockTable, faults: Vec<Fault>) -> RunReport {
    let schedule = Schedule { latency: Latency::Equal { ms: 1 }, ..Schedule::default() };
    let (format, scenario) = (FORMAT.into(), "locked".into());
    let plan = Plan { format, scenario, seed: 1, schedule, workload: OneJob, faults };
    let options = RunOptions::default().keep_trace(true);
    run(&Locked { take, table }, &plan, &options).expect("a valid plan")
}

/// The worker dies when it is about to give the lock back.
fn dies_with_the_lock() -> Vec<Fault> {
    let verdict = Verdict::CrashBefore(Restart { after_ms: 500, upgrade: false });
    vec![Fault::Call(CallFault { process: "worker-1".into(), point: Operation::Commit.into(), nth: 2, verdict })]
}

/// Each time that the lock was taken or freed.
fn locks(report: &RunReport) -> Vec<(&str, bool)> {
    let commits = report.trace.iter().flatten().filter_map(|event| match &event.what {
        What::Commit { effects, .. } => Some(effects),
        _ => None,
    });
    let locks = commits.flat_map(|effects| effects.iter()).filter_map(|effect| match effect {
        Effect::Lock { name, held, .. } => Some((name.as_str(), *held)),
        _ => None,
    });
    locks.collect()
}

#[test]
fn a_row_that_its_owner_gives_back_is_judged_and_holds() {
    let report = execute(WITHOUT_LEASE, owned, Vec::new());
    assert!(report.held(), "{:?}", report.violations);
    assert_eq!(locks(&report), [("job", true), ("job", false)]);
    let judged = report.judged.iter().find(|judged| judged.invariant == "lock-stranded").expect("it is on the panel");
    assert_eq!(judged.times, 1);
    assert!(report.virtual_time < Duration::from_secs(60), "it rests: {:?}", report.virtual_time);
}

#[test]
fn a_row_without_a_lease_whose_owner_dies_is_stranded() {
    let report = execute(WITHOUT_LEASE, owned, dies_with_the_lock());
    assert_eq!(report.fired.len(), 1);
    assert_eq!(locks(&report), [("job", true)]);
    let [violation] = &report.violations[..] else { panic!("one violation: {:?}", report.violations) };
    assert_eq!(violation.invariant, "lock-stranded");
    assert_eq!(violation.entity.to_string(), "job");
    assert_eq!(
        violation.sentence,
        "lock `job` of `locks` was taken by worker-1, which has died since, and nobody has released it"
    );
    assert_eq!(violation.events.len(), 2, "when it was taken, and when its holder died: {:?}", violation.events);
}

fn for_life() -> LockTable {
    owned().for_life()
}

#[test]
fn a_lock_for_life_is_stranded_by_the_death_of_its_holder_only() {
    let lives = execute(KEPT, for_life, Vec::new());
    assert_eq!(locks(&lives), [("job", true)]);
    assert!(lives.held(), "{:?}", lives.violations);
    assert!(lives.virtual_time < Duration::from_secs(60), "it rests: {:?}", lives.virtual_time);
    let kept = execute(KEPT, owned, Vec::new());
    assert_eq!(kept.violations[0].invariant, "lock-stranded", "{:?}", kept.violations);
    let verdict = Verdict::CrashAfter(Restart { after_ms: 500, upgrade: false });
    let dies = Fault::Call(CallFault { process: "worker-1".into(), point: Operation::Commit.into(), nth: 1, verdict });
    let dies = execute(KEPT, for_life, vec![dies]);
    assert_eq!(dies.violations[0].invariant, "lock-stranded", "{:?}", dies.violations);
}

#[test]
fn a_row_with_a_lease_whose_owner_dies_is_not() {
    let report = execute(WITH_LEASE, leased, dies_with_the_lock());
    assert_eq!(report.fired.len(), 1);
    assert!(report.held(), "{:?}", report.violations);
    // Where the lease is not declared, the same row is one that nobody frees: nobody has another job.
    let report = execute(WITH_LEASE, owned, dies_with_the_lock());
    assert_eq!(report.violations[0].invariant, "lock-stranded", "{:?}", report.violations);
}
