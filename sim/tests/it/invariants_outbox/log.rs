//! Rows that a reader of the log settles.

use seaworthy_core::message::Message;
use seaworthy_core::ports::Operation;
use seaworthy_sim::{
    invariants::{DeadOnlyInjected, LostEvent, NoRowStuck, PerKeyOrder, StaleClaimSettle},
    plan::FaultKind,
    trace::{
        Outcome, SettledAs,
        script::{self, Script, dispatched, handled, staged},
    },
};

use super::{confirmed, groups, judge, sentences};

/// Staged, offered to the broker with this outcome, and settled by a reader of the log.
fn tailed(
    fault: Option<(FaultKind, Operation)>,
    outcome: Outcome,
    effect: fn(&Message) -> seaworthy_sim::trace::Effect,
) -> Script {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    if let Some((kind, point)) = fault {
        script.fault(orders, kind, point);
    }
    script.publish(orders, &message, outcome);
    script.commit(orders, "orders", Outcome::Done, [effect(&message)]);
    script
}

#[test]
fn a_row_that_a_reader_of_the_log_settled_is_not_stuck() {
    for effect in [dispatched, script::given_up] {
        assert_eq!(judge(NoRowStuck::new(), &tailed(None, Outcome::Done, effect)), []);
    }
}

#[test]
fn a_reader_of_the_log_gives_up_only_what_the_plan_refuses() {
    let reject = Some((FaultKind::Reject, Operation::Publish));
    assert_eq!(judge(DeadOnlyInjected::new(), &tailed(reject, Outcome::Rejected, script::given_up)), []);
    let outage = Some((FaultKind::Unavailable, Operation::Publish));
    assert_eq!(
        sentences(&judge(DeadOnlyInjected::new(), &tailed(outage, Outcome::Unavailable, script::given_up))),
        ["a relay gave up a message, which the broker was never told to refuse: too large"]
    );
    // The refusal was overcome: it excuses no later death.
    let mut script = tailed(reject, Outcome::Rejected, dispatched);
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [script::given_up(&confirmed())]);
    assert_eq!(judge(DeadOnlyInjected::new(), &script).len(), 1);
}

#[test]
fn what_a_reader_of_the_log_marked_and_never_published_is_lost_and_what_it_gave_up_is_not() {
    let script = tailed(None, Outcome::NotDoneUnheard, dispatched);
    assert_eq!(judge(LostEvent::new(&groups()), &script).len(), 2, "for `shipping` and for `mail`");
    let mut script = tailed(None, Outcome::Rejected, script::given_up);
    assert_eq!(judge(LostEvent::new(&groups()), &script), []);
    let orders = script.process("orders-1");
    // Redriven, marked and never published.
    script.commit(orders, "orders", Outcome::Done, [dispatched(&confirmed())]);
    assert_eq!(judge(LostEvent::new(&groups()), &script).len(), 2);
}

#[test]
fn a_message_that_a_reader_of_the_log_gave_up_may_come_late() {
    let (first, second) = (script::message(1, "orders", "order-17"), script::message(2, "orders", "order-17"));
    for (dies, violations) in [(false, 1), (true, 0)] {
        let mut script = Script::new();
        let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
        script.commit(orders, "orders", Outcome::Done, [staged(&first), staged(&second)]);
        if dies {
            script.commit(orders, "orders", Outcome::Done, [script::given_up(&first)]);
        }
        script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &second)]);
        script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &first)]);
        assert_eq!(judge(PerKeyOrder::new(&groups()), &script).len(), violations, "it dies: {dies}");
    }
}

#[test]
fn a_claim_on_a_row_that_a_reader_of_the_log_settled_since_is_lost() {
    let message = confirmed();
    let mut script = Script::new();
    let (one, two) = (script.process("orders-1"), script.process("orders-2"));
    script.commit(one, "orders", Outcome::Done, [staged(&message)]);
    script.claim(one, "orders", 1, &[&message], Outcome::Done);
    script.commit(two, "orders", Outcome::Done, [dispatched(&message)]);
    script.settle(one, "orders", 1, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    assert_eq!(
        sentences(&judge(StaleClaimSettle::new(), &script)),
        ["row 1 of `orders` was settled as dispatched although the claim did not hold it"]
    );
}
