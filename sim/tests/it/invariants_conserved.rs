//! A sum that ends wrong is shown by the commits that made it wrong, and not by those that made up for each other.

use bytes::Bytes;
use seaworthy_sim::{
    invariants::{ConservedSums, Ending, Panel},
    scenario::Conserved,
    trace::{Effect, Outcome, script::Script},
};

/// A sum that stands if what is paid has a seat, looked at when all is done.
fn seats() -> Conserved {
    Conserved::new("seats")
        .plus_documents("payments", "paid", "seats")
        .minus_documents("seats", "seats", "held")
        .at_rest()
}

fn write(collection: &'static str, item: &str, by: i64) -> [Effect; 2] {
    let document = Effect::Document {
        collection: collection.into(),
        id: item.into(),
        version: 1,
        body: Some(Bytes::from_static(b"1")),
    };
    [document, Effect::Amount { sum: "seats".into(), by }]
}

/// The events that show what is wrong with the sum at the end.
fn shown(script: &Script) -> Vec<u64> {
    let findings = Panel::new(vec![Box::new(ConservedSums::new(&[seats()]))]).judge(&script.events(), Ending::Quiet);
    let violations = findings.violations;
    assert_eq!(violations.len(), 1, "{violations:?}");
    violations[0].events.clone()
}

#[test]
fn commits_about_one_thing_that_come_to_nothing_together_do_not_show_what_is_wrong_with_another() {
    let mut script = Script::new();
    let (payments, seats) = (script.process("payments-1"), script.process("seats-1"));
    let lost = script.commit(seats, "seats", Outcome::Done, write("seats", "item-2", -1));
    script.commit(payments, "payments", Outcome::Done, write("paid", "item-0", 1));
    script.commit(seats, "seats", Outcome::Done, write("seats", "item-0", -1));
    script.rest();
    assert_eq!(shown(&script), [lost]);
}

#[test]
fn commits_that_nothing_ties_together_are_all_shown_and_of_many_the_last() {
    let mut script = Script::new();
    let seats = script.process("seats-1");
    let numbers: Vec<u64> = (0..12)
        .map(|item| script.commit(seats, "seats", Outcome::Done, write("seats", &format!("item-{item}"), -1)))
        .collect();
    // Another thing makes up for one of them in number, and not in fact.
    let other = script.commit(seats, "seats", Outcome::Done, write("seats", "item-99", 1));
    script.rest();
    assert_eq!(shown(&script), [&numbers[5..], &[other]].concat());
}
