//! Sums over documents, events and messages that stand; states that are final, and those that have to be come to.

use std::sync::Arc;

use bytes::Bytes;
use seaworthy_core::message::Message;
use seaworthy_sim::{
    invariants::{Broken, Ending, Findings, Invariant, Mode, Panel, always, conserved, ends, stays},
    trace::{
        Effect, Event, Outcome, ProcessIndex, What,
        script::{self, Script, staged},
    },
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Wallet {
    chips: i64,
}

fn wallet(id: &str, chips: i64) -> Effect {
    let body = Some(Bytes::from(format!(r#"{{"chips":{chips}}}"#)));
    Effect::Document { collection: "wallets".into(), id: id.into(), version: 1, body }
}

fn gone(id: &str) -> Effect {
    Effect::Document { collection: "wallets".into(), id: id.into(), version: 0, body: None }
}

/// An event, or a message, of so many chips.
fn of(kind: &str, number: u64, chips: i64) -> Message {
    let data = Bytes::from(format!(r#"{{"chips":{chips}}}"#));
    Message { kind: kind.into(), data, ..script::message(number, "wallets", "ann") }
}

fn appended(stream: &str, version: u64, event: Message) -> Effect {
    Effect::Appended { stream: stream.into(), version, position: version, event: Arc::new(event) }
}

fn chips() -> seaworthy_sim::invariants::Conservation {
    conserved("chips")
        .on_document("wallets", |wallet: &Wallet| wallet.chips)
        .on_appended("deposited", |deposited: &Wallet| -deposited.chips)
        .on_staged("paid-out", |paid: &Wallet| paid.chips)
}

fn judged(invariant: Box<dyn Invariant>, events: &[Event], ending: Ending) -> Findings {
    Panel::new(vec![invariant]).judge(events, ending)
}

fn told(invariant: Box<dyn Invariant>, script: &Script) -> Vec<(String, Vec<u64>)> {
    let violations = judged(invariant, &script.events(), Ending::Quiet).violations;
    violations.into_iter().map(|violation| (violation.sentence, violation.events)).collect()
}

#[test]
fn what_one_document_loses_another_gains_and_what_flows_in_and_out_is_no_change() {
    let mut script = Script::new();
    let room = script.process("room-1");
    script.commit(room, "room", Outcome::Done, [wallet("ann", 100), appended("ann", 1, of("deposited", 1, 100))]);
    script.commit(room, "room", Outcome::Done, [wallet("ann", 60), wallet("bob", 40)]);
    script.commit(room, "room", Outcome::Done, [wallet("bob", 10), staged(&of("paid-out", 2, 30))]);
    script.commit(room, "room", Outcome::Done, [gone("bob"), wallet("ann", 70)]);
    assert_eq!(told(chips().boxed(), &script), []);
    let off = script.commit(room, "room", Outcome::Done, [wallet("ann", 71)]);
    let sentence = "`chips`, which has to stand, changed by +1 in one commit".to_owned();
    assert_eq!(told(chips().boxed(), &script), [(sentence, vec![off])]);
    let findings = judged(chips().boxed(), &script.events(), Ending::Quiet);
    assert_eq!((findings.judged[0].mode, findings.judged[0].times), (Mode::Always, 5));
}

#[test]
fn at_rest_a_commit_that_another_makes_up_for_is_no_part_of_what_is_wrong() {
    let mut script = Script::new();
    let (room, bank) = (script.process("room-1"), script.process("bank-1"));
    script.commit(bank, "bank", Outcome::Done, [wallet("ann", -40)]);
    script.commit(room, "room", Outcome::Done, [wallet("ann", 40)]);
    let lost = script.commit(bank, "bank", Outcome::Done, [wallet("bob", -5)]);
    script.rest();
    let sentence = "`chips`, which has to stand, ended -5 off where it began".to_owned();
    assert_eq!(told(chips().at_rest().boxed(), &script), [(sentence, vec![lost])]);
    let given_up = judged(chips().at_rest().boxed(), &script.events(), Ending::OutOfBudget);
    assert_eq!(given_up.violations, []);
    assert_eq!((given_up.judged[0].mode, given_up.judged[0].met), (Mode::Eventually, 3));
}

#[test]
fn a_document_of_one_name_in_two_stores_is_two_and_what_was_prepared_is_where_the_sum_begins() {
    let mut script = Script::new();
    let room = script.process("room-1");
    script.commit(ProcessIndex::WORLD, "room", Outcome::Done, [wallet("ann", 100)]);
    script.commit(room, "room", Outcome::Conflict, [wallet("ann", 7)]);
    script.commit(room, "room", Outcome::Done, [wallet("ann", 60), wallet("bob", 40)]);
    assert_eq!(told(chips().boxed(), &script), []);
    script.commit(room, "other", Outcome::DoneUnheard, [wallet("ann", 60)]);
    assert_eq!(told(chips().boxed(), &script).len(), 1);
}

#[test]
fn a_term_that_can_not_be_read_is_told_and_of_a_store_that_was_put_back_nothing_is_asked() {
    let mut script = Script::new();
    let room = script.process("room-1");
    let unreadable = Message { data: Bytes::from_static(b"{}"), ..of("deposited", 1, 0) };
    script.commit(room, "room", Outcome::Done, [appended("ann", 1, unreadable)]);
    let found = told(chips().boxed(), &script);
    assert!(
        found[0].0.starts_with("a term of `chips` can't be read: ") && found[0].0.contains("missing field `chips`")
    );

    let mut script = Script::new();
    let room = script.process("room-1");
    let (since, messages, sagas) = (1, Default::default(), Box::default());
    script.event(ProcessIndex::WORLD, What::Restored { store: "room".into(), since, messages, sagas });
    script.commit(room, "room", Outcome::Done, [wallet("ann", 1)]);
    assert_eq!(told(chips().boxed(), &script), []);
}

#[test]
fn what_was_prepared_is_worth_what_is_said_of_it() {
    #[derive(Deserialize)]
    struct Read {
        events: i64,
    }
    let read = |events: i64| {
        let body = Some(Bytes::from(format!(r#"{{"events":{events}}}"#)));
        Effect::Document { collection: "reads".into(), id: "ann".into(), version: 1, body }
    };
    let each_once = |before: i64| {
        let reads = conserved("reads").on_document("reads", |read: &Read| read.events);
        reads.on_appended("deposited", |_: &Wallet| -1).begins_at(-before).at_rest().boxed()
    };
    let mut script = Script::new();
    let room = script.process("room-1");
    script.commit(room, "room", Outcome::Done, [read(1), appended("ann", 2, of("deposited", 2, 5))]);
    let second = script.commit(room, "room", Outcome::Done, [read(2)]);
    script.rest();
    assert_eq!(told(each_once(1), &script), []);
    let off = |by: &str| format!("`reads`, which has to stand, ended {by} off where it began");
    assert_eq!(told(each_once(0), &script), [(off("+1"), vec![second])], "nobody has said that there was one before");
    assert_eq!(told(each_once(2), &script)[0].0, off("-1"), "one of two is missed");

    let mut script = Script::new();
    let room = script.process("room-1");
    let first = script.commit(room, "room", Outcome::Done, [wallet("ann", 60), wallet("bob", 40)]);
    let prepared = |worth: i64| told(chips().prepared("wallets", "ann", worth).boxed(), &script);
    assert_eq!(prepared(100), []);
    let sentence = "`chips`, which has to stand, changed by +1 in one commit".to_owned();
    assert_eq!(prepared(99), [(sentence, vec![first])]);
    script.commit(room, "room", Outcome::Done, [wallet("ann", 50), wallet("bob", 50)]);
    assert_eq!(told(chips().prepared("wallets", "ann", 100).boxed(), &script), [], "it counts once");
}

#[test]
fn what_was_prepared_counts_once_where_several_terms_look_at_one_collection() {
    #[derive(Deserialize)]
    struct Purse {
        free: i64,
        held: i64,
    }
    let purse = |free: i64, held: i64| {
        let body = Some(Bytes::from(format!(r#"{{"free":{free},"held":{held}}}"#)));
        Effect::Document { collection: "purses".into(), id: "ann".into(), version: 1, body }
    };
    let sum = || {
        let free = conserved("cents").on_document("purses", |purse: &Purse| purse.free);
        free.on_document("purses", |purse: &Purse| purse.held)
    };
    let mut script = Script::new();
    let room = script.process("room-1");
    let first = script.commit(room, "room", Outcome::Done, [purse(60, 40)]);
    script.commit(room, "room", Outcome::Done, [purse(50, 50)]);
    assert_eq!(told(sum().prepared("purses", "ann", 100).boxed(), &script), []);
    let each = sum().prepared("purses", "ann", 70).prepared("purses", "ann", 30);
    assert_eq!(told(each.boxed(), &script), [], "said of one term after the other");
    let sentence = "`cents`, which has to stand, changed by +30 in one commit".to_owned();
    assert_eq!(told(sum().prepared("purses", "ann", 70).boxed(), &script), [(sentence, vec![first])]);
}

#[test]
fn no_part_of_a_document_is_ever_less_than_nothing_although_the_sum_stands() {
    #[derive(Deserialize)]
    struct Level {
        free: i64,
        held: i64,
    }
    let level = |free: i64, held: i64| {
        let body = Some(Bytes::from(format!(r#"{{"free":{free},"held":{held}}}"#)));
        Effect::Document { collection: "stock".into(), id: "cd-1".into(), version: 1, body }
    };
    let units =
        || conserved("units").on_parts("stock", |level: &Level| [level.free, level.held]).prepared("stock", "cd-1", 3);
    let mut script = Script::new();
    let room = script.process("room-1");
    script.commit(room, "room", Outcome::Done, [level(0, 3)]);
    assert_eq!(told(units().boxed(), &script), []);
    let less = script.commit(room, "room", Outcome::Done, [level(-1, 4)]);
    let lost = script.commit(room, "room", Outcome::Done, [level(1, 1)]);
    let sentences = [
        ("a part of `units` is -1 in `cd-1`: less than nothing".to_owned(), vec![less]),
        ("`units`, which has to stand, changed by -1 in one commit".to_owned(), vec![lost]),
    ];
    assert_eq!(told(units().boxed(), &script), sentences);
    let at_rest = judged(units().at_rest().boxed(), &script.events(), Ending::OutOfBudget);
    assert_eq!(at_rest.violations.len(), 1, "that is told at once, whenever the sum is judged: {at_rest:?}");
}

#[test]
fn an_event_is_seen_with_its_stream_and_version() {
    let first = always("opened-first", ()).on_appended("opened", |(), opened, _| match opened.version {
        1 => Ok(()),
        version => {
            Err(Broken::new(opened.stream, format!("{} at {version} of {}", opened.message.kind, opened.position)))
        }
    });
    let mut script = Script::new();
    let room = script.process("room-1");
    script.commit(room, "room", Outcome::Done, [appended("ann", 1, of("opened", 1, 0))]);
    script.commit(room, "room", Outcome::Done, [appended("ann", 2, of("deposited", 2, 0))]);
    let late = script.commit(room, "room", Outcome::Done, [appended("ann", 3, of("opened", 3, 0))]);
    assert_eq!(told(first.boxed(), &script), [("opened at 3 of 3".to_owned(), vec![late])]);
}

#[test]
fn a_document_stays_as_it_has_ended_until_it_is_deleted() {
    let empty =
        || stays("stays-empty", "wallets", |wallet: &Wallet| (wallet.chips <= 0).then_some(wallet.chips)).boxed();
    let mut script = Script::new();
    let room = script.process("room-1");
    script.commit(room, "room", Outcome::Done, [wallet("ann", 5)]);
    let ended = script.commit(room, "room", Outcome::Done, [wallet("ann", 0)]);
    script.commit(room, "room", Outcome::Done, [wallet("ann", 0)]);
    script.commit(room, "other", Outcome::Done, [wallet("ann", 3)]);
    assert_eq!(told(empty(), &script), []);
    let on = script.commit(room, "room", Outcome::Done, [wallet("ann", 3)]);
    let other = script.commit(room, "room", Outcome::Done, [wallet("ann", -1)]);
    let found = [
        ("`ann` of `wallets` had ended as 0 and went on".to_owned(), vec![ended, on]),
        ("`ann` of `wallets` had ended as 0 and became -1".to_owned(), vec![ended, other]),
    ];
    assert_eq!(told(empty(), &script), found);
    script.commit(room, "room", Outcome::Done, [gone("ann")]);
    script.commit(room, "room", Outcome::Done, [wallet("ann", 9)]);
    assert_eq!(told(empty(), &script), found, "it has begun anew");
}

#[test]
fn what_has_not_ended_at_rest_is_named_with_what_it_waits_for() {
    let spent = || {
        let waits_for = |wallet: &Wallet| (wallet.chips > 0).then(|| format!("{} chips to be spent", wallet.chips));
        ends("wallet-is-spent", "wallets", waits_for).boxed()
    };
    let mut script = Script::new();
    let room = script.process("room-1");
    script.commit(room, "room", Outcome::Done, [wallet("ann", 5), wallet("cat", 1), wallet("dan", 8)]);
    let waits = script.commit(room, "room", Outcome::Done, [wallet("ann", 0), wallet("bob", 7), gone("dan")]);
    script.commit(room, "room", Outcome::Done, [wallet("cat", 0)]);
    script.rest();
    let sentence = "`bob` of `wallets` stands still: it waits for 7 chips to be spent".to_owned();
    assert_eq!(told(spent(), &script), [(sentence, vec![waits])]);
    assert_eq!(judged(spent(), &script.events(), Ending::OutOfBudget).violations, []);
}
