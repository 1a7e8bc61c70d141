//! A handler that panics ends no process, and is a finding all the same.

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Ports, Transaction},
};
use seaworthy_sim::{invariants::Ending, scenario::Topology, trace::What, world::RunReport};

use super::{Probe, execute, only};

struct Hasty;

#[async_trait]
impl Handler for Hasty {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        assert!(tx.get("orders", &message.subject).await?.is_some(), "the order is missing");
        Ok(())
    }
}

async fn place(ports: &Ports) {
    let mut tx = ports.store.begin().await.expect("calm");
    let placed = MessageBuilder::new("service", "order.placed", "order-1").topic("orders");
    tx.stage(&placed.draw(&*ports.clock, &*ports.random)).await.expect("calm");
    tx.commit().await.expect("calm");
}

/// A process that tells itself of an order and panics when it hears of it.
fn hasty(topology: fn(Topology) -> Topology) -> RunReport {
    let mut probe = Probe::new(|boot| {
        Box::pin(async move {
            let ports = &boot.ports;
            let handlers = Handlers::builder().on("order.placed", Hasty).build().expect("one handler for one type");
            ports.spawn("consumer", Consumer::new(ports, "hasty", handlers, ["orders"]).run());
            ports.spawn("relay", Relay::new(ports).run());
            while let Some(request) = ports.ingress.next().await {
                place(ports).await;
                request.response.accept(request.body);
            }
        })
    });
    probe.topology = topology;
    execute(&probe)
}

fn caught(report: &RunReport) -> usize {
    report.trace.iter().flatten().filter(|event| matches!(event.what, What::Caught { .. })).count()
}

fn crashes(report: &RunReport) -> usize {
    report.trace.iter().flatten().filter(|event| matches!(event.what, What::Crash | What::Panic { .. })).count()
}

#[test]
fn the_first_panic_of_a_handler_ends_the_run_and_says_where_it_was() {
    let report = hasty(|topology| topology.group("hasty", &["orders"]));
    let sentence = only(&report, "panic");
    assert!(sentence.starts_with("process one panicked: the order is missing at "), "{sentence}");
    assert!(sentence.contains("caught_panics.rs:"), "{sentence}");
    assert_eq!((report.ending, caught(&report), crashes(&report)), (Ending::CutShort, 1, 0));
}

#[test]
fn where_panics_are_expected_the_message_dies_of_its_own_and_its_process_lives() {
    let report = hasty(|topology| topology.supervised().group("hasty", &["orders"]));
    assert_eq!((caught(&report), crashes(&report)), (5, 0));
    let sentence = only(&report, "dead-only-injected");
    assert!(sentence.contains("panicked: the order is missing"), "{sentence}");
}
