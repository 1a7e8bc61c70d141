//! A store that was put back to a copy: what is lost with it is nobody's fault, and what comes afterwards is judged as ever.

use seaworthy_core::{
    ids::{Direction, OperationId},
    ports::SagaStatus::{Completed, Running},
    saga::Record,
};
use seaworthy_sim::{
    invariants::{
        DuplicateEffect, Invariant, LostEvent, NoRowStuck, OneMessagePerId, OneSagaPerKey, PerKeyOrder, SagaResolves,
        StaleClaimSettle, TerminalStateFinal, TornStep,
    },
    trace::{
        Effect, Outcome, ProcessIndex, SettledAs, What,
        script::{self, Script, created, executed, handled, staged},
    },
};

use super::{confirmed, groups, judge};

/// `orders` is put back to what it was before event `since`; so many messages and sagas are gone.
fn restore(script: &mut Script, since: u64, messages: u64, sagas: u64) {
    let messages = (1..=messages).map(|number| script::message(number, "orders", "order-17").id).collect();
    let sagas = (1..=sagas).map(script::saga).collect();
    script.event(ProcessIndex::WORLD, What::Restored { store: "orders".into(), since, messages, sagas });
}

/// Judges a trace whose store is put back in between, or is not.
fn found<I: Invariant + 'static>(
    invariant: I,
    restores: bool,
    write: impl Fn(&mut Script, &dyn Fn(&mut Script)),
) -> usize {
    let mut script = Script::new();
    let lose = |script: &mut Script| {
        if restores {
            restore(script, 0, 1, 1);
        }
    };
    write(&mut script, &lose);
    judge(invariant, &script).len()
}

#[test]
fn what_is_lost_with_a_store_is_not_asked_for() {
    let stage_only = |script: &mut Script, lose: &dyn Fn(&mut Script)| {
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [staged(&confirmed()), created(1, "checkout", "order-17")]);
        lose(script);
    };
    for restores in [false, true] {
        let expected = |otherwise| if restores { 0 } else { otherwise };
        assert_eq!(found(LostEvent::new(&groups()), restores, stage_only), expected(2));
        assert_eq!(found(NoRowStuck::new(), restores, stage_only), expected(1));
        assert_eq!(found(SagaResolves::new(), restores, stage_only), expected(1));
    }
}

#[test]
fn what_is_lost_with_a_store_may_be_done_again() {
    let twice = |script: &mut Script, lose: &dyn Fn(&mut Script)| {
        let orders = script.process("orders-1");
        let operation = OperationId::derive(script::saga(9), "book", Direction::Action);
        for _ in 0..2 {
            let effects = [staged(&confirmed()), created(1, "checkout", "order-17"), executed(operation)];
            script.commit(orders, "orders", Outcome::Done, effects);
            script.commit(orders, "orders", Outcome::Done, [handled("orders", &confirmed())]);
            script.external(orders, ("bank", "pay", "order-17"), operation, true, Outcome::Done);
            lose(script);
        }
    };
    for restores in [false, true] {
        let expected = |otherwise| if restores { 0 } else { otherwise };
        assert_eq!(found(OneMessagePerId::new(), restores, twice), expected(1));
        assert_eq!(found(OneSagaPerKey::new(), restores, twice), expected(1));
        assert_eq!(found(DuplicateEffect::new(), restores, twice), expected(3));
    }
}

#[test]
fn a_saga_goes_on_where_its_log_ended_then() {
    let cut = |script: &mut Script, lose: &dyn Fn(&mut Script)| {
        let orders = script.process("orders-1");
        let log = |length: u64, record: &Record, status| {
            let records = vec![record.encode()];
            Effect::SagaLogged { saga: script::saga(1), epoch: 1, length, records, status }
        };
        let done = Record::Done { step: "reserve".into(), output: Default::default() };
        script.commit(orders, "orders", Outcome::Done, [created(1, "checkout", "order-17")]);
        script.commit(orders, "orders", Outcome::Done, [log(0, &done, Running)]);
        script.commit(orders, "orders", Outcome::Done, [log(1, &Record::Completed, Completed)]);
        lose(script);
        script.commit(orders, "orders", Outcome::Done, [log(0, &done, Running)]);
    };
    for restores in [false, true] {
        assert_eq!(found(TerminalStateFinal::new(), restores, cut), usize::from(!restores));
    }
    let torn = |script: &mut Script, lose: &dyn Fn(&mut Script)| {
        let orders = script.process("orders-1");
        let done = Record::Done { step: "reserve".into(), output: Default::default() };
        script.commit(orders, "orders", Outcome::Done, [created(1, "checkout", "order-17")]);
        for _ in 0..2 {
            let records = vec![done.encode()];
            let logged = Effect::SagaLogged { saga: script::saga(1), epoch: 1, length: 0, records, status: Running };
            script.commit(orders, "orders", Outcome::Done, [logged]);
            lose(script);
        }
    };
    assert_eq!((found(TornStep::new(), false, torn), found(TornStep::new(), true, torn)), (2, 0));
}

#[test]
fn rows_are_claimed_and_sent_again() {
    let again = |script: &mut Script, lose: &dyn Fn(&mut Script)| {
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [staged(&confirmed())]);
        for claim in 1..=2 {
            script.claim(orders, "orders", claim, &[&confirmed()], Outcome::Done);
            script.publish(orders, &confirmed(), Outcome::Done);
            script.settle(orders, "orders", claim, &[&confirmed()], (SettledAs::Dispatched, true), Outcome::Done);
            restore(script, 1, 0, 0);
        }
        lose(script);
    };
    assert_eq!(found(StaleClaimSettle::new(), false, again), 0);
    assert_eq!(found(OneMessagePerId::new(), false, again), 0);
}

#[test]
fn what_is_committed_after_it_is_judged_as_ever() {
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.commit(orders, "orders", Outcome::Done, [staged(&confirmed())]);
    restore(&mut script, 0, 1, 0);
    let second = script::message(2, "orders", "order-17");
    script.commit(orders, "orders", Outcome::Done, [staged(&second)]);
    script.publish(orders, &second, Outcome::Done);
    script.deliver(shipping, "shipping", &second);
    script.ack(shipping, "shipping", &second, Outcome::Done);
    let lost = judge(LostEvent::new(&groups()).handles("shipping", &["scripted.event"]), &script);
    assert_eq!(lost.len(), 2, "neither `shipping`, which took it for another, nor `mail` has handled it: {lost:?}");
    let order = judge(PerKeyOrder::new(&groups()), &script);
    assert_eq!(order, [], "the one that is lost is before nobody");
}
