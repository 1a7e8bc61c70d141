//! Every run ends, and says why: what is stuck is not told as what moves, and a panic is told once.

mod caught_panics;
mod cost;
mod hanging;
mod livelocked;
mod panics;
mod shrunk_panics;
mod stuck;
mod watchdog;

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::ports::Store;
use seaworthy_sim::{
    plan::{FORMAT, Latency, Plan, Schedule},
    scenario::{Boot, Client, Draw, Scenario, Topology, Workload},
    world::{Budget, RunOptions, RunReport, run},
};
use serde::{Deserialize, Serialize};

/// How often the client asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Asked(u32);

impl Workload for Asked {
    fn len(&self) -> usize {
        self.0 as usize
    }

    fn without(&self, range: Range<usize>) -> Self {
        Self(self.0 - range.len() as u32)
    }
}

type Program = fn(Boot) -> BoxFuture<'static, ()>;

/// One process of a program, what else there is, and a client that asks it.
#[derive(Clone, Copy)]
struct Probe {
    program: Program,
    topology: fn(Topology) -> Topology,
    drive: fn(Client, u32) -> BoxFuture<'static, ()>,
    /// Done when the scenario prepares its stores.
    prepare: fn(),
    /// Done when the world asks whether anything is pending.
    pending: fn(),
}

impl Probe {
    fn new(program: Program) -> Self {
        let drive = |client, times| Box::pin(ask(client, times)) as BoxFuture<'static, ()>;
        Self { program, topology: |topology| topology, drive, prepare: || (), pending: || () }
    }
}

async fn ask(client: Client, times: u32) {
    for number in 0..times {
        let _ = client.ask("service", "count", Bytes::from(format!("item-{number}"))).await;
    }
}

#[async_trait]
impl Scenario for Probe {
    type Workload = Asked;

    fn name(&self) -> &str {
        "probe"
    }

    fn about(&self) -> &str {
        "one process that does one thing"
    }

    fn topology(&self) -> Topology {
        (self.topology)(Topology::new().process("one", "service", "store", self.program))
    }

    fn workload(&self, _: &mut Draw) -> Asked {
        Asked(1)
    }

    async fn prepare(&self, _: &Asked, _: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        (self.prepare)();
    }

    async fn pending(&self, _: &str, _: &dyn Store) -> bool {
        (self.pending)();
        false
    }

    async fn drive(&self, asked: &Asked, client: Client) {
        (self.drive)(client, asked.0).await;
    }
}

fn execute(probe: &Probe) -> RunReport {
    execute_within(probe, Budget::default())
}

fn plan() -> Plan<Asked> {
    let schedule = Schedule { latency: Latency::Equal { ms: 1 }, ..Schedule::default() };
    Plan { format: FORMAT.into(), scenario: "probe".into(), seed: 1, schedule, workload: Asked(1), faults: Vec::new() }
}

fn execute_within(probe: &Probe, budget: Budget) -> RunReport {
    run(probe, &plan(), &RunOptions::default().keep_trace(true).budget(budget)).expect("valid")
}

/// The only violation of a run.
fn only(report: &RunReport, invariant: &str) -> String {
    let found: Vec<&str> = report.violations.iter().map(|violation| violation.invariant.as_str()).collect();
    assert_eq!(found, [invariant], "{:?}", report.violations);
    report.violations[0].sentence.clone()
}
