//! Messages without a commit.

use seaworthy_sim::{
    invariants::{Invariant, PhantomEvent},
    trace::{
        Outcome, SettledAs,
        script::{self, Script, staged},
    },
};

use super::{confirmed, judge, practice, sentences};

#[test]
fn seed_12_a_message_that_is_published_before_its_transaction_commits_is_a_phantom() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    let published = script.publish(orders, &message, Outcome::Done);
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);

    let found = judge(PhantomEvent::new(), &script);
    assert_eq!(
        sentences(&found),
        ["the broker accepted `scripted.event` of `order-17`, which no committed transaction has staged"]
    );
    assert_eq!(found[0].events, [published]);
}

#[test]
fn whether_a_commit_staged_its_messages_is_its_outcome_in_truth() {
    let message = confirmed();
    for (outcome, phantoms) in [
        (Outcome::Done, 0),
        // The reply was lost: the rows are there, and a relay is right to publish them.
        (Outcome::DoneUnheard, 0),
        // The request was lost: whoever publishes now believes what is not so.
        (Outcome::NotDoneUnheard, 1),
        (Outcome::Conflict, 1),
        (Outcome::Unavailable, 1),
    ] {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        // Its source is one that stages.
        script.commit(orders, "orders", Outcome::Done, [staged(&script::message(2, "orders", "order-18"))]);
        script.commit(orders, "orders", outcome, [staged(&message)]);
        script.publish(orders, &message, Outcome::DoneUnheard);
        assert_eq!(judge(PhantomEvent::new(), &script).len(), phantoms, "a commit that ended {outcome:?}");
    }
}

#[test]
fn a_phantom_that_the_broker_never_accepted_harms_nobody() {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    for outcome in [Outcome::Unavailable, Outcome::Rejected, Outcome::NotDoneUnheard] {
        script.publish(orders, &confirmed(), outcome);
    }
    assert_eq!(judge(PhantomEvent::new(), &script), []);
}

#[test]
fn a_stale_relay_that_publishes_again_after_the_row_is_settled_makes_no_phantom() {
    let message = confirmed();
    let mut script = Script::new();
    let (one, two) = (script.process("orders-1"), script.process("orders-2"));
    script.commit(one, "orders", Outcome::Done, [staged(&message)]);
    script.claim(one, "orders", 1, &[&message], Outcome::Done);
    script.claim(two, "orders", 2, &[&message], Outcome::Done);
    script.publish(two, &message, Outcome::Done);
    script.settle(two, "orders", 2, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    script.publish(one, &message, Outcome::Done);
    assert_eq!(judge(PhantomEvent::new(), &script), []);
}

#[test]
fn a_dual_write_beside_the_outbox_is_a_phantom_and_what_a_service_without_an_outbox_publishes_is_none() {
    let (first, second) = (script::message(1, "orders", "order-17"), script::message(2, "orders", "order-17"));
    let mut script = Script::new();
    let orders = script.process("orders-1");
    let published = script.publish(orders, &first, Outcome::Done);
    assert_eq!(judge(PhantomEvent::new(), &script), [], "its outbox may lie in tables of its own");

    // It has one here after all, so what it published beside it was a phantom.
    script.commit(orders, "orders", Outcome::Done, [staged(&second)]);
    assert_eq!(judge(PhantomEvent::new(), &script)[0].events, [published]);
}

#[test]
fn a_source_that_stages_only_what_the_broker_did_not_take_makes_no_phantoms() {
    let (direct, staged_later) = (script::message(1, "orders", "order-17"), script::message(2, "orders", "order-18"));
    let mut good_weather = Script::new();
    let orders = good_weather.process("orders-1");
    good_weather.publish(orders, &direct, Outcome::Done);
    let practice = practice(&good_weather, 20);

    let mut script = Script::new();
    script.process("orders-1");
    script.publish(orders, &direct, Outcome::Done);
    script.publish(orders, &staged_later, Outcome::Unavailable);
    script.commit(orders, "orders", Outcome::Done, [staged(&staged_later)]);
    let mut learnt = PhantomEvent::new();
    learnt.learn(&practice);
    assert_eq!(judge(learnt, &script), []);
}

#[test]
fn a_dual_write_is_a_phantom_also_where_nothing_was_staged_in_the_run() {
    let (first, second) = (script::message(1, "orders", "order-17"), script::message(2, "orders", "order-17"));
    let mut good_weather = Script::new();
    let orders = good_weather.process("orders-1");
    good_weather.commit(orders, "orders", Outcome::Done, [staged(&first)]);
    let mut learnt = PhantomEvent::new();
    learnt.learn(&practice(&good_weather, 20));
    let mut script = Script::new();
    script.process("orders-1");
    let published = script.publish(orders, &second, Outcome::Done);
    assert_eq!(judge(learnt, &script)[0].events, [published]);
}
