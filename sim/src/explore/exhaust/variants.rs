use crate::plan::{FaultKind, Restart, Verdict};

/// A moment later: others go first, and no lease or timeout has run out yet.
const SHORT_MS: u32 = 500;
/// Much later: every lease and timeout of the default configurations has run out, others have taken over, and what comes
/// back finds the work done.
const LONG_MS: u32 = 60_000;

/// What is tried of a kind of fault, at each call that can meet it. Parameters are the ends of what makes a difference,
/// not a sample: at once and after all leases, nothing of a batch and a part of it. An upgrade is tried where there is a
/// next release, and at once only: when it comes does not change what it reads.
pub(super) fn variants(kind: FaultKind, has_next_release: bool) -> Vec<Verdict> {
    let restarts = || {
        let restart = |after_ms, upgrade| Restart { after_ms, upgrade };
        let upgrade = has_next_release.then(|| restart(0, true));
        [restart(0, false), restart(LONG_MS, false)].into_iter().chain(upgrade)
    };
    match kind {
        FaultKind::Delay => [SHORT_MS, LONG_MS].map(|ms| Verdict::Delay { ms }).to_vec(),
        FaultKind::Conflict => vec![Verdict::Conflict],
        FaultKind::Unavailable => vec![Verdict::Unavailable],
        FaultKind::Reject => vec![Verdict::Reject],
        FaultKind::LoseReply => vec![Verdict::LoseReply],
        FaultKind::LoseRequest => vec![Verdict::LoseRequest],
        FaultKind::Duplicate => [0, LONG_MS].map(|after_ms| Verdict::Duplicate { after_ms }).to_vec(),
        FaultKind::DropAck => vec![Verdict::DropAck],
        FaultKind::PartialBatch => [0, 1].map(|accepted| Verdict::PartialBatch { accepted }).to_vec(),
        FaultKind::CrashBefore => restarts().map(Verdict::CrashBefore).collect(),
        FaultKind::CrashAfter => restarts().map(Verdict::CrashAfter).collect(),
        // What lasts for a while strikes no call of its own: there is no end of moments to try.
        FaultKind::BrokerOutage
        | FaultKind::StoreOutage
        | FaultKind::ExternalOutage
        | FaultKind::Partition
        | FaultKind::Pause
        | FaultKind::SlowLink
        | FaultKind::ClockSkew => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Point;

    #[test]
    fn every_verdict_is_of_its_kind_and_fits_wherever_its_kind_does() {
        for kind in FaultKind::ALL {
            for verdict in variants(kind, true) {
                assert_eq!(verdict.kind(), kind);
                assert!(Point::ALL.into_iter().all(|point| verdict.fits(point) == kind.meets(point)), "{verdict:?}");
            }
        }
    }

    #[test]
    fn an_upgrade_is_tried_only_where_there_is_a_next_release() {
        for kind in [FaultKind::CrashBefore, FaultKind::CrashAfter] {
            assert_eq!((variants(kind, false).len(), variants(kind, true).len()), (2, 3));
        }
    }
}
