//! Streams of events and their readers: versions without a gap, checkpoints that stand for what had its effect, and nobody who
//! stands still.

use std::sync::Arc;

use bytes::Bytes;
use seaworthy_core::{
    choreography::{REJECTED, Rejection, RejectionReason},
    events::APPLIED,
    ids::MessageId,
    message::Message,
    ports::Operation,
};
use seaworthy_sim::{
    invariants::{
        CheckpointBeyondEffect, DenseStreams, Ending, EventOnce, GapReadPast, Invariant, Panel, RejectionOnce,
        StandsStill,
    },
    scenario::Topology,
    trace::{
        Effect, Outcome, ProcessIndex, What,
        script::{self, Script, handled, staged},
    },
};

const BANK: &str = "bank";

fn appended(stream: &str, version: u64, position: u64) -> Effect {
    let event = Arc::new(script::message(position, "accounts", stream));
    Effect::Appended { stream: stream.into(), version, position, event }
}

fn applied(position: i64) -> Effect {
    Effect::Observed { fact: APPLIED.into(), subject: "balances".into(), value: position }
}

fn at(position: u64) -> Effect {
    Effect::Checkpoint { consumer: "balances".into(), position }
}

fn parked(position: u64, reason: &str) -> Effect {
    let message = script::message(position, "", "").id;
    Effect::Buried { consumer: "balances".into(), message, reason: reason.into() }
}

fn taken_out(position: u64) -> Effect {
    Effect::Exhumed { consumer: "balances".into(), message: script::message(position, "", "").id }
}

fn topology() -> Topology {
    Topology::new().subscriber(BANK, "balances")
}

fn told(invariant: impl Invariant + 'static, script: &Script) -> Vec<(String, Vec<u64>)> {
    let findings = Panel::new(vec![Box::new(invariant)]).judge(&script.events(), Ending::Quiet);
    findings.violations.into_iter().map(|violation| (violation.sentence, violation.events)).collect()
}

/// A trace in the making of one process on one store.
struct Bank(Script, ProcessIndex);

impl Bank {
    fn new() -> Self {
        let mut script = Script::new();
        let process = script.process("bank-1");
        Self(script, process)
    }

    fn commit<const N: usize>(&mut self, effects: [Effect; N]) -> u64 {
        self.0.commit(self.1, BANK, Outcome::Done, effects)
    }

    fn read(&mut self, positions: &[u64]) -> u64 {
        let messages = positions.iter().map(|position| script::message(*position, "", "").id).collect();
        let (store, operation, count) = (BANK.into(), Operation::ReadEvents, positions.len() as u64);
        self.0.event(self.1, What::StoreCall { store, operation, count, outcome: Outcome::Done, messages })
    }

    fn restore(&mut self) {
        self.lose([]);
    }

    fn lose<const N: usize>(&mut self, messages: [MessageId; N]) {
        let (since, messages, sagas) = (1, messages.into_iter().collect(), Box::default());
        self.0.event(ProcessIndex::WORLD, What::Restored { store: BANK.into(), since, messages, sagas });
    }
}

#[test]
fn versions_of_a_stream_go_on_one_by_one() {
    let mut bank = Bank::new();
    // What comes before may have been prepared.
    bank.commit([appended("a", 3, 1), appended("b", 1, 2)]);
    let four = bank.commit([appended("a", 4, 3)]);
    bank.0.commit(bank.1, BANK, Outcome::Conflict, [appended("a", 9, 4)]);
    bank.0.commit(bank.1, "other", Outcome::Done, [appended("a", 1, 1)]);
    assert_eq!(told(DenseStreams::new(), &bank.0), []);
    let six = bank.commit([appended("a", 6, 5)]);
    let again = bank.commit([appended("a", 6, 6)]);
    let expected = [
        ("stream `a` goes on with version 6 after 4".to_owned(), vec![four, six]),
        ("stream `a` has version 6 twice".to_owned(), vec![six, again]),
    ];
    assert_eq!(told(DenseStreams::new(), &bank.0), expected);
    bank.restore();
    bank.commit([appended("a", 2, 7)]);
    bank.commit([appended("a", 3, 8)]);
    assert_eq!(told(DenseStreams::new(), &bank.0), expected, "the copy knew no more");
}

