use std::time::Duration;

use seaworthy_core::choreography::{Command, ProcessManager, Reaction, TranslateError};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::messages::{
    DEALT, FOLD_IDLE, HAND_LIFE, HAND_SETTLED, HAND_STARTED, HandOver, HandSettled, HandStarted, Hands, OVER,
    SETTLE_HAND, Tables,
};

/// Time that players have to act, from the deal.
pub const ACT_WITHIN: Duration = Duration::from_secs(5);
/// Timer of those who do nothing.
pub const IDLE: &str = "idle";

/// Memory of the process manager about a hand: what it has heard of it from its table and from the hand itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandLife {
    /// Its table has said that it begins.
    pub is_started: bool,
    /// Id of the hand, once its cards are dealt.
    pub dealt: Option<SmolStr>,
    /// Result of the hand, once it is over.
    pub over: Option<HandOver>,
}

impl HandLife {
    /// Adds the command that settles the hand once both have spoken, whichever was heard first.
    ///
    /// # Errors
    /// None that can occur: tables take this command.
    pub fn settle(&self, reaction: Reaction) -> Result<Reaction, TranslateError> {
        match &self.over {
            Some(over) if self.is_started => {
                Ok(reaction.command(Command::new::<Tables>(SETTLE_HAND, over.table.clone(), over)?))
            }
            _ => Ok(reaction),
        }
    }
}

/// The process manager of a hand's life: when its cards are dealt, a timer is set, which folds those who do nothing; when it is
/// over, its table settles it; when it has, the process ends.
pub fn hand_life() -> ProcessManager<HandLife> {
    let manager = ProcessManager::<HandLife>::builder(HAND_LIFE)
        .on::<Tables, HandStarted>(HAND_STARTED, |life, _| {
            life.is_started = true;
            life.settle(Reaction::none())
        })
        .on::<Hands, HandStarted>(DEALT, |life, dealt| {
            life.dealt = Some(dealt.hand.clone());
            let is_over = life.over.is_some();
            Ok(if is_over { Reaction::none() } else { Reaction::none().timer(IDLE, ACT_WITHIN) })
        })
        .on::<Hands, HandOver>(OVER, |life, over| {
            life.over = Some(over.clone());
            life.settle(Reaction::none().cancel(IDLE))
        })
        .on::<Tables, HandSettled>(HAND_SETTLED, |_, _| Ok(Reaction::none().end()))
        .on_timer(IDLE, |life| match &life.dealt {
            Some(hand) => Ok(Reaction::none().command(Command::new::<Hands>(FOLD_IDLE, hand.clone(), &())?)),
            None => Ok(Reaction::none()),
        })
        // All have acted just in time.
        .on_rejection(FOLD_IDLE, |_, _| Ok(Reaction::none()));
    manager.build().expect("one reaction for each message")
}
