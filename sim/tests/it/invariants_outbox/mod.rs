//! Invariants of the outbox and its relays, on traces written by hand: what each catches and what it lets pass.

mod claims;
mod log;
mod lost;
mod phantom;

use seaworthy_core::{message::Message, ports::SubscriptionSpec};
use seaworthy_sim::{
    invariants::{Ending, Invariant, Panel, Violation},
    trace::script::{self, Script},
};

fn judge(invariant: impl Invariant + 'static, script: &Script) -> Vec<Violation> {
    Panel::new(vec![Box::new(invariant)]).judge(&script.events(), Ending::Quiet).violations
}

fn sentences(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.sentence.as_str()).collect()
}

/// `shipping` and `mail` listen to `orders`; `billing` to something else.
fn groups() -> Vec<SubscriptionSpec> {
    let group = |name: &str, topic: &str| SubscriptionSpec { group: name.into(), topics: vec![topic.into()] };
    vec![group("shipping", "orders"), group("mail", "orders"), group("billing", "payments")]
}

fn confirmed() -> Message {
    script::message(1, "orders", "order-17")
}
