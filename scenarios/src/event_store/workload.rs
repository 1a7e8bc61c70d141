use std::{collections::BTreeMap, ops::Range, time::Duration};

use seaworthy_event_store::messages::{Booking, CASH};
use seaworthy_sim::scenario::{Draw, Workload};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

/// One booking, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Time at which it is asked for, in milliseconds since the start of the run.
    pub at_ms: u64,
    /// The booking: it is refused where there is not enough money.
    pub booking: Booking,
}

/// A workload: the accounts as an earlier release left them, and the bookings in the order in which they are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bookings {
    /// Units that each account was opened with.
    pub opened: BTreeMap<SmolStr, u32>,
    /// The bookings, earliest first.
    pub bookings: Vec<Transfer>,
    /// Time at which balances are to be built anew, in milliseconds; `None` where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild_at_ms: Option<u64>,
}

/// Holders of accounts.
const HOLDERS: [&str; 3] = ["anna", "ben", "cleo"];
/// Words of which purposes are made: few, so that bookings meet under one.
const WORDS: [&str; 4] = ["rent", "food", "books", "travel"];
/// Bookings of a workload, at most.
const BOOKINGS_MAX: u64 = 5;
/// Span in which they are asked for, in milliseconds: about as long as one of them takes until it is everywhere.
const SPAN_MS: u64 = 400;
/// Cents of one booking, at most: an account is opened with one to four units, so two of them may be too much for it.
const CENTS_MAX: u64 = 300;

impl Bookings {
    /// Draws two or three accounts, one to five bookings between them and with cash, and in each second workload a rebuild.
    pub fn draw(draw: &mut Draw) -> Self {
        let holders = &HOLDERS[..draw.between(2, 3) as usize];
        let opened = holders.iter().map(|holder| (SmolStr::new(holder), draw.between(1, 4) as u32)).collect();
        let mut at_ms = 0;
        let bookings = (1..=draw.between(1, BOOKINGS_MAX))
            .map(|number| {
                at_ms += draw.below(SPAN_MS / BOOKINGS_MAX);
                let from = draw.below(holders.len() as u64) as usize;
                // Three of four are between two holders or out of the bank, one brings money in.
                let other = (from + draw.between(1, holders.len() as u64) as usize) % (holders.len() + 1);
                let other = holders.get(other).filter(|other| **other != holders[from]).unwrap_or(&CASH);
                let (from, to) = if draw.chance(250) { (other, &holders[from]) } else { (&holders[from], other) };
                let first = WORDS[draw.below(WORDS.len() as u64) as usize];
                let second = WORDS[draw.below(WORDS.len() as u64) as usize];
                let purpose = if first == second { first.into() } else { format_smolstr!("{first} {second}") };
                let id = format_smolstr!("booking-{number}");
                let cents = draw.between(1, CENTS_MAX);
                Transfer { at_ms, booking: Booking { id, from: (*from).into(), to: (*to).into(), cents, purpose } }
            })
            .collect();
        let rebuild_at_ms = draw.chance(500).then(|| draw.below(SPAN_MS));
        Self { opened, bookings, rebuild_at_ms }
    }
}

impl Workload for Bookings {
    fn noun() -> &'static str {
        "bookings"
    }

    fn len(&self) -> usize {
        self.bookings.len()
    }

    fn span(&self) -> Duration {
        let last = self.bookings.last().map_or(0, |last| last.at_ms.saturating_add(SPAN_MS));
        Duration::from_millis(last.max(self.rebuild_at_ms.map_or(0, |at_ms| at_ms.saturating_add(SPAN_MS))))
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut fewer = self.clone();
        fewer.bookings.drain(range);
        fewer
    }

    /// Nothing is rebuilt, all bookings are asked for at once, of one word and one cent each; a variant is listed only where it
    /// changes something, so shrinking ends.
    fn simpler(&self) -> Vec<Self> {
        let simplifications: [fn(&mut Self); 4] = [
            |all| all.rebuild_at_ms = None,
            |all| all.bookings.iter_mut().for_each(|wish| wish.at_ms = 0),
            |all| all.bookings.iter_mut().for_each(|wish| wish.booking.purpose = WORDS[0].into()),
            |all| all.bookings.iter_mut().for_each(|wish| wish.booking.cents = 1),
        ];
        let mut variants = Vec::new();
        for simplify in simplifications {
            let mut simple = self.clone();
            simplify(&mut simple);
            if simple != *self {
                variants.push(simple);
            }
        }
        variants
    }
}
