use std::collections::BTreeMap;

use seaworthy_core::{
    aggregate::DomainEvent,
    choreography::Domain as _,
    events::Sourced,
    ids::derive,
    message::MessageBuilder,
    ports::{EventAppend, ExpectedVersion, Store, StoreError},
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};
use uuid::Uuid;

use crate::messages::{Funds, Payout, Players, Release};

/// A player's wallet: the fold of its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// Chips that are free. Signed, so that a mistake shows as a negative number instead of failing elsewhere.
    pub available: i64,
    /// Joins by their ids, also those that have come to an end, so that one that is asked for again is known.
    pub joins: BTreeMap<SmolStr, Join>,
    /// State of the wallet.
    pub state: WalletState,
}

/// State of a wallet. It goes from one to the next and never back.
///
/// Closed on purpose: whoever decides by it has to decide on a new state, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletState {
    /// Nothing has happened yet.
    #[default]
    Unknown,
    /// Its player plays.
    Open,
    /// Its player has left for good, and takes nothing more.
    Closed,
}

/// A wish for a seat, with the chips that are set aside for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Table that it is for.
    pub table: SmolStr,
    /// Chips that it reserved.
    pub chips: u64,
    /// State of the join.
    pub state: JoinState,
}

/// State of a join. It leaves `Reserved` once, and the others never.
///
/// Closed on purpose: whoever decides by it has to decide on a new state, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinState {
    /// The chips are set aside; nobody here knows whether there is a seat.
    Reserved,
    /// There was, and the table has the chips.
    Seated,
    /// There was none, and the chips are free again.
    Released,
}

/// Event of a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[non_exhaustive]
pub enum WalletEvent {
    /// It was opened.
    Opened {
        /// Chips that its player brings.
        chips: u64,
    },
    /// Chips were set aside for a join.
    FundsReserved(Funds),
    /// A join has its seat.
    JoinConfirmed(Funds),
    /// A join was rejected, and its chips are free again.
    FundsReleased(Release),
    /// Chips came from a table.
    Credited(Payout),
    /// It was closed.
    Closed,
}

impl DomainEvent for WalletEvent {
    const NAMES: &'static [&'static str] =
        &["opened", "funds_reserved", "join_confirmed", "funds_released", "credited", "closed"];

    fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::FundsReserved(_) => "funds_reserved",
            Self::JoinConfirmed(_) => "join_confirmed",
            Self::FundsReleased(_) => "funds_released",
            Self::Credited(_) => "credited",
            Self::Closed => "closed",
        }
    }
}

/// Command to a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WalletCommand {
    /// Set chips aside for a join.
    Reserve(Funds),
    /// The join has its seat.
    Confirm(Funds),
    /// The join was rejected.
    Release {
        /// Id of the join.
        join: SmolStr,
        /// Reason of the rejection, in words for a person.
        reason: SmolStr,
    },
    /// Take chips from a table.
    Credit(Payout),
    /// The player leaves for good.
    Close,
}

/// Reason for which a wallet refuses a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoDeal {
    /// There is no such wallet, or its player has left.
    #[error("the wallet is not open")]
    NotOpen,
    /// The chips that are free do not suffice.
    #[error("there are not enough chips")]
    NotEnough,
    /// The join is not under way, or is another one than this.
    #[error("there is no such join")]
    NoSuchJoin,
    /// A wallet with a join under way can't be closed.
    #[error("a join is under way")]
    JoinUnderWay,
}

impl Sourced for Wallet {
    const NAME: &'static str = "wallet";
    type Event = WalletEvent;
    type Command = WalletCommand;
    type Refusal = NoDeal;

