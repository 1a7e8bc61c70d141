//! What is kept without end.

use seaworthy_core::{ports::SagaStatus, saga::Record};
use seaworthy_sim::{
    invariants::{BoundedGrowth, Violation},
    scenario::Topology,
    trace::{
        Effect, Outcome,
        script::{self, Script, handled},
    },
};

use super::{judge, message, sentences};

fn document(number: u32, version: u64) -> Effect {
    let body = (version > 0).then(|| "1".into());
    Effect::Document { collection: "attempts".into(), id: format!("{number}").into(), version, body }
}

/// So many documents, of which so many are deleted, after so much work.
fn kept(topology: &Topology, documents: u32, deleted: u32, work: u64) -> Vec<Violation> {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    for number in 0..work {
        script.commit(orders, "orders", Outcome::Done, [handled("orders", &message(number, "order-1"))]);
    }
    for number in 0..documents {
        script.commit(orders, "orders", Outcome::Done, [document(number, 1)]);
        // Written again it is no other.
        script.commit(orders, "orders", Outcome::Done, [document(number, 2)]);
    }
    for number in 0..deleted {
        script.commit(orders, "orders", Outcome::Done, [document(number, 0)]);
    }
    judge(BoundedGrowth::from_topology(topology).per_item(2), &script)
}

#[test]
fn documents_that_grow_beyond_the_work_are_told_by_their_collection() {
    let topology = Topology::new();
    let found = kept(&topology, 121, 0, 10);
    assert_eq!(
        sentences(&found),
        ["`attempts` of `orders` has 121 documents more than before, after 10 requests and handled messages"]
    );
    assert_eq!(kept(&topology, 120, 0, 10), []);
    assert_eq!(kept(&topology, 121, 1, 10), [], "what is deleted is not kept");
    assert_eq!(kept(&Topology::new().heartbeat("attempts"), 121, 0, 10), []);
}

#[test]
fn a_log_that_is_never_condensed_is_told_once() {
    let run = |condenses: bool| {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        for length in 0..40 {
            let record = match condenses && length % 8 == 7 {
                true => br#"{"condensed":{"summary":{"steps":[]}}}"#.to_vec().into(),
                false => Record::Completed.encode(),
            };
            let (saga, epoch, records, status) = (script::saga(1), 1, vec![record], SagaStatus::Running);
            let logged = Effect::SagaLogged { saga, epoch, length, records, status };
            script.commit(orders, "orders", Outcome::Done, [logged]);
        }
        judge(BoundedGrowth::from_topology(&Topology::new()).entries(10), &script)
    };
    assert_eq!(sentences(&run(false)), ["the log of a saga has 21 entries"]);
    assert_eq!(run(true), []);
}

#[test]
fn the_text_of_an_error_is_kept_as_a_text_and_not_as_a_book() {
    let judged = |length: usize| {
        let mut script = Script::new();
        let shipping = script.process("shipping-1");
        let (consumer, error) = ("shipping".into(), "x".repeat(length).into());
        let failed = Effect::Failed { consumer, message: message(1, "order-1").id, failures: 1, error };
        script.commit(shipping, "shipping", Outcome::Done, [failed]);
        judge(BoundedGrowth::from_topology(&Topology::new()), &script)
    };
    assert_eq!(sentences(&judged(5_000)), ["the text of an error is kept that is 5000 bytes long"]);
    assert_eq!(judged(1_024), []);
}
