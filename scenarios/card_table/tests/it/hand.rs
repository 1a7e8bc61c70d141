//! A hand from the deal to its end, and the process manager of its life.

use proptest::prelude::*;
use seaworthy_card_table::{
    hands::{Act, Hand, HandLife, IDLE, NotActed, hand_life},
    messages::{DEALT, HAND_STARTED, HandOver, HandStarted, OVER, SETTLE_HAND, transaction_of},
};
use seaworthy_core::{
    message::{Message, MessageBuilder},
    ports::Timestamp,
};
use serde::Serialize;
use smol_str::{SmolStr, format_smolstr};

fn started(players: usize, stake: u64) -> HandStarted {
    let players = (1..=players).map(|number| format_smolstr!("p-{number}")).collect();
    HandStarted { hand: "t-1-h1".into(), table: "t-1".into(), players, stake }
}

fn message(source: &str, kind: &str, content: &impl Serialize) -> Message {
    let id = transaction_of("t-1-h1");
    let built = MessageBuilder::new(source, kind, "t-1-h1").correlation(id).json(content).expect("a form");
    built.derive(id, &[kind], Timestamp::EPOCH)
}

#[test]
fn a_hand_that_is_over_stays_as_it_is_whoever_acts_late() {
    let mut hand = Hand::dealt(started(2, 5));
    assert_eq!(hand.act(&"p-9".into(), Act::Hold), Err(NotActed::NoPlayer));
    assert_eq!((hand.act(&"p-1".into(), Act::Fold), hand.act(&"p-1".into(), Act::Fold)), (Ok(()), Ok(())));
    assert_eq!(hand.act(&"p-1".into(), Act::Hold), Err(NotActed::Acted));
    assert_eq!(hand.over, None);
    hand.fold_idle();
    let over = hand.over.clone().expect("nobody is left to act");
    // All have folded, so each gets back what was put in.
    assert_eq!(over.winnings, [("p-1".into(), 5), ("p-2".into(), 5)]);
    assert_eq!(hand.act(&"p-2".into(), Act::Hold), Err(NotActed::Acted));
    assert_eq!(hand.over, Some(over));
}

#[test]
fn seed_17_whichever_domain_is_heard_first_a_hand_is_settled_once_and_no_timer_stays() {
    let started = started(2, 5);
    let over = HandOver { hand: "t-1-h1".into(), table: "t-1".into(), winnings: vec![("p-1".into(), 10)] };
    let events =
        [message("table", HAND_STARTED, &started), message("hand", DEALT, &started), message("hand", OVER, &over)];
    let outcome = hand_life().check_orders(&events).expect("all six orders come to the same");
    let kinds: Vec<&str> = outcome.commands.iter().map(|command| command.kind()).collect();
    assert_eq!((kinds, outcome.timers.len()), (vec![SETTLE_HAND], 0));
    let life: HandLife = serde_json::from_value(outcome.state.expect("its table has not settled yet")).expect("a life");
    assert_eq!(life.over, Some(over));

    let dealt = hand_life().outcome(&events[..2]).expect("two reactions");
    assert_eq!((dealt.commands.len(), dealt.timers), (0, vec![SmolStr::from(IDLE)]), "somebody may do nothing");
}

proptest! {
    #[test]
    fn whoever_acts_and_whoever_does_not_the_winners_get_the_whole_pot(
        players in 2_usize..7,
        stake in 1_u64..50,
        acts in proptest::collection::vec(0_u8..3, 6),
    ) {
        let mut hand = Hand::dealt(started(players, stake));
        let all = hand.started.players.clone();
        for (player, act) in all.iter().zip(&acts) {
            match act {
                0 => prop_assert_eq!(hand.act(player, Act::Hold), Ok(())),
                1 => prop_assert_eq!(hand.act(player, Act::Fold), Ok(())),
                _ => {}
            }
        }
        let is_over = hand.over.is_some();
        prop_assert_eq!(is_over, acts[..players].iter().all(|act| *act < 2));
        if !is_over {
            hand.fold_idle();
        }
        let over = hand.over.clone().expect("everybody has acted or is folded");
        prop_assert_eq!(over.winnings.iter().map(|(_, chips)| chips).sum::<u64>(), stake * players as u64);
        let held: Vec<&SmolStr> = all.iter().zip(&acts).filter(|(_, act)| **act == 0).map(|(player, _)| player).collect();
        let winners: Vec<&SmolStr> = over.winnings.iter().map(|(player, _)| player).collect();
        prop_assert_eq!(winners, if held.is_empty() { all.iter().collect() } else { held });
    }
}
