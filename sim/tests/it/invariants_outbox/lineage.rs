//! Causes are a tree, under one correlation id.

use seaworthy_core::{ids::MessageId, message::Message};
use seaworthy_sim::{
    invariants::Lineage,
    trace::{
        Outcome,
        script::{self, Script, staged},
    },
};
use uuid::Uuid;

use super::{judge, sentences};

fn message(number: u64, cause: Option<&Message>, transaction: u128) -> Message {
    let mut message = script::message(number, "orders", &format!("order-{number}"));
    message.causation_id = cause.map(|cause| cause.id);
    message.correlation_id = Uuid::from_u128(transaction);
    message
}

/// What is found in messages that are staged one after the other, each in a commit of its own.
fn found(messages: &[Message]) -> Vec<String> {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    for message in messages {
        script.commit(orders, "orders", Outcome::Done, [staged(message)]);
    }
    sentences(&judge(Lineage::new(), &script)).into_iter().map(Into::into).collect()
}

#[test]
fn what_a_message_causes_bears_its_correlation_id() {
    let root = message(1, None, 7);
    let (child, other) = (message(2, Some(&root), 7), message(3, None, 8));
    let grandchild = message(4, Some(&child), 7);
    assert_eq!(found(&[root.clone(), child.clone(), other, grandchild]), [""; 0]);
    let stranger = message(5, Some(&child), 8);
    assert_eq!(
        found(&[root, child, stranger]),
        ["`scripted.event` of `order-5` has not the correlation id of the message that caused it"]
    );
}

#[test]
fn no_message_is_its_own_cause_or_comes_before_it() {
    let root = message(1, None, 7);
    let child = message(2, Some(&root), 7);
    assert_eq!(
        found(&[child, root]),
        ["`scripted.event` of `order-1` is named as the cause of a message that was staged before it"]
    );
    let mut own = message(3, None, 7);
    own.causation_id = Some(own.id);
    assert_eq!(found(&[own]), ["`scripted.event` of `order-3` names itself as its cause"]);
}

#[test]
fn a_cause_that_is_no_message_or_was_only_published_is_a_cause() {
    let mut asked = message(1, None, 7);
    asked.causation_id = Some(MessageId(Uuid::from_u128(99)));
    let published = message(2, None, 7);
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&asked)]);
    script.publish(orders, &published, Outcome::Done);
    script.commit(orders, "orders", Outcome::Done, [staged(&message(3, Some(&published), 7))]);
    assert_eq!(judge(Lineage::new(), &script), []);
    script.commit(orders, "orders", Outcome::Conflict, [staged(&message(4, Some(&published), 8))]);
    assert_eq!(judge(Lineage::new(), &script), [], "a commit that failed staged nothing");
    script.commit(orders, "orders", Outcome::DoneUnheard, [staged(&message(4, Some(&published), 8))]);
    assert_eq!(judge(Lineage::new(), &script).len(), 1);
}
