//! What the shells around the models ask of them beyond the ports: copies, counts, ledgers.

use std::sync::Arc;

use bytes::Bytes;
use seaworthy_core::{
    conformance::block_on,
    ids::{MessageId, OperationId},
    message::{Headers, Message},
    ports::{Broker, ExternalCall, ExternalError, Refusal, SubscriptionSpec, Timestamp},
};
use seaworthy_memory::{
    ManualClock,
    broker::{BrokerConfig, MemoryBroker},
    external::{MemoryExternal, Service},
};
use smol_str::SmolStr;
use uuid::Uuid;

pub(crate) fn message(number: u128, key: &str) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(number)),
        source: "orders".into(),
        kind: "order.confirmed".into(),
        topic: "orders".into(),
        subject: "order".into(),
        time: Timestamp::EPOCH,
        content_type: "application/json".into(),
        partition_key: key.into(),
        sequence: 0,
        epoch: 0,
        gap: 0,
        schedule: seaworthy_core::message::Schedule::NONE,
        correlation_id: Uuid::nil(),
        causation_id: None,
        traceparent: None,
        headers: Headers::new(),
        data: Bytes::new(),
    }
}

pub(crate) fn group(name: &str) -> SubscriptionSpec {
    SubscriptionSpec { group: name.into(), topics: vec!["orders".into()] }
}

#[test]
fn a_duplicate_comes_once_more_behind_what_was_there() {
    let broker = MemoryBroker::new(ManualClock::new(), BrokerConfig::default());
    broker.declare(&group("shipping"));
    block_on(async {
        let sent = [message(1, "a"), message(2, "a")];
        broker.publish(&sent).await.expect("answers");
        assert_eq!(broker.duplicate(sent[0].id), 1);
        assert_eq!(broker.pending(), 3);
        let member = broker.subscribe(&group("shipping")).await.expect("joins");
        let mut delivered = Vec::new();
        for _ in 0..3 {
            for delivery in member.receive(9).await.expect("receives") {
                delivered.push(delivery.message.id);
                member.ack(delivery.tag).await.expect("acknowledges");
            }
        }
        assert_eq!(delivered, [sent[0].id, sent[1].id, sent[0].id]);
        assert_eq!((broker.pending(), broker.duplicate(sent[0].id)), (0, 0), "what is acknowledged is freed");
    });
}

#[test]
fn what_comes_before_any_group_is_kept_for_the_first_one_and_counts_from_then_on() {
    let broker = MemoryBroker::new(ManualClock::new(), BrokerConfig::default());
    block_on(async {
        broker.publish(&[message(1, "a")]).await.expect("answers");
        assert_eq!(broker.pending(), 0);
        broker.declare(&group("shipping"));
        broker.declare(&group("billing"));
        assert_eq!(broker.outstanding(9), [(SmolStr::from("shipping"), message(1, "a").id)]);
    });
}

/// Charges a card: the answer is the number of the charge; an empty body is declined.
struct Payments {
    charges: u32,
    idempotent: bool,
}

impl Service for Payments {
    fn act(&mut self, call: &ExternalCall) -> Result<Bytes, Refusal> {
        if call.body.is_empty() {
            return Err("card declined".into());
        }
        self.charges += 1;
        Ok(Bytes::from(self.charges.to_string()))
    }

    fn subject(&self, _: &ExternalCall) -> SmolStr {
        "order-17".into()
    }

    fn is_idempotent(&self) -> bool {
        self.idempotent
    }
}

fn call(operation_id: u128, body: &'static str) -> ExternalCall {
    ExternalCall {
        service: "payments".into(),
        operation: "charge".into(),
        operation_id: OperationId(Uuid::from_u128(operation_id)),
        body: Bytes::from_static(body.as_bytes()),
    }
}

fn payments(idempotent: bool) -> MemoryExternal {
    let external = MemoryExternal::new();
    external.register("payments", Box::new(Payments { charges: 0, idempotent }));
    external
}

#[test]
fn a_repeated_operation_id_gets_the_first_answer_and_no_second_effect() {
    let external = payments(true);
    let first = external.answer(&call(1, "9 USD")).expect("charges");
    let second = external.answer(&call(1, "9 USD")).expect("charges");
    assert_eq!((first.acted, second.acted, second.body), (true, false, first.body));
    assert_eq!(external.times_acted(&call(1, "")), 1);
    assert!(external.answer(&call(2, "9 USD")).expect("charges").acted, "another operation is another effect");
    let declined = Err(ExternalError::Refused("card declined".into()));
    assert_eq!(external.answer(&call(3, "")), declined);
    assert_eq!(external.answer(&call(3, "9 USD")), declined, "a definitive answer does not change");
}

#[test]
fn a_service_that_ignores_idempotency_keys_acts_again_and_the_ledger_tells() {
    let external = payments(false);
    for expected in [1, 2] {
        assert!(external.answer(&call(1, "9 USD")).expect("charges").acted);
        assert_eq!(external.times_acted(&call(1, "9 USD")), expected);
    }
}

#[test]
fn an_unknown_service_is_a_definitive_refusal_that_says_what_to_do() {
    let unknown = ExternalCall { service: "carrier".into(), ..call(1, "x") };
    let refused = Arc::new(payments(true)).answer(&unknown);
    let told = "no external service is called carrier: add it to the topology";
    assert_eq!(refused, Err(ExternalError::Refused(told.into())));
}
