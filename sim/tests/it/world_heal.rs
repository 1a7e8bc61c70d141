//! What heal ends, what it finishes, and what the operator does after it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    outbox::{Relay, RelayConfig},
    ports::{Expected, Operation, Ports, SubscriptionSpec},
    wake::Wake,
};
use seaworthy_sim::{
    invariants::Ending,
    plan::{CallFault, Disturbance, FORMAT, Fault, Latency, Plan, Restart, Schedule, TimedFault, Verdict},
    scenario::{Boot, Client, Draw, Operator, Scenario, Topology, Workload},
    trace::{Event, Outcome, SettledAs, What, script},
    world::{RunOptions, RunReport, run},
};
use serde::{Deserialize, Serialize};

type Program = fn(Boot) -> BoxFuture<'static, ()>;

/// Two processes of one program on one store; only the first is asked.
struct Pair(Program, Operator);

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
impl Scenario for Pair {
    type Workload = Ask;

    fn name(&self) -> &str {
        "pair"
    }

    fn about(&self) -> &str {
        "a process that works after it has answered"
    }

    fn topology(&self) -> Topology {
        Topology::new()
            .without_protocol()
            .process("one", "service", "store", self.0)
            .process("other", "beside", "beside", |_| std::future::pending())
            .operator(self.1)
    }

    fn workload(&self, _: &mut Draw) -> Ask {
        Ask
    }

    async fn drive(&self, _: &Ask, client: Client) {
        client.ask("service", "go", Bytes::new()).await.expect("never refused");
    }
}

fn at_call(point: Operation, nth: u32, verdict: Verdict) -> Fault {
    Fault::Call(CallFault { process: "one".into(), point: point.into(), nth, verdict })
}

fn over_time(from_ms: u64, to_ms: u64, what: Disturbance) -> Fault {
    Fault::Timed(TimedFault { from_ms, to_ms, what })
}

fn execute(program: Program, operator: Operator, faults: Vec<Fault>) -> RunReport {
    let schedule = Schedule { latency: Latency::Equal { ms: 2 }, stall_per_mille: 0 };
    let plan = Plan { format: FORMAT.into(), scenario: "pair".into(), seed: 1, schedule, workload: Ask, faults };
    let options = RunOptions::default().keep_trace(true);
    run(&Pair(program, operator), &plan, &options).expect("a valid plan")
}

fn trace(report: &RunReport) -> &[Event] {
    report.trace.as_deref().expect("kept")
}

/// When the first event of a kind happened.
fn first(report: &RunReport, what: impl Fn(&What) -> bool) -> Option<u64> {
    trace(report).iter().find(|event| what(&event.what)).map(|event| event.number)
}

/// Answers at once, and then writes one document and publishes one message that it knows of in memory only.
fn afterwards(boot: Boot) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let ports = boot.ports;
        let Some(request) = ports.ingress.next().await else { return };
        request.response.accept(Bytes::new());
        let mut tx = ports.store.begin().await.expect("calm");
        tx.put("done", "it", Expected::Any, Bytes::new()).await.expect("calm");
        tx.commit().await.expect("calm");
        let _ = ports.broker.publish(&[script::message(1, "one", "it")]).await;
        std::future::pending().await
    })
}

#[test]
fn heal_ends_delays_pauses_and_slow_links_at_once() {
    const HOUR_MS: u32 = 3_600_000;
    let pause = Disturbance::Pause { process: "one".into() };
    let slow = Disturbance::SlowLink { process: "one".into(), extra_ms: HOUR_MS };
    for fault in [
        at_call(Operation::Commit, 1, Verdict::Delay { ms: HOUR_MS }),
        at_call(Operation::Begin, 1, Verdict::Delay { ms: HOUR_MS }),
        over_time(1, u64::from(HOUR_MS), pause),
        over_time(1, 10, slow),
    ] {
        let report = execute(afterwards, Operator::Redrives, vec![fault.clone()]);
        assert!(report.held(), "{fault}: {:?}", report.violations);
        let published = |what: &What| matches!(what, What::Publish { outcome: Outcome::Done, .. });
        assert!(first(&report, published).is_some(), "{fault}: the run ended before the work was done");
        // A slow link and a delay are not on the world's agenda: the storm is over 30 s after the last answer.
        let limit = if matches!(&fault, Fault::Timed(timed) if timed.to_ms > 10) { 3_610 } else { 60 };
        assert!(report.virtual_time < Duration::from_secs(limit), "{fault}: {:?}", report.virtual_time);
    }
}

