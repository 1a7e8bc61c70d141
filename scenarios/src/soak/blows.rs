//! Blows, each at its moment: a function of the seed and of how long the soak lasts.

use std::time::Duration;

use seaworthy_sim::scenario::Draw;
use serde::{Deserialize, Serialize};

use super::letters::{Letter, LetterKind};

/// A database of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    Orders,
    Shipping,
    Payments,
}

const PLACES: [Place; 3] = [Place::Orders, Place::Shipping, Place::Payments];

/// Something bad that is done to the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Blow {
    /// The process is killed, and started again after a while.
    Kill { down_ms: u64 },
    /// A database can't grow for a while.
    FullDisk { place: Place, for_ms: u64 },
    /// Each commit of a database takes longer for a while.
    SlowDisk { place: Place, commit_ms: u64, for_ms: u64 },
    /// Another process holds the write lock of a database for a while.
    Lock { place: Place, for_ms: u64 },
    /// The clock of the process is set back, and stays so.
    SetBack { by_ms: u64 },
    /// A letter that can't be handled.
    Poison(Letter),
}

/// A blow and its moment, since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Planned {
    pub(super) at_ms: u64,
    pub(super) blow: Blow,
}

/// Share of the soak, in hundredths, in which processes die. What lives on after it shows whether its memory stays flat.
const DEADLY_PERCENT: u64 = 45;
/// Shares after and before which no blow falls: so that there is something to hit, and that the last one is felt.
const CALM_PERCENT: u64 = 4;

/// Draws the blows of a soak. Each kind has dice of its own and falls once in each of its intervals, at a drawn moment.
pub(super) fn draw(seed: u64, duration: Duration) -> Vec<Planned> {
    let whole = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let part = |percent: u64| whole / 100 * percent;
    let (begin, deadly, end) = (part(CALM_PERCENT), part(DEADLY_PERCENT), part(100 - CALM_PERCENT));
    let mut planned: Vec<Planned> = Vec::new();
    let mut each = |stream: u64, from: u64, to: u64, every: u64, blow: &dyn Fn(&mut Draw, u64) -> Blow| {
        let mut dice = Draw::stream(seed, stream);
        let slots = (to.saturating_sub(from) / every).max(1);
        let slot = to.saturating_sub(from) / slots;
        for number in 0..slots {
            let at_ms = from + number * slot + dice.below(slot);
            planned.push(Planned { at_ms, blow: blow(&mut dice, number) });
        }
    };
    let place = |dice: &mut Draw| *dice.pick(&PLACES).expect("there are three");
    // A process that dies by its letter does so some times over before anybody gives the letter up.
    each(1, begin, begin.max(part(12)), 60_000, &|_, number| poison(LetterKind::Aborts, number));
    each(2, begin, deadly, 5_000, &|dice, _| Blow::Kill { down_ms: dice.below(400) });
    each(3, begin, end, 15_000, &|dice, _| Blow::FullDisk { place: place(dice), for_ms: dice.between(500, 2_000) });
    each(4, begin, end, 12_000, &|dice, _| Blow::SlowDisk {
        place: place(dice),
        commit_ms: dice.between(20, 200),
        for_ms: dice.between(1_000, 3_000),
    });
    each(5, begin, end, 15_000, &|dice, _| Blow::Lock { place: place(dice), for_ms: dice.between(500, 2_000) });
    // Seconds as often as hours.
    each(6, part(25), end, 9_000, &|dice, _| Blow::SetBack { by_ms: 1_000 << dice.below(15) });
    each(7, begin, end, 6_000, &|_, number| poison(LetterKind::Panics, number));
    each(8, begin, end, 6_000, &|_, number| poison(LetterKind::Refused, number));
    planned.sort_by_key(|planned| planned.at_ms);
    planned
}

fn poison(kind: LetterKind, number: u64) -> Blow {
    Blow::Poison(Letter::new(kind, number))
}

impl Blow {
    /// Returns the name under which it is counted.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "kill",
            Self::FullDisk { .. } => "full disk",
            Self::SlowDisk { .. } => "slow disk",
            Self::Lock { .. } => "locked database",
            Self::SetBack { .. } => "clock set back",
            Self::Poison(letter) => match letter.kind {
                LetterKind::Panics => "message that panics",
                LetterKind::Refused => "message that is refused",
                LetterKind::Aborts => "message that aborts",
                LetterKind::Plain => "message",
            },
        }
    }
}
