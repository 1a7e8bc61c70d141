//! A relay that claims in no order and gives each message a place in one all the same. A message that was refused, and is sent once
//! everybody has forgotten those that came after it, is taken for one of them.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ids::ClaimToken,
    inbox::{Consumer, Handler, HandlerError, Handlers, InboxRetention},
    message::Message,
    ports::{ClaimRequest, Expected, OutboxOrder, Ports, Transaction, WhenDead, draw_id},
};
use seaworthy_sim::scenario::Topology;

use super::{is_found_and_the_right_service_holds, restored::placing_in_one_line};
use crate::small_service::{
    Service,
    messaging::{REST, front_beside, fronts, publish, settle},
};

#[test]
fn a_place_for_what_has_none() {
    is_found_and_the_right_service_holds("lost-event", Service::wrong("places-what-has-no-order", topology));
}

/// Longer than a broker takes to deliver again, as a rule.
const KEEP: Duration = Duration::from_secs(20);

const EVERY: Duration = Duration::from_secs(2);

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| {
        let relay = relay(boot.ports.clone(), is_right);
        front_beside(boot, relay, placing_in_one_line)
    });
    let listener = fronts.process("listener-1", "listener", "listener", |boot| listen(boot.ports));
    // Nobody asks for an order. The operator comes when what was handled is forgotten, and what is delivered again after that is handled
    // again, to no effect.
    let listener = listener.group("listener", &["orders"]).visibility_timeout(EVERY);
    listener.without("per-key-order").without("duplicate-effect").rest(KEEP + EVERY * 3)
}

async fn listen(ports: Ports) {
    let retention = InboxRetention::new(KEEP, KEEP / 2).expect("it is kept for longer").every(EVERY);
    ports.spawn("retention", retention.run(vec!["listener".into()], ports.clone()));
    let handlers = Handlers::builder().on("order.placed", NoteOnce).build().expect("one handler for one type");
    Consumer::new(&ports, "listener", handlers, ["orders"]).run().await;
}

/// Notes a message that it has not noted. One that the broker delivers again once it is forgotten comes to nothing.
struct NoteOnce;

#[async_trait]
impl Handler for NoteOnce {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let id = message.id.to_string();
        if tx.get("notes", &id).await?.is_none() {
            tx.put("notes", &id, Expected::Absent, b"1".to_vec().into()).await?;
        }
        Ok(())
    }
}

async fn relay(ports: Ports, is_right: bool) {
    while !ports.stop.is_set() {
        let token = ClaimToken(draw_id(&*ports.clock, &*ports.random));
        let (ordering, when_dead, lease) = (OutboxOrder::Unordered, WhenDead::BlockKey, Duration::from_secs(30));
        let request = ClaimRequest { token, limit: 100, lease, ordering, when_dead, except_topics: Vec::new() };
        let Ok(mut rows) = ports.store.claim(&request).await else {
            ports.clock.sleep(REST).await;
            continue;
        };
        if rows.is_empty() {
            ports.clock.sleep(REST).await;
            continue;
        }
        if is_right {
            rows.iter_mut().for_each(|row| row.message.sequence = 0);
        }
        let results = publish(&ports, &rows).await;
        // What is not settled is claimed again when the lease has ended.
        let _ = settle(&ports, token, &rows, &results).await;
    }
}
