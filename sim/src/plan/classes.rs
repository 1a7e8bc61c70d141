//! Kinds of fault that the plans of a profile hold.

use super::{FaultKind, Profile, Targets};
use crate::topology::Topology;

impl Profile {
    /// The kinds of fault that its plans may hold where the topology is this one.
    pub fn fault_kinds(self, topology: &Topology) -> Vec<FaultKind> {
        let targets = Targets::from_topology(topology);
        let mut kinds: Vec<FaultKind> =
            self.classes().iter().flat_map(|class| class.kinds()).filter(|kind| kind.is_possible(&targets)).collect();
        kinds.sort_unstable();
        kinds
    }

    /// The kinds of one class.
    pub(crate) fn kinds(self) -> impl Iterator<Item = FaultKind> {
        FaultKind::ALL.iter().copied().filter(move |kind| kind.class() == self)
    }
}
