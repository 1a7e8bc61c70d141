//! A store that was put back to a copy: what is lost with it is nobody's fault, and what comes afterwards is judged as ever.

use seaworthy_core::{
    ids::{Direction, OperationId},
    message::Message,
    ports::SagaStatus::{Completed, Running},
    saga::Record,
};
use seaworthy_sim::{
    invariants::{
        DeadOnlyInjected, DuplicateEffect, Invariant, LostEvent, NoRowStuck, OneMessagePerId, OneSagaPerKey,
        PerKeyOrder, SagaResolves, StaleClaimSettle, TerminalStateFinal, TornStep,
    },
    scenario::Topology,
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

/// What a command comes to may be another thing, when it is handled again.
#[test]
fn what_is_lost_with_a_store_may_say_something_else_when_it_is_made_anew() {
    let anew = |script: &mut Script, lose: &dyn Fn(&mut Script)| {
        let orders = script.process("orders-1");
        for says in ["there is no such table", "the table is full"] {
            let rejection = Message { data: says.into(), ..confirmed() };
            script.commit(orders, "orders", Outcome::Done, [staged(&rejection)]);
            script.publish(orders, &rejection, Outcome::Done);
            lose(script);
        }
    };
    assert_eq!(found(OneMessagePerId::new(), false, anew), 2, "it is staged twice, and says two things");
    assert_eq!(found(OneMessagePerId::new(), true, anew), 0);
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

/// An event that `shipping` has handled, and `mail` as well, is lost with the store that it was staged in and staged once more under its
/// id; `before` comes before that.
fn staged_again(judge_of: impl Fn(LostEvent) -> LostEvent, before: impl Fn(&mut Script, u64)) -> usize {
    let mut script = Script::new();
    let [orders, shipping, mail] = ["orders-1", "shipping-1", "mail-1"].map(|name| script.process(name));
    let staged_at = script.commit(orders, "orders", Outcome::Done, [staged(&confirmed())]);
    for (process, group) in [(shipping, "shipping"), (mail, "mail")] {
        script.publish(orders, &confirmed(), Outcome::Done);
        script.deliver(process, group, &confirmed());
        script.commit(process, group, Outcome::Done, [handled(group, &confirmed())]);
        script.ack(process, group, &confirmed(), Outcome::Done);
    }
    restore(&mut script, staged_at, 1, 0);
    before(&mut script, staged_at);
    script.commit(orders, "orders", Outcome::Done, [staged(&confirmed())]);
    script.publish(orders, &confirmed(), Outcome::Done);
    for (process, group) in [(shipping, "shipping"), (mail, "mail")] {
        script.deliver(process, group, &confirmed());
        script.ack(process, group, &confirmed(), Outcome::Done);
    }
    judge(judge_of(LostEvent::new(&groups())), &script).len()
}

#[test]
fn what_is_staged_again_need_not_be_handled_again_by_a_group_whose_store_knows_it() {
    let nothing = |_: &mut Script, _| {};
    assert_eq!(staged_again(LostEvent::restored, nothing), 0);
    assert_eq!(staged_again(|lost| lost, nothing), 2, "who is not told that stores are put back remembers nothing");
    let of_shipping = |since_end: bool| {
        move |script: &mut Script, staged_at| {
            let since = if since_end { script.events().len() as u64 } else { staged_at };
            let (messages, sagas) = Default::default();
            script.event(ProcessIndex::WORLD, What::Restored { store: "shipping".into(), since, messages, sagas });
        }
    };
    assert_eq!(staged_again(LostEvent::restored, of_shipping(false)), 1, "its store has forgotten it");
    assert_eq!(staged_again(LostEvent::restored, of_shipping(true)), 0, "the copy was made afterwards");
}

fn waiting(limit_us: Option<u64>) -> Record {
    let (step, signal) = ("approval".into(), Some("approved".into()));
    Record::Waiting { step, signal, limit_us, until: None, key: None }
}

/// A saga of `checkout` on the store `checkout` waits for what `orders` sends, which is put back to what it was before or after the
/// saga was started, or not at all.
fn awaited(record: &Record, restored_after: Option<bool>) -> usize {
    let mut script = Script::new();
    let checkout = script.process("checkout-1");
    if restored_after == Some(false) {
        restore(&mut script, 0, 1, 0);
    }
    script.commit(checkout, "checkout", Outcome::Done, [created(7, "checkout", "order-17")]);
    script.commit(checkout, "checkout", Outcome::Done, [script::logged(7, &[record.encode()], Running)]);
    if restored_after == Some(true) {
        restore(&mut script, 0, 1, 0);
    }
    judge(SagaResolves::new(), &script).len()
}

#[test]
fn what_a_saga_waits_for_may_be_lost_with_the_store_of_whoever_sends_it() {
    assert_eq!(awaited(&waiting(None), Some(true)), 0);
    assert_eq!(awaited(&waiting(None), Some(false)), 1, "it is sent again by who has forgotten it");
    assert_eq!(awaited(&waiting(None), None), 1);
    assert_eq!(awaited(&waiting(Some(1)), Some(true)), 1, "a wait with a limit ends by itself");
    assert_eq!(awaited(&Record::Completed, Some(true)), 1, "it waits for nothing");
}

#[test]
fn a_saga_that_is_gone_and_started_again_may_have_been_given_what_it_waits_for() {
    let again = |restored: u64| {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [created(1, "checkout", "order-17")]);
        restore(&mut script, 0, 0, restored);
        script.commit(orders, "orders", Outcome::Done, [created(1, "checkout", "order-17")]);
        script.commit(orders, "orders", Outcome::Done, [script::logged(1, &[waiting(None).encode()], Running)]);
        judge(SagaResolves::new(), &script).len()
    };
    assert_eq!((again(0), again(1)), (1, 0));
}

#[test]
fn a_consumer_may_give_up_what_is_about_something_that_is_gone_with_its_store_or_with_that_of_another() {
    let gives_up = |restores: bool, store: &str| {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        if restores {
            restore(&mut script, 0, 1, 0);
        }
        let (consumer, reason) = ("orders".into(), "there is no such saga".into());
        let buried = Effect::Buried { consumer, message: script::message(2, "orders", "order-17").id, reason };
        script.commit(orders, store, Outcome::Done, [buried]);
        judge(DeadOnlyInjected::new(), &script).len()
    };
    assert_eq!((gives_up(true, "orders"), gives_up(true, "shipping")), (0, 0));
    assert_eq!((gives_up(false, "orders"), gives_up(false, "shipping")), (1, 1));
}

#[test]
fn a_saga_that_is_put_back_waits_again_for_what_it_had_been_given() {
    let run = |goes_on: bool| {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [created(1, "checkout", "order-17")]);
        script.commit(orders, "orders", Outcome::Done, [script::logged(1, &[waiting(None).encode()], Running)]);
        let received = Record::Received { step: "approval".into(), signal: "d-1".into(), output: Default::default() };
        script.commit(orders, "orders", Outcome::Done, [script::logged(1, &[received.encode()], Running)]);
        restore(&mut script, 2, 0, 1);
        if goes_on {
            script.commit(orders, "orders", Outcome::Done, [script::logged(1, &[received.encode()], Running)]);
        }
        judge(SagaResolves::new(), &script).len()
    };
    assert_eq!(run(false), 0);
    assert_eq!(run(true), 1, "it has what it waited for, and does not end");
}

#[test]
fn what_a_process_of_another_store_had_done_outside_is_not_forgotten() {
    let acts = |process: &str| {
        let topology = Topology::new().process("orders-1", "orders", "orders", |_| async {});
        let topology = topology.process("shipping-1", "shipping", "shipping", |_| async {});
        let mut script = Script::new();
        // Processes are numbered as the topology has them.
        let [orders, shipping] = ["orders-1", "shipping-1"].map(|name| script.process(name));
        let who = if process == "orders-1" { orders } else { shipping };
        for number in 1..=2 {
            let operation = OperationId::derive(script::saga(number), "book", Direction::Action);
            script.external(who, ("bank", "pay", "order-17"), operation, true, Outcome::Done);
            restore(&mut script, 0, 0, 0);
        }
        judge(DuplicateEffect::from_topology(&topology), &script).len()
    };
    assert_eq!((acts("orders-1"), acts("shipping-1")), (0, 1));
}
