//! A payments service as people write it, with an outbox in documents of its own and a ledger that consumes from it.

use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join;
use seaworthy_core::{
    message::{Message, MessageBuilder},
    ports::{Expected, Ports, StoreError, SubscriptionSpec, Timestamp},
};
use seaworthy_sim::{
    invariants::{DuplicateEffect, Ending, Invariant, Judge, Lookup, Mode},
    scenario::{Boot, Client, Draw, Scenario, Topology, Workload},
    trace::{Effect, Event, What},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How many payments are asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked(pub(super) u32);

impl Workload for Asked {
    fn len(&self) -> usize {
        self.0 as usize
    }

    fn without(&self, range: Range<usize>) -> Self {
        Self(self.0 - range.len() as u32)
    }
}

/// Adds whatever else a scenario has to the topology.
pub(super) type Beside = Arc<dyn Fn(Topology) -> Topology + Send + Sync>;

/// Payments that are asked for, published by a poller and booked by a ledger, and what runs beside them.
#[derive(Clone)]
pub(super) struct Payments {
    pub(super) name: &'static str,
    pub(super) poll: Duration,
    pub(super) beside: Beside,
}

impl Payments {
    pub(super) fn polled_every(name: &'static str, poll: Duration) -> Self {
        Self { name, poll, beside: Arc::new(|topology| topology) }
    }
}

#[async_trait]
impl Scenario for Payments {
    type Workload = Asked;

    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        "payments with a hand-written outbox"
    }

    fn topology(&self) -> Topology {
        let poll = self.poll;
        let topology = Topology::new()
            .without_protocol()
            .process("payments-1", "payments", "payments", move |boot: Boot| async move {
                join(accept(&boot.ports), publish(&boot.ports, poll)).await;
            })
            .process("ledger-1", "ledger", "ledger", |boot: Boot| async move { book(&boot.ports).await })
            .group("ledger", &["payments"]);
        (self.beside)(topology)
    }

    fn workload(&self, draw: &mut Draw) -> Asked {
        Asked(draw.between(1, 4) as u32)
    }

    fn invariants(&self, _: &Asked) -> Vec<Box<dyn Invariant>> {
        vec![Box::<EveryPaymentIsBooked>::default(), Box::new(DuplicateEffect::new())]
    }

    async fn drive(&self, asked: &Asked, client: Client) {
        for payment in 0..asked.0 {
            let _ = client.ask("payments", "pay", Bytes::from(format!("payment-{payment}"))).await;
        }
    }
}

/// Takes payments: the payment and the row that tells of it, in one transaction.
async fn accept(ports: &Ports) {
    loop {
        let Some(request) = ports.ingress.next().await else { return };
        let id = String::from_utf8_lossy(&request.body).into_owned();
        // Unanswered where it failed: the client asks again.
        if pay(ports, &id).await.is_ok() {
            request.response.accept(Bytes::new());
        }
    }
}

async fn pay(ports: &Ports, id: &str) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("payments", id).await?.is_some() {
        return Ok(());
    }
    tx.put("payments", id, Expected::Absent, Bytes::from_static(b"paid")).await?;
    tx.put("outbox", id, Expected::Absent, Bytes::from_static(b"paid")).await?;
    tx.observe("paid", id, 1);
    tx.commit().await
}

async fn publish(ports: &Ports, poll: Duration) {
    loop {
        ports.clock.sleep(poll).await;
        // What failed is there at the next turn.
        let _ = publish_all(ports).await;
    }
}

async fn publish_all(ports: &Ports) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    for (id, _) in tx.scan("outbox", None, 100).await? {
        if let Ok(results) = ports.broker.publish(&[message(&id)]).await
            && results.iter().all(Result::is_ok)
        {
            tx.delete("outbox", &id, Expected::Any).await?;
        }
    }
    tx.commit().await
}

fn message(id: &str) -> Message {
    MessageBuilder::new("payments", "payment.made", id).derive(uuid::Uuid::from_u128(7), &[id], Timestamp::EPOCH)
}

async fn book(ports: &Ports) {
    let spec = SubscriptionSpec { group: "ledger".into(), topics: vec!["payments".into()] };
    loop {
        let Ok(subscription) = ports.broker.subscribe(&spec).await else {
            ports.clock.sleep(Duration::from_millis(200)).await;
            continue;
        };
        while let Ok(deliveries) = subscription.receive(1).await {
            for delivery in deliveries {
                let booked = enter(ports, &delivery.message.subject).await;
                // What was not booked comes again; so does what the broker did not hear of.
                let _ = match booked {
                    Ok(()) => subscription.ack(delivery.tag).await,
                    Err(_) => subscription.nack(delivery.tag, Duration::from_millis(100)).await,
                };
            }
        }
    }
}

async fn enter(ports: &Ports, id: &str) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("ledger", id).await?.is_none() {
        tx.put("ledger", id, Expected::Absent, Bytes::new()).await?;
        tx.observe("booked", id, 1);
        tx.commit().await?;
    }
    Ok(())
}

/// What was paid is booked by the time at which the run has come to rest.
#[derive(Default)]
struct EveryPaymentIsBooked {
    open: Lookup<SmolStr, u64>,
    early: Lookup<SmolStr, ()>,
}

impl Invariant for EveryPaymentIsBooked {
    fn name(&self) -> &'static str {
        "every-payment-is-booked"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        let What::Commit { effects, .. } = &event.what else { return };
        for effect in effects.iter() {
            match effect {
                Effect::Observed { fact, subject, .. } if fact == "paid" && self.early.remove(subject).is_none() => {
                    self.open.insert(subject.clone(), event.number);
                }
                Effect::Observed { fact, subject, .. } if fact == "booked" => {
                    judge.judged();
                    if self.open.remove(subject).is_none() {
                        self.early.insert(subject.clone(), ());
                    }
                }
                _ => {}
            }
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending != Ending::Quiet {
            return;
        }
        for (payment, event) in self.open.sorted() {
            judge.violate(payment.to_string(), format!("{payment} was paid and never booked"), vec![*event]);
        }
    }
}
