//! Faults strike where the plan says and do what it says; a dead incarnation touches nothing.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::ports::{Expected, Operation, Ports, StoreError};
use seaworthy_sim::{
    plan::{
        CallFault, Disturbance, FORMAT, Fault, FaultKind, Latency, Plan, PlanError, Restart, Schedule, TimedFault,
        Verdict,
    },
    scenario::{Boot, Client, Draw, Scenario, Topology, Workload},
    trace::{Effect, Event, Outcome, What},
    world::{Budget, RunOptions, RunReport, run},
};
use serde::{Deserialize, Serialize};

type Program = fn(Boot) -> futures_util::future::BoxFuture<'static, ()>;

/// One process with one program; the client asks it once.
struct Probe(Program);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ask;

impl Workload for Ask {
    fn len(&self) -> usize {
        1
    }

    fn without(&self, _: std::ops::Range<usize>) -> Self {
        Self
    }
}

#[async_trait]
impl Scenario for Probe {
    type Workload = Ask;

    fn name(&self) -> &str {
        "probe"
    }

    fn about(&self) -> &str {
        "one process that does one thing"
    }

    fn topology(&self) -> Topology {
        Topology::new().without_protocol().process("one", "service", "store", self.0)
    }

    fn workload(&self, _: &mut Draw) -> Ask {
        Ask
    }

    async fn drive(&self, _: &Ask, client: Client) {
        client.ask("service", "go", Bytes::new()).await.expect("never refused");
    }
}

fn plan(faults: Vec<Fault>) -> Plan<Ask> {
    let schedule = Schedule { latency: Latency::Equal { ms: 2 }, stall_per_mille: 0 };
    Plan { format: FORMAT.into(), scenario: "probe".into(), seed: 1, schedule, workload: Ask, faults }
}

fn at_call(point: Operation, nth: u32, verdict: Verdict) -> Fault {
    Fault::Call(CallFault { process: "one".into(), point: point.into(), nth, verdict })
}

fn over_time(from_ms: u64, to_ms: u64, what: Disturbance) -> Fault {
    Fault::Timed(TimedFault { from_ms, to_ms, what })
}

fn execute(program: Program, faults: Vec<Fault>) -> RunReport {
    let options = RunOptions::default().keep_trace(true);
    run(&Probe(program), &plan(faults), &options).expect("a valid plan")
}

fn trace(report: &RunReport) -> &[Event] {
    report.trace.as_deref().expect("kept")
}

/// Values of a fact that committed transactions noted.
fn facts(report: &RunReport, wanted: &str) -> Vec<i64> {
    let mut found = Vec::new();
    for event in trace(report) {
        if let What::Commit { effects, .. } = &event.what {
            for effect in effects.iter() {
                if let Effect::Observed { fact, value, .. } = effect
                    && *fact == wanted
                {
                    found.push(*value);
                }
            }
        }
    }
    found
}

async fn add_one(ports: &Ports) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let document = tx.get("count", "it").await?;
    tx.put("count", "it", Expected::Any, Bytes::from_static(b"1")).await?;
    tx.observe("count", "it", document.map_or(0, |document| document.version as i64) + 1);
    tx.commit().await
}

/// Counts up until it is told that it did, then answers.
fn persistent(boot: Boot) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        while let Some(request) = boot.ports.ingress.next().await {
            while add_one(&boot.ports).await.is_err() {}
            request.response.accept(Bytes::new());
        }
    })
}

const AT_ONCE: Restart = Restart { after_ms: 0, upgrade: false };

#[test]
fn a_commit_that_is_refused_or_lost_on_the_way_is_not_applied_and_one_whose_reply_is_lost_is() {
    for (verdict, outcome, counted) in [
        (Verdict::Conflict, Outcome::Conflict, vec![1]),
        (Verdict::Unavailable, Outcome::Unavailable, vec![1]),
        (Verdict::LoseRequest, Outcome::NotDoneUnheard, vec![1]),
        (Verdict::LoseReply, Outcome::DoneUnheard, vec![1, 2]),
        (Verdict::Delay { ms: 50 }, Outcome::Done, vec![1]),
    ] {
        let report = execute(persistent, vec![at_call(Operation::Commit, 1, verdict)]);
        let first = trace(&report).iter().find_map(|event| match &event.what {
            What::Commit { outcome, .. } => Some(*outcome),
            _ => None,
        });
        assert_eq!(first, Some(outcome), "{verdict:?}");
        assert_eq!(facts(&report, "count"), counted, "{verdict:?}");
        assert_eq!(report.fired.len(), 1, "{verdict:?}");
    }
}

