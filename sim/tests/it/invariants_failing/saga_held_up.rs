//! Sagas that do nothing beside a service outside that does not answer.

use seaworthy_core::{
    ids::{Direction, OperationId},
    ports::{Operation, SagaStatus},
    saga::{AttemptFailure, Record},
};
use seaworthy_sim::{
    invariants::{SagaHeldUp, Violation},
    plan::FaultKind,
    trace::{
        Effect, Outcome, ProcessIndex, What,
        script::{self, Script, created},
    },
};

use super::{judge, sentences};

fn log(script: &mut Script, orders: ProcessIndex, number: u64, length: u64, record: &Record, status: SagaStatus) {
    let records = vec![record.encode()];
    let logged = Effect::SagaLogged { saga: script::saga(number), epoch: 1, length, records, status };
    script.commit(orders, "orders", Outcome::Done, [logged]);
}

fn asks(script: &mut Script, orders: ProcessIndex) {
    let operation = OperationId::derive(script::saga(1), "pay", Direction::Action);
    script.external(orders, ("bank", "pay", "order-1"), operation, false, Outcome::Unavailable);
}

fn attempting() -> Record {
    Record::Attempting { step: "pay".into(), attempt: 1 }
}

/// Saga 1 asks the bank in vain, every twenty seconds for five minutes, and saga 2 has something else to do.
fn beside(between: impl Fn(&mut Script, ProcessIndex, u64)) -> Vec<Violation> {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.boot(orders);
    script.event(ProcessIndex::WORLD, What::Fault { index: 7, kind: FaultKind::ExternalOutage, point: None });
    for (number, key) in [(1, "order-1"), (2, "order-2")] {
        script.commit(orders, "orders", Outcome::Done, [created(number, "checkout", key)]);
    }
    log(&mut script, orders, 1, 1, &attempting(), SagaStatus::Running);
    for number in 0..15 {
        script.after_ms(20_000);
        asks(&mut script, orders);
        between(&mut script, orders, number);
    }
    judge(SagaHeldUp::new(), &script)
}

#[test]
fn a_saga_that_does_nothing_beside_one_that_asks_in_vain_is_told_once() {
    let found = beside(|_, _, _| {});
    let sentence = "saga `checkout` of `order-2` did nothing for 60 s, while nothing was wrong but a service outside";
    assert_eq!(sentences(&found), [sentence], "the one that asks again and again is not meant");
}

#[test]
fn one_that_goes_on_ends_or_waits_for_what_it_says_is_not_held_up() {
    let step = || "ship".into();
    let retry = Record::Retry {
        step: step(),
        direction: Direction::Action,
        attempt: 1,
        failure: AttemptFailure::Transient,
        delay_us: 600_000_000,
        error: "not yet".into(),
        panicked: false,
        own: false,
    };
    let waits = Record::Waiting { step: step(), signal: Some("go".into()), limit_us: None, until: None, key: None };
    let done = Record::Done { step: step(), output: Default::default() };
    for (record, status, times) in [
        (&done, SagaStatus::Running, 15),
        (&Record::Completed, SagaStatus::Completed, 1),
        (&retry, SagaStatus::Running, 1),
        (&waits, SagaStatus::Running, 1),
        (&Record::Stuck { reason: "no".into() }, SagaStatus::Stuck, 1),
    ] {
        let found = beside(|script, orders, number| {
            if number < times {
                log(script, orders, 2, number, record, status);
            }
        });
        assert_eq!(found, [], "{record:?}");
    }
}

#[test]
fn whatever_else_goes_wrong_is_an_excuse_for_as_long_as_it_lasts() {
    let other = FaultKind::StoreOutage;
    let found = beside(|script, _, number| {
        if number == 0 {
            script.event(ProcessIndex::WORLD, What::Fault { index: 8, kind: other, point: None });
        }
    });
    assert_eq!(found, [], "it goes on to the end");
    let over = |at: u64| {
        beside(move |script, _, number| {
            if number == 0 {
                script.event(ProcessIndex::WORLD, What::Fault { index: 8, kind: other, point: None });
            }
            if number == at {
                script.event(ProcessIndex::WORLD, What::FaultOver { index: 8 });
            }
        })
    };
    assert_eq!((over(5).len(), over(12).len()), (1, 0), "a minute counts from its end");
    let died = beside(|script, orders, number| {
        if number == 1 {
            script.crash(orders);
        }
    });
    assert_eq!(died, [], "nobody is there to do anything");
    let late = beside(|script, orders, number| {
        if number == 1 {
            script.fault(orders, FaultKind::Hang, Operation::SagaAppend);
        }
    });
    assert_eq!(late, [], "a call of the store hangs");
}

#[test]
fn one_answer_may_be_waited_for_three_times_as_long() {
    let hangs_s = |seconds: u64| {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.boot(orders);
        script.commit(orders, "orders", Outcome::Done, [created(1, "checkout", "order-1")]);
        log(&mut script, orders, 1, 1, &attempting(), SagaStatus::Running);
        script.fault(orders, FaultKind::Hang, Operation::External);
        script.after_ms(seconds * 1_000);
        asks(&mut script, orders);
        judge(SagaHeldUp::new(), &script)
    };
    assert_eq!(hangs_s(170), []);
    let sentence =
        "saga `checkout` of `order-1` waited for one answer for 190 s, while nothing was wrong but a service outside";
    assert_eq!(sentences(&hangs_s(190)), [sentence]);
}
