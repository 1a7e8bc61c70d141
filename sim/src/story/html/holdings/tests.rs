use seaworthy_core::{
    message::Message,
    ports::{Cell, Operation, SagaStatus},
};

use super::*;
use crate::trace::{
    Outcome, ProcessIndex, SettledAs,
    script::{self, Script, created, handled, logged, staged},
};

/// Returns all that is held at the end of a script, as lines.
fn held(script: &Script) -> Vec<String> {
    let mut holdings = Holdings::default();
    let mut all: BTreeMap<Thing, Held> = BTreeMap::new();
    for event in script.events() {
        let process = script.processes().get(usize::from(event.process.0)).cloned().unwrap_or_default();
        for (thing, held) in holdings.see(&event, &process, &mut |_| true) {
            match held {
                Some(held) => all.insert(thing, held),
                None => all.remove(&thing),
            };
        }
    }
    let line = |(thing, held): (&Thing, &Held)| {
        let open = if held.is_settled { "" } else { " (open)" };
        let holder = thing.store.as_deref().unwrap_or("broker");
        let key = thing.key.replace("00000000-0000-0000-0000-00000000000", "");
        format!("{holder} {}: {key} {}, {}{open}", thing.part, held.state, held.text)
    };
    all.iter().map(line).collect()
}

fn document(id: &str, version: u64, body: Option<&'static str>) -> Effect {
    Effect::Document {
        collection: "order".into(),
        id: id.into(),
        version,
        body: body.map(|body| body.as_bytes().into()),
    }
}

#[test]
fn documents_are_held_until_they_are_deleted_and_only_if_their_commit_took_effect() {
    let mut script = Script::new();
    let process = script.process("orders-1");
    script.commit(process, "orders", Outcome::Done, [document("order-1", 1, Some("{}"))]);
    script.commit(process, "orders", Outcome::Done, [document("order-1", 2, Some("{\"paid\":true}"))]);
    script.commit(process, "orders", Outcome::Done, [document("order-2", 1, Some("{}"))]);
    script.commit(process, "orders", Outcome::Done, [document("order-2", 0, None)]);
    let lost = What::Commit {
        tx: crate::trace::TxId(9),
        store: "orders".into(),
        outcome: Outcome::Conflict,
        effects: [].into(),
        tried: [document("order-3", 1, Some("{}"))].into(),
    };
    script.event(process, lost);
    assert_eq!(held(&script), ["orders documents: order/order-1 v2, {\"paid\":true}"]);
}

