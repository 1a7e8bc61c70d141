//! Work that is tried without end.

use seaworthy_core::{
    ids::Direction,
    ports::SagaStatus,
    saga::{AttemptFailure, Record},
};
use seaworthy_sim::{
    invariants::{BoundedAttempts, Violation},
    trace::{
        Effect, Outcome, ProcessIndex, What, Work,
        script::{self, Script, logged},
    },
};

use smol_str::SmolStr;

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

/// A record that an attempt at a step failed.
fn retry(step: &str, attempt: u32) -> Record {
    let (step, direction, failure) = (step.into(), Direction::Action, AttemptFailure::Transient);
    let (delay_us, error, panicked) = (100, "conflict".into(), false);
    Record::Retry { step, direction, attempt, failure, delay_us, error, panicked, own: false }
}

#[test]
fn a_step_may_fail_for_as_long_as_faults_last_if_each_time_is_logged() {
    let run = |is_logged: bool| {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        for attempt in 1..=5 {
            for _ in 0..3 {
                script.event(orders, What::Spoils { index: 0, what: Work::Saga(script::saga(1)) });
            }
            if is_logged {
                let retry = retry("seat", attempt).encode();
                script.commit(orders, "orders", Outcome::Done, [logged(1, &[retry], SagaStatus::Running)]);
            }
        }
        judge(BoundedAttempts::new().steps(4), &script)
    };
    assert_eq!(run(true), []);
    let sentence = "a saga's step was tried, failed each time, and logged nothing of it: 5 attempts";
    assert_eq!(sentences(&run(false)), [sentence]);
}

/// A step fails so often before the world has healed and so often after it, and some other step once in between.
fn failed(before: u32, after: u32, then: Option<Record>) -> Vec<Violation> {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    let log = |script: &mut Script, record: Record| {
        script.commit(orders, "orders", Outcome::Done, [logged(1, &[record.encode()], SagaStatus::Running)]);
    };
    (1..=before).for_each(|attempt| log(&mut script, retry("seat", attempt)));
    script.event(ProcessIndex::WORLD, What::Healed);
    for attempt in 1..=after {
        log(&mut script, Record::Attempting { step: "seat".into(), attempt });
        log(&mut script, retry("seat", attempt));
        log(&mut script, retry("hotel", 1));
        if let (Some(record), 2) = (&then, attempt) {
            log(&mut script, record.clone());
        }
        log(&mut script, Record::Done { step: "hotel".into(), output: Default::default() });
    }
    judge(BoundedAttempts::new().healed_steps(3), &script)
}

#[test]
fn a_step_that_fails_on_and_on_although_nothing_is_wrong_any_more_is_told_once() {
    let found = failed(2, 6, None);
    let sentence = "step `seat` failed 4 times since nothing is wrong any more, and is tried on: conflict";
    assert_eq!(sentences(&found), [sentence]);
    assert_eq!(failed(9, 3, None), [], "what a fault has fail is not counted");
    let skipped = Record::SkippedByOperator { step: "seat".into(), reason: "by phone".into() };
    assert_eq!(failed(0, 5, Some(skipped)), [], "it begins anew");
}

#[test]
fn a_message_that_fails_on_and_on_although_nothing_is_wrong_any_more_is_told_once() {
    let run = |heals: bool, ends: Option<u32>, counts: bool| {
        let mut script = Script::new();
        let shipping = script.process("shipping-1");
        if heals {
            script.event(ProcessIndex::WORLD, What::Healed);
        }
        let (consumer, message) = (SmolStr::new("shipping"), message(1, "order-1"));
        for failures in 1..=6 {
            let (message, error) = (message.id, "no stock".into());
            let (who, failures) = (consumer.clone(), if counts { failures } else { 1 });
            let failed = Effect::Failed { consumer: who, message, failures, error };
            script.commit(shipping, "shipping", Outcome::Done, [failed]);
            if ends == Some(failures) {
                let reason = "no stock".into();
                let buried = Effect::Buried { consumer: consumer.clone(), message, reason };
                script.commit(shipping, "shipping", Outcome::Done, [buried]);
            }
        }
        judge(BoundedAttempts::new().messages(3), &script)
    };
    let sentence = "`shipping` failed at a message 4 times since nothing is wrong any more, and it is no dead letter";
    assert_eq!(sentences(&run(true, None, true)), [sentence]);
    assert_eq!(run(false, None, true), []);
    assert_eq!(run(true, Some(3), true), []);
    assert_eq!(run(true, None, false), [], "it was handled before");
}
