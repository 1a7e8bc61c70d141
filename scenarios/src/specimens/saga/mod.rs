//! Mistakes in the steps of a saga, their compensations and what they wait for.

pub mod approval_apart;
pub mod compensation_skipped_after_crash;
pub mod fresh_idempotency_key;
pub mod stale_version_compensation;

use crate::small::SmallService;

/// All specimens of this family, each with its right twin behind it.
pub fn all() -> Vec<(SmallService, SmallService)> {
    vec![
        compensation_skipped_after_crash::pair(),
        stale_version_compensation::pair(),
        fresh_idempotency_key::pair(),
        approval_apart::pair(),
    ]
}
