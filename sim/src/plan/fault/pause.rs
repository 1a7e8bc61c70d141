use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// A long garbage collection, a virtual machine that is moved.
#[derive(Clone)]
pub(super) struct Pause {
    pub(super) process: SmolStr,
}

impl TimedKind for Pause {
    const CLASS: Profile = Profile::Latency;
    const IS_FELT_ONCE: bool = true;

    fn meets(_: Operation) -> bool {
        true
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
        format!("`{}` stands still", self.process)
    }
}
