//! Messages without a commit.

use seaworthy_sim::{
    invariants::PhantomEvent,
    trace::{
        Outcome,
        script::{Script, staged},
    },
};

use super::{confirmed, judge, sentences};

#[test]
fn a_message_that_is_published_before_its_transaction_commits_is_a_phantom() {
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
    script.settle(two, "orders", 2, &[&message], ("dispatched", true), Outcome::Done);
    script.publish(one, &message, Outcome::Done);
    assert_eq!(judge(PhantomEvent::new(), &script), []);
}
