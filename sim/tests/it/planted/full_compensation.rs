//! What is to be undone is known to the process that did it. Whoever takes the saga over after a crash finds nothing to undo.

use seaworthy_sim::scenario::Topology;

use super::saga_by_hand::{self, Mistake};
use crate::small_service::Service;

pub(super) const WRONG: Service = Service::wrong("undoes-what-it-remembers", topology);

fn topology(is_right: bool) -> Topology {
    saga_by_hand::topology(if is_right { Mistake::None } else { Mistake::UndoesWhatItRemembers })
}
