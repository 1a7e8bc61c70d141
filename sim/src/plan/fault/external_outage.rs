use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// One external service is down.
#[derive(Clone)]
pub(super) struct ExternalOutage {
    pub(super) service: SmolStr,
}

impl TimedKind for ExternalOutage {
    const CLASS: Profile = Profile::Outage;

    fn meets(operation: Operation) -> bool {
        operation == Operation::External
    }

    fn is_possible(targets: &Targets) -> bool {
        !targets.services.is_empty()
    }

    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self> {
        Some(Self { service: draw.pick(&targets.services)?.clone() })
    }

    fn target(&self) -> Target {
        Target::Service(self.service.clone())
    }

    fn extremes(targets: &Targets) -> Vec<Self> {
        targets.services.iter().cloned().map(|service| Self { service }).collect()
    }

    fn words(&self) -> String {
        format!("service `{}` answers nobody", self.service)
    }
}
