use crate::{
    plan::{Disturbance, FaultKind, Restart, TimedFault, Verdict},
    topology::Topology,
};

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
        // What lasts for a while is at no call.
        FaultKind::BrokerOutage
        | FaultKind::StoreOutage
        | FaultKind::ExternalOutage
        | FaultKind::Partition
        | FaultKind::Pause
        | FaultKind::SlowLink
        | FaultKind::ClockSkew => Vec::new(),
    }
}

/// How wrong a clock is: by an hour, as a time zone or a machine that was suspended, before or behind.
const SKEWS_MS: [i64; 2] = [-3_600_000, 3_600_000];

/// What is tried of the faults that last for a while. There is no end of moments at which one can begin: all begin at once,
/// so that everything meets them, and end in the middle of the work or after every lease and every attempt.
pub(super) fn lasting(topology: &Topology) -> Vec<TimedFault> {
    let processes = || topology.processes.iter().map(|process| process.name.clone());
    let of = |kind| -> Vec<Disturbance> {
        match kind {
            FaultKind::BrokerOutage => vec![Disturbance::BrokerOutage],
            FaultKind::StoreOutage => {
                topology.stores().into_iter().map(|store| Disturbance::StoreOutage { store }).collect()
            }
            FaultKind::ExternalOutage => {
                let services = topology.externals.iter().map(|external| external.name.clone());
                services.map(|service| Disturbance::ExternalOutage { service }).collect()
            }
            FaultKind::Partition => processes().map(|process| Disturbance::Partition { process }).collect(),
            FaultKind::Pause => processes().map(|process| Disturbance::Pause { process }).collect(),
            FaultKind::SlowLink => {
                processes().map(|process| Disturbance::SlowLink { process, extra_ms: SHORT_MS }).collect()
            }
            FaultKind::ClockSkew => processes()
                .flat_map(|process| {
                    SKEWS_MS.map(|offset_ms| Disturbance::ClockSkew { process: process.clone(), offset_ms })
                })
                .collect(),
            FaultKind::Delay
            | FaultKind::Conflict
            | FaultKind::Unavailable
            | FaultKind::Reject
            | FaultKind::LoseReply
            | FaultKind::LoseRequest
            | FaultKind::Duplicate
            | FaultKind::DropAck
            | FaultKind::PartialBatch
            | FaultKind::CrashBefore
            | FaultKind::CrashAfter => Vec::new(),
        }
    };
    let all = FaultKind::ALL.into_iter().flat_map(of);
    let lengths = |what: Disturbance| {
        [SHORT_MS, LONG_MS].map(|ms| TimedFault { from_ms: 0, to_ms: ms.into(), what: what.clone() })
    };
    all.flat_map(lengths).collect()
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
