//! A story follows causes: what led to a violation is in it whatever it is called, and two bugs never look alike.

use seaworthy_core::ports::Operation;
use seaworthy_core::{ids::OperationId, message::Message};
use seaworthy_sim::{
    invariants::{Ending, Invariant, Judge, Mode},
    plan::FaultKind,
    story::Style,
    trace::{
        Effect, Event, Outcome, SettledAs, TxId, What,
        script::{self, Script, created, handled, staged},
    },
};

use crate::story_failure::{plan, report, told};

/// Finds something about an entity at the end, shown by some events.
pub(crate) struct Finds {
    pub(crate) entity: &'static str,
    pub(crate) events: Vec<u64>,
}

impl Invariant for Finds {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn observe(&mut self, _: &Event, _: &mut Judge<'_>) {}

    fn conclude(&mut self, _: Ending, judge: &mut Judge<'_>) {
        judge.violate(self.entity, "it went wrong", self.events.clone());
    }
}

/// The story of a script, with events as wide as they like.
pub(crate) fn story(script: &Script, entity: &'static str, events: &[u64]) -> String {
    let report = report(script, vec![Box::new(Finds { entity, events: events.to_vec() })], Vec::new());
    told(&plan(Vec::new()), &report, Style::default().width(500))
}

pub(crate) fn rows(story: &str) -> Vec<&str> {
    story.lines().skip_while(|line| *line != "what happened").skip(2).take_while(|line| !line.is_empty()).collect()
}

pub(crate) fn has(story: &str, words: &str) {
    assert!(rows(story).iter().any(|row| row.contains(words)), "no row says {words:?}:\n{story}");
}

pub(crate) fn has_not(story: &str, words: &str) {
    assert!(!rows(story).iter().any(|row| row.contains(words)), "a row says {words:?}:\n{story}");
}

fn observed(fact: &'static str, subject: &str) -> Effect {
    Effect::Observed { fact: fact.into(), subject: subject.into(), value: 1 }
}

#[test]
fn a_commit_whose_fact_is_named_by_the_messages_id_belongs_to_the_message() {
    let message = script::message(1, "payments", "payment-7");
    let mut script = Script::new();
    let (poller, other) = (script.process("poller-1"), script.process("ledger-1"));
    let begun = script.commit(poller, "payments", Outcome::Done, [observed("row", &message.id.to_string())]);
    script.commit(other, "ledger", Outcome::Done, [observed("booked", "account-3")]);
    script.commit(poller, "payments", Outcome::Done, [observed("sent", &message.id.to_string())]);
    script.publish(poller, &message, Outcome::Unavailable);
    script.rest();
    let story = story(&script, "payment-7", &[begun]);
    has(&story, "sent m1 = 1");
    has(&story, "publish m1 scripted.event of payment-7 to payments = unavailable");
    has_not(&story, "account-3");
}

#[test]
fn what_a_user_s_row_is_called_is_short_like_everything_else() {
    let mut script = Script::new();
    let poller = script.process("poller-1");
    let id = "6f1c9a52-0d5e-4a57-9a4f-0d3c1a2b3c4d";
    let number = script.commit(poller, "payments", Outcome::Done, [observed("paid", &format!("payment-{id}"))]);
    script.rest();
    let story = story(&script, "nobody", &[number]);
    has(&story, "paid payment-e1 = 1");
    assert!(!story.contains(id), "{story}");
}

/// One row is marked and not published, by one of two mistakes: a crash between the two, or a refusal that nobody looks at.
fn lost_row(by_crash: bool) -> (Script, u64) {
    let message = script::message(1, "orders", "order-1");
    let mut script = Script::new();
    let relay = script.process("relay-1");
    let staged = script.commit(relay, "orders", Outcome::Done, [staged(&message)]);
    script.claim(relay, "orders", 1, &[&message], Outcome::Done);
    if by_crash {
        script.fault(relay, FaultKind::CrashAfter, Operation::Settle);
        script.settle(relay, "orders", 1, &[&message], (SettledAs::Dispatched, true), Outcome::DoneUnheard);
        script.crash(relay);
        script.boot(relay);
    } else {
        script.publish(relay, &message, Outcome::Unavailable);
        script.settle(relay, "orders", 1, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    }
    script.rest();
    (script, staged)
}

#[test]
fn two_ways_to_lose_a_row_have_two_stories_and_each_shows_its_cause() {
    let told = [true, false].map(|by_crash| {
        let (script, staged) = lost_row(by_crash);
        story(&script, "order-1", &[staged])
    });
    has(&told[0], "settle claim1 on orders: r1=m1 dispatched = done, unheard");
    has(&told[0], "crashes");
    has(&told[1], "publish m1 scripted.event of order-1 to orders = unavailable");
    has(&told[1], "settle claim1 on orders: r1=m1 dispatched");
    assert_ne!(rows(&told[0]), rows(&told[1]));
}

#[test]
fn a_request_that_was_asked_again_stands_beside_what_it_led_to() {
    let mut script = Script::new();
    let (first, second) = (script.process("orders-1"), script.process("orders-2"));
    let ask = |script: &mut Script, process| {
        script.event(process, What::Request { request: 4, operation: "place_order".into() });
    };
    ask(&mut script, first);
    let one = script.commit(first, "orders", Outcome::Done, [created(1, "checkout", "order-1")]);
    script.event(first, What::Reply { request: 4, accepted: true, outcome: Outcome::NotDoneUnheard });
    ask(&mut script, second);
    let other = script.commit(second, "orders", Outcome::Done, [created(2, "checkout", "order-1")]);
    script.rest();
    let story = story(&script, "the run", &[one, other]);
    assert_eq!(rows(&story).iter().filter(|row| row.contains("request 4: place_order")).count(), 2, "{story}");
    has(&story, "reply 4: accepted = not done, unheard");
}

#[test]
fn a_process_that_dies_with_a_delivery_in_hand_is_in_the_story_of_its_message() {
    let (lost, other) = (script::message(1, "orders", "order-1"), script::message(2, "orders", "order-2"));
    let mut script = Script::new();
    let (shipping, billing) = (script.process("shipping-1"), script.process("billing-1"));
    let published = script.publish(billing, &lost, Outcome::Done);
    script.deliver(shipping, "shipping", &lost);
    script.ack(shipping, "shipping", &lost, Outcome::Done);
    script.crash(shipping);
    script.boot(shipping);
    script.publish(billing, &other, Outcome::Done);
    script.deliver(shipping, "shipping", &other);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &other)]);
    script.rest();
    let story = story(&script, "nothing", &[published]);
    has(&story, "crashes");
    has(&story, "ack m1 by shipping");
    has_not(&story, "shipping handles m2");
}

