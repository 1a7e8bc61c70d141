//! Calls that hang for as long as their caller waits: where the service says that it copes with what fails for good, heal waits for
//! them, and whoever still waits when it is over is told.

use std::{future::pending, pin::pin, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{BoxFuture, select};
use seaworthy_core::ports::{DeliveryTag, Operation, Ports, Subscription, SubscriptionSpec};
use seaworthy_sim::{
    invariants::Ending,
    plan::{CallFault, FORMAT, Fault, Latency, Plan, Restart, Schedule, Verdict},
    scenario::{Boot, Client, Draw, Scenario, Topology, Workload},
    trace::{What, script},
    world::{RunOptions, RunReport, run},
};
use serde::{Deserialize, Serialize};

type Program = fn(Boot) -> BoxFuture<'static, ()>;

/// A process that publishes something once it is asked to.
struct Publishes {
    program: Program,
    fails_for_good: bool,
    gives_up_within: Duration,
}

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
impl Scenario for Publishes {
    type Workload = Ask;

    fn name(&self) -> &str {
        "publishes"
    }

    fn topology(&self) -> Topology {
        let topology = Topology::new().process("one", "service", "store", self.program).without_protocol();
        let topology = topology.gives_up_within(self.gives_up_within);
        if self.fails_for_good { topology.fails_for_good() } else { topology }
    }

    fn workload(&self, _: &mut Draw) -> Ask {
        Ask
    }

    async fn drive(&self, _: &Ask, client: Client) {
        client.ask("service", "go", Bytes::new()).await.expect("never refused");
    }
}

fn at_call(point: Operation, verdict: Verdict) -> Fault {
    Fault::Call(CallFault { process: "one".into(), point: point.into(), nth: 1, verdict })
}

/// Ten minutes, and a little for what comes before and after.
const HANGS: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_secs(90);

/// What a run says of calls that nobody answered, and when it healed.
fn hung(program: Program, fails_for_good: bool, faults: Vec<Fault>) -> (Vec<(Operation, String)>, Duration) {
    hung_for(HANGS, Publishes { program, fails_for_good, gives_up_within: HANGS }, faults)
}

/// The same of one in which a call that hangs for good does so for this long.
fn hung_for(hangs: Duration, scenario: Publishes, faults: Vec<Fault>) -> (Vec<(Operation, String)>, Duration) {
    let schedule = Schedule { latency: Latency::Equal { ms: 2 }, stall_per_mille: 0 };
    let plan = Plan { format: FORMAT.into(), scenario: "publishes".into(), seed: 1, schedule, workload: Ask, faults };
    let report: RunReport = run(&scenario, &plan, &RunOptions::default().keep_trace(true)).expect("a valid plan");
    assert_eq!((report.ending, &report.violations[..]), (Ending::Quiet, &[][..]));
    assert_eq!(report.fired.len(), plan.faults.len(), "each fault strikes");
    let trace = report.trace.as_deref().expect("kept");
    let never = trace.iter().filter_map(|event| match &event.what {
        What::NeverReturned { point, whom, since, .. } => {
            assert_eq!(Duration::from_micros(event.at - since), hangs);
            Some((*point, whom.to_string()))
        }
        _ => None,
    });
    let healed = trace.iter().find(|event| event.what == What::Healed).expect("every run heals");
    (never.collect(), Duration::from_micros(healed.at))
}

/// Answers at once, and then does something else.
fn afterwards<F: Future<Output = ()> + Send + 'static>(
    boot: Boot,
    work: impl FnOnce(Ports) -> F + Send + 'static,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let Some(request) = boot.ports.ingress.next().await else { return };
        request.response.accept(Bytes::new());
        work(boot.ports).await;
        pending().await
    })
}

async fn publish(ports: &Ports) {
    let _ = ports.broker.publish(&[script::message(1, "orders", "it")]).await;
}

fn without_a_limit(boot: Boot) -> BoxFuture<'static, ()> {
    afterwards(boot, |ports| async move { publish(&ports).await })
}

fn with_a_limit(boot: Boot) -> BoxFuture<'static, ()> {
    afterwards(boot, |ports| async move {
        select(pin!(publish(&ports)), ports.clock.limit(Duration::from_secs(10))).await;
    })
}

/// Leaves the call alone and keeps it: it is neither dropped nor waited for.
fn kept_aside(boot: Boot) -> BoxFuture<'static, ()> {
    afterwards(boot, |ports| async move {
        let mut call = pin!(publish(&ports));
        select(&mut call, ports.clock.limit(Duration::from_secs(10))).await;
        pending::<()>().await;
    })
}

/// Begins a transaction in another task, some time later.
fn beside_another(boot: Boot) -> BoxFuture<'static, ()> {
    afterwards(boot, |ports| async move {
        let other = ports.clone();
        ports.spawn("other", async move {
            other.clock.sleep(Duration::from_secs(20)).await;
            let _ = other.store.begin().await;
        });
        publish(&ports).await;
    })
}