#[test]
fn a_verdict_that_was_drawn_before_heal_does_not_strike_after_it() {
    // The first commit is held up until the world heals; what had been meant for the publish behind it comes too late,
    // and so does what was meant for a call that was itself under way.
    let link = Disturbance::SlowLink { process: "one".into(), extra_ms: 3_600_000 };
    for (first_fault, point, verdict) in [
        (at_call(Operation::Commit, 1, Verdict::Delay { ms: 3_600_000 }), Operation::Publish, Verdict::Reject),
        (over_time(1, 10, link.clone()), Operation::Begin, Verdict::Unavailable),
        (over_time(1, 10, link), Operation::Begin, Verdict::CrashAfter(Restart { after_ms: 0, upgrade: false })),
    ] {
        let report = execute(afterwards, Operator::Redrives, vec![first_fault, at_call(point, 1, verdict)]);
        let healed = first(&report, |what| *what == What::Healed).expect("every run heals");
        let late =
            trace(&report).iter().find(|event| event.number > healed && matches!(event.what, What::Fault { .. }));
        assert_eq!(late, None, "{verdict:?}");
        assert!(report.held(), "{verdict:?}: {:?}", report.violations);
        assert_eq!(report.fired.len(), 1, "{verdict:?}: only what held it up has struck");
    }
}

async fn stage(ports: &Ports) {
    let mut tx = ports.store.begin().await.expect("calm");
    tx.stage(&script::message(1, "one", "it")).await.expect("calm");
    tx.commit().await.expect("calm");
}

/// Stages a message, answers, and relays.
fn relaying(boot: Boot) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let ports = boot.ports;
        let wake = Wake::new();
        // It waits for its store for as long as a fault lasts.
        let patient = RelayConfig::default().store_limit(Duration::from_secs(2 * 3_600));
        let relay = Relay::new(&ports).config(patient).wake(wake.clone());
        ports.spawn("relay", relay.run());
        while let Some(request) = ports.ingress.next().await {
            stage(&ports).await;
            wake.hint();
            request.response.accept(Bytes::new());
        }
    })
}

#[test]
fn a_row_that_dies_after_heal_is_redriven_too() {
    let faults = || {
        vec![
            at_call(Operation::Publish, 1, Verdict::Reject),
            // Its burial is on its way until the world heals.
            at_call(Operation::Settle, 1, Verdict::Delay { ms: 3_600_000 }),
        ]
    };
    let report = execute(relaying, Operator::Redrives, faults());
    let healed = first(&report, |what| *what == What::Healed).expect("every run heals");
    let died = first(&report, |what| matches!(what, What::Settle { rows, .. } if rows[0].settled == SettledAs::Dead));
    let came = first(&report, |what| matches!(what, What::Redrive { parked: 1, .. }));
    let sent = first(&report, |what| matches!(what, What::Publish { outcome: Outcome::Done, .. }));
    assert!(died > Some(healed), "the row died at {died:?}, the world healed at {healed}");
    assert!(came > died && sent > came, "died at {died:?}, operator at {came:?}, published at {sent:?}");
    assert_eq!(report.ending, Ending::Quiet);

    let report = execute(relaying, Operator::Never, faults());
    assert_eq!(first(&report, |what| matches!(what, What::Redrive { .. })), None);
    assert_eq!(first(&report, |what| matches!(what, What::StoreCall { operation: Operation::Redrive, .. })), None);
    assert_eq!(first(&report, |what| matches!(what, What::Publish { outcome: Outcome::Done, .. })), None);
}

#[test]
fn between_heal_and_the_first_redrive_the_system_has_its_chance_to_move_by_itself() {
    let reject = at_call(Operation::Publish, 1, Verdict::Reject);
    let report = execute(relaying, Operator::Redrives, vec![reject.clone()]);
    let healed = trace(&report).iter().find(|event| event.what == What::Healed).expect("every run heals");
    let came = trace(&report).iter().find(|event| matches!(event.what, What::Redrive { .. })).expect("a row is dead");
    let rest = Topology::new().rest;
    assert!(Duration::from_micros(came.at - healed.at) >= rest, "the operator came {} us after", came.at - healed.at);
    // He comes once to each row, and is not announced where there is nothing to do.
    let redrives = trace(&report)
        .iter()
        .filter(|event| matches!(event.what, What::StoreCall { operation: Operation::Redrive, .. }));
    assert_eq!(redrives.count(), 1);
    let calm = execute(relaying, Operator::Redrives, Vec::new());
    assert_eq!(first(&calm, |what| matches!(what, What::Redrive { .. })), None);
}

/// Too large for the broker in any world.
fn hopeless(boot: Boot) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let ports = boot.ports;
        let relay = Relay::new(&ports);
        ports.spawn("relay", relay.run());
        let Some(request) = ports.ingress.next().await else { return };
        let mut message = script::message(1, "one", "it");
        message.data = vec![0; 2 << 20].into();
        let mut tx = ports.store.begin().await.expect("calm");
        tx.stage(&message).await.expect("calm");
        tx.commit().await.expect("calm");
        request.response.accept(Bytes::new());
        std::future::pending().await
    })
}

