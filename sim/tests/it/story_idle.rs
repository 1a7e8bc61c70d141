//! Looks that came to nothing have no rows of a story: what polls in vain tells nothing.

use seaworthy_core::ports::Operation;
use seaworthy_sim::trace::{
    Effect, Outcome, ProcessIndex, TxId, What,
    script::{Script, staged},
};

use crate::story_lineage::{has, has_not, rows, story};

fn statement(tx: u64, on: &str) -> What {
    What::Statement { tx: TxId(tx), point: Operation::Statement, on: on.into(), outcome: Outcome::Done }
}

/// A transaction in which a process looks for something, and then does these things. Returns the number of its commit.
fn look<const N: usize>(script: &mut Script, process: ProcessIndex, tx: u64, effects: [Effect; N]) -> u64 {
    script.event(process, statement(tx, "look for due rows"));
    let (tx, store, outcome) = (TxId(tx), "payments".into(), Outcome::Done);
    script.event(process, What::Commit { tx, store, outcome, effects: effects.into(), tried: [].into() })
}

fn renewed() -> Effect {
    Effect::Observed { fact: "renewed".into(), subject: "lock-1".into(), value: 1 }
}

#[test]
fn a_statement_is_told_beside_what_its_transaction_came_to_or_not_at_all() {
    let mut script = Script::new();
    let poller = script.process("poller-1");
    let last = (900..920).map(|tx| look(&mut script, poller, tx, [renewed()])).last().expect("some");
    // One that never ended is told: that it looked is all that it came to.
    script.event(poller, statement(920, "look for the lock"));
    script.event(
        poller,
        What::NeverReturned {
            point: Operation::Begin,
            tx: None,
            since: 7_500,
            behind: Some(TxId(920)),
            whom: Default::default(),
        },
    );
    script.rest();
    let story = story(&script, "lock-1", &[last]);
    has(&story, "commit t900 on payments: renewed lock-1 = 1 (18 times more");
    has(&story, "t900 statement look for due rows");
    has(&story, "t919 statement look for due rows");
    has(&story, "t920 statement look for the lock");
    let looks = rows(&story).iter().filter(|row| row.contains("look for due rows")).count();
    assert_eq!(looks, 2, "{story}");
}

#[test]
fn a_look_that_served_nobody_and_found_nothing_is_not_told_beside_what_its_task_did_next() {
    let mut script = Script::new();
    let poller = script.process("poller-1");
    look(&mut script, poller, 900, []);
    let wrong = look(&mut script, poller, 901, [renewed()]);
    script.rest();
    let story = story(&script, "nobody", &[wrong]);
    has_not(&story, "t900");
    has(&story, "t901 statement look for due rows");
}

/// What was there, and what was not, is why a service does what it does with what it was asked.
#[test]
fn a_look_on_behalf_of_a_request_or_a_message_is_told_though_it_changed_nothing() {
    let message = seaworthy_sim::trace::script::message(1, "payments", "payment-1");
    let mut script = Script::new();
    let (front, ledger) = (script.process("front-1"), script.process("ledger-1"));
    script.event(front, What::Request { request: 4, operation: "pay".into() });
    look(&mut script, front, 900, []);
    let paid = look(&mut script, front, 901, [staged(&message)]);
    script.deliver(ledger, "ledger", &message);
    look(&mut script, ledger, 902, []);
    let booked = look(&mut script, ledger, 903, [renewed()]);
    script.rest();
    let story = story(&script, "nobody", &[paid, booked]);
    has(&story, "t900 statement look for due rows");
    has(&story, "t902 statement look for due rows");
}
