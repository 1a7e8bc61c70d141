use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// A call of an external service whose answer panics whoever asked, each time, or kills the process: one that nobody can read,
/// one that takes all the memory there is.
#[derive(Clone)]
pub(super) struct PoisonCall {
    pub(super) service: SmolStr,
    pub(super) kills: bool,
}

impl TimedKind for PoisonCall {
    const CLASS: Profile = Profile::Crash;
    const LASTS: bool = true;

    fn meets(operation: Operation) -> bool {
        operation == Operation::External
    }

    fn is_possible(targets: &Targets) -> bool {
        targets.fails_for_good && !targets.services.is_empty()
    }

    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self> {
        Some(Self { service: draw.pick(&targets.services)?.clone(), kills: draw.chance(500) })
    }

    fn target(&self) -> Target {
        Target::Service(self.service.clone())
    }

    fn amount(&self) -> i64 {
        i64::from(self.kills)
    }

    fn simpler(&self) -> Vec<Self> {
        if self.kills { vec![Self { service: self.service.clone(), kills: false }] } else { Vec::new() }
    }

    fn extremes(targets: &Targets) -> Vec<Self> {
        let both = |service: &SmolStr| [false, true].map(|kills| Self { service: service.clone(), kills });
        targets.services.iter().flat_map(both).collect()
    }

    fn words(&self) -> String {
        match self.kills {
            false => format!("whoever makes one call of service `{}` panics, each time", self.service),
            true => format!("one call of service `{}` kills whoever makes it, each time", self.service),
        }
    }
}
