//! One message for one id.

use seaworthy_sim::{
    invariants::{LostEvent, OneMessagePerId},
    trace::{
        Outcome,
        script::{self, Script, handled, staged},
    },
};

use super::{confirmed, groups, judge, sentences};

#[test]
fn two_commits_that_stage_a_message_of_one_id_are_told_in_one_store_and_in_two() {
    for (store, second, says) in [
        ("orders", confirmed(), "the same"),
        ("payments", confirmed(), "the same"),
        ("payments", script::message(1, "orders", "order-18"), "not the same"),
    ] {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        let one = script.commit(orders, "orders", Outcome::DoneUnheard, [staged(&confirmed())]);
        script.commit(orders, store, Outcome::Conflict, [staged(&second)]);
        assert_eq!(judge(OneMessagePerId::new(), &script), [], "a commit that failed staged nothing");
        let two = script.commit(orders, store, Outcome::Done, [staged(&second)]);
        let found = judge(OneMessagePerId::new(), &script);
        let subject = &second.subject;
        assert_eq!(
            sentences(&found),
            [format!(
                "two commits staged a message of one id; the second is `scripted.event` of `{subject}`, and says {says}"
            )]
        );
        assert_eq!(found[0].events, [one, two]);
    }
}

#[test]
fn what_is_published_under_an_id_says_the_same_each_time() {
    let (message, mut relayed, other) = (confirmed(), confirmed(), script::message(1, "orders", "order-18"));
    // Where it stands in its key's order is the relay's to say.
    (relayed.sequence, relayed.gap) = (7, 1);
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.publish(orders, &relayed, Outcome::Done);
    script.publish(orders, &relayed, Outcome::DoneUnheard);
    script.publish(orders, &other, Outcome::Unavailable);
    assert_eq!(judge(OneMessagePerId::new(), &script), []);
    script.publish(orders, &other, Outcome::Done);
    assert_eq!(
        sentences(&judge(OneMessagePerId::new(), &script)),
        ["`scripted.event` of `order-18` has the id of another message, which says something else"]
    );
}

#[test]
fn a_second_message_of_an_id_does_not_close_the_entry_of_the_first() {
    let message = confirmed();
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    let first = script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.publish(orders, &message, Outcome::Done);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message)]);
    // `mail` has not handled the first one yet, and a second one makes that no better.
    script.commit(orders, "payments", Outcome::Done, [staged(&message)]);
    let found = judge(LostEvent::new(&groups()), &script);
    let lost: Vec<&str> = found.iter().map(|found| if found.events.contains(&first) { "mail" } else { "?" }).collect();
    assert!(found.iter().any(|found| found.sentence.contains("`mail`")), "{found:#?}");
    assert!(lost.contains(&"mail"), "{found:#?}");
}
