//! Messages that are late although nothing goes wrong.

use std::time::Duration;

use seaworthy_core::{
    message::{Message, Schedule},
    ports::{Operation, Timestamp},
};
use seaworthy_sim::{
    invariants::{PromptWhenCalm, Violation},
    plan::FaultKind,
    trace::{
        Outcome,
        script::{Script, staged},
    },
};

use super::{groups, judge, message, sentences};

/// A message is published and acknowledged so many milliseconds after it was staged, and after that.
fn late(to_broker_ms: u64, to_group_ms: u64, goes_wrong: bool) -> Vec<Violation> {
    let placed = message(1, "order-1");
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.commit(orders, "orders", Outcome::Done, [staged(&placed)]);
    if goes_wrong {
        script.fault(orders, FaultKind::Delay, Operation::Claim);
    }
    script.after_ms(to_broker_ms);
    script.publish(orders, &placed, Outcome::Done);
    script.after_ms(to_group_ms);
    script.deliver(shipping, "shipping", &placed);
    script.ack(shipping, "shipping", &placed, Outcome::Done);
    judge(PromptWhenCalm::new(&groups()).within(Duration::from_secs(2)), &script)
}

#[test]
fn a_message_that_is_published_or_handled_late_is_told() {
    let published = "a message was published 3 s after it was staged, and nothing had gone wrong";
    assert_eq!(sentences(&late(3_000, 0, false)), [published]);
    let handled = "`shipping` was done with a message 4 s after it was published, and nothing had gone wrong";
    assert_eq!(sentences(&late(0, 4_000, false)), [handled]);
    assert_eq!(late(1_000, 1_000, false), []);
}

/// By what is allowed where nobody says anything.
#[test]
fn eight_seconds_are_late_enough_for_whatever_is_done_first() {
    let after = |ms: u64, not_before: Option<Timestamp>| {
        let placed = Message { schedule: Schedule { not_before, ..Schedule::NONE }, ..message(1, "order-1") };
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [staged(&placed)]);
        script.after_ms(ms);
        script.publish(orders, &placed, Outcome::Done);
        judge(PromptWhenCalm::new(&groups()), &script).len()
    };
    assert_eq!((after(7_999, None), after(8_000, None)), (0, 1));
    assert_eq!(after(60_000, Some(Timestamp::from_millis(60_000))), 0, "it was held back");
}

#[test]
fn a_message_that_the_broker_has_put_off_waits_for_room() {
    let placed = message(1, "order-1");
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&placed)]);
    script.publish(orders, &placed, Outcome::Unavailable);
    script.after_ms(30_000);
    script.publish(orders, &placed, Outcome::Done);
    assert_eq!(judge(PromptWhenCalm::new(&groups()), &script), []);
}

#[test]
fn once_anything_has_gone_wrong_nobody_promises_anything() {
    assert_eq!(late(30_000, 40_000, true), []);
}

#[test]
fn a_message_behind_others_has_as_much_more_time_as_they_take() {
    let placed = message(1, "order-1");
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    let before: Vec<_> = (2..12).map(|number| message(number, "order-2")).collect();
    for message in before.iter().chain([&placed]) {
        script.commit(orders, "orders", Outcome::Done, [staged(message)]);
        script.publish(orders, message, Outcome::Done);
    }
    script.after_ms(3_000);
    script.ack(shipping, "shipping", &placed, Outcome::Done);
    let mut paced = PromptWhenCalm::new(&groups()).within(Duration::from_secs(2));
    assert_eq!(judge(PromptWhenCalm::new(&groups()).within(Duration::from_secs(2)), &script).len(), 1);
    seaworthy_sim::invariants::Invariant::pace(&mut paced, Duration::from_millis(5));
    assert_eq!(judge(paced, &script), []);
}
