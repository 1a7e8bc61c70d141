use serde::{Deserialize, Serialize};

use super::{LONG_MS, smaller, span};
use crate::draw::Draw;

/// Restart of a crashed process: its time and its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// After this many virtual milliseconds; zero is at once.
    pub after_ms: u32,
    /// `true` if it comes back as the next release of its program.
    #[serde(default)]
    pub upgrade: bool,
}

impl Restart {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let (at_once, later, upgrade) = (draw.chance(500), span(draw, 5_000), draw.chance(125));
        Self { after_ms: if at_once { 0 } else { later }, upgrade }
    }

    /// Simpler ones, simplest first: the same release, and sooner.
    pub(super) fn simpler(self) -> Vec<Self> {
        let release = self.upgrade.then_some(Self { upgrade: false, ..self });
        let sooner = smaller(self.after_ms, 0).map(|after_ms| Self { after_ms, ..self });
        release.into_iter().chain(sooner).collect()
    }

    /// At once, and when others have taken over; and as the next release, where there is one: at once only, since when it
    /// comes does not change what it reads.
    pub(super) fn extremes(has_next_release: bool) -> impl Iterator<Item = Self> {
        let restart = |after_ms, upgrade| Self { after_ms, upgrade };
        [restart(0, false), restart(LONG_MS, false)].into_iter().chain(has_next_release.then(|| restart(0, true)))
    }

    pub(super) fn words(self) -> String {
        let when = match self.after_ms {
            0 => "back at once".to_owned(),
            ms => format!("back after {ms} ms"),
        };
        if self.upgrade { format!("{when} as its next release") } else { when }
    }
}