#[test]
fn a_row_of_the_outbox_goes_from_hand_to_hand_and_only_who_still_holds_it_settles_it() {
    let message = script::message(1, "orders", "order-1");
    let mut script = Script::new();
    let (first, second) = (script.process("orders-1"), script.process("orders-2"));
    let now = |script: &Script| held(script).remove(0);
    script.commit(first, "orders", Outcome::Done, [staged(&message)]);
    assert_eq!(now(&script), "orders outbox: 1 pending, scripted.event of order-1 (open)");
    script.claim(first, "orders", 1, &[&message], Outcome::Unavailable);
    assert!(now(&script).contains("pending"), "a claim that failed changes nothing");
    script.claim(second, "orders", 2, &[&message], Outcome::DoneUnheard);
    assert_eq!(now(&script), "orders outbox: 1 claimed by orders-2, scripted.event of order-1 (open)");
    script.settle(first, "orders", 1, &[&message], (SettledAs::Dispatched, false), Outcome::Done);
    assert!(now(&script).contains("claimed by orders-2"), "the claim was lost");
    script.settle(second, "orders", 2, &[&message], (SettledAs::Dead, true), Outcome::Done);
    assert!(now(&script).ends_with("dead, scripted.event of order-1 (open)"), "a dead row is not done with");
    script.settle(second, "orders", 2, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    assert_eq!(now(&script), "orders outbox: 1 dispatched, scripted.event of order-1");
}

#[test]
fn a_dead_row_that_is_redriven_is_pending_again_and_a_purged_one_is_gone() {
    let [dead, other] = [1, 2].map(|number| script::message(number, "orders", "order-1"));
    let mut script = Script::new();
    let process = script.process("orders-1");
    let upkeep = |operation, messages: &[&Message], outcome| What::StoreCall {
        store: "orders".into(),
        operation,
        count: messages.len() as u64,
        outcome,
        messages: messages.iter().map(|message| message.id).collect(),
    };
    script.commit(process, "orders", Outcome::Done, [staged(&dead), staged(&other)]);
    script.claim(process, "orders", 1, &[&dead, &other], Outcome::Done);
    script.settle(process, "orders", 1, &[&dead, &other], (SettledAs::Dead, true), Outcome::Done);
    script.event(ProcessIndex::WORLD, upkeep(Operation::Redrive, &[&dead], Outcome::Done));
    let told = ["orders outbox: 1 pending, scripted.event of order-1 (open)", "orders outbox: 2 dead, "];
    assert!(held(&script).iter().zip(told).all(|(held, told)| held.starts_with(told)), "{:?}", held(&script));
    script.event(process, upkeep(Operation::PurgeDead, &[&other], Outcome::NotDoneUnheard));
    assert_eq!(held(&script).len(), 2, "a purge that was not done takes nothing");
    script.event(process, upkeep(Operation::PurgeDead, &[&other], Outcome::DoneUnheard));
    assert_eq!(held(&script), told[..1]);
    script.claim(process, "orders", 2, &[&dead], Outcome::Done);
    script.settle(process, "orders", 2, &[&dead], (SettledAs::Dispatched, true), Outcome::Done);
    script.event(process, upkeep(Operation::PurgeDispatched, &[&dead], Outcome::Done));
    assert_eq!(held(&script), [""; 0]);
}

#[test]
fn the_broker_says_of_each_group_how_it_stands_with_a_message() {
    let message = script::message(1, "orders", "order-1");
    let mut script = Script::new();
    let process = script.process("orders-1");
    let now = |script: &Script| held(script).concat();
    script.publish(process, &message, Outcome::Unavailable);
    assert_eq!(now(&script), "");
    script.publish(process, &message, Outcome::Done);
    script.publish(process, &message, Outcome::DoneUnheard);
    assert_eq!(
        now(&script),
        "broker messages: 1 accepted, scripted.event of order-1 on orders, accepted 2 times (open)"
    );
    script.deliver(process, "shipping", &message);
    assert!(now(&script).contains("shipping: with orders-1 as d1"), "{}", now(&script));
    script.ack(process, "shipping", &message, Outcome::NotDoneUnheard);
    assert!(now(&script).contains("shipping: with orders-1 as d1"), "an acknowledgement that was lost changes nothing");
    script.ack(process, "shipping", &message, Outcome::Done);
    script.deliver(process, "audit", &message);
    assert!(now(&script).contains("audit: with orders-1 as d2, shipping: acknowledged"), "{}", now(&script));
    assert!(now(&script).ends_with("(open)"), "one of the groups has not acknowledged it");
}

#[test]
fn sagas_inboxes_rows_and_counts_are_told_with_their_state() {
    let message = script::message(1, "orders", "order-1");
    let row = |before: Option<&[Cell]>, after: Option<&[Cell]>| {
        Effect::Row(RowChange {
            table: "bookings".into(),
            columns: ["id".into(), "cents".into()].into(),
            before: before.map(Into::into),
            after: after.map(Into::into),
        })
    };
    let (one, other) = ([Cell::Text("b-1".into()), Cell::Integer(5)], [Cell::Text("b-2".into()), Cell::Integer(7)]);
    let entry = |rows| Effect::Entry { table: "bookings".into(), key: "payment-1".into(), rows };
    let mut script = Script::new();
    let process = script.process("orders-1");
    script.commit(process, "orders", Outcome::Done, [created(1, "checkout", "order-1"), handled("shipping", &message)]);
    script.commit(process, "orders", Outcome::Done, [logged(1, &[], SagaStatus::Completed)]);
    script.commit(process, "bank", Outcome::Done, [row(None, Some(&one)), entry(1)]);
    script.commit(process, "bank", Outcome::Done, [row(Some(&one), Some(&other)), entry(2)]);
    assert_eq!(
        held(&script),
        [
            "bank counts: bookings of payment-1 3, ",
            "bank table bookings: b-2 , cents=7",
            "orders inbox: shipping 1 handled, ",
            "orders sagas: 00000000-0000-0001-0000-000000000001 completed, checkout of order-1, 0 records, epoch 1",
        ]
    );
}
