//! Topics that wait for one that is down.

use std::time::Duration;

use seaworthy_core::{message::Message, ports::Operation};
use seaworthy_sim::{
    invariants::{TopicHeldUp, Violation},
    plan::FaultKind,
    trace::{
        Outcome, SettledAs,
        script::{self, Script, staged},
    },
};

use super::{judge, sentences};

fn message(number: u64, topic: &str, key: &str) -> Message {
    Message { topic: topic.into(), ..script::message(number, "orders", key) }
}

/// A message for `audit`, and one for `orders` that the broker does not take at any of five tries, twenty seconds apart.
fn held_up(waits: &Message, outcome: Outcome, beside: impl Fn(&mut Script, usize)) -> Vec<Violation> {
    let tried = message(1, "orders", "order-1");
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&tried), staged(waits)]);
    for number in 0..5 {
        script.after_ms(20_000);
        beside(&mut script, number);
        script.publish(orders, &tried, outcome);
    }
    judge(TopicHeldUp::new(), &script)
}

#[test]
fn a_message_that_is_not_even_offered_while_another_topic_is_tried_is_told_once() {
    for outcome in [Outcome::Unavailable, Outcome::NotDoneUnheard] {
        let found = held_up(&message(2, "audit", "order-2"), outcome, |_, _| {});
        assert_eq!(
            sentences(&found),
            [
                "a message for topic `audit` was not offered to the broker for 60 s, while nothing was down but topic `orders`, which \
                 was tried again and again"
            ]
        );
        assert_eq!(found[0].events, [0, 3]);
    }
}

#[test]
fn whoever_waits_for_its_own_topic_its_own_key_or_a_broker_that_refuses_for_good_is_not_held_up() {
    assert_eq!(held_up(&message(2, "orders", "order-2"), Outcome::Unavailable, |_, _| {}), []);
    assert_eq!(held_up(&message(2, "audit", "order-1"), Outcome::Unavailable, |_, _| {}), []);
    assert_eq!(held_up(&message(2, "audit", "order-2"), Outcome::Rejected, |_, _| {}), []);
}

#[test]
fn whoever_is_offered_meanwhile_or_meets_something_else_is_not_held_up() {
    let audit = message(2, "audit", "order-2");
    let offered = |script: &mut Script, number| {
        let orders = script.process("orders-1");
        if number == 1 {
            script.publish(orders, &audit, Outcome::Unavailable);
        }
    };
    assert_eq!(held_up(&audit, Outcome::Unavailable, offered), []);
    let disturbed: [fn(&mut Script); 2] = [
        |script| {
            let orders = script.process("orders-1");
            script.fault(orders, FaultKind::Delay, Operation::Claim);
        },
        |script| {
            let orders = script.process("orders-1");
            script.crash(orders);
        },
    ];
    for disturb in disturbed {
        let beside = |script: &mut Script, number: usize| {
            if number == 2 {
                disturb(script);
            }
        };
        assert_eq!(held_up(&audit, Outcome::Unavailable, beside), []);
    }
}

/// It waits for the operator, however long the other topic is down.
#[test]
fn whoever_waits_behind_a_message_of_its_key_that_was_given_up_is_not_held_up() {
    let (dead, waits) = (message(3, "other", "order-2"), message(2, "audit", "order-2"));
    for is_offered in [false, true] {
        let tried = message(1, "orders", "order-1");
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [staged(&tried), staged(&dead), staged(&waits)]);
        script.claim(orders, "orders", 1, &[&dead], Outcome::Done);
        if is_offered {
            script.publish(orders, &dead, Outcome::Rejected);
        }
        script.settle(orders, "orders", 1, &[&dead], (SettledAs::Dead, true), Outcome::Done);
        for _ in 0..5 {
            script.after_ms(20_000);
            script.publish(orders, &tried, Outcome::Unavailable);
        }
        assert_eq!(judge(TopicHeldUp::new(), &script), [], "offered: {is_offered}");
    }
}

/// The broker has it, and the store could not be told.
#[test]
fn whoever_waits_behind_a_message_of_its_key_whose_row_is_open_is_not_held_up() {
    let (first, waits) = (message(3, "other", "order-2"), message(2, "audit", "order-2"));
    for is_settled in [false, true] {
        let (tried, before) = (message(1, "orders", "order-1"), message(4, "other", "order-4"));
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [&before, &tried, &first, &waits].map(staged));
        for (claim, message) in [(1, &before), (2, &first)] {
            script.claim(orders, "orders", claim, &[message], Outcome::Done);
            script.publish(orders, message, Outcome::Done);
            let is_held = claim == 1 || is_settled;
            script.settle(orders, "orders", claim, &[message], (SettledAs::Dispatched, is_held), Outcome::Done);
        }
        for _ in 0..5 {
            script.after_ms(20_000);
            script.publish(orders, &tried, Outcome::Unavailable);
        }
        assert_eq!(judge(TopicHeldUp::new(), &script).len(), usize::from(is_settled));
    }
}

#[test]
fn a_message_of_another_store_is_not_held_up_and_the_bound_is_the_scenarios() {
    let (tried, audit) = (message(1, "orders", "order-1"), message(2, "audit", "order-2"));
    let judged = |store: &str, bound: u64| {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [staged(&tried)]);
        script.commit(orders, store, Outcome::Done, [staged(&audit)]);
        for _ in 0..5 {
            script.after_ms(20_000);
            script.publish(orders, &tried, Outcome::Unavailable);
        }
        judge(TopicHeldUp::new().within(Duration::from_secs(bound)), &script).len()
    };
    assert_eq!((judged("orders", 30), judged("orders", 200), judged("shipping", 30)), (1, 0, 0));
}
