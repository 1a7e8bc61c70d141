use std::{fmt::Debug, ops::Range, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

/// Workload of a scenario: requests of the outside, printable, readable, and shrinkable item by item.
pub trait Workload: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Returns the noun for the items, in the plural: `orders`. Reports count them by this name.
    fn noun() -> &'static str {
        "items"
    }

    /// Returns the number of items (orders, payments ...).
    fn len(&self) -> usize;

    /// Returns `true` if there is nothing to do.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The virtual time over which the outside asks all of it. Faults over time are drawn within it, and a longer one
    /// may make more port calls before it counts as livelocked, so a workload that takes days has to say so; zero, the default, means: at once or within a second or two.
    fn span(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns the workload without the items in `range`, which lies within `0..len()`.
    fn without(&self, range: Range<usize>) -> Self;

    /// Simpler variants with the same number of items: smaller quantities, earlier times. Simplest first; each must be
    /// simpler than this one, so that shrinking ends.
    fn simpler(&self) -> Vec<Self> {
        Vec::new()
    }
}

/// Anything that can be asked one after the other: names, amounts, a type of the scenario's own.
impl<T> Workload for Vec<T>
where
    T: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn len(&self) -> usize {
        self.len()
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut left = self.clone();
        left.drain(range);
        left
    }
}

/// So many of them, with the noun in the number that fits: `1 order`, `2 orders`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count != 1 {
        return format!("{count} {noun}");
    }
    match noun.strip_suffix("ies") {
        Some(stem) => format!("1 {stem}y"),
        None => format!("1 {}", noun.strip_suffix('s').unwrap_or(noun)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_them_is_counted_in_the_singular() {
        let counts = [(0, "orders"), (1, "orders"), (2, "orders"), (1, "entries"), (1, "items"), (1, "stock")];
        let said = counts.map(|(count, noun)| counted(count, noun));
        assert_eq!(said, ["0 orders", "1 order", "2 orders", "1 entry", "1 item", "1 stock"]);
    }
}
