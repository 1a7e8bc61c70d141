//! Rows under a claim: stuck, settled by a stranger, dead without a reason.

use seaworthy_core::ports::Operation;
use seaworthy_sim::{
    invariants::{DeadOnlyInjected, NoRowStuck, StaleClaimSettle},
    plan::FaultKind,
    trace::{
        Outcome, SettledAs,
        script::{Script, staged},
    },
};

use super::{confirmed, judge, sentences};

#[test]
fn a_row_that_is_claimed_and_never_settled_is_stuck() {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    let committed = script.commit(orders, "orders", Outcome::DoneUnheard, [staged(&message)]);
    assert_eq!(
        sentences(&judge(NoRowStuck::new(), &script)),
        ["the outbox row of `scripted.event` of `order-17`, key `order-17`, was never claimed: no relay asks for it"]
    );

    script.claim(orders, "orders", 1, &[&message], Outcome::Done);
    for (how, held, outcome) in [
        (SettledAs::Retry, true, Outcome::Done),
        (SettledAs::Release, true, Outcome::Done),
        (SettledAs::Dispatched, false, Outcome::Done),
        (SettledAs::Dispatched, true, Outcome::NotDoneUnheard),
    ] {
        script.settle(orders, "orders", 1, &[&message], (how, held), outcome);
    }
    let found = judge(NoRowStuck::new(), &script);
    assert_eq!(
        sentences(&found),
        ["the outbox row of `scripted.event` of `order-17`, key `order-17`, was claimed as row 1 and given back"]
    );
    assert_eq!(found[0].events[0], committed);

    for how in [SettledAs::Dispatched, SettledAs::Dead] {
        let mut settled = script.clone();
        settled.settle(orders, "orders", 1, &[&message], (how, true), Outcome::DoneUnheard);
        assert_eq!(judge(NoRowStuck::new(), &settled), [], "a {how} row rests");
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
    let settled = script.settle(one, "orders", 1, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
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
    script.settle(orders, "orders", 1, &[&message], (SettledAs::Retry, true), Outcome::Done);
    script.settle(orders, "orders", 1, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
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
    script.settle(one, "orders", 1, &[&message], (SettledAs::Dispatched, false), Outcome::Done);
    script.settle(two, "orders", 2, &[&message], (SettledAs::Dispatched, true), Outcome::NotDoneUnheard);
    script.settle(two, "orders", 2, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    // The same row number in another store is another row.
    script.claim(one, "shipping", 3, &[&message], Outcome::Done);
    script.settle(one, "shipping", 3, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    assert_eq!(judge(StaleClaimSettle::new(), &script), []);
}

/// A relay claims a message, publishes it with this outcome, and gives it up.
fn given_up(fault: Option<(FaultKind, Operation)>, outcome: Outcome) -> Script {
    let message = confirmed();
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.claim(orders, "orders", 1, &[&message], Outcome::Done);
    if let Some((kind, point)) = fault {
        script.fault(orders, kind, point);
    }
    script.publish(orders, &message, outcome);
    script.settle(orders, "orders", 1, &[&message], (SettledAs::Dead, true), Outcome::Done);
    script
}

#[test]
fn an_outage_never_sends_a_row_to_its_death() {
    for (fault, outcome) in [
        (None, Outcome::Unavailable),
        (Some((FaultKind::Unavailable, Operation::Publish)), Outcome::Unavailable),
        (Some((FaultKind::LoseReply, Operation::Publish)), Outcome::DoneUnheard),
    ] {
        assert_eq!(
            sentences(&judge(DeadOnlyInjected::new(), &given_up(fault, outcome))),
            ["a relay gave up row 1 of `orders`, which the broker was never told to refuse"],
            "{fault:?}, {outcome:?}"
        );
    }
}

#[test]
fn a_row_that_the_broker_itself_refuses_is_told_with_what_was_refused_and_not_blamed_on_the_relay() {
    for fault in [None, Some((FaultKind::Reject, Operation::External))] {
        assert_eq!(
            sentences(&judge(DeadOnlyInjected::new(), &given_up(fault, Outcome::Rejected))),
            [
                "a relay gave up row 1 of `orders`: the broker itself refused `scripted.event` of `order-17`, without the \
              plan's doing; if that is meant, say so with `DeadOnlyInjected::poison`"
            ]
        );
    }
}

#[test]
fn a_row_dies_rightly_of_an_injected_refusal_or_by_the_scenarios_own_design() {
    let refused = given_up(Some((FaultKind::Reject, Operation::Publish)), Outcome::Rejected);
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
        script.fault(shipping, FaultKind::Reject, Operation::External);
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

/// A source may put a command aside that was rejected, and nothing else.
#[test]
fn a_rejected_command_that_its_source_keeps_is_not_given_up() {
    use seaworthy_core::{
        choreography::{REJECTED, Rejection, RejectionReason},
        message::Message,
    };
    use seaworthy_sim::trace::{Effect, script};
    let command = confirmed();
    let kept_after = |reason, consumer: &str, message: &Message| {
        let rejection = Rejection { command: command.clone(), reason };
        let data = serde_json::to_vec(&rejection).expect("it is JSON").into();
        let rejected = Message { kind: REJECTED.into(), data, ..script::message(2, "player.rejections", "p-1") };
        let mut script = Script::new();
        let player = script.process("player-1");
        script.commit(player, "player", Outcome::Done, [staged(&rejected)]);
        let (consumer, message) = (consumer.into(), message.id);
        script.commit(player, "player", Outcome::Done, [Effect::Buried { consumer, message, reason: "no".into() }]);
        judge(DeadOnlyInjected::new(), &script).len()
    };
    let kept = |consumer, message| kept_after(RejectionReason::Missing, consumer, message);
    assert_eq!(kept("player.rejected", &command), 0);
    let stale = RejectionReason::Contended { attempts: 10 };
    assert_eq!(kept_after(stale, "player.rejected", &command), 1, "nobody has decided so");
    assert_eq!(kept("player", &command), 1, "a consumer that could not handle it");
    assert_eq!(kept("player.rejected", &script::message(3, "table.commands", "t-1")), 1, "it was never rejected");
}

/// An event that a subscriber keeps behind another one of its stream goes on by itself.
#[test]
fn an_event_that_only_waits_for_its_turn_is_not_given_up() {
    use seaworthy_sim::trace::Effect;
    let message = confirmed();
    let parked = |reason: &str| {
        let mut script = Script::new();
        let balances = script.process("balances-1");
        let buried = Effect::Buried { consumer: "balances".into(), message: message.id, reason: reason.into() };
        script.commit(balances, "bank", Outcome::Done, [buried]);
        judge(DeadOnlyInjected::new(), &script)
    };
    assert_eq!(parked("waits behind 01890a5d-ac96-774b-bcce-b302099a8057, which is parked"), []);
    assert_eq!(parked("refused: no such account").len(), 1);
}

/// A command behind one that is a dead letter becomes one as well. Where the plan has spoiled nothing, nothing is before it.
#[test]
fn a_command_whose_turn_has_not_come_is_given_up_rightly_behind_something_that_the_plan_has_spoiled() {
    use seaworthy_sim::trace::{Effect, What, Work};
    let message = confirmed();
    let buried = |reason: &str, is_spoiled: bool| {
        let mut script = Script::new();
        let players = script.process("player-1");
        if is_spoiled {
            let another = seaworthy_core::ids::MessageId(uuid::Uuid::from_u128(7));
            script.event(players, What::Spoils { index: 0, what: Work::Message(another) });
        }
        let buried = Effect::Buried { consumer: "player".into(), message: message.id, reason: reason.into() };
        script.commit(players, "player", Outcome::Done, [buried]);
        judge(DeadOnlyInjected::new(), &script).len()
    };
    let waits = "refused: its turn has not come: 0 credit of this event is not settled; redrive that one first";
    assert_eq!((buried(waits, true), buried(waits, false), buried("refused: no such account", true)), (0, 1, 1));
}
