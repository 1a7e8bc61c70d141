use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind, smaller_numbers};
use crate::{draw::Draw, plan::Profile};

/// A clock that is wrong, and steps when it begins and when it ends.
#[derive(Clone)]
pub(super) struct ClockSkew {
    pub(super) process: SmolStr,
    pub(super) offset_ms: i64,
}

impl TimedKind for ClockSkew {
    const CLASS: Profile = Profile::Clock;
    const IS_FELT_ONCE: bool = true;

    fn meets(_: Operation) -> bool {
        true
    }

    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self> {
        let process = draw.pick(&targets.processes)?.clone();
        // Up to an hour: the size of a wrong time zone or of a virtual machine that was suspended.
        let size = draw.small(3_600_000) as i64;
        Some(Self { process, offset_ms: if draw.chance(500) { -size } else { size } })
    }

    fn target(&self) -> Target {
        Target::Process(self.process.clone())
    }

    fn amount(&self) -> i64 {
        self.offset_ms
    }

    fn simpler(&self) -> Vec<Self> {
        let smaller = smaller_numbers(self.offset_ms.unsigned_abs(), 1).into_iter();
        let signed = smaller.map(|size| i64::try_from(size).unwrap_or(i64::MAX) * self.offset_ms.signum());
        signed.map(|offset_ms| Self { process: self.process.clone(), offset_ms }).collect()
    }

    fn extremes(targets: &Targets) -> Vec<Self> {
        let skewed = |process: &SmolStr| {
            // An hour, as a wrong time zone or a machine that was suspended, behind or before.
            [-3_600_000, 3_600_000].map(|offset_ms| Self { process: process.clone(), offset_ms })
        };
        targets.processes.iter().flat_map(skewed).collect()
    }

    fn words(&self) -> String {
        let Self { process, offset_ms } = self;
        match offset_ms {
            ..0 => format!("the clock of `{process}` is {} ms behind", offset_ms.unsigned_abs()),
            _ => format!("the clock of `{process}` is {offset_ms} ms ahead"),
        }
    }
}
