//! Aggregate, outbox, relay, consumer and inbox, whole, in the simulated world: with every single fault in turn, and with
//! generated plans of every profile.

use std::{collections::BTreeSet, convert::Infallible};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    aggregate::{Aggregate, AggregateError, Cause, DomainEvent, MessageMap, Repository, Tracked, UpdateError},
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Expected, Operation, Ports, Timestamp, Transaction},
    wake::Wake,
};
use seaworthy_sim::{
    generate::generate,
    plan::{CallFault, FORMAT, Fault, Plan, Profile, Restart, Schedule, Verdict},
    scenario::{Boot, Client, Draw, Scenario, Topology, Workload},
    world::{RunOptions, RunReport, run},
};
use serde::{Deserialize, Serialize};

/// Orders are placed and confirmed by two replicas with a relay each, on one store; two replicas of shipping create the
/// shipment and report back, and the order notes it.
struct Parcels;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Orders {
    orders: Vec<String>,
}

impl Workload for Orders {
    fn len(&self) -> usize {
        self.orders.len()
    }

    fn without(&self, range: std::ops::Range<usize>) -> Self {
        let mut orders = self.orders.clone();
        orders.drain(range);
        Self { orders }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: String,
    confirmed: bool,
    shipments: u32,
}

enum OrderEvent {
    Placed,
    Confirmed,
}

impl DomainEvent for OrderEvent {
    const NAMES: &'static [&'static str] = &["Placed", "Confirmed"];

    fn name(&self) -> &'static str {
        match self {
            Self::Placed => "Placed",
            Self::Confirmed => "Confirmed",
        }
    }
}

impl Aggregate for Order {
    const NAME: &'static str = "order";
    type Event = OrderEvent;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<OrderEvent> {
        match before {
            None => Some(OrderEvent::Placed),
            Some(before) if !before.confirmed && after.confirmed => Some(OrderEvent::Confirmed),
            Some(_) => None,
        }
    }
}

fn orders_of(ports: &Ports) -> Repository<Order> {
    let messages = MessageMap::builder("orders")
        .publish("Placed", "order.placed", |_| ())
        .publish("Confirmed", "order.confirmed", |_| ())
        .build()
        .expect("every event is registered once");
    Repository::new(messages, ports.clock.clone(), ports.random.clone())
}

/// Places the order if it is new; whoever asks twice finds it.
async fn place(ports: &Ports, orders: &Repository<Order>, id: &str) -> Result<(), AggregateError> {
    let mut tx = ports.store.begin().await?;
    if orders.load(&mut *tx, id).await?.is_none() {
        let order = Tracked::new(Order { id: id.into(), confirmed: false, shipments: 0 });
        orders.save(&mut *tx, order, Cause::New).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn confirm(ports: &Ports, orders: &Repository<Order>, id: &str) -> Result<(), UpdateError<Infallible>> {
    orders
        .update(&*ports.store, id, Cause::New, |order| {
            order.confirmed = true;
            Ok(())
        })
        .await
}

struct NoteShipment(Repository<Order>);

#[async_trait]
impl Handler for NoteShipment {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let noted = self.0.update_in(tx, &message.subject, Cause::Message(message), |order| {
            order.shipments += 1;
            Ok::<_, Infallible>(())
        });
        match noted.await {
            Ok(()) => Ok(()),
            Err(UpdateError::Aggregate(error)) => Err(error.into()),
            Err(error) => Err(HandlerError::Refused(error.to_string().into())),
        }
    }
}

async fn orders(boot: Boot) {
    let (ports, wake) = (boot.ports, Wake::new());
    let orders = orders_of(&ports).wake(wake.clone());
    let relay = Relay::new(&ports).wake(wake.clone());
    ports.spawn("relay", relay.run());
    let handlers = Handlers::builder()
        .on("shipment.created", NoteShipment(orders.clone()))
        .build()
        .expect("one handler for one type");
    let consumer = Consumer::new(&ports, "orders", handlers, ["shipping"]);
    ports.spawn("consumer", consumer.run());
    while let Some(request) = ports.ingress.next().await {
        let id = String::from_utf8_lossy(&request.body).into_owned();
        // Unanswered, the request is made again.
        if place(&ports, &orders, &id).await.is_ok() && confirm(&ports, &orders, &id).await.is_ok() {
            wake.hint();
            request.response.accept(Bytes::new());
        }
    }
}

struct Ship;

#[async_trait]
impl Handler for Ship {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        tx.put("shipment", &message.subject, Expected::Absent, Bytes::from_static(b"1")).await?;
        let created = MessageBuilder::new("shipping", "shipment.created", message.subject.clone())
            .caused_by(message)
            .derive(message.id.0, &["shipment"], Timestamp::EPOCH);
        Ok(tx.stage(&created).await?)
    }
}

