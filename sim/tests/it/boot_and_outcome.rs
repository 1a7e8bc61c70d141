//! Who a process is, how it dies of its own doing, how it stops, and how the client waits for an outcome.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    boot::Boot,
    ports::{Expected, Operation, Store},
};
use seaworthy_sim::{
    invariants::Ending,
    plan::{CallFault, FORMAT, Fault, Latency, Plan, Restart, Schedule, Verdict},
    scenario::{Client, Draw, Overdue, Scenario, Topology, Workload},
    trace::{Event, Renderer, What},
    world::{RunOptions, RunReport, run},
};
use serde::{Deserialize, Serialize};

pub(crate) type Program = fn(Boot) -> futures_util::future::BoxFuture<'static, ()>;
pub(crate) type Drive = fn(Client) -> futures_util::future::BoxFuture<'static, ()>;

/// One process with one program, and what the client does.
struct Probe(Program, Drive);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Once;

impl Workload for Once {
    fn len(&self) -> usize {
        1
    }

    fn without(&self, _: std::ops::Range<usize>) -> Self {
        Self
    }
}

#[async_trait]
impl Scenario for Probe {
    type Workload = Once;

    fn name(&self) -> &str {
        "probe"
    }

    fn about(&self) -> &str {
        "one process that is asked once"
    }

    fn topology(&self) -> Topology {
        Topology::new().without_protocol().process("scribe-1", "scribe", "books", self.0)
    }

    fn workload(&self, _: &mut Draw) -> Once {
        Once
    }

    async fn drive(&self, _: &Once, client: Client) {
        (self.1)(client).await;
    }
}

pub(crate) fn execute(program: Program, drive: Drive, faults: Vec<Fault>) -> RunReport {
    let schedule = Schedule { latency: Latency::Equal { ms: 2 }, stall_per_mille: 0 };
    let plan = Plan { format: FORMAT.into(), scenario: "probe".into(), seed: 1, schedule, workload: Once, faults };
    let options = RunOptions::default().keep_trace(true);
    run(&Probe(program, drive), &plan, &options).expect("a valid plan")
}

pub(crate) fn trace(report: &RunReport) -> &[Event] {
    report.trace.as_deref().expect("kept")
}

/// Asks once and expects this answer.
pub(crate) fn ask(client: Client) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        client.ask("scribe", "write", Bytes::from_static(b"2")).await.expect("never refused");
    })
}

async fn write(store: &dyn Store, id: &str, body: Bytes) {
    let mut tx = store.begin().await.expect("no fault at the store");
    tx.put("pages", id, Expected::Any, body).await.expect("no fault at the store");
    tx.commit().await.expect("no fault at the store");
}

#[test]
fn a_boot_says_which_process_it_is_and_how_often_it_has_booted() {
    let signs: Program = |boot| {
        Box::pin(async move {
            while let Some(request) = boot.ports.ingress.next().await {
                let name = format!("{}#{}", boot.name, boot.incarnation);
                write(&*boot.ports.store, &name, Bytes::new()).await;
                request.response.accept(Bytes::new());
            }
        })
    };
    let restart = Restart { after_ms: 100, upgrade: false };
    let crash = CallFault {
        process: "scribe-1".into(),
        point: Operation::Commit.into(),
        nth: 1,
        verdict: Verdict::CrashBefore(restart),
    };
    let drive: Drive = |client| {
        Box::pin(async move {
            client.ask("scribe", "write", Bytes::new()).await.expect("never refused");
            client.document("books", "pages", "scribe-1#2", Duration::ZERO, |_| true).await.expect("it was answered");
        })
    };
    let report = execute(signs, drive, vec![Fault::Call(crash)]);
    assert_eq!((report.ending, report.answered), (Ending::Quiet, 1));
}

#[test]
fn a_process_that_exits_dies_of_its_own_doing_and_comes_back_without_a_violation() {
    let gives_up_once: Program = |boot| {
        Box::pin(async move {
            boot.ports.spawn("beside", std::future::pending());
            if boot.incarnation == 1 {
                boot.exit("the database is down").await;
            }
            while let Some(request) = boot.ports.ingress.next().await {
                assert_eq!(boot.incarnation, 2, "the first one is dead");
                request.response.accept(Bytes::new());
            }
        })
    };
    let report = execute(gives_up_once, ask, Vec::new());
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    assert_eq!((report.ending, report.answered), (Ending::Quiet, 1));
    let mut renderer = Renderer::new(&report.processes);
    let lines: Vec<String> = trace(&report).iter().map(|event| renderer.text(event)).collect();
    assert_eq!(lines[..3], ["boots", "exits: the database is down", "crashes"]);
    let boots: Vec<u64> = trace(&report)
        .iter()
        .filter(|event| matches!(event.what, What::Boot { .. }))
        .map(|event| event.at / 1_000)
        .collect();
    assert_eq!(boots, [0, 1_000], "a second later, as after a panic");
}

