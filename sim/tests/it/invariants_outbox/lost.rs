//! Messages that a group never dealt with.

use seaworthy_core::message::Message;
use seaworthy_sim::{
    invariants::{Ending, Invariant, LostEvent, NoRowStuck, Panel},
    trace::{
        Outcome, SettledAs,
        script::{self, Script, handled, staged},
    },
};

use super::{confirmed, groups, judge, learnt, practice, sentences};

/// Staged and published; `shipping` deals with it through its inbox.
fn half_delivered(message: &Message) -> Script {
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.commit(orders, "orders", Outcome::Done, [staged(message)]);
    script.publish(orders, message, Outcome::Done);
    script.deliver(shipping, "shipping", message);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", message)]);
    script.ack(shipping, "shipping", message, Outcome::Done);
    script
}

#[test]
fn an_event_is_lost_for_each_group_that_never_dealt_with_it() {
    let message = confirmed();
    let mut script = half_delivered(&message);
    assert_eq!(
        sentences(&judge(LostEvent::new(&groups()), &script)),
        ["`scripted.event` of `order-17` was committed and lost: it was accepted by the broker and never handled by \
             `mail`"],
        "a group that is not bound to the topic misses nothing"
    );

    let mail = script.process("mail-1");
    script.deliver(mail, "mail", &message);
    script.ack(mail, "mail", &message, Outcome::DoneUnheard);
    assert_eq!(judge(LostEvent::new(&groups()), &script), [], "a group without an inbox has only its acknowledgement");
}

#[test]
fn an_acknowledgement_that_never_reached_the_broker_is_none() {
    for outcome in [Outcome::BelievedDone, Outcome::NotDoneUnheard, Outcome::Unavailable] {
        let message = confirmed();
        let mut script = half_delivered(&message);
        let mail = script.process("mail-1");
        script.deliver(mail, "mail", &message);
        script.ack(mail, "mail", &message, outcome);
        assert_eq!(judge(LostEvent::new(&groups()), &script).len(), 1, "{outcome:?}");
    }
}

#[test]
fn a_row_marked_as_dispatched_and_never_published_is_a_lost_event() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.claim(orders, "orders", 1, &[&message], Outcome::Done);
    script.settle(orders, "orders", 1, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    script.crash(orders);
    let found = judge(LostEvent::new(&groups()[..1]), &script);
    assert_eq!(
        sentences(&found),
        [
            "`scripted.event` of `order-17` was committed and lost: it never reached the broker, so `shipping` never saw it"
        ]
    );
}

#[test]
fn an_inbox_that_acknowledges_before_it_commits_loses_the_event() {
    let (first, second) = (confirmed(), script::message(2, "orders", "order-18"));
    let mut script = half_delivered(&first);
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.commit(orders, "orders", Outcome::Done, [staged(&second)]);
    script.publish(orders, &second, Outcome::Done);
    script.deliver(shipping, "shipping", &second);
    let ack = script.ack(shipping, "shipping", &second, Outcome::Done);
    script.crash(shipping);

    let found = judge(LostEvent::new(&groups()[..1]), &script);
    assert_eq!(
        sentences(&found),
        ["`scripted.event` of `order-18` was committed and lost: it was acknowledged by `shipping` and never handled"]
    );
    assert!(found[0].events.contains(&ack));
}

#[test]
fn a_type_that_a_consumer_ignores_by_name_is_not_lost_unless_it_should_handle_it() {
    let mut ignored = confirmed();
    ignored.kind = "order.viewed".into();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&ignored)]);
    script.publish(orders, &ignored, Outcome::Done);
    script.ack(orders, "shipping", &ignored, Outcome::Done);
    assert_eq!(judge(LostEvent::new(&groups()[..1]), &script), []);
    let strict = LostEvent::new(&groups()[..1]).handles("shipping", &["order.viewed"]);
    assert_eq!(judge(strict, &script).len(), 1);
}

#[test]
fn a_dead_event_is_not_lost_but_one_that_was_redriven_can_be() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.claim(orders, "orders", 1, &[&message], Outcome::Done);
    script.settle(orders, "orders", 1, &[&message], (SettledAs::Dead, true), Outcome::DoneUnheard);
    assert_eq!(judge(LostEvent::new(&groups()), &script), []);

    script.claim(orders, "orders", 2, &[&message], Outcome::Done);
    script.settle(orders, "orders", 2, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    assert_eq!(judge(LostEvent::new(&groups()), &script).len(), 2, "once for each group");
}

