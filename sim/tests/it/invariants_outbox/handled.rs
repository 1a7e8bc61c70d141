//! Handlings that did less than all others of their kind.

use std::sync::Arc;

use seaworthy_core::{
    ids::{Direction, OperationId},
    message::Message,
    ports::SagaStatus::{Compensated, Compensating, Running},
};
use seaworthy_sim::{
    invariants::{Deed, Entity, HandledWithoutEffect, Handling, Practice},
    scenario::Topology,
    trace::{
        Effect, Outcome, ProcessIndex, What,
        script::{self, Script, created, handled, logged},
    },
};

use super::{confirmed, judge, learnt, practice, sentences};

fn document(collection: &str) -> Effect {
    let body = Some(b"1".to_vec().into());
    Effect::Document { collection: collection.into(), id: "order-17".into(), version: 1, body }
}

fn request(script: &mut Script, process: ProcessIndex, request: u64) {
    script.event(process, What::Request { request, operation: "pay".into() });
}

fn reply(script: &mut Script, process: ProcessIndex, request: u64, accepted: bool) -> u64 {
    script.event(process, What::Reply { request, accepted, outcome: Outcome::Done })
}

/// `pay` leaves a key and a payment; `stock` handles `scripted.event` with a reservation.
fn learn() -> Arc<Practice> {
    let message = confirmed();
    let mut script = Script::new();
    let (front, stock) = (script.process("front-1"), script.process("stock-1"));
    script.commit(front, "ledger", Outcome::Done, [document("heartbeats")]);
    request(&mut script, front, 1);
    script.commit(front, "ledger", Outcome::Done, [document("keys"), document("heartbeats")]);
    script.commit(front, "ledger", Outcome::Done, [document("payments"), document("keys")]);
    reply(&mut script, front, 1, true);
    script.deliver(stock, "stock", &message);
    script.commit(stock, "stock", Outcome::Done, [handled("stock", &message), document("reservations")]);
    script.ack(stock, "stock", &message, Outcome::Done);
    practice(&script, 20)
}

fn invariant() -> HandledWithoutEffect {
    learnt(HandledWithoutEffect::new(), &learn())
}

#[test]
fn what_all_of_a_kind_do_is_learnt_and_what_happens_by_the_way_is_not() {
    let practice = learn();
    let pay = Handling::Request { operation: "pay".into(), accepted: true };
    assert_eq!(practice.always(&pay), [&Deed::Document("keys".into()), &Deed::Document("payments".into())]);
    let stock = Handling::Message { group: "stock".into(), kind: "scripted.event".into() };
    assert_eq!(practice.always(&stock), [&Deed::Inbox("stock".into()), &Deed::Document("reservations".into())]);
}

#[test]
fn a_key_without_its_payment_is_told_whether_the_request_was_accepted_or_refused() {
    for (accepted, answered) in [(true, "accepted"), (false, "refused")] {
        let mut script = Script::new();
        let front = script.process("front-1");
        request(&mut script, front, 1);
        script.commit(front, "ledger", Outcome::Done, [document("keys")]);
        script.commit(front, "ledger", Outcome::Conflict, [document("payments")]);
        script.crash(front);
        script.boot(front);
        request(&mut script, front, 1);
        let end = reply(&mut script, front, 1, accepted);
        let found = judge(invariant(), &script);
        assert_eq!(
            sentences(&found),
            [format!(
                "request 1 (`pay`) was {answered} with only a document in `keys`; when nothing goes wrong, each one also \
                 leaves a document in `payments` (if it may rightly leave things as they are: \
                 Topology::request_may_do_nothing(\"pay\"))"
            )]
        );
        assert_eq!(found[0].entity, Entity::Request(1));
        assert_eq!(found[0].events, [0, 1, end]);
    }
}

#[test]
fn a_request_whose_effect_came_in_another_attempt_or_that_did_nothing_or_something_else_is_not_told() {
    let mut script = Script::new();
    let (one, two) = (script.process("front-1"), script.process("front-2"));
    request(&mut script, one, 1);
    script.commit(one, "ledger", Outcome::Done, [document("keys")]);
    // Its commit was carried out, and it did not live to hear of it.
    script.commit(one, "ledger", Outcome::DoneUnheard, [document("payments"), document("keys")]);
    script.crash(one);
    request(&mut script, two, 1);
    reply(&mut script, two, 1, true);
    // It had been paid.
    request(&mut script, two, 2);
    reply(&mut script, two, 2, false);
    // It was declined, and that is kept.
    request(&mut script, two, 3);
    script.commit(two, "ledger", Outcome::Done, [document("keys"), document("declined")]);
    reply(&mut script, two, 3, false);
    assert_eq!(judge(invariant(), &script), []);
    assert_eq!(judge(HandledWithoutEffect::new(), &script), [], "without a practice there is nothing to compare with");
}

/// `stock` handles `message` with only its inbox row.
fn marked(script: &mut Script, message: &Message) -> u64 {
    let stock = script.process("stock-1");
    script.deliver(stock, "stock", message);
    script.commit(stock, "stock", Outcome::Done, [handled("stock", message)]);
    script.ack(stock, "stock", message, Outcome::Done)
}

