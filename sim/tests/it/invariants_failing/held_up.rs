//! Messages that wait for one that can't be handled.

use std::time::Duration;

use seaworthy_core::{message::Message, ports::Operation};
use seaworthy_sim::{
    invariants::{MessageHeldUp, Violation},
    plan::FaultKind,
    trace::{
        Outcome, ProcessIndex, What,
        script::{self, Script},
    },
};

use super::{groups, judge, message, sentences, spoils};

/// A message that fails at each of five tries, twenty seconds apart, and another one that waits.
fn beside(waits: &Message, bound_s: u64, between: impl Fn(&mut Script, ProcessIndex, u32)) -> Vec<Violation> {
    let poison = message(1, "order-1");
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.publish(orders, &poison, Outcome::Done);
    script.publish(orders, waits, Outcome::Done);
    for number in 0..5 {
        script.after_ms(20_000);
        script.deliver(shipping, "shipping", &poison);
        between(&mut script, shipping, number);
        spoils(&mut script, shipping, &poison);
    }
    judge(MessageHeldUp::new(&groups()).within(Duration::from_secs(bound_s)), &script)
}

fn nothing(_: &mut Script, _: ProcessIndex, _: u32) {}

#[test]
fn a_message_of_another_key_that_waits_for_one_that_is_tried_again_and_again_is_told_once() {
    let found = beside(&message(2, "order-2"), 60, nothing);
    let sentence = "a message waited 60 s for `shipping`, while nothing was wrong but another message of another key, which was \
                    tried again and again";
    assert_eq!(sentences(&found), [sentence]);
    assert_eq!(found[0].events[0], 1);
    assert_eq!(beside(&message(2, "order-2"), 200, nothing), [], "the bound is the scenario's");
}

#[test]
fn whoever_waits_for_its_own_key_or_is_for_nobody_here_is_not_held_up() {
    assert_eq!(beside(&message(2, "order-1"), 60, nothing), []);
    let elsewhere = Message { topic: "payments".into(), ..message(2, "order-2") };
    assert_eq!(beside(&elsewhere, 60, nothing), []);
}

#[test]
fn whoever_is_acknowledged_meanwhile_or_meets_something_else_is_not_held_up() {
    let waits = message(2, "order-2");
    let acknowledged = |script: &mut Script, shipping, number| {
        if number == 1 {
            script.ack(shipping, "shipping", &waits, Outcome::Done);
        }
    };
    assert_eq!(beside(&waits, 60, acknowledged), []);
    let delayed = |script: &mut Script, shipping, number| {
        if number == 2 {
            script.fault(shipping, FaultKind::Delay, Operation::Commit);
        }
    };
    assert_eq!(beside(&waits, 60, delayed), []);
}

#[test]
fn another_fault_is_an_excuse_for_as_long_as_it_lasts() {
    let outage = |over: Option<u32>| {
        beside(&message(2, "order-2"), 30, |script: &mut Script, _, number| {
            if number == 0 {
                let what = What::Fault { index: 7, kind: FaultKind::ExternalOutage, point: None };
                script.event(ProcessIndex::WORLD, what);
            }
            if over == Some(number) {
                script.event(ProcessIndex::WORLD, What::FaultOver { index: 7 });
            }
        })
    };
    assert_eq!(outage(None), []);
    assert_eq!(outage(Some(1)).len(), 1, "from then on nothing else is wrong");
    let hung = |heals: bool| {
        beside(&message(2, "order-2"), 30, |script: &mut Script, shipping, number| match number {
            0 => _ = script.fault(shipping, FaultKind::Hang, Operation::External),
            1 if heals => _ = script.event(ProcessIndex::WORLD, What::Healed),
            _ => {}
        })
    };
    assert_eq!(hung(false), []);
    assert_eq!(hung(true).len(), 1, "heal ends it");
}

#[test]
fn a_death_that_the_message_causes_is_no_excuse_and_another_one_is() {
    let waits = message(2, "order-2");
    let dies_of_it = |script: &mut Script, shipping, number| {
        if number > 0 {
            script.crash(shipping);
            script.boot(shipping);
        }
    };
    assert_eq!(beside(&waits, 60, dies_of_it).len(), 1);
    let other = |script: &mut Script, _, number| {
        let other = script.process("shipping-2");
        if number == 2 {
            script.crash(other);
        }
    };
    assert_eq!(beside(&waits, 60, other), []);
}

/// Rows of `order-1` and of another message, of which the first kills whoever publishes it, each of six times.
fn rows(waits: &Message, between: impl Fn(&mut Script, ProcessIndex, u32)) -> Vec<Violation> {
    let poison = message(1, "order-1");
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [script::staged(&poison), script::staged(waits)]);
    for number in 0..6 {
        let kind = FaultKind::PoisonPublish;
        script.event(ProcessIndex::WORLD, What::Fault { index: 0, kind, point: None });
        spoils(&mut script, orders, &poison);
        script.crash(orders);
        script.boot(orders);
        between(&mut script, orders, number);
    }
    judge(MessageHeldUp::new(&groups()).tries(4), &script)
}

#[test]
fn a_row_that_waits_while_another_one_kills_its_relay_is_told_once() {
    let found = rows(&message(2, "order-2"), nothing);
    let sentence = "a row waited 0 s to be published, while another one of another key was tried 5 times and nothing else was \
                    wrong";
    assert_eq!(sentences(&found), [sentence]);
    assert_eq!(found[0].events[0], 0);
    assert_eq!(rows(&message(2, "order-1"), nothing), [], "it waits for its own key");
}

#[test]
fn a_row_that_is_published_meanwhile_or_meets_something_else_is_not_held_up() {
    let waits = message(2, "order-2");
    let published = |script: &mut Script, orders, number| {
        if number == 3 {
            script.publish(orders, &waits, Outcome::Done);
        }
    };
    assert_eq!(rows(&waits, published), []);
    let delayed = |script: &mut Script, orders, number| {
        if number == 3 {
            script.fault(orders, FaultKind::Delay, Operation::Publish);
        }
    };
    assert_eq!(rows(&waits, delayed), []);
    let dies_of_another = |script: &mut Script, _, number| {
        let other = script.process("orders-2");
        if number == 2 {
            script.crash(other);
        }
    };
    assert_eq!(rows(&waits, dies_of_another), []);
    let spoils_as_well = |script: &mut Script, orders, number| {
        if number == 0 {
            spoils(script, orders, &message(2, "order-2"));
        }
    };
    assert_eq!(rows(&waits, spoils_as_well), [], "it waits for its own sake");
    let elsewhere = |script: &mut Script, _, number| {
        if number == 0 {
            let shipping = script.process("shipping-1");
            script.commit(shipping, "shipping", Outcome::Done, [script::staged(&message(3, "order-3"))]);
        }
    };
    let found = rows(&message(2, "order-1"), elsewhere);
    assert_eq!(found, [], "it is in another store's outbox");
}