#[test]
fn a_crash_before_a_commit_loses_the_transaction_and_one_after_it_does_not() {
    for (verdict, counted) in [(Verdict::CrashBefore(AT_ONCE), vec![1]), (Verdict::CrashAfter(AT_ONCE), vec![1, 2])] {
        let report = execute(persistent, vec![at_call(Operation::Commit, 1, verdict)]);
        assert_eq!(facts(&report, "count"), counted, "{verdict:?}");
        let crashes = trace(&report).iter().filter(|event| event.what == What::Crash).count();
        let boots = trace(&report).iter().filter(|event| matches!(event.what, What::Boot { .. })).count();
        assert_eq!((crashes, boots), (1, 2), "{verdict:?}");
    }
}

#[test]
fn a_process_that_is_upgraded_comes_back_later_and_as_the_next_release() {
    let restart = Restart { after_ms: 700, upgrade: true };
    let report = execute(persistent, vec![at_call(Operation::Begin, 1, Verdict::CrashBefore(restart))]);
    let boots: Vec<(u64, u32)> = trace(&report)
        .iter()
        .filter_map(|event| match event.what {
            What::Boot { release } => Some((event.at, release)),
            _ => None,
        })
        .collect();
    assert_eq!(boots.iter().map(|boot| boot.1).collect::<Vec<_>>(), [1, 2]);
    assert!(boots[1].0 >= 700_000, "it came back after {} us", boots[1].0);
}

/// Polls and writes of a second task go on in the background, until the process dies in its first.
static POLLS_OF_THE_DEAD: AtomicU32 = AtomicU32::new(0);

fn doomed(boot: Boot) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let ports = boot.ports.clone();
        if boot.release == 1 {
            let beside = ports.clone();
            ports.spawner.spawn(
                "beside",
                Box::pin(async move {
                    loop {
                        beside.clock.sleep(Duration::from_millis(1)).await;
                        POLLS_OF_THE_DEAD.fetch_add(1, Ordering::Relaxed);
                        let mut tx = beside.store.begin().await.expect("calm");
                        tx.observe("beside", "it", 1);
                        tx.commit().await.expect("calm");
                    }
                }),
            );
        }
        while let Some(request) = ports.ingress.next().await {
            add_one(&ports).await.expect("calm");
            ports.clock.sleep(Duration::from_millis(500)).await;
            request.response.accept(Bytes::new());
        }
    })
}

#[test]
fn a_dead_incarnation_runs_no_code_and_touches_nothing() {
    let restart = Restart { after_ms: 1_000, upgrade: true };
    let report = execute(doomed, vec![at_call(Operation::Commit, 20, Verdict::CrashAfter(restart))]);
    let crash = trace(&report).iter().find(|event| event.what == What::Crash).expect("it crashed");
    let late = trace(&report).iter().filter(|event| event.number > crash.number && event.incarnation == 1).count();
    assert_eq!(late, 0, "events of the first incarnation after its death");
    // 20 commits, two of which may have been the other task's: the loop beside was polled no further.
    assert!(POLLS_OF_THE_DEAD.load(Ordering::Relaxed) <= 21, "the loop beside went on after the crash");
    assert!(report.held(), "{:?}", report.violations);
}

#[test]
fn outages_pauses_and_skewed_clocks_last_as_long_as_the_plan_says() {
    let outage = over_time(0, 5_000, Disturbance::StoreOutage { store: "store".into() });
    let report = execute(
        |boot| {
            Box::pin(async move {
                let Some(request) = boot.ports.ingress.next().await else { return };
                while add_one(&boot.ports).await.is_err() {
                    boot.ports.clock.sleep(Duration::from_millis(100)).await;
                }
                request.response.accept(Bytes::new());
                std::future::pending::<()>().await;
            })
        },
        vec![outage],
    );
    let committed = trace(&report).iter().find(|event| matches!(event.what, What::Commit { .. })).expect("committed");
    assert!((5_000_000..5_200_000).contains(&committed.at), "committed at {} us", committed.at);
    assert_eq!(report.fired.iter().map(|fired| fired.kind).collect::<Vec<_>>(), [FaultKind::StoreOutage]);

    let pause = over_time(0, 3_000, Disturbance::Pause { process: "one".into() });
    let report = execute(persistent, vec![pause]);
    let committed = trace(&report).iter().find(|event| matches!(event.what, What::Commit { .. })).expect("committed");
    assert!(committed.at >= 3_000_000, "a paused process committed at {} us", committed.at);

    let skew = over_time(0, 60_000, Disturbance::ClockSkew { process: "one".into(), offset_ms: -30_000 });
    let clock: Program = |boot| {
        Box::pin(async move {
            let Some(request) = boot.ports.ingress.next().await else { return };
            let mut tx = boot.ports.store.begin().await.expect("calm");
            let store = boot.ports.store.now().await.expect("calm");
            tx.observe("behind", "it", store.since(boot.ports.clock.now()).as_millis() as i64);
            tx.commit().await.expect("calm");
            request.response.accept(Bytes::new());
            std::future::pending::<()>().await;
        })
    };
    assert_eq!(facts(&execute(clock, vec![skew]), "behind"), [30_000]);
    assert_eq!(facts(&execute(clock, vec![]), "behind"), [0]);
}