async fn shipping(boot: Boot) {
    let (ports, wake) = (boot.ports, Wake::new());
    let relay = Relay::new(&ports).wake(wake.clone());
    ports.spawn("relay", relay.run());
    let handlers = Handlers::builder().on("order.confirmed", Ship).ignore("order.placed");
    let handlers = handlers.build().expect("one handler for one type");
    let consumer = Consumer::new(&ports, "shipping", handlers, ["orders"]).wake(wake);
    consumer.run().await;
}

#[async_trait]
impl Scenario for Parcels {
    type Workload = Orders;

    fn name(&self) -> &str {
        "parcels"
    }

    fn about(&self) -> &str {
        "orders that are shipped, over outbox and inbox"
    }

    fn topology(&self) -> Topology {
        Topology::new()
            .process("orders-1", "orders", "orders", orders)
            .process("orders-2", "orders", "orders", orders)
            .process("shipping-1", "shipping", "shipping", shipping)
            .process("shipping-2", "shipping", "shipping", shipping)
            .group("shipping", &["orders"])
            .group("orders", &["shipping"])
    }

    fn workload(&self, draw: &mut Draw) -> Orders {
        Orders { orders: (0..=draw.below(3)).map(|number| format!("order-{number}")).collect() }
    }

    async fn drive(&self, workload: &Orders, client: Client) {
        for id in &workload.orders {
            client.ask("orders", "place", Bytes::from(id.clone())).await.expect("accepted");
        }
    }
}

fn plan(seed: u64, faults: Vec<Fault>) -> Plan<Orders> {
    let workload = Orders { orders: vec!["order-0".into(), "order-1".into()] };
    Plan { format: FORMAT.into(), scenario: "parcels".into(), seed, schedule: Schedule::default(), workload, faults }
}

fn execute(plan: &Plan<Orders>) -> RunReport {
    let report = run(&Parcels, plan, &RunOptions::default()).expect("a valid plan");
    assert!(report.held(), "{:#?}\nplan: {}", report.violations, serde_json::to_string(plan).unwrap());
    report
}

const PROCESSES: [&str; 4] = ["orders-1", "orders-2", "shipping-1", "shipping-2"];

/// Each fault at each call that the plan reaches, in three seeds; up to the 25th of a kind, since those of an idle relay are alike.
#[test]
fn everything_holds_under_each_single_fault() {
    let restart = Restart { after_ms: 500, upgrade: false };
    let verdicts = [
        Verdict::Conflict,
        Verdict::Unavailable,
        Verdict::LoseReply,
        Verdict::LoseRequest,
        Verdict::Reject,
        Verdict::DropAck,
        Verdict::Duplicate { after_ms: 700 },
        Verdict::PartialBatch { accepted: 0 },
        Verdict::CrashBefore(restart),
        Verdict::CrashAfter(restart),
        Verdict::Delay { ms: 40_000 },
    ];
    let (mut fired, mut kinds) = (0, BTreeSet::new());
    // Which replica is asked and who handles what is drawn, so a few seeds bring every replica into play.
    let places = (1..=3).flat_map(|seed| PROCESSES.map(|process| (seed, process)));
    let calls = places.flat_map(|place| Operation::ALL.iter().map(move |point| (place, *point)));
    for ((seed, process), point) in calls {
        for verdict in verdicts.into_iter().filter(|verdict| verdict.fits(point)) {
            for nth in 1..=25 {
                let fault = CallFault { process: process.into(), point: point.into(), nth, verdict };
                let report = execute(&plan(seed, vec![Fault::Call(fault)]));
                if report.fired.is_empty() {
                    break;
                }
                fired += 1;
                kinds.insert((point, verdict.kind()));
            }
        }
    }
    println!("{fired} single faults, {} kinds at points", kinds.len());
    // The points that this scenario passes, times what can happen there.
    assert!(fired > 1_500 && kinds.len() > 70, "{fired} faults of {} kinds", kinds.len());
}

#[test]
fn everything_holds_under_generated_plans_of_every_profile() {
    for profile in Profile::ALL {
        for seed in 0..150 {
            execute(&generate(&Parcels, seed, profile));
        }
    }
}

#[test]
fn a_shipment_was_created_and_noted_for_each_order_and_only_once() {
    let report = execute(&plan(1, vec![]));
    let judged = |name: &str| report.judged.iter().find(|judged| judged.invariant == name).map(|judged| judged.times);
    // Three messages an order: placed, confirmed, shipment created.
    assert_eq!(report.answered, 2);
    assert!(judged("lost-event") >= Some(6) && judged("duplicate-effect") >= Some(4), "{:?}", report.judged);
}