#[test]
fn no_event_turns_up_before_one_that_was_read() {
    let judge = || GapReadPast::from_topology(&topology());
    let mut bank = Bank::new();
    bank.commit([appended("a", 1, 1)]);
    bank.read(&[1]);
    bank.commit([appended("b", 1, 3)]);
    bank.commit([appended("c", 1, 2)]);
    assert_eq!(told(judge(), &bank.0), [], "positions may commit in another order");
    bank.commit([appended("d", 1, 5)]);
    let read = bank.read(&[1, 2, 3, 5]);
    let late = bank.commit([appended("e", 1, 4)]);
    let sentence = "`scripted.event` of stream `e` came to position 4, and a reader of the log was at 5 before";
    assert_eq!(told(judge(), &bank.0), [(sentence.to_owned(), vec![read, late])]);
    bank.restore();
    bank.commit([appended("e", 1, 4)]);
    assert_eq!(told(judge(), &bank.0).len(), 1, "positions come again after a store was put back");
}

#[test]
fn no_event_turns_up_behind_the_checkpoint_of_a_subscriber_and_that_of_a_relay_is_about_something_else() {
    let mut bank = Bank::new();
    bank.commit([appended("a", 1, 2), at(2)]);
    bank.commit([Effect::Checkpoint { consumer: "relay".into(), position: 90 }]);
    let moved = bank.commit([at(7)]);
    let late = bank.commit([appended("b", 1, 4)]);
    let sentence =
        "`scripted.event` of stream `b` came to position 4, and the checkpoint of `balances` was at 7 before";
    assert_eq!(told(GapReadPast::from_topology(&topology()), &bank.0), [(sentence.to_owned(), vec![moved, late])]);
    assert_eq!(told(GapReadPast::from_topology(&Topology::new()), &bank.0), [], "nobody knows that it is one");
    let mut shown = Bank::new();
    shown.commit([appended("a", 1, 1)]);
    shown.commit([applied(1), at(7)]);
    shown.commit([appended("b", 1, 4)]);
    assert_eq!(told(GapReadPast::from_topology(&Topology::new()), &shown.0).len(), 1, "one that it shows itself to be");
}

#[test]
fn a_checkpoint_moves_with_the_effect_or_after_it_and_never_back() {
    let mut bank = Bank::new();
    bank.commit([appended("a", 1, 1), appended("a", 2, 2), appended("a", 3, 3), appended("a", 4, 4)]);
    bank.commit([applied(1), at(1)]);
    bank.commit([applied(2)]);
    bank.commit([at(2)]);
    bank.commit([parked(3, "it fails"), at(3)]);
    bank.commit([taken_out(3), applied(3)]);
    assert_eq!(told(CheckpointBeyondEffect::new(), &bank.0), []);
    let moved = bank.commit([at(4)]);
    let effect = bank.commit([applied(4)]);
    let sentence = "`balances` had the effect of the event at position 4 after its checkpoint was past it";
    let late = (sentence.to_owned(), vec![moved, effect]);
    assert_eq!(told(CheckpointBeyondEffect::new(), &bank.0), std::slice::from_ref(&late));
    let back = bank.commit([at(2)]);
    let sentence = "the checkpoint of `balances` went back from 4 to 2".to_owned();
    assert_eq!(told(CheckpointBeyondEffect::new(), &bank.0), [late, (sentence, vec![moved, back])]);
    bank.restore();
    bank.commit([at(1)]);
    assert_eq!(told(CheckpointBeyondEffect::new(), &bank.0).len(), 2, "it went back with its store");
}

