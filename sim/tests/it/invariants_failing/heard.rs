//! Work that is given up in silence.

use std::time::Duration;

use seaworthy_core::ports::SagaStatus;
use seaworthy_sim::{
    invariants::{Heard, Violation},
    scenario::{OutboxTable, Topology},
    trace::{
        Effect, Outcome, SettledAs, What, Work,
        script::{self, Script, given_up, logged},
    },
};

use super::{judge, message, sentences};

fn buried() -> Effect {
    Effect::Buried { consumer: "shipping".into(), message: message(1, "order-1").id, reason: "it failed".into() }
}

/// A commit, something beside it, and twenty seconds.
fn after(effects: impl Fn(&mut Script), beside: impl Fn(&mut Script)) -> Vec<Violation> {
    let mut script = Script::new();
    effects(&mut script);
    beside(&mut script);
    script.after_ms(20_000);
    script.rest();
    judge(Heard::new(), &script)
}

fn bury(outcome: Outcome) -> impl Fn(&mut Script) {
    move |script| {
        let shipping = script.process("shipping-1");
        script.commit(shipping, "shipping", outcome, [buried()]);
    }
}

fn say(script: &mut Script, about: Work) {
    let other = script.process("shipping-2");
    script.event(other, What::Said { about, text: "it is dead".into() });
}

const MESSAGE: &str = "a message was given up, and nobody said so at WARN with its id";

#[test]
fn a_dead_letter_a_dead_row_and_a_stuck_saga_that_nobody_speaks_of_are_told() {
    assert_eq!(sentences(&after(bury(Outcome::Done), |_| {})), [MESSAGE]);
    let by_the_log = |script: &mut Script| {
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [given_up(&message(1, "order-1"))]);
    };
    assert_eq!(sentences(&after(by_the_log, |_| {})), [MESSAGE]);
    // In an outbox of the service's own, which tells of it in its own way; another store's is no excuse.
    for (store, expected) in [("orders", &[][..]), ("stock", &[MESSAGE][..])] {
        let topology = Topology::new().outbox_table(OutboxTable::sql(store, "outbox").id("message_id").sent("sent_at"));
        let mut script = Script::new();
        by_the_log(&mut script);
        script.after_ms(20_000);
        script.rest();
        assert_eq!(sentences(&judge(Heard::from_topology(&topology), &script)), expected);
    }
    let by_a_claim = |script: &mut Script| {
        let orders = script.process("orders-1");
        let dead = message(1, "order-1");
        script.claim(orders, "orders", 1, &[&dead], Outcome::Done);
        script.settle(orders, "orders", 1, &[&dead], (SettledAs::Dead, true), Outcome::Done);
    };
    assert_eq!(sentences(&after(by_a_claim, |_| {})), [MESSAGE]);
    let stuck = |script: &mut Script| {
        let orders = script.process("orders-1");
        for _ in 0..2 {
            script.commit(orders, "orders", Outcome::Done, [logged(1, &[], SagaStatus::Stuck)]);
        }
    };
    let found = after(stuck, |_| {});
    assert_eq!(sentences(&found), ["a saga is stuck, and nobody said so at WARN with its id"]);
    let said = |script: &mut Script| say(script, Work::Saga(script::saga(1)));
    assert_eq!(after(stuck, said), []);
}

#[test]
fn what_is_spoken_of_is_not_told_and_a_word_about_something_else_does_not_help() {
    let about = |number| move |script: &mut Script| say(script, Work::Message(message(number, "order-1").id));
    assert_eq!(after(bury(Outcome::Done), about(1)), []);
    assert_eq!(after(bury(Outcome::Done), about(2)).len(), 1);
}

#[test]
fn whoever_died_first_or_never_heard_of_its_commit_is_not_accused_nor_is_what_failed_once_more() {
    let crash = |script: &mut Script| {
        let shipping = script.process("shipping-1");
        script.crash(shipping);
    };
    assert_eq!(after(bury(Outcome::Done), crash), []);
    assert_eq!(after(bury(Outcome::DoneUnheard), |_| {}), []);
    let again = |script: &mut Script| {
        let shipping = script.process("shipping-1");
        let (consumer, id) = ("shipping".into(), message(1, "order-1").id);
        let exhumed = Effect::Exhumed { consumer, message: id };
        script.commit(shipping, "shipping", Outcome::Done, [exhumed, buried()]);
    };
    assert_eq!(after(again, |_| {}), []);
}

#[test]
fn a_word_that_comes_later_than_the_scenario_allows_is_too_late() {
    let late = |bound: u64| {
        let mut script = Script::new();
        bury(Outcome::Done)(&mut script);
        script.after_ms(2_000);
        // Whatever happens next shows what the time is.
        let other = script.process("shipping-2");
        script.boot(other);
        say(&mut script, Work::Message(message(1, "order-1").id));
        judge(Heard::new().within(Duration::from_secs(bound)), &script).len()
    };
    assert_eq!((late(1), late(10)), (1, 0));
}
