//! Work that is tried without end.

use seaworthy_core::{
    ids::Direction,
    ports::SagaStatus,
    saga::{Failure, Record},
};
use seaworthy_sim::{
    invariants::{BoundedAttempts, Violation},
    trace::{
        Effect, Outcome, What, Work,
        script::{self, Script, logged},
    },
};

use super::{judge, message, sentences, spoils};

/// A message fails so often, and then `after` happens to it, and it fails as often again.
fn tried(times: u32, after: Option<Effect>) -> Vec<Violation> {
    let mut script = Script::new();
    let shipping = script.process("shipping-1");
    let poison = message(1, "order-1");
    for _ in 0..times {
        spoils(&mut script, shipping, &poison);
    }
    if let Some(effect) = after {
        script.commit(shipping, "shipping", Outcome::Done, [effect]);
        for _ in 0..times {
            spoils(&mut script, shipping, &poison);
        }
    }
    judge(BoundedAttempts::new().messages(3), &script)
}

#[test]
fn a_message_that_is_tried_more_often_than_it_may_is_told_once() {
    let found = tried(6, None);
    let sentence = "a message was tried, failed each time, and is no dead letter: 4 attempts";
    assert_eq!(sentences(&found), [sentence]);
    assert_eq!(found[0].events, [0, 3]);
    assert_eq!(tried(3, None), []);
}

#[test]
fn a_message_that_is_a_dead_letter_or_handled_after_all_begins_anew_and_a_counted_failure_is_no_end() {
    let id = message(1, "order-1").id;
    let (consumer, reason) = ("shipping".into(), "conflict".into());
    assert_eq!(tried(3, Some(Effect::Buried { consumer, message: id, reason })), []);
    assert_eq!(tried(3, Some(script::handled("shipping", &message(1, "order-1")))), []);
    let failed = Effect::Failed { consumer: "shipping".into(), message: id, failures: 3, error: "conflict".into() };
    assert_eq!(tried(3, Some(failed)).len(), 1);
}

#[test]
fn a_step_may_fail_for_ever_if_each_time_is_logged() {
    let run = |is_logged: bool| {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        for attempt in 1..=5 {
            for _ in 0..3 {
                script.event(orders, What::Spoils { index: 0, what: Work::Saga(script::saga(1)) });
            }
            if is_logged {
                let (step, direction, failure) = ("seat".into(), Direction::Action, Failure::Transient);
                let (delay_us, error, panicked) = (100, "conflict".into(), false);
                let retry = Record::Retry { step, direction, attempt, failure, delay_us, error, panicked };
                script.commit(orders, "orders", Outcome::Done, [logged(1, &[retry.encode()], SagaStatus::Running)]);
            }
        }
        judge(BoundedAttempts::new().steps(4), &script)
    };
    assert_eq!(run(true), []);
    let sentence = "a saga's step was tried, failed each time, and logged nothing of it: 5 attempts";
    assert_eq!(sentences(&run(false)), [sentence]);
}