#[test]
fn an_event_has_its_effect_once_or_is_parked() {
    let judge = || EventOnce::from_topology(&topology());
    let mut bank = Bank::new();
    let first = bank.commit([appended("a", 1, 1), appended("a", 2, 2), appended("b", 1, 3), appended("c", 1, 4)]);
    let effect = bank.commit([applied(1), at(1)]);
    bank.commit([parked(2, "it fails"), at(2)]);
    bank.commit([applied(3), at(3)]);
    assert_eq!(told(judge(), &bank.0), []);
    let again = bank.commit([applied(1)]);
    let twice = ("`balances` had the effect of the event at position 1 twice".to_owned(), vec![effect, again]);
    assert_eq!(told(judge(), &bank.0), std::slice::from_ref(&twice));
    let past = bank.commit([at(4)]);
    let sentence = "`scripted.event` of stream `c` never had its effect on `balances`, whose checkpoint is past it";
    assert_eq!(told(judge(), &bank.0), [twice, (sentence.to_owned(), vec![first, past])]);
    // Of a type that it never handled nothing is missed.
    let mut ignorant = Bank::new();
    ignorant.commit([appended("a", 1, 1)]);
    ignorant.commit([at(1)]);
    assert_eq!(told(judge(), &ignorant.0), []);
    bank.0.event(bank.1, What::Boot { release: 2 });
    assert_eq!(told(judge(), &bank.0).len(), 1, "the release before may not have handled it");
    bank.restore();
    bank.commit([appended("a", 1, 1)]);
    bank.commit([applied(1), at(1)]);
    assert_eq!(told(judge(), &bank.0).len(), 1, "its store has forgotten, too");
}

#[test]
fn a_subscriber_that_stands_still_is_named_with_what_it_waits_for() {
    let judge = || StandsStill::from_topology(&topology());
    let mut bank = Bank::new();
    let first = bank.commit([appended("a", 1, 1), appended("b", 1, 3), appended("b", 2, 4)]);
    assert_eq!(
        told(judge(), &bank.0)[0].0,
        "`balances` stands still at position 0: it waits for `scripted.event` of stream `a` at 1, with 2 more behind it"
    );
    bank.commit([applied(1), at(1)]);
    let (consumer, message) = ("balances".into(), script::message(3, "", "").id);
    let failed = bank.commit([Effect::Failed { consumer, message, failures: 1, error: "no such account".into() }]);
    let sentence = "`balances` stands still at position 1: it waits for `scripted.event` of stream `b` at 3, with 1 more \
                    behind it, and failed last with: no such account";
    assert_eq!(told(judge(), &bank.0), [(sentence.to_owned(), vec![first, failed])]);
    bank.commit([at(4)]);
    assert_eq!(told(judge(), &bank.0), []);
}

#[test]
fn who_is_not_declared_to_subscribe_is_asked_for_what_it_handles() {
    let judge = || StandsStill::from_topology(&Topology::new());
    let other = |position| {
        let event = Message { kind: "other".into(), ..script::message(position, "accounts", "c") };
        Effect::Appended { stream: "c".into(), version: 1, position, event: Arc::new(event) }
    };
    let mut bank = Bank::new();
    bank.commit([appended("a", 1, 1)]);
    bank.commit([applied(1), at(1)]);
    bank.commit([other(2)]);
    assert_eq!(told(judge(), &bank.0), []);
    bank.commit([appended("a", 2, 3)]);
    assert_eq!(
        told(judge(), &bank.0)[0].0,
        "`balances` stands still at position 1: it waits for `scripted.event` of stream `a` at 3"
    );
}