#[test]
fn a_transaction_that_came_to_nothing_says_what_it_would_have_done() {
    let message = script::message(1, "orders", "order-1");
    let mut script = Script::new();
    let shipping = script.process("shipping-1");
    let delivered = script.deliver(shipping, "shipping", &message);
    script.event(
        shipping,
        What::Commit {
            tx: TxId(7),
            store: "shipping".into(),
            outcome: Outcome::Conflict,
            effects: [].into(),
            tried: [handled("shipping", &message)].into(),
        },
    );
    script.rest();
    has(&story(&script, "order-1", &[delivered]), "commit t7 on shipping = conflict, nothing of: shipping handles m1");
}

#[test]
fn a_refused_message_says_how_large_it_is_and_why_it_was_refused() {
    let message = Message { data: vec![0; 5_000].into(), ..script::message(1, "orders", "order-1") };
    let mut script = Script::new();
    let relay = script.process("relay-1");
    let why = "payload of 5000 bytes, and 4096 are allowed".into();
    let what = What::Publish { message: message.into(), outcome: Outcome::Rejected, why };
    let refused = script.event(relay, what);
    script.rest();
    has(
        &story(&script, "order-1", &[refused]),
        "publish m1 scripted.event of order-1 (5000 bytes) to orders = rejected: payload of 5000 bytes, and 4096 are allowed",
    );
}

