//! Mistakes among workers that share a queue of jobs.

pub mod finish_without_fence;

use crate::small::SmallService;

/// All specimens of this family, each with its right twin behind it.
pub fn all() -> Vec<(SmallService, SmallService)> {
    vec![finish_without_fence::pair()]
}
