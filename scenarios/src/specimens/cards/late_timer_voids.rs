//! The timer of those who do nothing is not cancelled, and a hand whose time is up is void, whatever has become of it: each gets
//! back what was put in, although somebody has won long since.
//!
//! Threads: one hand; its timer goes off after its end.
//!
//! Mechanism: a timeout that changes state without a look at the state.
//!
//! Violates: `stands-still`: the process of a hand that was voided waits for its settlement; or `hand-life-cycle`: a hand that was over is
//! changed.
//!
//! Right: [`commands`](seaworthy_card_table::hands::commands) know which state is terminal, and
//! [`hand_life`](seaworthy_card_table::hands::hand_life) cancels the timer.

use seaworthy_card_table::{
    hands::{ACT_WITHIN, Hand, HandLife, IDLE, consumers, hands, serve_with},
    messages::{
        DEAL_CARDS, DEALT, FOLD_IDLE, HAND_COMMANDS, HAND_LIFE, HAND_STARTED, HandOver, HandStarted, Hands, OVER,
        Tables,
    },
};
use seaworthy_core::choreography::{Command, CommandHandlers, ProcessManager, Reaction};

use crate::card_table::CardTable;

/// The card table with this mistake.
pub(super) fn twin() -> CardTable {
    let about = "a timer that goes off after the hand's end voids the hand";
    CardTable::with_mistake("late-timer-voids", about).hands(|ports| {
        let commands = CommandHandlers::builder::<Hands>(&ports, hands(&ports))
            .open(DEAL_CARDS, |started: HandStarted| Ok::<_, ()>(Hand::dealt(started)))
            .on(FOLD_IDLE, |hand: &mut Hand, (): ()| {
                let HandStarted { hand: id, table, players, stake } = hand.started.clone();
                let winnings = players.into_iter().map(|player| (player, stake)).collect();
                hand.over = Some(HandOver { hand: id, table, winnings });
                Ok::<_, ()>(())
            });
        let consumers = consumers(&ports)
            .with(HAND_COMMANDS, commands.build().expect("two commands"))
            .with(HAND_LIFE, life().handlers(ports.clock.clone()));
        Box::pin(serve_with(ports, consumers))
    })
}

/// The life of a hand, whose timer nobody cancels.
fn life() -> ProcessManager<HandLife> {
    let manager = ProcessManager::<HandLife>::builder(HAND_LIFE)
        .on::<Tables, HandStarted>(HAND_STARTED, |life, _| {
            life.is_started = true;
            life.settle(Reaction::none())
        })
        .on::<Hands, HandStarted>(DEALT, |life, dealt| {
            life.dealt = Some(dealt.hand.clone());
            Ok(Reaction::none().timer(IDLE, ACT_WITHIN))
        })
        .on::<Hands, HandOver>(OVER, |life, over| {
            life.over = Some(over.clone());
            life.settle(Reaction::none())
        })
        .on_timer(IDLE, |life| {
            let hand = life.dealt.clone().unwrap_or_default();
            Ok(Reaction::none().command(Command::new::<Hands>(FOLD_IDLE, hand, &())?))
        });
    manager.build().expect("one reaction for each message")
}
