//! A step and its log entry, which commit together.

use bytes::Bytes;
use seaworthy_core::{
    ids::{Direction, OperationId},
    ports::SagaStatus::{Compensating, Running},
};
use seaworthy_sim::{
    invariants::TornStep,
    trace::{
        Effect, Outcome,
        script::{self, executed, undone},
    },
};

use super::{Saga, compensated, done, judge, sentences};

fn reserve_operation() -> OperationId {
    OperationId::derive(script::saga(1), "reserve", Direction::Action)
}

#[test]
fn a_step_that_is_logged_as_done_twice_is_torn() {
    let saga = Saga::start().done(&["reserve", "charge", "reserve"]);
    assert_eq!(
        sentences(&judge(TornStep::new(), &saga.script)),
        ["step `reserve` of the saga of `order-17` was done twice"]
    );
}

#[test]
fn two_writers_at_one_place_of_a_log_are_caught() {
    let mut saga = Saga::start().done(&["reserve"]);
    saga.length = 1;
    let saga = saga.done(&["charge"]);
    assert_eq!(
        sentences(&judge(TornStep::new(), &saga.script)),
        ["the log of the saga of `order-17` has 2 entries, and a writer appended after entry 1"]
    );
}

#[test]
fn a_local_operation_and_its_log_entry_commit_together() {
    let mut whole = Saga::start();
    let entry = whole.append(done("reserve"), Running);
    whole.script.commit(whole.orders, "orders", Outcome::DoneUnheard, [executed(reserve_operation()), entry]);
    assert_eq!(judge(TornStep::new(), &whole.script), []);

    let mut early = Saga::start();
    early.script.commit(early.orders, "orders", Outcome::Done, [executed(reserve_operation())]);
    assert_eq!(
        sentences(&judge(TornStep::new(), &early.done(&["reserve"]).script)),
        ["the effects of step `reserve` of the saga of `order-17` were committed without its log entry"]
    );

    let mut late = Saga::start().done(&["reserve"]);
    late.script.commit(late.orders, "orders", Outcome::Done, [executed(reserve_operation())]);
    assert_eq!(
        sentences(&judge(TornStep::new(), &late.script)),
        ["step `reserve` of the saga of `order-17` was logged before its effects were committed"]
    );
}

#[test]
fn a_participant_with_a_store_of_its_own_commits_by_itself() {
    let mut saga = Saga::start();
    saga.script.commit(saga.orders, "stock", Outcome::Done, [executed(reserve_operation())]);
    assert_eq!(judge(TornStep::new(), &saga.done(&["reserve"]).script), []);
}

#[test]
fn a_local_operation_is_undone_by_the_commit_that_says_so() {
    let forward = || {
        let mut saga = Saga::start();
        let entry = saga.append(done("reserve"), Running);
        saga.script.commit(saga.orders, "orders", Outcome::Done, [executed(reserve_operation()), entry]);
        saga.back(&[])
    };
    let mut whole = forward();
    let entry = whole.append(compensated("reserve"), Compensating);
    whole.script.commit(whole.orders, "orders", Outcome::Done, [undone(reserve_operation()), entry]);
    assert_eq!(judge(TornStep::new(), &whole.end()), []);

    let mut torn = forward();
    torn.log(compensated("reserve"), Compensating);
    assert_eq!(
        sentences(&judge(TornStep::new(), &torn.end())),
        ["step `reserve` of the saga of `order-17` was logged as compensated without being undone"]
    );
}

#[test]
fn a_log_entry_that_nobody_can_read_is_caught() {
    let mut saga = Saga::start();
    let garbage = script::logged(1, &[Bytes::from_static(b"{\"dome\":1}")], Running);
    let Effect::SagaLogged { saga: id, epoch, records, status, .. } = garbage else { unreachable!("it is a log") };
    let garbage = Effect::SagaLogged { saga: id, epoch, length: 1, records, status };
    saga.script.commit(saga.orders, "orders", Outcome::Done, [garbage]);
    let found = judge(TornStep::new(), &saga.script);
    assert!(
        found[0].sentence.starts_with("an entry in the log of the saga of `order-17` can't be decoded"),
        "{found:?}"
    );
}
