//! Invariants of the outbox and its relays, on traces written by hand: what each catches and what it lets pass.

use seaworthy_core::{message::Message, ports::SubscriptionSpec};
use seaworthy_sim::{
    invariants::{
        DeadOnlyInjected, Ending, Invariant, LostEvent, NoRowStuck, Panel, PerKeyOrder, PhantomEvent, StaleClaimSettle,
        Violation,
    },
    plan::{FaultKind, Point},
    trace::{
        Outcome,
        script::{self, Script, dispatched, handled, staged},
    },
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

#[test]
fn a_message_that_is_published_before_its_transaction_commits_is_a_phantom() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    let published = script.publish(orders, &message, Outcome::Done);
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);

    let found = judge(PhantomEvent::new(), &script);
    assert_eq!(
        sentences(&found),
        ["the broker accepted `scripted.event` of `order-17`, which no committed transaction has staged"]
    );
    assert_eq!(found[0].events, [published]);
}

#[test]
fn whether_a_commit_staged_its_messages_is_its_outcome_in_truth() {
    let message = confirmed();
    for (outcome, phantoms) in [
        (Outcome::Done, 0),
        // The reply was lost: the rows are there, and a relay is right to publish them.
        (Outcome::DoneUnheard, 0),
        // The request was lost: whoever publishes now believes what is not so.
        (Outcome::NotDoneUnheard, 1),
        (Outcome::Conflict, 1),
        (Outcome::Unavailable, 1),
    ] {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.commit(orders, "orders", outcome, [staged(&message)]);
        script.publish(orders, &message, Outcome::DoneUnheard);
        assert_eq!(judge(PhantomEvent::new(), &script).len(), phantoms, "a commit that ended {outcome:?}");
    }
}

#[test]
fn a_phantom_that_the_broker_never_accepted_harms_nobody() {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    for outcome in [Outcome::Unavailable, Outcome::Rejected, Outcome::NotDoneUnheard] {
        script.publish(orders, &confirmed(), outcome);
    }
    assert_eq!(judge(PhantomEvent::new(), &script), []);
}

#[test]
fn a_stale_relay_that_publishes_again_after_the_row_is_settled_makes_no_phantom() {
    let message = confirmed();
    let mut script = Script::new();
    let (one, two) = (script.process("orders-1"), script.process("orders-2"));
    script.commit(one, "orders", Outcome::Done, [staged(&message)]);
    script.claim(one, "orders", 1, &[&message], Outcome::Done);
    script.claim(two, "orders", 2, &[&message], Outcome::Done);
    script.publish(two, &message, Outcome::Done);
    script.settle(two, "orders", 2, &[&message], ("dispatched", true), Outcome::Done);
    script.publish(one, &message, Outcome::Done);
    assert_eq!(judge(PhantomEvent::new(), &script), []);
}

/// Staged and published; `shipping` deals with it through its inbox.
fn half_delivered(message: &Message) -> Script {
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.commit(orders, "orders", Outcome::Done, [staged(message)]);
    script.publish(orders, message, Outcome::Done);
    script.deliver(shipping, "shipping", message);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", message)]);
    script.ack(shipping, "shipping", message, Outcome::Done);
    script
}

#[test]
fn an_event_is_lost_for_each_group_that_never_dealt_with_it() {
    let message = confirmed();
    let mut script = half_delivered(&message);
    assert_eq!(
        sentences(&judge(LostEvent::new(&groups()), &script)),
        ["`scripted.event` of `order-17` was committed and lost: it was accepted by the broker and never handled by \
             `mail`"],
        "a group that is not bound to the topic misses nothing"
    );

    let mail = script.process("mail-1");
    script.deliver(mail, "mail", &message);
    script.ack(mail, "mail", &message, Outcome::DoneUnheard);
    assert_eq!(judge(LostEvent::new(&groups()), &script), [], "a group without an inbox has only its acknowledgement");
}

#[test]
fn an_acknowledgement_that_never_reached_the_broker_is_none() {
    for outcome in [Outcome::BelievedDone, Outcome::NotDoneUnheard, Outcome::Unavailable] {
        let message = confirmed();
        let mut script = half_delivered(&message);
        let mail = script.process("mail-1");
        script.deliver(mail, "mail", &message);
        script.ack(mail, "mail", &message, outcome);
        assert_eq!(judge(LostEvent::new(&groups()), &script).len(), 1, "{outcome:?}");
    }
}

