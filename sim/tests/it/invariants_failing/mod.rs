//! Invariants about what fails each time, on traces written by hand: how often it is tried, whom it holds up, who hears of it and
//! what is kept; and about what is late although nothing fails.

mod attempts;
mod growth;
mod heard;
mod held_up;
mod hoard;
mod prompt;
mod saga_held_up;
mod stops_when_asked;
mod unbounded_wait;

use seaworthy_core::{message::Message, ports::SubscriptionSpec};
use seaworthy_sim::{
    invariants::{Ending, Invariant, Panel, Violation},
    trace::{
        ProcessIndex, What, Work,
        script::{self, Script},
    },
};

fn judge(invariant: impl Invariant + 'static, script: &Script) -> Vec<Violation> {
    Panel::new(vec![Box::new(invariant)]).judge(&script.events(), Ending::Quiet).violations
}

fn sentences(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.sentence.as_str()).collect()
}

/// `shipping` listens to `orders`.
fn groups() -> Vec<SubscriptionSpec> {
    vec![SubscriptionSpec { group: "shipping".into(), topics: vec!["orders".into()] }]
}

fn message(number: u64, key: &str) -> Message {
    script::message(number, "orders", key)
}

/// An attempt at a message fails, by the first fault of the plan.
fn spoils(script: &mut Script, process: ProcessIndex, message: &Message) -> u64 {
    script.event(process, What::Spoils { index: 0, what: Work::Message(message.id) })
}