#[test]
fn what_is_parked_may_keep_a_subscriber_and_waits_behind_nothing_that_is_gone() {
    let judge = || StandsStill::from_topology(&topology());
    let mut bank = Bank::new();
    bank.commit([appended("a", 1, 1), appended("a", 2, 2), appended("b", 1, 3)]);
    let first = script::message(1, "", "").id;
    let behind = format!("waits behind {first}, which is parked");
    bank.commit([parked(1, "no such account"), at(1)]);
    let blocked = StandsStill::from_topology(&Topology::new().subscriber_blocked_by_parked(BANK, "balances"));
    assert_eq!(told(blocked, &bank.0), [], "by choice");
    let elsewhere = Topology::new().subscriber_blocked_by_parked(BANK, "figures").subscriber(BANK, "balances");
    let sentence = "`balances` stands still at position 1: it waits for `scripted.event` of stream `a` at 2, with 1 more behind it";
    for judge in [judge(), StandsStill::from_topology(&elsewhere)] {
        let told: Vec<_> = told(judge, &bank.0).into_iter().map(|(sentence, _)| sentence).collect();
        assert!(told.contains(&sentence.to_owned()), "it is to read on: {told:?}");
    }
    let waits = bank.commit([parked(2, &behind), at(3)]);
    assert_eq!(told(judge(), &bank.0), []);
    bank.commit([taken_out(1), applied(1)]);
    let id = script::message(2, "", "").id;
    let sentence =
        format!("a stream stands still for `balances`: {id} waits behind {first}, which is not parked any more");
    assert_eq!(told(judge(), &bank.0), [(sentence, vec![waits])]);
    bank.commit([taken_out(2), applied(2)]);
    assert_eq!(told(judge(), &bank.0), []);
}