#[test]
fn a_row_marked_as_dispatched_and_never_published_is_a_lost_event() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.claim(orders, "orders", 1, &[&message], Outcome::Done);
    script.settle(orders, "orders", 1, &[&message], ("dispatched", true), Outcome::Done);
    script.crash(orders);
    let found = judge(LostEvent::new(&groups()[..1]), &script);
    assert_eq!(
        sentences(&found),
        [
            "`scripted.event` of `order-17` was committed and lost: it never reached the broker, so `shipping` never saw it"
        ]
    );
}

#[test]
fn an_inbox_that_acknowledges_before_it_commits_loses_the_event() {
    let (first, second) = (confirmed(), script::message(2, "orders", "order-18"));
    let mut script = half_delivered(&first);
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.commit(orders, "orders", Outcome::Done, [staged(&second)]);
    script.publish(orders, &second, Outcome::Done);
    script.deliver(shipping, "shipping", &second);
    let ack = script.ack(shipping, "shipping", &second, Outcome::Done);
    script.crash(shipping);

    let found = judge(LostEvent::new(&groups()[..1]), &script);
    assert_eq!(
        sentences(&found),
        ["`scripted.event` of `order-18` was committed and lost: it was acknowledged by `shipping` and never handled"]
    );
    assert!(found[0].events.contains(&ack));
}

#[test]
fn a_type_that_a_consumer_ignores_by_name_is_not_lost_unless_it_should_handle_it() {
    let mut ignored = confirmed();
    ignored.kind = "order.viewed".into();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&ignored)]);
    script.publish(orders, &ignored, Outcome::Done);
    script.ack(orders, "shipping", &ignored, Outcome::Done);
    assert_eq!(judge(LostEvent::new(&groups()[..1]), &script), []);
    let strict = LostEvent::new(&groups()[..1]).handles("shipping", &["order.viewed"]);
    assert_eq!(judge(strict, &script).len(), 1);
}

#[test]
fn a_dead_event_is_not_lost_but_one_that_was_redriven_can_be() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.claim(orders, "orders", 1, &[&message], Outcome::Done);
    script.settle(orders, "orders", 1, &[&message], ("dead", true), Outcome::DoneUnheard);
    assert_eq!(judge(LostEvent::new(&groups()), &script), []);

    script.claim(orders, "orders", 2, &[&message], Outcome::Done);
    script.settle(orders, "orders", 2, &[&message], ("dispatched", true), Outcome::Done);
    assert_eq!(judge(LostEvent::new(&groups()), &script).len(), 2, "once for each group");
}

#[test]
fn a_consumer_may_have_another_name_than_its_group() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.commit(orders, "shipping", Outcome::Done, [handled("shipments", &message)]);
    assert_eq!(judge(LostEvent::new(&groups()[..1]), &script).len(), 1);
    assert_eq!(judge(LostEvent::new(&groups()[..1]).consumer("shipping", "shipments"), &script), []);
}

#[test]
fn a_run_that_ran_out_of_its_budget_is_not_blamed_for_what_may_still_come() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    let eventually: [fn() -> Box<dyn Invariant>; 2] =
        [|| Box::new(LostEvent::new(&groups())), || Box::new(NoRowStuck::new())];
    for make in eventually {
        let panel = |ending| Panel::new(vec![make()]).judge(&script.events(), ending).violations.len();
        assert_eq!(panel(Ending::OutOfBudget), 0);
        assert_ne!(panel(Ending::Quiet), 0);
    }
}

#[test]
fn a_row_that_is_claimed_and_never_settled_is_stuck() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    let committed = script.commit(orders, "orders", Outcome::DoneUnheard, [staged(&message)]);
    assert_eq!(
        sentences(&judge(NoRowStuck::new(), &script)),
        ["the outbox row of `scripted.event` of `order-17` was never claimed"]
    );

    let claimed = script.claim(orders, "orders", 1, &[&message], Outcome::Done);
    for (as_what, held, outcome) in [
        ("retry", true, Outcome::Done),
        ("release", true, Outcome::Done),
        ("dispatched", false, Outcome::Done),
        ("dispatched", true, Outcome::NotDoneUnheard),
    ] {
        script.settle(orders, "orders", 1, &[&message], (as_what, held), outcome);
    }
    let found = judge(NoRowStuck::new(), &script);
    assert_eq!(sentences(&found), ["the outbox row of `scripted.event` of `order-17` was claimed and never settled"]);
    assert_eq!(found[0].events, [committed, claimed]);

    for as_what in ["dispatched", "dead"] {
        let mut settled = script.clone();
        settled.settle(orders, "orders", 1, &[&message], (as_what, true), Outcome::DoneUnheard);
        assert_eq!(judge(NoRowStuck::new(), &settled), [], "a {as_what} row rests");
    }
}

