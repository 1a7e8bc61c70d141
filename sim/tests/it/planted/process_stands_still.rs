//! Process managers that stand still: one whose timers are lost, and one that is at a loss with what comes in another order than usual.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    choreography::{Domain, ProcessManager, Reaction},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{DelegateStore, DelegateTransaction, Expected, Ports, Store, StoreError, Transaction, draw_id},
};
use seaworthy_sim::{
    scenario::{Boot, Topology},
    store::MemoryStore,
};
use serde::{Deserialize, Serialize};

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Answer, Service,
    messaging::{front_beside_relay, fronts},
};

struct Orders;

impl Domain for Orders {
    const NAME: &'static str = "orders";
    const EVENTS: &'static [&'static str] = &["order.placed"];
    const COMMANDS: &'static [&'static str] = &[];
}

struct Payments;

impl Domain for Payments {
    const NAME: &'static str = "payments";
    const EVENTS: &'static [&'static str] = &["order.paid"];
    const COMMANDS: &'static [&'static str] = &[];
}

#[derive(Default, Serialize, Deserialize)]
struct Heard {
    is_placed: bool,
    is_paid: bool,
}

/// Ends once both are heard of, or at the latest with a timer, if it sets one. The mistaken one ends at the payment if it knows of the order
/// by then, and never otherwise.
fn manager(is_right: bool, is_timed: bool) -> ProcessManager<Heard> {
    let end = |ends: bool| if ends { Reaction::none().end() } else { Reaction::none() };
    let begin = move |ends: bool| match is_timed {
        true if !ends => Reaction::none().timer("overdue", Duration::from_secs(3)),
        _ => end(ends),
    };
    ProcessManager::<Heard>::builder("checkout")
        .on::<Orders, ()>("order.placed", move |heard, ()| {
            heard.is_placed = true;
            Ok(begin(heard.is_paid && is_right))
        })
        .on::<Payments, ()>("order.paid", move |heard, ()| {
            heard.is_paid = true;
            Ok(end(heard.is_placed && !is_timed))
        })
        .on_timer("overdue", |_| Ok(Reaction::none().end()))
        .build()
        .expect("one reaction for each message")
}

fn checkout(is_right: bool, is_timed: bool) -> Topology {
    let topology = fronts(|boot| front_beside_relay(boot, telling));
    let manager = manager(is_right, is_timed);
    let topics: Vec<String> = manager.topics().iter().map(ToString::to_string).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    // Whichever is heard first may have nothing to follow from it.
    let topology = topology.group("checkout", &topics).message_may_do_nothing("checkout", "order.placed");
    let topology = topology.message_may_do_nothing("checkout", "order.paid");
    topology.process("checkout-1", "checkout", "checkout", move |boot: Boot| {
        let consumer = manager.consumer(&boot.ports);
        boot.ports.spawn("relay", Relay::new(&boot.ports).run());
        consumer.run()
    })
}

/// Tells of an order and of its payment, once for each name: two messages of one transaction, under keys of their own.
fn telling(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let mut tx = ports.store.begin().await?;
        if tx.get("orders", &name).await?.is_some() {
            return Ok(Answer::Yes);
        }
        tx.put("orders", &name, Expected::Absent, b"1".to_vec().into()).await?;
        let transaction = draw_id(&*ports.clock, &*ports.random);
        for (topic, kind) in [("orders", "order.placed"), ("payments", "order.paid")] {
            let told = MessageBuilder::new("front", kind, &*name).topic(topic).partition_key(format!("{topic}-{name}"));
            let told = told.correlation(transaction).json(&()).expect("a form");
            tx.stage(&told.draw(&*ports.clock, &*ports.random)).await?;
        }
        tx.commit().await?;
        Ok(Answer::Yes)
    })
}

#[test]
fn a_process_whose_timer_is_lost_is_found() {
    let wrong = Service::wrong("keeps-no-timer", |_| checkout(true, true));
    let wrong = Service { store: Some(|clock| Arc::new(Impatient(Arc::new(MemoryStore::new(clock))))), ..wrong };
    is_found_and_the_right_service_holds("stands-still", wrong);
}

#[test]
fn a_process_that_waits_for_what_has_come_already_is_found() {
    let wrong = Service::wrong("hears-of-payments-after-orders", |is_right| {
        checkout(is_right, false).processes_end("checkout")
    });
    is_found_and_the_right_service_holds("stands-still", wrong);
}

/// A store that keeps no message for later.
struct Impatient(Arc<dyn Store>);

#[async_trait]
impl DelegateStore for Impatient {
    fn inner(&self) -> &dyn Store {
        &*self.0
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(Now(self.0.begin().await?)))
    }
}

struct Now(Box<dyn Transaction>);

#[async_trait]
impl DelegateTransaction for Now {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut *self.0
    }

    fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
        self.0
    }

    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        match message.schedule.not_before {
            Some(_) => Ok(()),
            None => self.0.stage(message).await,
        }
    }
}