#[test]
fn a_process_that_waits_for_a_timer_when_nothing_is_to_come_stands_still() {
    let topology = Topology::new().group("checkout", &["checkout.timers"]);
    let judge = || StandsStill::from_topology(&topology);
    let process = |body: &'static str| Effect::Document {
        collection: "process.checkout".into(),
        id: "7".into(),
        version: 1,
        body: Some(Bytes::from_static(body.as_bytes())),
    };
    let mut bank = Bank::new();
    let set = bank.commit([process(r#"{"state":{},"timers":{"overdue":{"generation":1,"is_set":true}}}"#)]);
    let sentence = "process `7` of `checkout` stands still: it waits for its timer overdue, and nothing is to come";
    assert_eq!(told(judge(), &bank.0), [(sentence.to_owned(), vec![set])]);
    bank.commit([process(r#"{"state":{},"timers":{"overdue":{"generation":1,"is_set":false}}}"#)]);
    assert_eq!(told(judge(), &bank.0), []);
}

#[test]
fn a_process_that_is_to_end_and_waits_for_a_message_is_named_with_what_it_has_heard() {
    let topology = Topology::new().group("checkout", &["checkout.timers"]);
    let process = |manager: &str, body: &'static str| Effect::Document {
        collection: format!("process.{manager}").into(),
        id: "7".into(),
        version: 1,
        body: Some(Bytes::from_static(body.as_bytes())),
    };
    let judge = || StandsStill::from_topology(&topology.clone().processes_end("checkout"));
    let mut bank = Bank::new();
    let paid = script::message(1, "orders", "order-1");
    bank.commit([staged(&paid)]);
    let open = bank.commit([handled("checkout", &paid), process("checkout", r#"{"state":{"is_paid":true}}"#)]);
    bank.commit([process("refunds", r#"{"state":{}}"#)]);
    let sentence = "process `7` of `checkout` stands still: it has heard `scripted.event` last and waits for another message, and \
                    nothing is to come";
    assert_eq!(told(judge(), &bank.0), [(sentence.to_owned(), vec![open])]);
    assert_eq!(told(StandsStill::from_topology(&topology), &bank.0), [], "nobody says that they end");
    let begun = bank.commit([process("checkout", r#"{"state":{}}"#)]);
    let sentence = "process `7` of `checkout` stands still: it waits for another message, and nothing is to come";
    assert_eq!(told(judge(), &bank.0), [(sentence.to_owned(), vec![begun])]);
    bank.commit([process("checkout", r#"{"ended_at":"1970-01-01T00:00:00Z"}"#)]);
    assert_eq!(told(judge(), &bank.0), []);
}

#[test]
fn a_process_that_may_wait_for_what_is_lost_with_a_store_is_excused_and_one_of_afterwards_is_not() {
    let topology = Topology::new().group("checkout", &["checkout.timers"]).processes_end("checkout").restores();
    let process = |id: &'static str, body: &'static str| Effect::Document {
        collection: "process.checkout".into(),
        id: id.into(),
        version: 1,
        body: Some(Bytes::from_static(body.as_bytes())),
    };
    let (waits, ended, timed) = (
        r#"{"state":{}}"#,
        r#"{"ended_at":"1970-01-01T00:00:00Z"}"#,
        r#"{"state":{},"timers":{"overdue":{"generation":1,"is_set":true}}}"#,
    );
    let told = |bank: &Bank| {
        let told = told(StandsStill::from_topology(&topology), &bank.0);
        told.into_iter().map(|(sentence, _)| sentence).collect::<Vec<_>>()
    };
    let mut bank = Bank::new();
    bank.commit([process("1", ended), process("2", waits), process("3", timed)]);
    bank.0.commit(bank.1, "shop", Outcome::Done, [process("4", waits), process("5", timed)]);
    bank.restore();
    // The shop's own timer is as it was. The bank's processes go on from the copy, and may have heard already what they wait for.
    let rings = "process `5` of `checkout` stands still: it waits for its timer overdue, and nothing is to come";
    assert_eq!(told(&bank), [rings]);
    bank.commit([process("1", waits), process("2", waits), process("3", timed)]);
    bank.0.commit(bank.1, "shop", Outcome::Done, [process("4", waits), process("5", waits)]);
    assert_eq!(told(&bank), [""; 0]);
    bank.commit([process("6", waits)]);
    bank.0.commit(bank.1, "shop", Outcome::Done, [process("4", timed)]);
    let new = "process `6` of `checkout` stands still: it waits for another message, and nothing is to come";
    let rings = "process `4` of `checkout` stands still: it waits for its timer overdue, and nothing is to come";
    assert_eq!(told(&bank), [new, rings]);
    // What was on its way as it was lost begins something that nobody will go on with.
    let mut bank = Bank::new();
    let [lost, new] = [1, 2].map(|number| script::message(number, "orders", "order-1"));
    bank.lose([lost.id]);
    bank.0.commit(bank.1, "shop", Outcome::Done, [handled("checkout", &lost), process("7", waits)]);
    assert_eq!(told(&bank), [""; 0]);
    bank.0.commit(bank.1, "shop", Outcome::Done, [handled("checkout", &new), process("8", waits)]);
    assert_eq!(
        told(&bank),
        ["process `8` of `checkout` stands still: it waits for another message, and nothing is to come"]
    );
}

#[test]
fn a_command_is_rejected_once_and_its_rejection_handled_once() {
    let command = script::message(1, "table.commands", "t-1");
    let rejection = |number| {
        let rejection = Rejection { command: command.clone(), reason: RejectionReason::Missing };
        let data = serde_json::to_vec(&rejection).expect("it is JSON").into();
        Message { kind: REJECTED.into(), data, ..script::message(number, "player.rejections", "p-1") }
    };
    let mut bank = Bank::new();
    let first = bank.commit([staged(&rejection(2))]);
    bank.commit([staged(&rejection(2))]);
    let heard = bank.commit([handled("player", &rejection(2))]);
    bank.commit([handled("audit", &rejection(2))]);
    assert_eq!(told(RejectionOnce::new(), &bank.0), []);
    let again = bank.commit([staged(&rejection(3))]);
    let sentence = "`scripted.event` of `t-1` is rejected a second time: there is no such aggregate".to_owned();
    assert_eq!(told(RejectionOnce::new(), &bank.0), [(sentence.clone(), vec![first, again])]);
    let twice = bank.commit([handled("player", &rejection(3))]);
    let handled_twice = ("`player` handled the rejection of one command twice".to_owned(), vec![heard, twice]);
    assert_eq!(told(RejectionOnce::new(), &bank.0), [(sentence, vec![first, again]), handled_twice]);
}
