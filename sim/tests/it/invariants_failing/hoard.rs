//! Sagas that are taken over and not begun with.

use std::sync::Arc;

use seaworthy_core::ports::SagaStatus;
use seaworthy_sim::{
    invariants::{SagasHoarded, Violation},
    trace::{
        Outcome, ProcessIndex, What,
        script::{self, Script, logged},
    },
};

use super::{judge, sentences};

fn acquire(script: &mut Script, process: ProcessIndex, sagas: std::ops::Range<u64>) {
    let sagas: Arc<[_]> = sagas.map(|number| (script::saga(number), 2)).collect();
    script.event(process, What::Acquire { store: "orders".into(), sagas, outcome: Outcome::Done });
}

/// Three sagas are taken over, something happens, and then two more are.
fn taken(between: impl Fn(&mut Script, ProcessIndex)) -> Vec<Violation> {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    acquire(&mut script, orders, 0..3);
    between(&mut script, orders);
    acquire(&mut script, orders, 3..5);
    judge(SagasHoarded::new().most(4), &script)
}

#[test]
fn a_process_that_takes_over_more_than_it_may_hold_is_told_once() {
    let found = taken(|_, _| {});
    assert_eq!(sentences(&found), ["one process has taken over 5 sagas and begun with none of them"]);
    assert_eq!(found[0].events, [1]);
}

#[test]
fn what_has_an_entry_since_another_process_has_or_died_with_its_owner_is_not_held() {
    let begun = |script: &mut Script, orders| {
        script.commit(orders, "orders", Outcome::Done, [logged(1, &[], SagaStatus::Running)]);
    };
    assert_eq!(taken(begun), []);
    let elsewhere = |script: &mut Script, _| {
        let other = script.process("orders-2");
        acquire(script, other, 0..1);
    };
    assert_eq!(taken(elsewhere), []);
    let died = |script: &mut Script, orders| _ = script.crash(orders);
    assert_eq!(taken(died), []);
}

#[test]
fn a_saga_that_is_taken_over_again_and_again_for_nothing_is_told_once_and_one_with_an_entry_between_is_not() {
    let times = |entry_after: Option<u32>| {
        let mut script = Script::new();
        let orders = [script.process("orders-1"), script.process("orders-2")];
        for time in 0..7 {
            acquire(&mut script, orders[time as usize % 2], 1..2);
            if entry_after == Some(time) {
                script.commit(orders[0], "orders", Outcome::Done, [logged(1, &[], SagaStatus::Running)]);
            }
        }
        judge(SagasHoarded::new().in_a_row(5), &script)
    };
    let found = times(None);
    assert_eq!(sentences(&found), ["a saga was taken over 6 times in a row, and nothing was done about it"]);
    assert_eq!(found[0].events, [5]);
    assert_eq!(times(Some(1)), [], "five times since");
    assert_eq!(times(Some(0)).len(), 1, "six times since");
}
