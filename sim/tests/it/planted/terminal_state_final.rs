//! A request that comes again, because its answer was lost, ends its saga once more.

use seaworthy_sim::scenario::Topology;

use super::saga_by_hand::{self, Mistake};
use crate::small_service::Service;

pub(super) const WRONG: Service = Service::wrong("ends-again", topology);

fn topology(is_right: bool) -> Topology {
    saga_by_hand::topology(if is_right { Mistake::None } else { Mistake::EndsAgain })
}
