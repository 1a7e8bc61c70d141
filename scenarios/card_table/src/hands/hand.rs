use std::collections::BTreeMap;

use seaworthy_core::aggregate::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::messages::{HandOver, HandStarted};

/// A hand from the deal to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    /// Id, table, players and stakes.
    pub started: HandStarted,
    /// Acts of those who have acted.
    pub acts: BTreeMap<SmolStr, Act>,
    /// Result of the hand, once it is over: the end.
    pub over: Option<HandOver>,
}

/// Act of a player in a hand.
///
/// Closed on purpose: who wins depends on each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// The player stays in.
    Hold,
    /// The player gives up.
    Fold,
    /// The player did nothing in time.
    Idle,
}

/// Reason for which an act does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotActed {
    /// The hand is over.
    #[error("the hand is over")]
    Over,
    /// The player does not take part.
    #[error("the player does not take part")]
    NoPlayer,
    /// The player has acted otherwise.
    #[error("the player has acted")]
    Acted,
}

impl Hand {
    /// A hand whose cards are dealt.
    pub fn dealt(started: HandStarted) -> Self {
        Self { started, acts: BTreeMap::new(), over: None }
    }

    /// Takes in a player's act. The last one ends the hand.
    ///
    /// # Errors
    /// [`NotActed`] if the hand is over, if it is not the player's, or if the player has acted otherwise before.
    pub fn act(&mut self, player: &SmolStr, act: Act) -> Result<(), NotActed> {
        match self.acts.get(player) {
            Some(known) if *known == act => return Ok(()),
            Some(_) => return Err(NotActed::Acted),
            None if self.over.is_some() => return Err(NotActed::Over),
            None if !self.started.players.contains(player) => return Err(NotActed::NoPlayer),
            None => self.acts.insert(player.clone(), act),
        };
        if self.acts.len() == self.started.players.len() {
            self.conclude();
        }
        Ok(())
    }

    /// Folds all who have not acted, and ends the hand.
    pub fn fold_idle(&mut self) {
        for player in &self.started.players {
            self.acts.entry(player.clone()).or_insert(Act::Idle);
        }
        self.conclude();
    }

    /// Those who hold share the pot; where nobody does, all get back what they have put in. What can't be shared evenly goes to
    /// the first.
    fn conclude(&mut self) {
        let HandStarted { hand, table, players, .. } = &self.started;
        let holds = |player: &&SmolStr| self.acts.get(*player) == Some(&Act::Hold);
        let mut winners: Vec<&SmolStr> = players.iter().filter(holds).collect();
        if winners.is_empty() {
            winners = players.iter().collect();
        }
        let count = winners.len() as u64;
        let (share, mut rest) = (self.started.pot() / count, self.started.pot() % count);
        let winnings = winners.into_iter().map(|player| (player.clone(), share + std::mem::take(&mut rest))).collect();
        self.over = Some(HandOver { hand: hand.clone(), table: table.clone(), winnings });
    }
}

/// Domain event of a hand.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandEvent {
    /// Its cards are dealt.
    Dealt(HandStarted),
    /// It is over.
    Over(HandOver),
}

impl DomainEvent for HandEvent {
    const NAMES: &'static [&'static str] = &["Dealt", "Over"];

    fn name(&self) -> &'static str {
        match self {
            Self::Dealt(_) => "Dealt",
            Self::Over(_) => "Over",
        }
    }
}

impl Aggregate for Hand {
    const NAME: &'static str = "hand";
    type Event = HandEvent;

    fn id(&self) -> &str {
        &self.started.hand
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<HandEvent> {
        match before {
            None => Some(HandEvent::Dealt(after.started.clone())),
            Some(before) if before.over != after.over => after.over.clone().map(HandEvent::Over),
            Some(_) => None,
        }
    }
}
