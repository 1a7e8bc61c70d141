use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::invariants::Mode;

/// Faults of one kind or at one point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultTally {
    /// Number of faults that the plans held.
    pub planned: u64,
    /// Number of them that struck.
    pub fired: u64,
}

/// Tally of one invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvariantTally {
    /// Mode in which it is judged; `None` for what the world itself finds.
    pub mode: Option<Mode>,
    /// Runs in which it had something to judge.
    pub runs: u64,
    /// Number of times that it had something to judge.
    pub times: u64,
    /// Number of times that its subject came up, for one that has a subject: something that it should have to judge in
    /// time.
    #[serde(default)]
    pub met: Option<u64>,
    /// Runs in which it did not hold.
    pub violated: u64,
}

/// Tally of the runs in which a goal was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalTally {
    /// Runs in which it was.
    pub runs: u64,
}

/// Number of messages below which it may be chance that they left nothing behind.
const ENOUGH: u64 = 20;

/// Tally of the messages that a consumer group acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupTally {
    /// Number of messages that it acknowledged.
    pub acknowledged: u64,
    /// Number of them for which something was left behind beyond doubt, besides a row in its inbox.
    pub with_effect: u64,
    /// Number of them for which nothing was left behind by anything that its process did meanwhile.
    pub without: u64,
}

impl GroupTally {
    /// Returns `true` if nobody can say that the group does anything: it acknowledged enough, nothing was surely its
    /// own, and what may have been its own was there by chance, since for most messages there was nothing.
    pub(in crate::explore) fn is_idle(&self) -> bool {
        self.with_effect == 0 && self.without >= ENOUGH && 2 * self.without > self.acknowledged
    }

    pub(super) fn add(&mut self, more: Self) {
        self.acknowledged += more.acknowledged;
        self.with_effect += more.with_effect;
        self.without += more.without;
    }
}

/// Adds up, key by key.
pub(super) fn add_faults<K: Ord>(to: &mut BTreeMap<K, FaultTally>, from: BTreeMap<K, FaultTally>) {
    for (key, more) in from {
        let tally = to.entry(key).or_default();
        tally.planned += more.planned;
        tally.fired += more.fired;
    }
}

/// The tally of this name, which is there afterwards.
pub(super) fn tally<'a>(
    tallies: &'a mut BTreeMap<SmolStr, InvariantTally>,
    name: &str,
    mode: Option<Mode>,
) -> &'a mut InvariantTally {
    if !tallies.contains_key(name) {
        tallies.insert(name.into(), InvariantTally { mode, runs: 0, times: 0, met: None, violated: 0 });
    }
    let tally = tallies.get_mut(name).expect("inserted where it was missing");
    tally.mode = tally.mode.or(mode);
    tally
}
