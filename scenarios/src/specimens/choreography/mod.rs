//! Mistakes among services that react to each other's messages and have nobody above them.

pub mod release_before_reserve;

use crate::small::SmallService;

/// All specimens of this family, each with its right twin behind it.
pub fn all() -> Vec<(SmallService, SmallService)> {
    vec![release_before_reserve::pair()]
}
