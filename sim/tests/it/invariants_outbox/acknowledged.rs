//! Success that was told to the broker before there was any.

use seaworthy_core::{
    message::{Message, Schedule},
    ports::Timestamp,
};
use seaworthy_sim::{
    invariants::AcknowledgedBeforeHandled,
    plan::FaultKind,
    trace::{
        Effect, Outcome, ProcessIndex, What,
        script::{self, Script, handled},
    },
};

use super::{confirmed, groups, judge, learnt, practice, sentences};

fn in_order() -> Script {
    let message = confirmed();
    let mut script = Script::new();
    let shipping = script.process("shipping-1");
    script.deliver(shipping, "shipping", &message);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message)]);
    script.ack(shipping, "shipping", &message, Outcome::NotDoneUnheard);
    script.deliver(shipping, "shipping", &message);
    script.ack(shipping, "shipping", &message, Outcome::Done);
    script
}

#[test]
fn a_message_that_is_acknowledged_first_and_handled_later_is_told() {
    let message = confirmed();
    let mut script = Script::new();
    let shipping = script.process("shipping-1");
    script.deliver(shipping, "shipping", &message);
    let acked = script.ack(shipping, "shipping", &message, Outcome::DoneUnheard);
    assert_eq!(judge(AcknowledgedBeforeHandled::new(&groups()), &script), [], "it may have no inbox");
    let done = script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message)]);
    let found = judge(AcknowledgedBeforeHandled::new(&groups()), &script);
    assert_eq!(sentences(&found), ["`shipping` acknowledged a message before it handled it"]);
    assert_eq!(found[0].events, [acked, done]);
}

#[test]
fn a_type_that_is_always_handled_first_is_not_acknowledged_without_even_in_a_run_that_handles_none() {
    let practice = practice(&in_order(), 1);
    let message = script::message(2, "orders", "order-18");
    let mut script = Script::new();
    let shipping = script.process("shipping-1");
    script.deliver(shipping, "shipping", &message);
    let acked = script.ack(shipping, "shipping", &message, Outcome::Done);
    let found = judge(learnt(AcknowledgedBeforeHandled::new(&groups()), &practice), &script);
    assert_eq!(sentences(&found), ["`shipping` acknowledged a message that it had not handled"]);
    assert_eq!(found[0].events, [acked]);

    // One that expires may be dropped, for all that is known.
    let schedule = Schedule { expires: Some(Timestamp::from_millis(1)), ..Schedule::NONE };
    let offer = Message { schedule, ..script::message(4, "orders", "order-20") };
    let mut script = Script::new();
    script.process("shipping-1");
    script.deliver(shipping, "shipping", &offer);
    script.ack(shipping, "shipping", &offer, Outcome::Done);
    assert_eq!(judge(learnt(AcknowledgedBeforeHandled::new(&groups()), &practice), &script), []);

    // The same group and another type: nobody knows whether it is ignored.
    let mut other = script::message(3, "orders", "order-19");
    other.kind = "order.viewed".into();
    let mut script = Script::new();
    script.process("shipping-1");
    script.deliver(shipping, "shipping", &other);
    script.ack(shipping, "shipping", &other, Outcome::Done);
    assert_eq!(judge(learnt(AcknowledgedBeforeHandled::new(&groups()), &practice), &script), []);
}

#[test]
fn what_was_handled_before_was_buried_or_was_never_acknowledged_is_no_early_success() {
    let practice = practice(&in_order(), 1);
    assert_eq!(judge(learnt(AcknowledgedBeforeHandled::new(&groups()), &practice), &in_order()), []);
    let message = script::message(2, "orders", "order-18");
    let buried = Effect::Buried { consumer: "shipping".into(), message: message.id, reason: "spoiled".into() };
    let mut script = Script::new();
    let shipping = script.process("shipping-1");
    script.deliver(shipping, "shipping", &message);
    script.ack(shipping, "shipping", &message, Outcome::BelievedDone);
    script.commit(shipping, "shipping", Outcome::Done, [buried]);
    script.ack(shipping, "shipping", &message, Outcome::Done);
    assert_eq!(judge(learnt(AcknowledgedBeforeHandled::new(&groups()), &practice), &script), []);
}

/// It had expired to the clock of whoever acknowledged it, and not to that of whoever gets it once more.
#[test]
fn a_message_that_expires_may_be_handled_after_it_was_dropped_where_clocks_differ() {
    let offer = Schedule { expires: Some(Timestamp::from_millis(1)), ..Schedule::NONE };
    for (differ, schedule, told) in [(true, offer, 0), (true, Schedule::NONE, 1), (false, offer, 1)] {
        let message = Message { schedule, ..script::message(2, "orders", "order-18") };
        let mut script = Script::new();
        let shipping = script.process("shipping-1");
        if differ {
            let skew = What::Fault { index: 0, kind: FaultKind::ClockSkew, point: None };
            script.event(ProcessIndex::WORLD, skew);
        }
        script.deliver(shipping, "shipping", &message);
        script.ack(shipping, "shipping", &message, Outcome::Done);
        script.deliver(shipping, "shipping", &message);
        script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message)]);
        let found = judge(AcknowledgedBeforeHandled::new(&groups()), &script);
        assert_eq!(found.len(), told, "{differ}, {schedule:?}");
    }
}