#[test]
fn a_run_that_never_ends_is_a_livelock_that_names_what_was_running_and_waiting() {
    let endless: Program = |boot| {
        Box::pin(async move {
            let Some(_request) = boot.ports.ingress.next().await else { return };
            loop {
                let _ = boot.ports.store.backlog().await;
            }
        })
    };
    let budget = Budget::default().port_calls(5_000).port_calls_per_item(0);
    let report = run(&Probe(endless), &plan(vec![]), &RunOptions::default().budget(budget)).expect("valid");
    let found: Vec<&str> = report.violations.iter().map(|violation| violation.invariant.as_str()).collect();
    assert_eq!(found, ["request-unanswered", "livelock"]);
    let sentence = &report.violations[1].sentence;
    assert!(sentence.contains("requests"), "{sentence}");
    assert!(sentence.contains(" x backlog), one (1 x request)"), "{sentence}");
    assert!(sentence.contains("one does over and over: backlog, "), "{sentence}");
}

#[test]
fn a_panic_of_a_process_is_a_violation() {
    let clumsy: Program = |boot| {
        Box::pin(async move {
            let Some(request) = boot.ports.ingress.next().await else { return };
            let mut tx = boot.ports.store.begin().await.expect("calm");
            assert!(tx.get("count", "it").await.expect("calm").is_some(), "the count is missing");
            request.response.accept(Bytes::new());
        })
    };
    let forgiving: Program = |boot| {
        Box::pin(async move {
            let Some(request) = boot.ports.ingress.next().await else { return };
            add_one(&boot.ports).await.expect("calm");
            request.response.accept(Bytes::new());
        })
    };
    let budget = Budget::default().port_calls(500).port_calls_per_item(0);
    let report = run(&Probe(clumsy), &plan(vec![]), &RunOptions::default().budget(budget)).expect("valid");
    let panic =
        report.violations.iter().find(|violation| violation.invariant == "panic").expect("a panic is a finding");
    assert!(panic.sentence.contains("the count is missing"), "{}", panic.sentence);
    assert!(execute(forgiving, vec![]).held());
}

#[test]
fn a_plan_that_cannot_be_honoured_is_an_error_and_nothing_runs() {
    let refused = [
        at_call(Operation::Get, 1, Verdict::LoseReply),
        at_call(Operation::Commit, 0, Verdict::Conflict),
        Fault::Call(CallFault {
            process: "two".into(),
            point: Operation::Commit.into(),
            nth: 1,
            verdict: Verdict::Conflict,
        }),
        over_time(5, 5, Disturbance::BrokerOutage),
        over_time(0, 5, Disturbance::StoreOutage { store: "cellar".into() }),
        over_time(0, 5, Disturbance::TopicOutage { topic: "gossip".into(), unheard: false }),
    ];
    for fault in refused {
        let result = run(&Probe(persistent), &plan(vec![fault.clone()]), &RunOptions::default());
        let error: PlanError = result.expect_err("not honourable");
        assert!(!error.to_string().is_empty(), "{fault:?}");
    }
}

#[test]
fn every_verdict_that_fits_a_point_is_accepted_there_and_every_other_is_refused() {
    let verdicts = [
        Verdict::Delay { ms: 1 },
        Verdict::Conflict,
        Verdict::Unavailable,
        Verdict::Reject,
        Verdict::LoseReply,
        Verdict::LoseRequest,
        Verdict::Duplicate { after_ms: 5 },
        Verdict::DropAck,
        Verdict::PartialBatch { accepted: 1 },
        Verdict::CrashBefore(AT_ONCE),
        Verdict::CrashAfter(AT_ONCE),
        Verdict::Stop(AT_ONCE),
        Verdict::StatementError,
        Verdict::Unroutable,
        Verdict::Cancel { after: false },
        Verdict::Cancel { after: true },
        Verdict::Hang { after: false },
        Verdict::Hang { after: true },
    ];
    for point in Operation::ALL.iter().copied() {
        for verdict in verdicts {
            let valid = plan(vec![at_call(point, 1, verdict)]).validate("probe", &Probe(persistent).topology());
            assert_eq!(valid.is_ok(), verdict.fits(point), "{verdict:?} at {point:?}");
        }
    }
}
