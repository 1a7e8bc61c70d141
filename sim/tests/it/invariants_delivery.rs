//! Invariants of delivery and effects, on traces written by hand: what each catches and what it lets pass.

use seaworthy_core::{ids::OperationId, message::Message, ports::SubscriptionSpec};
use seaworthy_sim::{
    invariants::{DuplicateEffect, Ending, Findings, Invariant, Panel, PerKeyOrder, Violation},
    trace::{
        Effect, Outcome, SettledAs,
        script::{self, Script, executed, handled, staged, undone},
    },
};
use uuid::Uuid;

fn findings(invariant: impl Invariant + 'static, script: &Script) -> Findings {
    Panel::new(vec![Box::new(invariant)]).judge(&script.events(), Ending::Quiet)
}

fn judge(invariant: impl Invariant + 'static, script: &Script) -> Vec<Violation> {
    findings(invariant, script).violations
}

fn sentences(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.sentence.as_str()).collect()
}

fn operation(number: u128) -> OperationId {
    OperationId(Uuid::from_u128(number))
}

fn of_key(number: u64, key: &str) -> Message {
    script::message(number, "orders", key)
}

#[test]
fn a_message_that_a_consumer_handles_twice_is_a_duplicate_effect() {
    let message = of_key(1, "order-17");
    let mut script = Script::new();
    let (one, two) = (script.process("shipping-1"), script.process("shipping-2"));
    let first = script.commit(one, "shipping", Outcome::DoneUnheard, [handled("shipping", &message)]);
    script.crash(one);
    let second = script.commit(two, "shipping", Outcome::Done, [handled("shipping", &message)]);
    let found = judge(DuplicateEffect::new(), &script);
    assert_eq!(sentences(&found), ["`shipping` handled one message twice"]);
    assert_eq!(found[0].events, [first, second]);
}

#[test]
fn two_consumers_and_a_handler_that_rolled_back_are_no_duplicates() {
    let message = of_key(1, "order-17");
    let mut script = Script::new();
    let shipping = script.process("shipping-1");
    script.commit(shipping, "shipping", Outcome::NotDoneUnheard, [handled("shipping", &message)]);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message)]);
    script.commit(shipping, "shipping", Outcome::Done, [handled("statistics", &message)]);
    script.commit(shipping, "archive", Outcome::Done, [handled("shipping", &message)]);
    let findings = findings(DuplicateEffect::new(), &script);
    assert_eq!(findings.violations, []);
    assert_eq!(findings.judged[0].times, 3, "what rolled back is nothing to judge");
}

#[test]
fn a_dead_letter_that_is_taken_out_again_is_handled_once_and_not_twice() {
    let message = of_key(1, "order-17");
    let buried = Effect::Buried { consumer: "shipping".into(), message: message.id, reason: "spoiled".into() };
    let exhumed = || Effect::Exhumed { consumer: "shipping".into(), message: message.id };
    let mut script = Script::new();
    let shipping = script.process("shipping-1");
    script.commit(shipping, "shipping", Outcome::Done, [buried]);
    script.commit(shipping, "shipping", Outcome::Done, [exhumed()]);
    assert_eq!(judge(DuplicateEffect::new(), &script), []);
    script.commit(shipping, "shipping", Outcome::Done, [exhumed()]);
    assert_eq!(sentences(&judge(DuplicateEffect::new(), &script)), ["`shipping` handled one message twice"]);
}

#[test]
fn a_participant_carries_out_an_operation_once_and_never_after_its_tombstone() {
    let mut script = Script::new();
    let stock = script.process("stock-1");
    script.commit(stock, "stock", Outcome::Done, [executed(operation(1))]);
    script.commit(stock, "stock", Outcome::Done, [undone(operation(1))]);
    script.commit(stock, "stock", Outcome::Done, [undone(operation(2))]);
    script.commit(stock, "stock", Outcome::Done, [executed(operation(3))]);
    assert_eq!(judge(DuplicateEffect::new(), &script), []);

    script.commit(stock, "stock", Outcome::Done, [executed(operation(3))]);
    script.commit(stock, "stock", Outcome::Done, [executed(operation(2))]);
    assert_eq!(
        sentences(&judge(DuplicateEffect::new(), &script)),
        [
            "a participant carried out one operation twice",
            "a participant carried out one operation after it had been undone"
        ]
    );
}

#[test]
fn a_fresh_idempotency_key_for_each_attempt_charges_twice() {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    let charge = ("payments", "charge", "order-17");
    let first = script.external(orders, charge, operation(1), true, Outcome::DoneUnheard);
    let second = script.external(orders, charge, operation(2), true, Outcome::Done);
    let found = judge(DuplicateEffect::new(), &script);
    assert_eq!(sentences(&found), ["`payments` did `charge` for `order-17` twice"]);
    assert_eq!((found[0].entity.to_string().as_str(), &found[0].events[..]), ("order-17", &[first, second][..]));
    assert_eq!(judge(DuplicateEffect::new().may_repeat("payments", "charge"), &script), []);
}

