//! Work that only the scenario knows of: rows of a table of its own that are due at a later moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::ports::{Expected, Ports, Store, StoreError};
use seaworthy_sim::{
    invariants::Ending,
    plan::{FORMAT, Latency, Plan, Schedule},
    scenario::{Boot, Client, Draw, Scenario, Topology},
    trace::{Effect, What},
    world::{RunOptions, RunReport, run},
};

use super::booked::Asked;

/// When a job is due after it was asked for: long after a worker that looks each second has had its turns.
const DUE_AFTER: Duration = Duration::from_secs(180);

/// Jobs that are written down when they are asked for, and done when they are due.
struct Jobs {
    /// Whether the scenario says what is pending.
    says: bool,
    /// How often it was asked.
    asked: Arc<AtomicU64>,
}

#[async_trait]
impl Scenario for Jobs {
    type Workload = Asked;

    fn name(&self) -> &str {
        "jobs"
    }

    fn about(&self) -> &str {
        "jobs that are due later"
    }

    fn topology(&self) -> Topology {
        Topology::new()
            .without_protocol()
            .process("front-1", "front", "jobs", |boot: Boot| async move { accept(&boot.ports).await })
            .process("worker-1", "worker", "jobs", |boot: Boot| async move { work(&boot.ports).await })
    }

    fn workload(&self, _: &mut Draw) -> Asked {
        Asked(2)
    }

    async fn pending(&self, name: &str, store: &dyn Store) -> bool {
        assert_eq!(name, "jobs");
        self.asked.fetch_add(1, Ordering::Relaxed);
        let Ok(mut tx) = store.begin().await else { return true };
        self.says && tx.scan("jobs", None, 1).await.map_or(true, |jobs| !jobs.is_empty())
    }

    async fn drive(&self, asked: &Asked, client: Client) {
        for job in 0..asked.0 {
            client.ask("front", "later", Bytes::from(format!("job-{job}"))).await.expect("accepted");
        }
    }
}

async fn accept(ports: &Ports) {
    while let Some(request) = ports.ingress.next().await {
        let id = String::from_utf8_lossy(&request.body).into_owned();
        let due = ports.clock.now().as_millis() + DUE_AFTER.as_millis() as i64;
        let mut tx = ports.store.begin().await.expect("calm");
        tx.put("jobs", &id, Expected::Any, due.to_string().into()).await.expect("calm");
        tx.commit().await.expect("calm");
        request.response.accept(Bytes::new());
    }
}

async fn work(ports: &Ports) {
    loop {
        ports.clock.sleep(Duration::from_secs(1)).await;
        work_off(ports).await.expect("calm");
    }
}

async fn work_off(ports: &Ports) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    for (id, job) in tx.scan("jobs", None, 100).await? {
        let due = String::from_utf8_lossy(&job.body).parse().unwrap_or(i64::MAX);
        if due <= ports.clock.now().as_millis() {
            tx.delete("jobs", &id, Expected::Any).await?;
            tx.observe("done", &id, 1);
        }
    }
    tx.commit().await
}

fn execute(says: bool) -> (RunReport, u64) {
    let schedule = Schedule { latency: Latency::Equal { ms: 1 }, ..Schedule::default() };
    let (format, scenario) = (FORMAT.into(), "jobs".into());
    let plan = Plan { format, scenario, seed: 1, schedule, workload: Asked(2), faults: Vec::new() };
    let asked = Arc::<AtomicU64>::default();
    let jobs = Jobs { says, asked: asked.clone() };
    let report = run(&jobs, &plan, &RunOptions::default().keep_trace(true)).expect("valid");
    (report, asked.load(Ordering::Relaxed))
}

fn done(report: &RunReport) -> usize {
    let commits = report.trace.iter().flatten().filter_map(|event| match &event.what {
        What::Commit { effects, .. } => Some(effects),
        _ => None,
    });
    let is_done = |effect: &&Effect| matches!(effect, Effect::Observed { fact, .. } if fact == "done");
    commits.flat_map(|effects| effects.iter()).filter(is_done).count()
}

#[test]
fn without_its_word_a_run_ends_before_the_work_is_done() {
    let (report, _) = execute(false);
    assert_eq!(report.ending, Ending::Quiet);
    assert_eq!(done(&report), 0);
    assert!(report.virtual_time < DUE_AFTER, "{:?}", report.virtual_time);
}

#[test]
fn with_its_word_a_run_goes_on_until_the_work_is_done_and_then_rests() {
    let (report, asked) = execute(true);
    assert!(report.held(), "{:?}", report.violations);
    assert_eq!(report.ending, Ending::Quiet);
    assert_eq!(done(&report), 2);
    let spent = report.virtual_time;
    assert!(spent > DUE_AFTER && spent < DUE_AFTER + Duration::from_secs(60), "{spent:?}");
    // A question is a transaction of the scenario's own: not at each event, only where nothing else says that it goes on.
    assert!(asked > 1 && asked < 2_000, "asked {asked} times");
}
