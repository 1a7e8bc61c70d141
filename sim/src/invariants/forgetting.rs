//! Forgetting: what is settled is forgotten, so that a run of months stays small.

use std::fmt::Debug;

use seaworthy_core::{
    ports::{SagaStatus, SubscriptionSpec},
    saga::{Record, Value},
};

use super::{
    FullCompensation, Invariant, Judge, LostEvent, NoRowStuck, PerKeyOrder, SagaResolves, StaleClaimSettle, TornStep,
    WaitsBehindDead, decoded::Decoded,
};
use crate::trace::{
    Effect, Event, Outcome, SettledAs,
    script::{self, Script, created, handled, staged},
};

/// One order from its saga's start to its shipment's acknowledgement.
fn order(number: u64) -> Vec<Event> {
    let message = script::message(number, "orders", &format!("order-{number}"));
    let log = |length: u64, record: Record, status: SagaStatus| Effect::SagaLogged {
        saga: script::saga(number),
        epoch: 1,
        length,
        records: vec![record.encode()],
        status,
    };
    let reserved = Record::Done { step: "reserve".into(), output: Value::NULL };
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    let started = log(0, Record::Started { deadline_us: None, traceparent: None }, SagaStatus::Running);
    let key = format!("order-{number}");
    script.commit(orders, "orders", Outcome::Done, [created(number, "checkout", &key), started]);
    script.commit(orders, "orders", Outcome::Done, [log(1, reserved, SagaStatus::Running), staged(&message)]);
    script.commit(orders, "orders", Outcome::Done, [log(2, Record::Completed, SagaStatus::Completed)]);
    script.claim(orders, "orders", number, &[&message], Outcome::Done);
    script.publish(orders, &message, Outcome::Done);
    script.settle(orders, "orders", number, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    script.deliver(shipping, "shipping", &message);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message)]);
    script.ack(shipping, "shipping", &message, Outcome::Done);
    script.events()
}

fn feed(invariant: &mut dyn Invariant, decoded: &mut Decoded, order: &[Event]) {
    let mut violations = Vec::new();
    for event in order {
        decoded.note(event);
        let mut judge = Judge {
            at_the_end: false,
            invariant: "forgetting",
            judged: &mut 0,
            met: &mut 0,
            reached: &mut Vec::new(),
            violations: &mut violations,
            dealt: &mut Vec::new(),
            decoded,
        };
        invariant.observe(event, &mut judge);
    }
    assert_eq!(violations, []);
}

fn forgets<I: Invariant + Debug>(mut invariant: I) {
    let mut decoded = Decoded::default();
    feed(&mut invariant, &mut decoded, &order(100));
    let after_one = format!("{invariant:?} {decoded:?}").len();
    for number in 101..300 {
        feed(&mut invariant, &mut decoded, &order(number));
    }
    let after_many = format!("{invariant:?} {decoded:?}").len();
    // A counter may have grown by a digit or two; 199 orders would be thousands of letters.
    assert!(after_many <= after_one + 8, "{} has grown: {invariant:?} {decoded:?}", invariant.name());
}

#[test]
fn an_order_that_is_done_leaves_nothing_behind() {
    let groups = [SubscriptionSpec { group: "shipping".into(), topics: vec!["orders".into()] }];
    forgets(LostEvent::new(&groups));
    forgets(PerKeyOrder::new(&groups));
    forgets(SagaResolves::new());
    forgets(FullCompensation::from_shapes(&[]));
    forgets(TornStep::new());
    forgets(StaleClaimSettle::new());
    forgets(NoRowStuck::new());
    forgets(WaitsBehindDead::new());
}
