use seaworthy_core::ports::{Operation, Port};
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// One process is cut off from the broker.
#[derive(Clone)]
pub(super) struct Partition {
    pub(super) process: SmolStr,
}

impl TimedKind for Partition {
    const CLASS: Profile = Profile::Outage;

    fn meets(operation: Operation) -> bool {
        operation.port() == Port::Broker
    }

    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self> {
        Some(Self { process: draw.pick(&targets.processes)?.clone() })
    }

    fn target(&self) -> Target {
        Target::Process(self.process.clone())
    }

    fn extremes(targets: &Targets) -> Vec<Self> {
        targets.processes.iter().cloned().map(|process| Self { process }).collect()
    }

    fn words(&self) -> String {
        format!("`{}` can't reach the broker", self.process)
    }
}
