//! Invariants of the outbox and its relays, on traces written by hand: what each catches and what it lets pass.

mod acknowledged;
mod claims;
mod handled;
mod ids;
mod lineage;
mod log;
mod lost;
mod parked;
mod phantom;
mod restored;
mod topics;

use std::sync::Arc;

use seaworthy_core::{message::Message, ports::SubscriptionSpec};
use seaworthy_sim::{
    invariants::{Ending, Invariant, Panel, Practice, Student, Violation},
    trace::script::{self, Script},
};

fn judge(invariant: impl Invariant + 'static, script: &Script) -> Vec<Violation> {
    Panel::new(vec![Box::new(invariant)]).judge(&script.events(), Ending::Quiet).violations
}

fn sentences(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.sentence.as_str()).collect()
}

/// What is learnt from so many runs that all look like this.
fn practice(good_weather: &Script, runs: u64) -> Arc<Practice> {
    let mut student = Student::new();
    for _ in 0..runs {
        student.attend(&good_weather.events());
    }
    Arc::new(student.practice())
}

/// The same invariant, told what was learnt.
fn learnt<I: Invariant>(mut invariant: I, practice: &Arc<Practice>) -> I {
    invariant.learn(practice);
    invariant
}

/// `shipping` and `mail` listen to `orders`; `billing` to something else.
fn groups() -> Vec<SubscriptionSpec> {
    let group = |name: &str, topic: &str| SubscriptionSpec { group: name.into(), topics: vec![topic.into()] };
    vec![group("shipping", "orders"), group("mail", "orders"), group("billing", "payments")]
}

fn confirmed() -> Message {
    script::message(1, "orders", "order-17")
}
