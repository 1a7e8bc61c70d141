//! A service that waits for its relay to end, and gave it a stop that nobody sets: asked to stop, the process stays until it is killed. And
//! one that does not hear a stop while it subscribes, at a broker that does not answer.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{
    future::{join, join3},
    lock::Mutex,
};
use seaworthy_core::{
    inbox::{Consumer, ConsumerConfig, Handlers},
    message::Message,
    outbox::Relay,
    ports::{Broker, BrokerError, Operation, Ports, PublishResult, Subscription, SubscriptionSpec},
    stop::Stop,
};
use seaworthy_sim::{
    generate::generate,
    plan::{CallFault, Disturbance, Fault, Profile, Restart, TimedFault, Verdict},
    scenario::{Boot, Topology, Workload as _},
    world::{RunOptions, run},
};

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::{Note, fronts, listener, placing},
    serve,
};

pub(super) const WRONG: Service = Service::wrong("ignores-its-stop", topology);

fn topology(is_right: bool) -> Topology {
    listener(fronts(move |boot| front(boot, is_right)))
}

async fn front(boot: Boot, is_right: bool) {
    let relay = Relay::new(&boot.ports);
    let relay = if is_right { relay } else { relay.stop(Stop::new()) };
    join(relay.run(), serve(boot.ports, placing)).await;
}

/// A rollout alone, which asks one process twice: first for its next release, then for the one before.
#[test]
fn a_process_that_stays_when_its_next_release_comes_and_when_that_is_taken_back() {
    let wrong = Service::wrong("ignores-its-stop-in-a-rollout", |is_right| topology(is_right).next_release());
    // A request a minute, so that there is something to do for as long as it takes.
    let wrong = Service { gap_ms: 60_000, ..wrong.fails_for_good() };
    for (service, told) in [(wrong, 2), (wrong.right(), 0)] {
        let mut drawn = (0..).map(|seed| generate(&service, seed, Profile::Calm));
        let mut plan = drawn.find(|plan| plan.workload.len() == 3).expect("one in three is");
        let what = Disturbance::Rollout { process: "front-2".into() };
        plan.faults = vec![Fault::Timed(TimedFault { from_ms: 1_000, to_ms: 50_000, what })];
        let report = run(&service, &plan, &RunOptions::default()).expect("the plan is valid");
        let by = report.violations.iter().map(|violation| violation.invariant.as_str()).collect::<Vec<_>>();
        assert_eq!(by, vec!["stops-when-asked"; told], "{}", service.name);
        assert!(report.judged.iter().any(|judged| judged.invariant == "stops-when-asked" && judged.times == 2));
    }
}

const SUBSCRIBES: Service = Service::wrong("subscribes-whatever-it-is-asked", subscribing).fails_for_good();

/// Fronts that note their own orders.
fn subscribing(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| async move {
        let ports = boot.ports;
        let relay = Relay::new(&ports);
        let listen = async {
            match is_right {
                true => listening(&ports).run().await,
                false => listen_deaf(&ports).await,
            }
        };
        join3(listen, relay.run(), serve(ports.clone(), placing)).await;
    });
    fronts.group("listener", &["orders"]).next_release()
}

/// Core's consumer, which waits for its broker for minutes.
fn listening(ports: &Ports) -> Consumer {
    let handlers = Handlers::builder().on("order.placed", Note).build().expect("one handler for one type");
    let config = ConsumerConfig::new(["orders"]).broker_limit(Duration::from_secs(300));
    Consumer::new(ports, "listener", handlers, config)
}

/// The same as it would be if it looked for a stop at all times but while it subscribes.
async fn listen_deaf(ports: &Ports) {
    let (stop, turn) = (Stop::new(), Arc::new(Mutex::new(())));
    let broker = Arc::new(InTurn { inner: ports.broker.clone(), turn: turn.clone() });
    let consumer = listening(&Ports { broker, ..ports.clone() }).stop(stop.clone());
    let tell = async {
        ports.stop.wait().await;
        drop(turn.lock().await);
        stop.set();
    };
    join(consumer.run(), tell).await;
}

/// A broker of which somebody knows when it is subscribed to.
struct InTurn {
    inner: Arc<dyn Broker>,
    turn: Arc<Mutex<()>>,
}

#[async_trait]
impl Broker for InTurn {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        self.inner.publish(batch).await
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let _turn = self.turn.lock().await;
        self.inner.subscribe(spec).await
    }
}

#[test]
fn a_consumer_that_hears_no_stop_while_its_subscription_hangs() {
    is_found_and_the_right_service_holds("stops-when-asked", SUBSCRIBES);
}

/// The one that hangs need not be the one that is asked: who waits for another's answer may be excused.
#[test]
fn a_subscription_that_hangs_excuses_others_and_not_its_own_process() {
    for (service, asked, told) in
        [(SUBSCRIBES, "front-1", 1), (SUBSCRIBES.right(), "front-1", 0), (SUBSCRIBES, "front-2", 0)]
    {
        let at = |process: &str, point: Operation, nth, verdict| {
            Fault::Call(CallFault { process: process.into(), point: point.into(), nth, verdict })
        };
        let mut plan = generate(&service, 7, Profile::Calm);
        plan.faults = vec![
            at("front-1", Operation::Subscribe, 1, Verdict::Hang { after: false }),
            at(asked, Operation::Claim, 2, Verdict::Stop(Restart { after_ms: 100, upgrade: false })),
        ];
        let report = run(&service, &plan, &RunOptions::default()).expect("the plan is valid");
        let by = report.violations.iter().map(|violation| violation.invariant.as_str()).collect::<Vec<_>>();
        assert_eq!(by, vec!["stops-when-asked"; told], "{}, {asked}", service.name);
        let judged = report.judged.iter().find(|judged| judged.invariant == "stops-when-asked");
        assert_eq!(judged.map(|judged| judged.times), Some(u64::from(asked == "front-1")), "{}, {asked}", service.name);
    }
}
