//! The lender of [`approval`], and any of the two stores may be put back to a copy of an earlier moment.
//!
//! What is lost then is lost: a loan that somebody was told of may be gone with the lender's store, and is asked for anew by whoever
//! misses it; a loan whose approval went down with either store waits for it until somebody [gives it
//! one](seaworthy_core::saga::Orchestrator::signal) by hand. Nobody can know of that, and nobody is accused of it. All that is committed afterwards is dealt with: no
//! message of the new life is taken for one of the old, and a loan that was put back goes on from where it is.
//!
//! [`approval`]: super::approval

use seaworthy_sim::scenario::Topology;

use super::approval;
use crate::small::SmallService;

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/restored",
        about: "loans that wait for an approval, on stores that are put back to a copy; everything is right",
        topology,
    }
}

fn topology() -> Topology {
    approval::topology().restores()
}
