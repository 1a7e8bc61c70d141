use std::collections::{BTreeMap, BTreeSet};

use seaworthy_core::{
    aggregate::{Aggregate, DomainEvent},
    ports::{Expected, Store, StoreError},
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    messages::{Funds, HandOver, HandSettled, HandStarted, PaidOut, Payout},
    parts::encode,
};

/// A table with those who sit at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Id of the table.
    pub id: SmolStr,
    /// Number of seats.
    pub seats: usize,
    /// Seats that are taken, in the order in which they were.
    pub seated: Vec<Seat>,
    /// Number of the last hand; `0` before the first.
    pub hands: u32,
    /// The hand that is played, with what is at stake in it.
    pub playing: Option<HandStarted>,
    /// All payouts that were ever made, by number.
    pub payouts: Vec<Payout>,
    /// Numbers of payouts that nobody would take: the table keeps the chips.
    pub kept: BTreeSet<u32>,
    /// `true` once the table is settled: the end.
    pub is_settled: bool,
}

/// A seat that is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Player who sits there.
    pub player: SmolStr,
    /// The join by which the player came.
    pub join: SmolStr,
    /// Chips that are left of those that the player brought.
    pub stack: u64,
    /// Chips that came back from hands.
    pub won: u64,
}

/// Reason for which a player gets no seat, as the player's domain hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoSeat {
    /// All seats are taken.
    TableFull,
    /// The player has one already.
    SeatedAlready,
}

/// Reason for which something can't be done at a table now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoMove {
    /// The table is settled.
    #[error("the table is settled")]
    Settled,
    /// A hand is being played.
    #[error("a hand is being played")]
    Playing,
    /// That hand is not being played.
    #[error("that hand is not being played")]
    NotPlaying,
    /// There are fewer than two players with enough chips.
    #[error("there are fewer than two players with enough chips")]
    TooFew,
    /// Nobody sits there by that join.
    #[error("nobody sits there by that join")]
    NotSeated,
}

impl Table {
    /// An empty table.
    pub fn new(id: impl Into<SmolStr>, seats: usize) -> Self {
        Self {
            id: id.into(),
            seats,
            seated: Vec::new(),
            hands: 0,
            playing: None,
            payouts: Vec::new(),
            kept: BTreeSet::new(),
            is_settled: false,
        }
    }

    /// Gives a player a seat.
    ///
    /// # Errors
    /// [`NoSeat`] if the player has a seat already, or if all are taken.
    pub fn seat(&mut self, funds: Funds) -> Result<(), NoSeat> {
        if self.seated.iter().any(|seat| seat.player == funds.player) {
            return Err(NoSeat::SeatedAlready);
        }
        if self.seated.len() >= self.seats {
            return Err(NoSeat::TableFull);
        }
        self.take_seat(funds);
        Ok(())
    }

    /// Adds a seat, whoever has one already and however many there are.
    pub fn take_seat(&mut self, Funds { player, join, chips, .. }: Funds) {
        self.seated.push(Seat { player, join, stack: chips, won: 0 });
    }

    /// Begins a hand with all who have enough chips left; one that was begun under this number before is the same.
    ///
    /// # Errors
    /// [`NoMove`] if the table is settled, if another hand is being played, or if fewer than two have enough chips.
    pub fn start(&mut self, number: u32, stake: u64) -> Result<(), NoMove> {
        if number <= self.hands {
            return Ok(());
        }
        self.rests()?;
        let takes_part = |seat: &&mut Seat| seat.stack >= stake;
        if self.seated.iter_mut().filter(takes_part).count() < 2 {
            return Err(NoMove::TooFew);
        }
        let stakes = self.seated.iter_mut().filter(takes_part).map(|seat| {
            seat.stack -= stake;
            seat.player.clone()
        });
        let players = stakes.collect();
        let hand = format_smolstr!("{}-h{number}", self.id);
        self.hands = number;
        self.playing = Some(HandStarted { hand, table: self.id.clone(), players, stake });
        Ok(())
    }

