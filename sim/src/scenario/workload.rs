use std::{fmt::Debug, ops::Range, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

/// What the outside asks: printable, readable, and shrinkable item by item.
pub trait Workload: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// How many items (orders, payments ...) there are.
    fn len(&self) -> usize;

    /// Whether there is nothing to do.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The virtual time over which the outside asks all of it. Faults over time are drawn within it, and a longer one
    /// may make more port calls before it counts as livelocked, so a workload that takes days has to say so; zero, the default, means: at once or within a second or two.
    fn span(&self) -> Duration {
        Duration::ZERO
    }

    /// The same without the items in `range`, which lies within `0..len()`.
    fn without(&self, range: Range<usize>) -> Self;

    /// Simpler variants with the same number of items: smaller quantities, earlier times. Simplest first; each must be
    /// simpler than this one, so that shrinking ends.
    fn simpler(&self) -> Vec<Self> {
        Vec::new()
    }
}