#[test]
fn a_transaction_that_did_not_commit_leaves_no_row_to_be_stuck() {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::NotDoneUnheard, [staged(&confirmed())]);
    assert_eq!(judge(NoRowStuck::new(), &script), []);
}

#[test]
fn a_relay_that_lost_its_claim_and_settles_is_caught() {
    let message = confirmed();
    let mut script = Script::new();
    let (one, two) = (script.process("orders-1"), script.process("orders-2"));
    script.claim(one, "orders", 1, &[&message], Outcome::Done);
    let second = script.claim(two, "orders", 2, &[&message], Outcome::DoneUnheard);
    let settled = script.settle(one, "orders", 1, &[&message], ("dispatched", true), Outcome::Done);
    let found = judge(StaleClaimSettle::new(), &script);
    assert_eq!(
        sentences(&found),
        ["row 1 of `orders` was settled as dispatched although another relay had claimed it since"]
    );
    assert_eq!(found[0].events, [second, settled]);
}

#[test]
fn a_claim_settles_a_row_once() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.claim(orders, "orders", 1, &[&message], Outcome::Done);
    script.settle(orders, "orders", 1, &[&message], ("retry", true), Outcome::Done);
    script.settle(orders, "orders", 1, &[&message], ("dispatched", true), Outcome::Done);
    assert_eq!(
        sentences(&judge(StaleClaimSettle::new(), &script)),
        ["row 1 of `orders` was settled as dispatched although the claim did not hold it"]
    );
}

#[test]
fn a_settlement_that_the_store_turned_down_is_no_stale_settle() {
    let message = confirmed();
    let mut script = Script::new();
    let (one, two) = (script.process("orders-1"), script.process("orders-2"));
    script.claim(one, "orders", 1, &[&message], Outcome::Done);
    script.claim(two, "orders", 2, &[&message], Outcome::Done);
    script.settle(one, "orders", 1, &[&message], ("dispatched", false), Outcome::Done);
    script.settle(two, "orders", 2, &[&message], ("dispatched", true), Outcome::NotDoneUnheard);
    script.settle(two, "orders", 2, &[&message], ("dispatched", true), Outcome::Done);
    // The same row number in another store is another row.
    script.claim(one, "shipping", 3, &[&message], Outcome::Done);
    script.settle(one, "shipping", 3, &[&message], ("dispatched", true), Outcome::Done);
    assert_eq!(judge(StaleClaimSettle::new(), &script), []);
}

/// A relay claims a message, publishes it with this outcome, and gives it up.
fn given_up(fault: Option<(FaultKind, Point)>, outcome: Outcome) -> Script {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.claim(orders, "orders", 1, &[&message], Outcome::Done);
    if let Some((kind, point)) = fault {
        script.fault(orders, kind, point);
    }
    script.publish(orders, &message, outcome);
    script.settle(orders, "orders", 1, &[&message], ("dead", true), Outcome::Done);
    script
}

#[test]
fn an_outage_never_sends_a_row_to_its_death() {
    for (fault, outcome) in [
        (None, Outcome::Unavailable),
        (Some((FaultKind::Unavailable, Point::Publish)), Outcome::Unavailable),
        (Some((FaultKind::LoseReply, Point::Publish)), Outcome::DoneUnheard),
        // A refusal that is not the plan's is a bug of the broker or of the message.
        (None, Outcome::Rejected),
        // The plan refused another kind of call.
        (Some((FaultKind::Reject, Point::External)), Outcome::Rejected),
    ] {
        assert_eq!(
            sentences(&judge(DeadOnlyInjected::new(), &given_up(fault, outcome))),
            ["a relay gave up row 1 of `orders`, which the broker was never told to refuse"],
            "{fault:?}, {outcome:?}"
        );
    }
}

#[test]
fn a_row_dies_rightly_of_an_injected_refusal_or_by_the_scenarios_own_design() {
    let refused = given_up(Some((FaultKind::Reject, Point::Publish)), Outcome::Rejected);
    assert_eq!(judge(DeadOnlyInjected::new(), &refused), []);
    let unroutable = given_up(None, Outcome::Rejected);
    let expected = DeadOnlyInjected::new().poison(|message| message.subject == "order-17");
    assert_eq!(judge(expected, &unroutable), []);
}