#[test]
fn a_repeated_key_another_order_and_another_operation_charge_nobody_twice() {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.external(orders, ("payments", "charge", "order-17"), operation(1), true, Outcome::DoneUnheard);
    script.external(orders, ("payments", "charge", "order-17"), operation(1), false, Outcome::Done);
    script.external(orders, ("payments", "refund", "order-17"), operation(2), true, Outcome::Done);
    script.external(orders, ("payments", "charge", "order-18"), operation(3), true, Outcome::Done);
    script.external(orders, ("insurance", "charge", "order-17"), operation(4), true, Outcome::Done);
    assert_eq!(judge(DuplicateEffect::new(), &script), []);
}

fn groups() -> Vec<SubscriptionSpec> {
    ["shipping", "mail"].map(|name| SubscriptionSpec { group: name.into(), topics: vec!["orders".into()] }).into()
}

/// Three messages of one key, committed in the order of their numbers, and the process that consumes them.
fn three_committed() -> (Script, [Message; 3]) {
    let messages = [1, 2, 3].map(|number| of_key(number, "order-17"));
    let mut script = Script::new();
    let orders = script.process("orders-1");
    for message in &messages {
        script.commit(orders, "orders", Outcome::Done, [staged(message)]);
    }
    (script, messages)
}

#[test]
fn a_key_that_is_handled_out_of_commit_order_is_caught_for_each_group() {
    let (mut script, [first, second, _]) = three_committed();
    let shipping = script.process("shipping-1");
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &second)]);
    let late = script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &first)]);
    // `mail` has no inbox: it is judged by its acknowledgements.
    script.ack(shipping, "mail", &second, Outcome::Done);
    script.ack(shipping, "mail", &first, Outcome::Done);
    let found = judge(PerKeyOrder::new(&groups()), &script);
    assert_eq!(
        sentences(&found),
        [
            "`shipping` dealt with `scripted.event` of key `order-17` after `scripted.event`, which was committed later",
            "`mail` dealt with `scripted.event` of key `order-17` after `scripted.event`, which was committed later",
        ]
    );
    assert!(found[0].events.contains(&late));
}

#[test]
fn a_gap_is_allowed_and_a_redelivery_of_something_old_is_no_reorder() {
    let (mut script, [first, second, third]) = three_committed();
    let shipping = script.process("shipping-1");
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &first)]);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &third)]);
    // The acknowledgement of the first was lost; it comes again, is seen as a duplicate and acknowledged.
    script.ack(shipping, "shipping", &third, Outcome::Done);
    script.ack(shipping, "shipping", &first, Outcome::Done);
    assert_eq!(judge(PerKeyOrder::new(&groups()[..1]), &script), []);

    // The second, which was a gap until now, is late.
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &second)]);
    assert_eq!(judge(PerKeyOrder::new(&groups()[..1]), &script).len(), 1);
}

#[test]
fn a_row_that_died_and_was_redriven_may_come_late() {
    let (mut script, [first, second, _]) = three_committed();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.claim(orders, "orders", 1, &[&first], Outcome::Done);
    script.settle(orders, "orders", 1, &[&first], (SettledAs::Dead, true), Outcome::Done);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &second)]);
    script.claim(orders, "orders", 2, &[&first], Outcome::Done);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &first)]);
    assert_eq!(judge(PerKeyOrder::new(&groups()[..1]), &script), []);
}

#[test]
fn keys_of_their_own_and_stores_of_their_own_have_no_order_between_them() {
    let (here, there, elsewhere) = (of_key(1, "order-17"), of_key(2, "order-18"), of_key(3, "order-17"));
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.commit(orders, "orders", Outcome::Done, [staged(&here), staged(&there)]);
    script.commit(orders, "billing", Outcome::Done, [staged(&elsewhere)]);
    for message in [&there, &elsewhere, &here] {
        script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", message)]);
    }
    assert_eq!(judge(PerKeyOrder::new(&groups()[..1]), &script), []);
}

#[test]
fn commit_order_counts_and_not_the_order_in_which_the_outcome_was_heard() {
    let (first, second) = (of_key(1, "order-17"), of_key(2, "order-17"));
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    // The reply to the first was lost: it was committed first all the same.
    script.commit(orders, "orders", Outcome::DoneUnheard, [staged(&second)]);
    script.commit(orders, "orders", Outcome::NotDoneUnheard, [staged(&first)]);
    script.commit(orders, "orders", Outcome::Done, [staged(&first)]);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &second)]);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &first)]);
    let findings = findings(PerKeyOrder::new(&groups()[..1]), &script);
    assert_eq!(findings.violations, []);
    assert_eq!(findings.judged[0].times, 1);
}