#[test]
fn the_users_own_statements_are_told_by_their_labels() {
    let mut script = Script::new();
    let poller = script.process("poller-1");
    let statement =
        |on: &str| What::Statement { tx: TxId(9), point: Operation::Statement, on: on.into(), outcome: Outcome::Done };
    script.event(poller, statement("take unsent rows"));
    script.event(poller, statement("mark sent"));
    let commit = What::Commit {
        tx: TxId(9),
        store: "payments".into(),
        outcome: Outcome::Done,
        effects: [].into(),
        tried: [].into(),
    };
    let committed = script.event(poller, commit);
    script.rest();
    let story = story(&script, "nobody", &[committed]);
    has(&story, "t9 statement take unsent rows");
    has(&story, "t9 statement mark sent");
}

#[test]
fn what_a_task_does_that_has_received_two_copies_of_a_message_belongs_to_the_message() {
    let message = script::message(1, "payments", "payment-1");
    let mut script = Script::new();
    let ledger = script.process("ledger-1");
    let published = script.publish(ledger, &message, Outcome::Done);
    script.deliver(ledger, "ledger", &message);
    script.deliver(ledger, "ledger", &message);
    script.commit(ledger, "ledger", Outcome::Done, [observed("booked", "account-3")]);
    script.rest();
    let story = story(&script, "nothing", &[published]);
    has(&story, "booked account-3 = 1");
}

#[test]
fn what_is_missing_at_the_end_is_told_with_the_task_that_waits_for_itself() {
    let (stuck, handled_twice) =
        (script::message(1, "payments", "payment-1"), script::message(2, "payments", "payment-2"));
    let mut script = Script::new();
    let (poller, ledger) = (script.process("poller-1"), script.process("ledger-1"));
    let begun = script.commit(poller, "payments", Outcome::Done, [staged(&stuck)]);
    script.deliver(ledger, "ledger", &handled_twice);
    let statement = |tx: u64, on: &str| What::Statement {
        tx: TxId(tx),
        point: Operation::Statement,
        on: on.into(),
        outcome: Outcome::Done,
    };
    script.event(ledger, statement(900, "remember message"));
    let hangs = |behind: Option<TxId>| What::NeverReturned {
        point: Operation::Begin,
        tx: None,
        since: 7_500,
        behind,
        whom: Default::default(),
    };
    script.event(ledger, hangs(Some(TxId(900))));
    script.event(poller, hangs(None));
    script.rest();
    let story = story(&script, "payment-1", &[begun]);
    has(&story, "begin never returned, waiting since 7.500 ms while its own task holds t900 open");
    has(&story, "t900 statement remember message");
    has(&story, "deliver m2 to ledger");
}

/// Orders that are charged, one after the other.
fn charged(orders: u64) -> Script {
    let mut script = Script::new();
    let process = script.process("orders-1");
    for number in 1..=orders {
        let operation = OperationId(uuid::Uuid::from_u128(u128::from(number)));
        let order = format!("order-{number}");
        script.external(process, ("payments", "charge", &order), operation, true, Outcome::Done);
    }
    script
}

#[test]
fn a_violation_that_names_nothing_is_told_by_the_whole_run_if_that_is_short() {
    let mut script = charged(9);
    script.rest();
    let story = story(&script, "", &[]);
    for number in 1..=9 {
        has(&story, &format!("charge order-{number} "));
    }
}

#[test]
fn a_violation_that_names_nothing_is_told_by_what_lies_around_its_faults_in_a_long_run() {
    let mut script = charged(60);
    let process = script.process("orders-1");
    script.fault(process, FaultKind::LoseReply, Operation::External);
    let operation = OperationId(uuid::Uuid::from_u128(1_000));
    script.external(process, ("payments", "charge", "order-61"), operation, true, Outcome::DoneUnheard);
    for _ in 0..200 {
        script.commit(process, "orders", Outcome::Done, [observed("beat", "heart")]);
    }
    script.rest();
    let story = story(&script, "", &[]);
    assert!(rows(&story).len() <= 25, "{story}");
    has(&story, "fault 0 strikes at external: lose reply");
    has(&story, "charge order-61 ");
}
