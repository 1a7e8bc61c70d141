use seaworthy_core::ports::{Operation, Port};
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// One store is down.
#[derive(Clone)]
pub(super) struct StoreOutage {
    pub(super) store: SmolStr,
}

impl TimedKind for StoreOutage {
    const CLASS: Profile = Profile::Outage;

    fn meets(operation: Operation) -> bool {
        matches!(operation.port(), Port::Store | Port::Transaction)
    }

    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self> {
        Some(Self { store: draw.pick(&targets.stores)?.clone() })
    }

    fn target(&self) -> Target {
        Target::Store(self.store.clone())
    }

    fn extremes(targets: &Targets) -> Vec<Self> {
        targets.stores.iter().cloned().map(|store| Self { store }).collect()
    }

    fn words(&self) -> String {
        format!("store `{}` answers nobody", self.store)
    }
}