#[test]
fn what_a_dead_incarnation_decides_afterwards_is_not_heard() {
    let exits_from_two_tasks: Program = |boot| {
        Box::pin(async move {
            if boot.incarnation == 1 {
                let twin = boot.clone();
                boot.ports.spawn("twin", async move { twin.exit("one").await });
                boot.ports.clock.sleep(Duration::ZERO).await;
                boot.exit("two").await;
            }
            while let Some(request) = boot.ports.ingress.next().await {
                request.response.accept(Bytes::new());
            }
        })
    };
    let report = execute(exits_from_two_tasks, ask, Vec::new());
    let exits = trace(&report).iter().filter(|event| matches!(event.what, What::Exit { .. })).count();
    assert_eq!((exits, report.answered), (1, 1));
}

#[test]
fn requests_end_for_a_process_that_is_asked_to_stop() {
    let stops_after_one: Program = |boot| {
        Box::pin(async move {
            while let Some(request) = boot.ports.ingress.next().await {
                boot.ports.stop.set();
                request.response.accept(Bytes::new());
            }
            write(&*boot.ports.store, "farewell", Bytes::new()).await;
        })
    };
    let drive: Drive = |client| {
        Box::pin(async move {
            client.ask("scribe", "write", Bytes::new()).await.expect("never refused");
            let second = Duration::from_secs(1);
            client.document("books", "pages", "farewell", second, |_| true).await.expect("the loop has ended");
        })
    };
    assert_eq!(execute(stops_after_one, drive, Vec::new()).ending, Ending::Quiet);
}

/// Writes a page a second after it has answered, and the number of its pages each second.
fn slow_scribe(boot: Boot) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        while let Some(request) = boot.ports.ingress.next().await {
            let pages = request.body.clone();
            request.response.accept(Bytes::new());
            boot.ports.clock.sleep(Duration::from_secs(1)).await;
            write(&*boot.ports.store, "one", pages.clone()).await;
            write(&*boot.ports.store, "one", pages).await;
        }
    })
}

#[test]
fn the_client_waits_for_an_outcome_until_the_store_shows_it() {
    let drive: Drive = |client| {
        Box::pin(async move {
            let minute = Duration::from_secs(60);
            client.ask("scribe", "write", Bytes::from_static(b"2")).await.expect("never refused");
            let asked = client.now();
            let page = client.document("books", "pages", "one", minute, |page| page.version == 2).await;
            assert_eq!(page.expect("it is written").body, Bytes::from_static(b"2"));
            let waited = client.now().since(asked);
            assert!(waited >= Duration::from_secs(1) && waited < Duration::from_secs(2), "{waited:?}");
            let one_page = client
                .until("books", minute, |store| async move {
                    Ok(store.begin().await?.scan("pages", None, 9).await?.len() == 1)
                })
                .await;
            assert_eq!((one_page, client.now().since(asked)), (Ok(()), waited), "it is there at once");
        })
    };
    let report = execute(slow_scribe, drive, Vec::new());
    assert_eq!((report.ending, report.answered), (Ending::Quiet, 1));
}

#[test]
fn waiting_for_what_never_comes_ends_and_leaves_nothing_in_the_trace() {
    let waits: Drive = |client| {
        Box::pin(async move {
            ask(client.clone()).await;
            let (minute, asked) = (Duration::from_secs(60), client.now());
            let found = client.document("books", "pages", "two", minute, |_| true).await;
            assert_eq!(found, Err(Overdue { store: "books".into(), within: minute }));
            assert_eq!(client.now().since(asked), minute);
        })
    };
    let sleeps: Drive = |client| {
        Box::pin(async move {
            ask(client.clone()).await;
            client.sleep(Duration::from_secs(60)).await;
        })
    };
    let (waited, slept) = (execute(slow_scribe, waits, Vec::new()), execute(slow_scribe, sleeps, Vec::new()));
    assert_eq!(waited.fingerprint, slept.fingerprint);
    assert_eq!(waited.ending, Ending::Quiet);
}