#[test]
fn a_consumer_may_have_another_name_than_its_group() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.commit(orders, "shipping", Outcome::Done, [handled("shipments", &message)]);
    assert_eq!(judge(LostEvent::new(&groups()[..1]), &script).len(), 1);
    assert_eq!(judge(LostEvent::new(&groups()[..1]).consumer("shipping", "shipments"), &script), []);
}

#[test]
fn a_run_that_ran_out_of_its_budget_has_lost_nothing_yet_but_its_rows_are_stuck() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    let found = |invariant: Box<dyn Invariant>, ending| Panel::new(vec![invariant]).judge(&script.events(), ending);
    let lost = |ending| found(Box::new(LostEvent::new(&groups())), ending).violations.len();
    assert_eq!((lost(Ending::OutOfBudget), lost(Ending::Quiet)), (0, 2));
    // Nobody has asked for the row, and nobody will.
    let stuck = |ending| found(Box::new(NoRowStuck::new()), ending).violations.len();
    assert_eq!((stuck(Ending::OutOfBudget), stuck(Ending::Quiet)), (1, 1));
}

#[test]
fn an_event_that_was_published_and_handled_before_it_was_staged_is_not_lost() {
    let message = confirmed();
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    // The reply was lost, so the publisher stages it as well.
    script.publish(orders, &message, Outcome::DoneUnheard);
    script.deliver(shipping, "shipping", &message);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message)]);
    script.ack(shipping, "shipping", &message, Outcome::Done);
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    assert_eq!(judge(LostEvent::new(&groups()[..1]), &script), []);
    let found = judge(LostEvent::new(&groups()), &script);
    assert_eq!(found.len(), 1, "`mail` has not handled it: {found:#?}");
}

/// `shippers` handle messages of one type under another name; `mail` acknowledges them and has no inbox.
fn good_weather() -> Script {
    let message = confirmed();
    let mut script = Script::new();
    let (shipping, mail) = (script.process("shipping-1"), script.process("mail-1"));
    script.deliver(shipping, "shippers", &message);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message)]);
    script.ack(shipping, "shippers", &message, Outcome::Done);
    script.deliver(mail, "mail", &message);
    script.ack(mail, "mail", &message, Outcome::Done);
    script
}

#[test]
fn an_acknowledgement_is_not_enough_for_a_type_that_is_handled_in_other_runs_under_another_name() {
    use seaworthy_core::ports::SubscriptionSpec;
    let group = |name: &str| SubscriptionSpec { group: name.into(), topics: vec!["orders".into()] };
    let groups = [group("shippers"), group("mail")];
    let message = script::message(2, "orders", "order-18");
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.publish(orders, &message, Outcome::Done);
    script.ack(shipping, "shippers", &message, Outcome::Done);
    script.ack(shipping, "mail", &message, Outcome::Done);
    assert_eq!(judge(LostEvent::new(&groups), &script), [], "nothing in this run says that anybody has an inbox");

    let practice = practice(&good_weather(), 1);
    assert_eq!(
        sentences(&judge(learnt(LostEvent::new(&groups), &practice), &script)),
        ["`scripted.event` of `order-18` was committed and lost: it was acknowledged by `shippers` and never handled"]
    );
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message)]);
    assert_eq!(judge(learnt(LostEvent::new(&groups), &practice), &script), [], "the inbox has another name");
}

#[test]
fn a_type_of_which_some_are_only_acknowledged_in_good_weather_is_not_lost_by_an_acknowledgement() {
    let mut some = half_delivered(&confirmed());
    let shipping = some.process("shipping-1");
    let ignored = script::message(2, "orders", "order-18");
    some.deliver(shipping, "shipping", &ignored);
    some.ack(shipping, "shipping", &ignored, Outcome::Done);

    let third = script::message(3, "orders", "order-19");
    let mut script = half_delivered(&confirmed());
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&third)]);
    script.publish(orders, &third, Outcome::Done);
    script.ack(shipping, "shipping", &third, Outcome::Done);
    let lost = |invariant| judge(invariant, &script).len();
    assert_eq!(lost(LostEvent::new(&groups()[..1])), 1, "the run handles one of the type");
    assert_eq!(lost(learnt(LostEvent::new(&groups()[..1]), &practice(&some, 1))), 0);
}
