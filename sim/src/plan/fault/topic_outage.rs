use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};

/// One topic is down, and the broker is not: a partition without a leader, a quota, a stream that is full.
#[derive(Clone)]
pub(super) struct TopicOutage {
    pub(super) topic: SmolStr,
    pub(super) unheard: bool,
}

impl TimedKind for TopicOutage {
    const CLASS: Profile = Profile::Outage;

    fn meets(operation: Operation) -> bool {
        operation == Operation::Publish
    }

    fn is_possible(targets: &Targets) -> bool {
        !targets.topics.is_empty() && !targets.processes.is_empty()
    }

    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self> {
        Some(Self { topic: draw.pick(&targets.topics)?.clone(), unheard: draw.chance(500) })
    }

    fn target(&self) -> Target {
        Target::Topic(self.topic.clone())
    }

    fn amount(&self) -> i64 {
        i64::from(self.unheard)
    }

    fn simpler(&self) -> Vec<Self> {
        if self.unheard { vec![Self { topic: self.topic.clone(), unheard: false }] } else { Vec::new() }
    }

    fn extremes(targets: &Targets) -> Vec<Self> {
        let both = |topic: &SmolStr| [false, true].map(|unheard| Self { topic: topic.clone(), unheard });
        targets.topics.iter().flat_map(both).collect()
    }

    fn words(&self) -> String {
        match self.unheard {
            false => format!("topic `{}` takes no message", self.topic),
            true => format!("topic `{}` takes no message, and does not say so", self.topic),
        }
    }
}
