//! Messages between the three domains. The subject of an event is the aggregate that it is about, and so is its key.

use seaworthy_core::{choreography::Domain, ids::derive};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

/// The domain of players: wallets that are the fold of their events.
#[derive(Clone, Copy, Debug)]
pub struct Players;

impl Domain for Players {
    const NAME: &'static str = "player";
    const EVENTS: &'static [&'static str] =
        &[FUNDS_RESERVED, "wallet.join_confirmed", FUNDS_RELEASED, CREDITED, "wallet.closed"];
    const COMMANDS: &'static [&'static str] = &[CONFIRM_JOIN, CREDIT];
}

/// The domain of tables.
#[derive(Clone, Copy, Debug)]
pub struct Tables;

impl Domain for Tables {
    const NAME: &'static str = "table";
    const EVENTS: &'static [&'static str] = &[PLAYER_SEATED, HAND_STARTED, HAND_SETTLED, PAID_OUT];
    const COMMANDS: &'static [&'static str] = &[SEAT_PLAYER, SETTLE_HAND];
}

/// The domain of hands.
#[derive(Clone, Copy, Debug)]
pub struct Hands;

impl Domain for Hands {
    const NAME: &'static str = "hand";
    const EVENTS: &'static [&'static str] = &[DEALT, OVER];
    const COMMANDS: &'static [&'static str] = &[DEAL_CARDS, FOLD_IDLE];
}

/// Event of a wallet: [`Funds`] are set aside for a join.
pub const FUNDS_RESERVED: &str = "wallet.funds_reserved";
/// Event of a wallet: what a rejected join had reserved is back; the content is a [`Release`].
pub const FUNDS_RELEASED: &str = "wallet.funds_released";
/// Event of a wallet: a [`Payout`] has come in.
pub const CREDITED: &str = "wallet.credited";
/// Event of a table: the player of these [`Funds`] has a seat, and the table has the chips.
pub const PLAYER_SEATED: &str = "table.player_seated";
/// Event of a table: a hand has begun, see [`HandStarted`].
pub const HAND_STARTED: &str = "table.hand_started";
/// Event of a table: the chips of a hand, whose id this is, are back at the seats.
pub const HAND_SETTLED: &str = "table.hand_settled";
/// Event of a table: seats were given up, and their chips go back to wallets: [`PaidOut`].
pub const PAID_OUT: &str = "table.paid_out";
/// Event of a hand: its cards are dealt; the content is its [`HandStarted`].
pub const DEALT: &str = "hand.dealt";
/// Event of a hand: it is over, see [`HandOver`].
pub const OVER: &str = "hand.over";

/// Command to a wallet: the join of these [`Funds`] has its seat.
pub const CONFIRM_JOIN: &str = "confirm_join";
/// Command to a wallet: take this [`Payout`].
pub const CREDIT: &str = "credit";
/// Reason for which a wallet takes no [`CREDIT`]: there is none, or its player has left for good.
pub const NOT_OPEN: &str = "not_open";
/// Command to a table: seat the player of these [`Funds`].
pub const SEAT_PLAYER: &str = "seat_player";
/// Command to a table: give the chips of this [`HandOver`] to those who have won them.
pub const SETTLE_HAND: &str = "settle_hand";
/// Command to a hand: begin as this [`HandStarted`] says.
pub const DEAL_CARDS: &str = "deal_cards";
/// Command to a hand: whoever has not acted is folded.
pub const FOLD_IDLE: &str = "fold_idle";

/// Router from wallets to tables; it runs with the tables, whose states it looks at.
pub const PLAYER_TO_TABLE: &str = "player-to-table";
/// Router from tables to wallets; it runs with the wallets.
pub const TABLE_TO_PLAYER: &str = "table-to-player";
/// Router from tables to hands; it runs with the hands.
pub const TABLE_TO_HAND: &str = "table-to-hand";
/// Process manager of a hand's life; it runs with the hands.
pub const HAND_LIFE: &str = "hand-life";
/// Consumer group of the commands to wallets.
pub const PLAYER_COMMANDS: &str = "player-commands";
/// Consumer group of commands that followed from events of wallets and were rejected.
pub const PLAYER_REJECTIONS: &str = "player-rejections";
/// Consumer group of the commands to tables.
pub const TABLE_COMMANDS: &str = "table-commands";
/// Consumer group of commands that followed from events of tables and were rejected.
pub const TABLE_REJECTIONS: &str = "table-rejections";
/// Consumer group of the commands to hands.
pub const HAND_COMMANDS: &str = "hand-commands";

/// All consumer groups, with the topics that each listens to.
pub const GROUPS: [(&str, &[&str]); 9] = [
    (PLAYER_COMMANDS, &["player.commands"]),
    (PLAYER_REJECTIONS, &["player.rejections"]),
    (TABLE_TO_PLAYER, &["table", "table-to-player.answers"]),
    (TABLE_COMMANDS, &["table.commands"]),
    (TABLE_REJECTIONS, &["table.rejections"]),
    (PLAYER_TO_TABLE, &["player", "player-to-table.answers"]),
    (HAND_COMMANDS, &["hand.commands"]),
    (TABLE_TO_HAND, &["table", "table-to-hand.answers"]),
    (HAND_LIFE, &["hand-life.timers", "hand-life.rejections", "table", "hand"]),
];

/// Chips of a player that are meant for a seat at a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funds {
    /// Player whose they are.
    pub player: SmolStr,
    /// Id of the join: the business key. A player may have several under way.
    pub join: SmolStr,
    /// Table that the player wants to sit at.
    pub table: SmolStr,
    /// Number of chips.
    pub chips: u64,
}

/// Chips that come back to the wallet since their join was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Id of the join.
    pub join: SmolStr,
    /// Number of chips: those of this join, and no others.
    pub chips: u64,
    /// Reason why it was rejected.
    pub reason: SmolStr,
}

/// Chips that a table owes to a player.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Payout {
    /// Table that pays.
    pub table: SmolStr,
    /// Number of the payout among those of the table, from 0.
    pub number: u32,
    /// Player who is paid.
    pub player: SmolStr,
    /// Number of chips.
    pub chips: u64,
}

/// Payouts that a table makes at once. A player may be named twice: for what was left of the stack, and for what was won.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidOut {
    /// The payouts, by number.
    pub payouts: Vec<Payout>,
}

/// A hand at its beginning: each of its players has put the same number of chips at stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandStarted {
    /// Id of the hand, unique among all tables.
    pub hand: SmolStr,
    /// Table at which it is played.
    pub table: SmolStr,
    /// Players who take part, in the order of their seats.
    pub players: Vec<SmolStr>,
    /// Number of chips that each of them has at stake.
    pub stake: u64,
}

impl HandStarted {
    /// Returns the number of chips that are at stake in all.
    pub fn pot(&self) -> u64 {
        self.stake * self.players.len() as u64
    }
}

/// A hand at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// Id of the hand.
    pub hand: SmolStr,
    /// Table at which it was played.
    pub table: SmolStr,
    /// Winners, each with the chips that are theirs: the whole pot.
    pub winnings: Vec<(SmolStr, u64)>,
}

/// The end of a hand, as its table tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandSettled {
    /// Id of the hand.
    pub hand: SmolStr,
}

/// Returns the business transaction of a hand, to which all belongs that happens in it at any of the three: what they do at a
/// customer's request names no message that led to it.
pub fn transaction_of(hand: &str) -> Uuid {
    derive(Uuid::nil(), &["hand", hand])
}
