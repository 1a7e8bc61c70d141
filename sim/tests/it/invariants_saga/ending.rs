//! How sagas end, and how many there are.

use seaworthy_core::{
    ports::SagaStatus::{Abandoned, Compensated, Compensating, Completed, Running, Stuck},
    saga::{CompensationCause, Record, Value},
};
use seaworthy_sim::{
    invariants::{Ending, OneSagaPerKey, Panel, SagaResolves, TerminalStateFinal},
    trace::{
        Effect, Outcome,
        script::{self, Script, created},
    },
};

use super::{Saga, done, judge, sentences};

#[test]
fn a_saga_that_still_runs_or_is_stuck_at_rest_is_caught() {
    let mut saga = Saga::start();
    assert_eq!(
        sentences(&judge(SagaResolves::new(), &saga.script)),
        ["saga `checkout` of `order-17` is still running although the run has come to rest"]
    );
    saga.log(Record::Stuck { reason: "no more attempts".to_owned() }, Stuck);
    assert_eq!(
        sentences(&judge(SagaResolves::new(), &saga.script)),
        ["saga `checkout` of `order-17` is stuck and waits for an operator although the run has come to rest"]
    );
    assert_eq!(judge(SagaResolves::new().or_stuck(), &saga.script), []);
    saga.log(Record::Resumed, Compensating);
    assert_eq!(judge(SagaResolves::new().or_stuck(), &saga.script).len(), 1, "it moves again, and never ends");
}

#[test]
fn a_saga_that_waits_for_what_nobody_has_sent_is_told_with_what_it_waits_for() {
    let waiting = |step: &str, signal: &str| Record::Waiting {
        step: step.into(),
        signal: Some(signal.into()),
        limit_us: None,
        until: None,
        key: None,
    };
    let mut saga = Saga::start();
    saga.log(waiting("approval", "approved"), Running);
    saga.log(waiting("receipt", "paid"), Running);
    assert_eq!(
        sentences(&judge(SagaResolves::new(), &saga.script)),
        [
            "saga `checkout` of `order-17` waits for `approved` at step `approval` and for `paid` at step `receipt`, which \
          nobody has sent, although the run has come to rest"
        ]
    );
    assert_eq!(judge(SagaResolves::new().or_waiting(), &saga.script), []);
    saga.log(Record::Received { step: "approval".into(), signal: "d-1".into(), output: Value::NULL }, Running);
    let found = judge(SagaResolves::new(), &saga.script);
    assert!(found[0].sentence.contains("waits for `paid` at step `receipt`, which"), "{found:?}");
    saga.log(Record::SkippedByOperator { step: "receipt".into(), reason: "by phone".to_owned() }, Running);
    assert_eq!(
        judge(SagaResolves::new().or_waiting(), &saga.script).len(),
        1,
        "it waits for nothing, and does not go on"
    );
}

#[test]
fn every_way_to_end_resolves_a_saga_even_where_nobody_heard_of_it() {
    for (record, status) in [
        (Record::Completed, Completed),
        (Record::RolledBack, Compensated),
        (Record::Abandoned { reason: "closed by hand".to_owned() }, Abandoned),
    ] {
        let mut saga = Saga::start();
        let end = saga.append(record, status);
        saga.script.commit(saga.orders, "orders", Outcome::DoneUnheard, [end]);
        assert_eq!(judge(SagaResolves::new(), &saga.script), []);
    }
    let mut saga = Saga::start();
    let end = saga.append(Record::Completed, Completed);
    saga.script.commit(saga.orders, "orders", Outcome::NotDoneUnheard, [end]);
    assert_eq!(judge(SagaResolves::new(), &saga.script).len(), 1, "an end that was not committed is none");
}

#[test]
fn a_saga_that_is_under_way_when_the_run_is_given_up_has_not_resolved() {
    let saga = Saga::start();
    let panel = Panel::new(vec![Box::new(SagaResolves::new())]);
    let found = panel.judge(&saga.script.events(), Ending::OutOfBudget).violations;
    let sentences: Vec<&str> = found.iter().map(|violation| violation.sentence.as_str()).collect();
    assert_eq!(sentences, ["saga `checkout` of `order-17` is still running at the end of the run's budget"]);
}

#[test]
fn nothing_changes_a_saga_that_has_ended() {
    let mut saga = Saga::start();
    let ended = saga.log(Record::Completed, Completed);
    assert_eq!(judge(TerminalStateFinal::new(), &saga.script), []);
    let late = saga.log(Record::CompensationBegun { cause: CompensationCause::Deadline }, Compensating);
    let found = judge(TerminalStateFinal::new(), &saga.script);
    assert_eq!(sentences(&found), ["a saga that was completed became compensating"]);
    assert_eq!(found[0].events, [ended, late]);
}

#[test]
fn a_record_after_the_terminal_one_of_the_same_append_is_caught() {
    let mut saga = Saga::start();
    let records = vec![Record::Completed.encode(), done("ship").encode()];
    let torn = Effect::SagaLogged { saga: script::saga(1), epoch: 1, length: 1, records, status: Completed };
    saga.script.commit(saga.orders, "orders", Outcome::Done, [torn]);
    assert_eq!(
        sentences(&judge(TerminalStateFinal::new(), &saga.script)),
        ["the log of a saga goes on with `done` after `completed`"]
    );
}

#[test]
fn a_late_write_that_was_fenced_off_leaves_the_end_as_it_is() {
    let mut saga = Saga::start();
    saga.log(Record::Completed, Completed);
    let late = saga.append(done("ship"), Running);
    saga.script.commit(saga.orders, "orders", Outcome::Conflict, [late]);
    assert_eq!(judge(TerminalStateFinal::new(), &saga.script), []);
}

#[test]
fn a_business_key_has_one_saga_of_each_definition() {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::DoneUnheard, [created(1, "checkout", "order-17")]);
    script.commit(orders, "orders", Outcome::Conflict, [created(2, "checkout", "order-17")]);
    script.commit(orders, "orders", Outcome::Done, [created(3, "refund", "order-17")]);
    script.commit(orders, "orders", Outcome::Done, [created(4, "checkout", "order-18")]);
    script.commit(orders, "archive", Outcome::Done, [created(5, "checkout", "order-17")]);
    assert_eq!(judge(OneSagaPerKey::new(), &script), []);

    script.commit(orders, "orders", Outcome::Done, [created(6, "checkout", "order-17")]);
    let found = judge(OneSagaPerKey::new(), &script);
    assert_eq!(sentences(&found), ["two sagas `checkout` were started for `order-17`"]);
    assert_eq!(found[0].events, [0, 5]);
}