#[test]
fn an_inbox_row_alone_is_told_and_so_is_an_acknowledgement_for_which_nothing_was_committed() {
    let message = confirmed();
    let mut script = Script::new();
    marked(&mut script, &message);
    assert_eq!(
        sentences(&judge(invariant(), &script)),
        [
            "`stock` handled a `scripted.event` with only a row in the inbox of `stock`; when nothing goes wrong, each one \
          also leaves a document in `reservations` (if it may rightly leave things as they are: \
          Topology::message_may_do_nothing(\"stock\", \"scripted.event\"))"
        ]
    );
    let exempt = Handling::Message { group: "stock".into(), kind: "scripted.event".into() };
    let topology = Topology::new().message_may_do_nothing("stock", "scripted.event");
    for lenient in [HandledWithoutEffect::new().may_do_nothing(exempt), HandledWithoutEffect::from_topology(&topology)]
    {
        assert_eq!(judge(learnt(lenient, &learn()), &script), []);
    }
    let another =
        HandledWithoutEffect::from_topology(&Topology::new().message_may_do_nothing("stock", "another.event"));
    assert_eq!(judge(learnt(another, &learn()), &script).len(), 1);

    let mut script = Script::new();
    let stock = script.process("stock-1");
    script.deliver(stock, "stock", &message);
    script.ack(stock, "stock", &message, Outcome::Done);
    let found = judge(invariant(), &script);
    assert!(found[0].sentence.starts_with("`stock` handled a `scripted.event` without anything"), "{found:#?}");
}

#[test]
fn a_message_that_another_one_has_made_needless_is_not_told() {
    let (old, mut new) = (confirmed(), script::message(2, "orders", "order-17"));
    new.time = seaworthy_core::ports::Timestamp::from_millis(5);
    for (is_newer, found) in [(true, 0), (false, 1)] {
        let (first, second) = if is_newer { (&new, &old) } else { (&old, &new) };
        let mut first = first.clone();
        first.data = b"another".to_vec().into();
        let mut script = Script::new();
        let stock = script.process("stock-1");
        script.deliver(stock, "stock", &first);
        script.commit(stock, "stock", Outcome::Done, [handled("stock", &first), document("reservations")]);
        script.ack(stock, "stock", &first, Outcome::Done);
        marked(&mut script, second);
        assert_eq!(judge(invariant(), &script).len(), found, "the one that was handled is newer: {is_newer}");
    }
}

#[test]
fn a_dead_letter_is_no_handling_without_effect() {
    let message = confirmed();
    let buried = Effect::Buried { consumer: "stock".into(), message: message.id, reason: "spoiled".into() };
    let mut script = Script::new();
    let stock = script.process("stock-1");
    script.deliver(stock, "stock", &message);
    script.commit(stock, "stock", Outcome::Done, [buried]);
    script.ack(stock, "stock", &message, Outcome::Done);
    assert_eq!(judge(invariant(), &script), []);
}

/// Asks the bank something about a saga.
fn asks(script: &mut Script, process: ProcessIndex) {
    let operation = OperationId::derive(script::saga(1), "bank", Direction::Action);
    script.external(process, ("bank", "ask", "order-17"), operation, true, Outcome::Done);
}

/// A request that begins a saga is accepted, and nobody asks the bank for it, as somebody does in good weather; `between` comes before
/// the answer and `after` behind it.
fn left_undone(
    between: impl Fn(&mut Script, ProcessIndex, ProcessIndex),
    after: impl Fn(&mut Script, ProcessIndex),
) -> usize {
    let mut good = Script::new();
    let front = good.process("front-1");
    request(&mut good, front, 1);
    good.commit(front, "ledger", Outcome::Done, [created(1, "checkout", "order-17")]);
    asks(&mut good, front);
    reply(&mut good, front, 1, true);
    let invariant = learnt(HandledWithoutEffect::new(), &practice(&good, 20));

    let mut script = Script::new();
    let (front, other) = (script.process("front-1"), script.process("front-2"));
    request(&mut script, front, 1);
    script.commit(front, "ledger", Outcome::Done, [created(1, "checkout", "order-17")]);
    between(&mut script, front, other);
    reply(&mut script, front, 1, true);
    after(&mut script, front);
    judge(invariant, &script).len()
}

#[test]
fn a_saga_that_turned_back_or_was_driven_elsewhere_before_the_answer_leaves_undone_what_it_will() {
    let log = |script: &mut Script, process, status| {
        script.commit(process, "ledger", Outcome::Done, [logged(1, &[], status)]);
    };
    let nothing = |_: &mut Script, _| {};
    assert_eq!(left_undone(|_, _, _| {}, nothing), 1);
    assert_eq!(left_undone(|script, front, _| log(script, front, Running), nothing), 1, "it goes on where it began");
    for status in [Compensating, Compensated] {
        assert_eq!(left_undone(|script, front, _| log(script, front, status), nothing), 0, "at its deadline");
        assert_eq!(left_undone(|_, _, _| {}, |script, front| log(script, front, status)), 1, "too late to excuse");
    }
    assert_eq!(
        left_undone(|script, _, other| log(script, other, Running), nothing),
        0,
        "who asks has no request in hand"
    );
    let of_another = |script: &mut Script, _, other| {
        script.commit(other, "ledger", Outcome::Done, [logged(2, &[], Compensating)]);
    };
    assert_eq!(left_undone(of_another, nothing), 1);
}
