use crate::{
    plan::{FaultKind, LONG_MS, SHORT_MS, Targets, TimedFault},
    topology::Topology,
};

/// Returns the faults of those that last for a while which are tried. There is no end of moments at which one can
/// begin: all begin at once, so that everything meets them, and end in the middle of the work or after every lease and
/// every attempt.
pub(super) fn lasting(topology: &Topology) -> Vec<TimedFault> {
    let targets = Targets::from_topology(topology);
    let possible = FaultKind::ALL.iter().filter(|kind| kind.is_possible(&targets));
    let all = possible.flat_map(|kind| kind.for_a_while(&targets));
    let lengths =
        |what| [SHORT_MS, LONG_MS].map(|ms| TimedFault { from_ms: 0, to_ms: ms.into(), what: Clone::clone(&what) });
    all.flat_map(lengths).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_of_its_kind() {
        for kind in FaultKind::ALL.iter().copied() {
            assert!(kind.at_calls(true).into_iter().all(|verdict| verdict.kind() == kind), "{kind:?}");
            let topology = Topology::new().process("a", "a", "a", |_| async {}).group("g", &["t"]);
            let targets = Targets::from_topology(&topology);
            let lasting = kind.for_a_while(&targets);
            assert!(lasting.iter().all(|what| what.kind() == kind), "{kind:?}");
            // There is no service outside.
            let is_outside = matches!(kind, FaultKind::ExternalOutage | FaultKind::PoisonCall);
            assert!(is_outside || kind.at_calls(false).len() + lasting.len() > 0, "{kind:?}");
        }
    }

    #[test]
    fn an_upgrade_is_tried_only_where_there_is_a_next_release() {
        for kind in [FaultKind::CrashBefore, FaultKind::CrashAfter, FaultKind::Stop] {
            assert_eq!((kind.at_calls(false).len(), kind.at_calls(true).len()), (2, 3));
        }
    }
}
