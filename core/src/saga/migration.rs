use smol_str::SmolStr;

use super::passage::{Passage, Rename};

/// Migration of sagas from a version that is gone to another.
///
/// The target must allow the old log: whatever it says is done must be a step there, in an order that the target's
/// phases permit. A saga whose log does not fit becomes stuck. Operation ids keep the names under which participants
/// first heard of a step.
///
/// Sagas that sleep pass when they wake. Only where steps of the target have [keys](super::Wait::keyed), those that wait for a
/// signal or a message are looked for, at boot and every ten minutes, and pass at once: what they wait for would not find them
/// otherwise.
///
/// The first entry that is written under the target says so in the saga's log and pins the saga to the target: replicas
/// of an older release leave it to those who know that version, while a deployment goes on and after it was rolled back.
///
/// ```
/// use seaworthy_core::saga::Migration;
/// let migration = Migration::new("checkout", 1, 2).rename("charge", "authorize");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    pub(super) definition: SmolStr,
    pub(super) passage: Passage,
}

impl Migration {
    /// Sagas of version `from` go on under version `to`.
    pub fn new(definition: &str, from: u32, to: u32) -> Self {
        Self { definition: definition.into(), passage: Passage { from, to, renames: Vec::new() } }
    }

    /// A step has another name in the new version.
    pub fn rename(mut self, from: &str, to: &str) -> Self {
        self.passage.renames.push(Rename { from: from.into(), to: to.into(), meanwhile: false });
        self
    }

    /// A step had yet another name for a while, between the one by which participants know it and the new one: entries
    /// with that name are read, too.
    pub fn renamed_meanwhile(mut self, from: &str, to: &str) -> Self {
        self.passage.renames.push(Rename { from: from.into(), to: to.into(), meanwhile: true });
        self
    }
}
