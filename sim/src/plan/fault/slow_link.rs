use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{SHORT_MS, Target, Targets, TimedKind, smaller};
use crate::{draw::Draw, plan::Profile};

/// A network that is far or full.
#[derive(Clone)]
pub(super) struct SlowLink {
    pub(super) process: SmolStr,
    pub(super) extra_ms: u32,
}

impl TimedKind for SlowLink {
    const CLASS: Profile = Profile::Latency;
    const IS_FELT_ONCE: bool = true;

    fn meets(_: Operation) -> bool {
        true
    }

    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self> {
        Some(Self { process: draw.pick(&targets.processes)?.clone(), extra_ms: draw.small(500) as u32 })
    }

    fn target(&self) -> Target {
        Target::Process(self.process.clone())
    }

    fn amount(&self) -> i64 {
        self.extra_ms.into()
    }

    fn simpler(&self) -> Vec<Self> {
        smaller(self.extra_ms, 1).map(|extra_ms| Self { process: self.process.clone(), extra_ms }).collect()
    }

    fn extremes(targets: &Targets) -> Vec<Self> {
        targets.processes.iter().cloned().map(|process| Self { process, extra_ms: SHORT_MS }).collect()
    }

    fn words(&self) -> String {
        format!("each call of `{}` takes {} ms longer", self.process, self.extra_ms)
    }
}