#[test]
fn heal_waits_for_a_call_that_hangs_for_good_and_a_caller_that_still_waits_then_is_told() {
    for after in [false, true] {
        let hang = at_call(Operation::Publish, Verdict::Hang { after });
        let (never, healed) = hung(without_a_limit, true, vec![hang.clone()]);
        assert_eq!(never, [(Operation::Publish, "orders".to_owned())], "{hang}");
        assert!(healed > HANGS && healed < HANGS + SOON, "{hang}: {healed:?}");
    }
}

/// Whoever knows the limits of a service asks for less, and for more than ten minutes nobody waits.
#[test]
fn a_call_hangs_for_as_long_as_the_topology_says() {
    for (seconds, hangs) in [(30, Duration::from_secs(30)), (3_600, HANGS)] {
        let gives_up_within = Duration::from_secs(seconds);
        let hang = at_call(Operation::Publish, Verdict::Hang { after: false });
        let service = Publishes { program: without_a_limit, fails_for_good: true, gives_up_within };
        let (never, healed) = hung_for(hangs, service, vec![hang]);
        assert_eq!(never, [(Operation::Publish, "orders".to_owned())]);
        assert!(healed >= hangs && healed < hangs + SOON, "{healed:?}");
    }
}

/// A consumer joins a group, is handed a message, and does something with it.
fn consuming(
    boot: Boot,
    told: impl for<'a> FnOnce(&'a dyn Subscription, DeliveryTag) -> BoxFuture<'a, ()> + Send + 'static,
) -> BoxFuture<'static, ()> {
    afterwards(boot, |ports| async move {
        let spec = SubscriptionSpec { group: "listener".into(), topics: vec!["orders".into()] };
        let member = ports.broker.subscribe(&spec).await.expect("nothing else is wrong");
        publish(&ports).await;
        let deliveries = member.receive(1).await.expect("nothing else is wrong");
        told(&*member, deliveries[0].tag).await;
    })
}

/// A delivery that was given back, or whose time is over, comes again.
async fn acknowledge_next(member: &dyn Subscription) {
    let deliveries = member.receive(1).await.expect("nothing else is wrong");
    let _ = member.ack(deliveries[0].tag).await;
}

#[test]
fn whatever_is_said_to_the_broker_hangs_for_good_and_what_waits_for_something_to_come_does_not() {
    let acks: Program = |boot| {
        consuming(boot, |member, tag| {
            Box::pin(async move {
                let _ = member.ack(tag).await;
                acknowledge_next(member).await;
            })
        })
    };
    let nacks: Program = |boot| {
        consuming(boot, |member, tag| {
            Box::pin(async move {
                let _ = member.nack(tag, Duration::from_secs(1)).await;
                acknowledge_next(member).await;
            })
        })
    };
    let extends: Program = |boot| {
        consuming(boot, |member, tag| {
            Box::pin(async move {
                let _ = member.extend(tag, Duration::from_secs(1)).await;
                acknowledge_next(member).await;
            })
        })
    };
    for (point, program) in
        [(Operation::Subscribe, acks), (Operation::Ack, acks), (Operation::Nack, nacks), (Operation::Extend, extends)]
    {
        let (never, healed) = hung(program, true, vec![at_call(point, Verdict::Hang { after: false })]);
        assert_eq!(never, [(point, "listener".to_owned())]);
        assert!(healed > HANGS && healed < HANGS + SOON, "{point:?}: {healed:?}");
    }
    let (never, healed) = hung(acks, true, vec![at_call(Operation::Receive, Verdict::Hang { after: false })]);
    assert!(never.is_empty() && healed < SOON, "{never:?}, {healed:?}");
}

#[test]
fn where_nothing_fails_for_good_heal_ends_it() {
    let (never, healed) =
        hung(without_a_limit, false, vec![at_call(Operation::Publish, Verdict::Hang { after: true })]);
    assert!(never.is_empty() && healed < SOON, "{never:?}, {healed:?}");
}

#[test]
fn nobody_is_told_who_gives_it_up_or_dies_and_heal_waits_no_longer() {
    let hang = at_call(Operation::Publish, Verdict::Hang { after: false });
    let (never, healed) = hung(with_a_limit, true, vec![hang.clone()]);
    assert!(never.is_empty() && healed < SOON, "{never:?}, {healed:?}");
    let death = at_call(Operation::Begin, Verdict::CrashBefore(Restart { after_ms: 0, upgrade: false }));
    let (never, healed) = hung(beside_another, true, vec![hang, death]);
    assert!(never.is_empty() && healed < SOON, "{never:?}, {healed:?}");
}

#[test]
fn a_call_that_is_kept_and_not_polled_keeps_no_run_from_its_end() {
    let (never, healed) = hung(kept_aside, true, vec![at_call(Operation::Publish, Verdict::Hang { after: false })]);
    assert_eq!(never, []);
    assert!(healed > HANGS && healed < HANGS + SOON, "{healed:?}");
}

#[test]
fn a_call_of_a_store_is_its_adapters_to_end() {
    let begins: Program = |boot| afterwards(boot, |ports| async move { drop(ports.store.begin().await) });
    let (never, healed) = hung(begins, true, vec![at_call(Operation::Begin, Verdict::Hang { after: false })]);
    assert!(never.is_empty() && healed < SOON, "{never:?}, {healed:?}");
}
