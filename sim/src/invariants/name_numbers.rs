use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use smol_str::SmolStr;

/// Gives each name a small number, in the order in which they turn up. A run has a handful of stores, consumers and
/// groups, so a list is faster than any map.
#[derive(Clone, Debug, Default)]
pub(super) struct NameNumbers(Vec<SmolStr>);

impl NameNumbers {
    /// The number of a name, a new one if it is new.
    pub(super) fn number(&mut self, name: &SmolStr) -> u16 {
        let index = self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.clone());
            self.0.len() - 1
        });
        // More than 65,535 stores would have to share the last number.
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// The name of a number that was given out.
    pub(super) fn name(&self, number: u16) -> &SmolStr {
        &self.0[usize::from(number)]
    }
}

/// Returns a key in one number: there may be as many keys as messages.
pub(super) fn hash(key: &SmolStr) -> u64 {
    let mut hasher = FxHasher::default();
    key.hash(&mut hasher);
    hasher.finish()
}
