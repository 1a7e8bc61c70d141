//! Mistakes where state and message should commit together.

pub mod dual_write;

use crate::small::SmallService;

/// All specimens of this family, each with its right twin behind it.
pub fn all() -> Vec<(SmallService, SmallService)> {
    vec![dual_write::pair()]
}
