use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// A deployment that is taken back: one process comes back as the next release beside others of the one before, and later
/// as the one before, beside what the next release has written.
#[derive(Clone)]
pub(super) struct Rollout {
    pub(super) process: SmolStr,
}

impl TimedKind for Rollout {
    const CLASS: Profile = Profile::Crash;
    const IS_FELT_ONCE: bool = true;
    const LASTS: bool = true;

    fn meets(_: Operation) -> bool {
        true
    }

    fn is_possible(targets: &Targets) -> bool {
        targets.fails_for_good && targets.has_next_release && !targets.processes.is_empty()
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
        format!("`{}` runs its next release, and then the one before again", self.process)
    }
}
