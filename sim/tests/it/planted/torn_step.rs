//! Whoever takes a saga over begins with its first step and does it a second time, whatever the log says.

use seaworthy_sim::scenario::Topology;

use super::saga_by_hand::{self, Mistake};
use crate::small_service::Service;

pub(super) const WRONG: Service = Service::wrong("begins-anew", topology);

fn topology(is_right: bool) -> Topology {
    saga_by_hand::topology(if is_right { Mistake::None } else { Mistake::BeginsAnew })
}
