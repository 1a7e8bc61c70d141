//! What waits behind a row that is parked for good.

use seaworthy_core::message::Message;
use seaworthy_sim::{
    invariants::WaitsBehindDead,
    trace::{
        Outcome, ProcessIndex, SettledAs, What,
        script::{self, Script, staged},
    },
};

use super::{judge, sentences};

/// The first message of `order-17` dies; then the world heals, and a relay looks for work and finds none.
fn parked(others: &[&Message], also: impl FnOnce(&mut Script)) -> Script {
    let dead = script::message(1, "orders", "order-17");
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&dead)]);
    for message in others {
        script.commit(orders, "orders", Outcome::Done, [staged(message)]);
    }
    script.claim(orders, "orders", 1, &[&dead], Outcome::Done);
    script.settle(orders, "orders", 1, &[&dead], (SettledAs::Dead, true), Outcome::Done);
    also(&mut script);
    script.event(ProcessIndex::WORLD, What::Healed);
    for claim in 90..92 {
        script.claim(orders, "orders", claim, &[], Outcome::Done);
    }
    script.event(ProcessIndex::WORLD, What::Redrive { parked: 1, after_ms: 500 });
    script
}

#[test]
fn a_row_of_another_key_that_waits_behind_a_dead_one_is_told() {
    let other = script::message(2, "orders", "order-18");
    let found = judge(WaitsBehindDead::new(), &parked(&[&other], |_| {}));
    assert_eq!(
        sentences(&found),
        [
            "`scripted.event` of key `order-18` waits and need not: a relay finds nothing to do since `scripted.event` of key \
          `order-17` is dead"
        ]
    );
    assert_eq!(found[0].events, [1, 3, 7]);
}

#[test]
fn rows_of_its_own_key_wait_behind_a_dead_one_rightly_unless_the_relay_passes_dead_rows() {
    let (second, third) = (script::message(2, "orders", "order-17"), script::message(3, "orders", "order-17"));
    assert_eq!(judge(WaitsBehindDead::new(), &parked(&[&second, &third], |_| {})), []);
    let passes = |script: &mut Script| {
        let orders = script.process("orders-1");
        script.claim(orders, "orders", 2, &[&second], Outcome::Done);
        script.settle(orders, "orders", 2, &[&second], (SettledAs::Dispatched, true), Outcome::Done);
    };
    assert_eq!(judge(WaitsBehindDead::new(), &parked(&[&second, &third], passes)).len(), 1);
}

#[test]
fn what_is_under_way_backs_off_is_dispatched_or_was_not_looked_for_does_not_wait_for_a_dead_row() {
    let other = script::message(2, "orders", "order-18");
    for settled in
        [None, Some(SettledAs::Retry), Some(SettledAs::Release), Some(SettledAs::Dispatched), Some(SettledAs::Dead)]
    {
        let also = |script: &mut Script| {
            let orders = script.process("orders-1");
            script.claim(orders, "orders", 2, &[&other], Outcome::Done);
            if let Some(settled) = settled {
                script.settle(orders, "orders", 2, &[&other], (settled, true), Outcome::Done);
            }
        };
        assert_eq!(judge(WaitsBehindDead::new(), &parked(&[&other], also)), [], "{settled:?}");
    }
    // Staged when the relay had looked for the last time.
    let mut script = parked(&[], |_| {});
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&other)]);
    script.event(ProcessIndex::WORLD, What::Redrive { parked: 1, after_ms: 500 });
    assert_eq!(judge(WaitsBehindDead::new(), &script), []);
}