    /// Gives the chips of a hand to those who have won them.
    ///
    /// # Errors
    /// [`NoMove::NotPlaying`] if it is not this hand that is played.
    pub fn settle_hand(&mut self, over: &HandOver) -> Result<(), NoMove> {
        if self.playing.as_ref().is_none_or(|playing| playing.hand != over.hand) {
            return Err(NoMove::NotPlaying);
        }
        self.playing = None;
        for seat in &mut self.seated {
            let won = over.winnings.iter().filter(|(player, _)| *player == seat.player);
            seat.won += won.map(|(_, chips)| chips).sum::<u64>();
        }
        Ok(())
    }

    /// Takes somebody's seat away and pays out what was there.
    ///
    /// # Errors
    /// [`NoMove`] if the table is settled, if a hand is being played, or if nobody sits there by that join.
    pub fn give_up(&mut self, join: &str) -> Result<(), NoMove> {
        self.rests()?;
        let at = self.seated.iter().position(|seat| seat.join == join).ok_or(NoMove::NotSeated)?;
        let seat = self.seated.remove(at);
        self.pay(seat);
        Ok(())
    }

    /// Ends the table: pays out what is at each seat.
    ///
    /// # Errors
    /// [`NoMove::Playing`] while a hand is being played.
    pub fn settle(&mut self) -> Result<(), NoMove> {
        if self.is_settled {
            return Ok(());
        }
        self.rests()?;
        for seat in std::mem::take(&mut self.seated) {
            self.pay(seat);
        }
        self.is_settled = true;
        Ok(())
    }

    /// Keeps the chips of a payout that nobody would take.
    pub fn keep(&mut self, payout: &Payout) {
        self.kept.insert(payout.number);
    }

    fn rests(&self) -> Result<(), NoMove> {
        match (self.is_settled, &self.playing) {
            (true, _) => Err(NoMove::Settled),
            (false, Some(_)) => Err(NoMove::Playing),
            (false, None) => Ok(()),
        }
    }

    /// Pays a player twice: what is left of the stack, and what was won.
    fn pay(&mut self, seat: Seat) {
        for chips in [seat.stack, seat.won].into_iter().filter(|chips| *chips > 0) {
            let number = self.payouts.len() as u32;
            self.payouts.push(Payout { table: self.id.clone(), number, player: seat.player.clone(), chips });
        }
    }
}

/// Domain event of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableEvent {
    /// A player has a seat.
    PlayerSeated(Funds),
    /// A hand has begun.
    HandStarted(HandStarted),
    /// A hand's chips are back.
    HandSettled(HandSettled),
    /// Seats were given up.
    PaidOut(PaidOut),
}

impl DomainEvent for TableEvent {
    const NAMES: &'static [&'static str] = &["PlayerSeated", "HandStarted", "HandSettled", "PaidOut"];

    fn name(&self) -> &'static str {
        match self {
            Self::PlayerSeated(_) => "PlayerSeated",
            Self::HandStarted(_) => "HandStarted",
            Self::HandSettled(_) => "HandSettled",
            Self::PaidOut(_) => "PaidOut",
        }
    }
}

impl Aggregate for Table {
    const NAME: &'static str = "table";
    type Event = TableEvent;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<TableEvent> {
        let before = before?;
        if let Some(payouts) = after.payouts.get(before.payouts.len()..).filter(|payouts| !payouts.is_empty()) {
            return Some(TableEvent::PaidOut(PaidOut { payouts: payouts.to_vec() }));
        }
        if after.seated.len() > before.seated.len() {
            let Seat { player, join, stack, .. } = after.seated.last()?.clone();
            return Some(TableEvent::PlayerSeated(Funds { player, join, table: after.id.clone(), chips: stack }));
        }
        match (&before.playing, &after.playing) {
            (None, Some(started)) => Some(TableEvent::HandStarted(started.clone())),
            (Some(ended), None) => Some(TableEvent::HandSettled(HandSettled { hand: ended.hand.clone() })),
            _ => None,
        }
    }
}

/// Puts up tables with so many seats each, in an empty store. Nobody else hears of it.
///
/// # Errors
/// Any [`StoreError`]; [`StoreError::Conflict`] if one of them is there already.
pub async fn open_tables(store: &dyn Store, seats: &BTreeMap<SmolStr, usize>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for (id, seats) in seats {
        tx.put(Table::NAME, id, Expected::Absent, encode(&Table::new(id.clone(), *seats))).await?;
    }
    tx.commit().await
}
