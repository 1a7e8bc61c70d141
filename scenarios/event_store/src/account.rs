//! The account: what happened to it, what it decides by that, and how events of an earlier release are read.

use std::collections::BTreeSet;

use seaworthy_core::{
    aggregate::DomainEvent,
    events::{Ledger, Sourced},
    ports::Ports,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::messages::BANK;

/// Number of events after which a snapshot of a stream is kept.
const SNAPSHOT_EVERY: u64 = 4;

/// Returns the ledger of accounts, with snapshots. It publishes nothing: what others are to hear, [`notices`](crate::notices)
/// says.
pub fn ledger(ports: &Ports) -> Ledger<Account> {
    Ledger::new(BANK, ports.clock.clone(), ports.random.clone()).snapshot_every(SNAPSHOT_EVERY)
}

/// One side of a booking, as it is recorded.
///
/// The earlier release counted in whole units and knew neither bookings nor purposes: `{"amount": 5}`. Its events are there for
/// good, so they are read as what they mean today: 500 cents.
///
/// ```
/// use seaworthy_event_store::account::Entry;
///
/// let of_then: Entry = serde_json::from_str(r#"{"amount":5}"#)?;
/// assert_eq!(of_then, Entry { booking: None, cents: 500, purpose: "".into() });
/// let of_today: Entry = serde_json::from_str(r#"{"booking":"b-1","cents":7,"purpose":"rent"}"#)?;
/// assert_eq!(of_today, Entry { booking: Some("b-1".into()), cents: 7, purpose: "rent".into() });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Recorded")]
pub struct Entry {
    /// Id of the booking; `None` for an entry of the earlier release.
    pub booking: Option<SmolStr>,
    /// Amount in cents.
    pub cents: u64,
    /// Purpose in words.
    pub purpose: SmolStr,
}

/// Forms in which an entry may have been recorded, the present one first.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Recorded {
    Cents { booking: Option<SmolStr>, cents: u64, purpose: SmolStr },
    Units { amount: u32 },
}

impl From<Recorded> for Entry {
    fn from(recorded: Recorded) -> Self {
        match recorded {
            Recorded::Cents { booking, cents, purpose } => Self { booking, cents, purpose },
            Recorded::Units { amount } => Self { booking: None, cents: u64::from(amount) * 100, purpose: "".into() },
        }
    }
}

/// Event of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AccountEvent {
    /// It was given money.
    Credited(Entry),
    /// Money was taken from it.
    Debited(Entry),
}

impl AccountEvent {
    /// Returns the side of the booking that it is.
    pub fn entry(&self) -> &Entry {
        match self {
            Self::Credited(entry) | Self::Debited(entry) => entry,
        }
    }

    /// Returns the cents by which the balance changes.
    pub fn cents(&self) -> i64 {
        let cents = i64::try_from(self.entry().cents).unwrap_or(i64::MAX);
        if matches!(self, Self::Credited(_)) { cents } else { -cents }
    }
}

impl DomainEvent for AccountEvent {
    const NAMES: &'static [&'static str] = &["Credited", "Debited"];

    fn name(&self) -> &'static str {
        match self {
            Self::Credited(_) => "Credited",
            Self::Debited(_) => "Debited",
        }
    }
}

/// An account as its stream says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Balance in cents.
    pub balance: i64,
    /// Bookings that are on it: none is made twice, whoever asks again.
    pub bookings: BTreeSet<SmolStr>,
}

/// Command to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Takes money in.
    Credit(Entry),
    /// Gives money out, if there is enough.
    Debit(Entry),
    /// Gives money out whether or not there is any.
    Overdraw(Entry),
}

/// A debit that there is not enough money for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{wanted} cents are wanted, and there are {balance}")]
pub struct NotEnough {
    /// Balance in cents.
    pub balance: i64,
    /// Cents that were asked for.
    pub wanted: u64,
}

impl Sourced for Account {
    const NAME: &'static str = "account";
    type Event = AccountEvent;
    type Command = Command;
    type Refusal = NotEnough;

    fn decide(&self, command: &Command) -> Result<Vec<AccountEvent>, NotEnough> {
        let (Command::Credit(entry) | Command::Debit(entry) | Command::Overdraw(entry)) = command;
        if entry.booking.as_ref().is_some_and(|booking| self.bookings.contains(booking)) {
            return Ok(Vec::new());
        }
        Ok(vec![match command {
            Command::Credit(entry) => AccountEvent::Credited(entry.clone()),
            Command::Debit(entry) if i64::try_from(entry.cents).is_ok_and(|cents| cents > self.balance) => {
                return Err(NotEnough { balance: self.balance, wanted: entry.cents });
            }
            Command::Debit(entry) | Command::Overdraw(entry) => AccountEvent::Debited(entry.clone()),
        }])
    }

    fn evolve(&mut self, event: &AccountEvent) {
        self.balance = self.balance.saturating_add(event.cents());
        self.bookings.extend(event.entry().booking.clone());
    }
}