#[test]
fn a_row_that_dies_of_its_own_is_redriven_once_and_then_left_alone() {
    let report = execute(hopeless, Operator::Redrives, Vec::new());
    assert_eq!(report.ending, Ending::Quiet, "{:?}", report.violations);
    let redrives = trace(&report)
        .iter()
        .filter(|event| matches!(event.what, What::StoreCall { operation: Operation::Redrive, .. }));
    assert_eq!(redrives.count(), 1);
}

#[test]
fn heal_brings_every_process_to_the_newest_release_that_the_run_has_seen() {
    let releases = |report: &RunReport| -> Vec<u32> {
        let mut last = vec![0; 2];
        for event in trace(report) {
            if let What::Boot { release } = event.what {
                last[usize::from(event.process.0)] = release;
            }
        }
        last
    };
    let upgrade = |after_ms| Verdict::CrashBefore(Restart { after_ms, upgrade: true });
    // Up again before heal; and still down when it comes.
    for after_ms in [0, 100_000_000] {
        let report = execute(relaying, Operator::Redrives, vec![at_call(Operation::Claim, 2, upgrade(after_ms))]);
        assert_eq!(releases(&report), [2, 2], "after {after_ms} ms");
        let healed = trace(&report).iter().find(|event| event.what == What::Healed).expect("every run heals");
        let told = |event: &&Event| event.what == What::Crash && event.process.0 == 1 && event.number < healed.number;
        assert_eq!(trace(&report).iter().filter(told).count(), 1, "the restart is told");
        assert!(report.held(), "{:?}", report.violations);
    }
    let restart = Verdict::CrashBefore(Restart { after_ms: 0, upgrade: false });
    let report = execute(relaying, Operator::Redrives, vec![at_call(Operation::Claim, 2, restart)]);
    assert_eq!(releases(&report), [1, 1], "nobody was upgraded");
}

/// Joins a group, gives up each wait for a delivery after 5 ms, and joins no other.
fn impatient(boot: Boot) -> BoxFuture<'static, ()> {
    use futures_util::future::{Either, select};
    Box::pin(async move {
        let ports = boot.ports;
        let spec = SubscriptionSpec { group: "own".into(), topics: vec!["service".into()] };
        let subscription = ports.broker.subscribe(&spec).await.expect("calm");
        let asked = ports.clone();
        let answer = async move {
            while let Some(request) = asked.ingress.next().await {
                asked.clock.sleep(Duration::from_millis(40)).await;
                let mut message = script::message(1, "one", "it");
                message.topic = "service".into();
                let _ = asked.broker.publish(&[message]).await;
                request.response.accept(Bytes::new());
            }
        };
        ports.spawn("answer", answer);
        loop {
            let limit = ports.clock.sleep(Duration::from_millis(5));
            let received = match select(subscription.receive(1), limit).await {
                Either::Left((Ok(deliveries), _)) => deliveries,
                _ => Vec::new(),
            };
            for delivery in received {
                subscription.ack(delivery.tag).await.expect("calm");
            }
        }
    })
}

#[test]
fn a_fault_on_a_call_that_is_dropped_while_it_waits_strikes_the_next_one() {
    let restart = Restart { after_ms: 0, upgrade: false };
    let report =
        execute(impatient, Operator::Redrives, vec![at_call(Operation::Receive, 1, Verdict::CrashAfter(restart))]);
    assert_eq!(report.fired.len(), 1);
    let crash = first(&report, |what| *what == What::Crash);
    let delivered = first(&report, |what| matches!(what, What::Deliver { .. }));
    let struck = first(&report, |what| matches!(what, What::Fault { .. }));
    assert!(crash.is_some() && crash > delivered, "what counts as fired has happened: crash {crash:?}");
    assert!(struck > Some(0) && struck < crash, "told when it strikes: {struck:?}");

    // Nothing ever comes: the fault never strikes, and does not count.
    let idle: Program = |boot| {
        Box::pin(async move {
            let spec = SubscriptionSpec { group: "own".into(), topics: vec!["nothing".into()] };
            let subscription = boot.ports.broker.subscribe(&spec).await.expect("calm");
            boot.ports.ingress.next().await.expect("nobody stops it").response.accept(Bytes::new());
            let _ = subscription.receive(1).await;
        })
    };
    let report = execute(idle, Operator::Redrives, vec![at_call(Operation::Receive, 1, Verdict::CrashAfter(restart))]);
    assert_eq!(report.fired, []);
    assert_eq!(first(&report, |what| matches!(what, What::Crash)), None);
}