    fn decide(&self, command: &WalletCommand) -> Result<Vec<WalletEvent>, NoDeal> {
        let is_open = self.state == WalletState::Open;
        match command {
            WalletCommand::Reserve(funds) => match self.joins.get(&funds.join) {
                Some(known) if known.table == funds.table && known.chips == funds.chips => Ok(Vec::new()),
                Some(_) => Err(NoDeal::NoSuchJoin),
                None if !is_open => Err(NoDeal::NotOpen),
                None if self.available < i64::try_from(funds.chips).unwrap_or(i64::MAX) => Err(NoDeal::NotEnough),
                None => Ok(vec![WalletEvent::FundsReserved(funds.clone())]),
            },
            WalletCommand::Confirm(funds) => match self.joins.get(&funds.join).map(|join| join.state) {
                Some(JoinState::Reserved) => Ok(vec![WalletEvent::JoinConfirmed(funds.clone())]),
                Some(JoinState::Seated) => Ok(Vec::new()),
                Some(JoinState::Released) | None => Err(NoDeal::NoSuchJoin),
            },
            WalletCommand::Release { join: id, reason } => match self.joins.get(id) {
                // What this join reserved, and nothing else.
                Some(Join { chips, state: JoinState::Reserved, .. }) => {
                    let release = Release { join: id.clone(), chips: *chips, reason: reason.clone() };
                    Ok(vec![WalletEvent::FundsReleased(release)])
                }
                Some(Join { state: JoinState::Released, .. }) => Ok(Vec::new()),
                Some(Join { state: JoinState::Seated, .. }) | None => Err(NoDeal::NoSuchJoin),
            },
            WalletCommand::Credit(payout) if is_open => Ok(vec![WalletEvent::Credited(payout.clone())]),
            WalletCommand::Credit(_) => Err(NoDeal::NotOpen),
            WalletCommand::Close if self.joins.values().any(|join| join.state == JoinState::Reserved) => {
                Err(NoDeal::JoinUnderWay)
            }
            WalletCommand::Close if is_open => Ok(vec![WalletEvent::Closed]),
            WalletCommand::Close if self.state == WalletState::Closed => Ok(Vec::new()),
            WalletCommand::Close => Err(NoDeal::NotOpen),
        }
    }

    fn evolve(&mut self, event: &WalletEvent) {
        let signed = |chips: u64| i64::try_from(chips).unwrap_or(i64::MAX);
        match event {
            WalletEvent::Opened { chips } => (self.available, self.state) = (signed(*chips), WalletState::Open),
            WalletEvent::FundsReserved(Funds { join, table, chips, .. }) => {
                self.available -= signed(*chips);
                let reserved = Join { table: table.clone(), chips: *chips, state: JoinState::Reserved };
                self.joins.insert(join.clone(), reserved);
            }
            WalletEvent::JoinConfirmed(funds) => {
                if let Some(join) = self.joins.get_mut(&funds.join) {
                    join.state = JoinState::Seated;
                }
            }
            WalletEvent::FundsReleased(release) => {
                self.available += signed(release.chips);
                if let Some(join) = self.joins.get_mut(&release.join) {
                    join.state = JoinState::Released;
                }
            }
            WalletEvent::Credited(payout) => self.available += signed(payout.chips),
            WalletEvent::Closed => self.state = WalletState::Closed,
        }
    }
}

/// Returns the name of a player's stream.
pub fn stream(player: &str) -> SmolStr {
    format_smolstr!("{}-{player}", Wallet::NAME)
}

/// Opens wallets with so many chips each, in an empty store. Nobody else hears of it.
///
/// # Errors
/// Any [`StoreError`]; [`StoreError::Conflict`] if one of them is there already.
pub async fn open_wallets(store: &dyn Store, chips: &BTreeMap<SmolStr, u64>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let now = tx.now().await?;
    for (player, chips) in chips {
        let opened = MessageBuilder::new(Players::NAME, "wallet.opened", player.clone())
            .json(&WalletEvent::Opened { chips: *chips })
            .map_err(|error| StoreError::Refused(error.to_smolstr()))?
            .derive(derive(Uuid::nil(), &["wallet", player]), &["opened"], now);
        tx.append_events(&EventAppend::new(stream(player), ExpectedVersion::NoStream, vec![opened])).await?;
    }
    tx.commit().await
}