#[test]
fn a_dead_letter_needs_a_reason_in_the_plan_or_in_the_scenario() {
    use seaworthy_sim::trace::Effect;
    let message = confirmed();
    let buried =
        || Effect::Buried { consumer: "shipping".into(), message: message.id, reason: "no such warehouse".into() };
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    let spoiled = {
        let mut script = script.clone();
        script.fault(shipping, FaultKind::Reject, Point::External);
        script.commit(shipping, "shipping", Outcome::Done, [buried()]);
        script
    };
    script.commit(shipping, "shipping", Outcome::Done, [buried()]);
    assert_eq!(
        sentences(&judge(DeadOnlyInjected::new(), &script)),
        ["`shipping` gave up a message that nothing in the plan spoils: no such warehouse"]
    );
    assert_eq!(judge(DeadOnlyInjected::new(), &spoiled), []);
    assert_eq!(judge(DeadOnlyInjected::new().poison(|message| message.topic == "orders"), &script), []);
}

/// Staged, offered to the broker with this outcome, and settled by a reader of the log.
fn tailed(
    fault: Option<(FaultKind, Point)>,
    outcome: Outcome,
    effect: fn(&Message) -> seaworthy_sim::trace::Effect,
) -> Script {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    if let Some((kind, point)) = fault {
        script.fault(orders, kind, point);
    }
    script.publish(orders, &message, outcome);
    script.commit(orders, "orders", Outcome::Done, [effect(&message)]);
    script
}

#[test]
fn a_row_that_a_reader_of_the_log_settled_is_not_stuck() {
    for effect in [dispatched, script::given_up] {
        assert_eq!(judge(NoRowStuck::new(), &tailed(None, Outcome::Done, effect)), []);
    }
}

#[test]
fn a_reader_of_the_log_gives_up_only_what_the_plan_refuses() {
    let reject = Some((FaultKind::Reject, Point::Publish));
    assert_eq!(judge(DeadOnlyInjected::new(), &tailed(reject, Outcome::Rejected, script::given_up)), []);
    let outage = Some((FaultKind::Unavailable, Point::Publish));
    assert_eq!(
        sentences(&judge(DeadOnlyInjected::new(), &tailed(outage, Outcome::Unavailable, script::given_up))),
        ["a relay gave up a message that the broker was never told to refuse: too large"]
    );
    // The refusal was overcome: it excuses no later death.
    let mut script = tailed(reject, Outcome::Rejected, dispatched);
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [script::given_up(&confirmed())]);
    assert_eq!(judge(DeadOnlyInjected::new(), &script).len(), 1);
}

#[test]
fn what_a_reader_of_the_log_marked_and_never_published_is_lost_and_what_it_gave_up_is_not() {
    let script = tailed(None, Outcome::NotDoneUnheard, dispatched);
    assert_eq!(judge(LostEvent::new(&groups()), &script).len(), 2, "for `shipping` and for `mail`");
    let mut script = tailed(None, Outcome::Rejected, script::given_up);
    assert_eq!(judge(LostEvent::new(&groups()), &script), []);
    let orders = script.process("orders-1");
    // Redriven, marked and never published.
    script.commit(orders, "orders", Outcome::Done, [dispatched(&confirmed())]);
    assert_eq!(judge(LostEvent::new(&groups()), &script).len(), 2);
}

#[test]
fn a_message_that_a_reader_of_the_log_gave_up_may_come_late() {
    let (first, second) = (script::message(1, "orders", "order-17"), script::message(2, "orders", "order-17"));
    for (dies, violations) in [(false, 1), (true, 0)] {
        let mut script = Script::new();
        let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
        script.commit(orders, "orders", Outcome::Done, [staged(&first), staged(&second)]);
        if dies {
            script.commit(orders, "orders", Outcome::Done, [script::given_up(&first)]);
        }
        script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &second)]);
        script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &first)]);
        assert_eq!(judge(PerKeyOrder::new(&groups()), &script).len(), violations, "it dies: {dies}");
    }
}

#[test]
fn a_claim_on_a_row_that_a_reader_of_the_log_settled_since_is_lost() {
    let message = confirmed();
    let mut script = Script::new();
    let (one, two) = (script.process("orders-1"), script.process("orders-2"));
    script.commit(one, "orders", Outcome::Done, [staged(&message)]);
    script.claim(one, "orders", 1, &[&message], Outcome::Done);
    script.commit(two, "orders", Outcome::Done, [dispatched(&message)]);
    script.settle(one, "orders", 1, &[&message], ("dispatched", true), Outcome::Done);
    assert_eq!(
        sentences(&judge(StaleClaimSettle::new(), &script)),
        ["row 1 of `orders` was settled as dispatched although the claim did not hold it"]
    );
}
