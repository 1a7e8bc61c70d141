//! Simpler schedules: which are tried, in which order, and which of two is the simpler one.

use super::super::{Latency, Plan, Schedule, smaller_numbers};

/// Variant `variant` of the plan's schedule, simplest first; each is simpler than the schedule, so that shrinking ends.
pub(super) fn simpler_schedule<W: Clone>(plan: &Plan<W>, variant: usize) -> Option<Plan<W>> {
    let schedule = schedules(plan.schedule).into_iter().nth(variant)?;
    Some(Plan { schedule, ..plan.clone() })
}

/// The same, of those only in which calls take equally long and no more are held up.
pub(super) fn constant_schedule<W: Clone>(plan: &Plan<W>, variant: usize) -> Option<Plan<W>> {
    let is_constant = |schedule: &Schedule| {
        !matches!(schedule.latency, Latency::Spread { .. }) && schedule.stall_per_mille <= plan.schedule.stall_per_mille
    };
    let schedule = schedules(plan.schedule).into_iter().filter(is_constant).nth(variant)?;
    Some(Plan { schedule, ..plan.clone() })
}

/// Schedules simpler than this one, simplest first: calls that take equally long before any that don't, and nobody held up
/// before somebody is. Equal latencies of a millisecond come before none at all, because in a story time then passes.
fn schedules(schedule: Schedule) -> Vec<Schedule> {
    let usual = Schedule::default();
    let mut latencies = vec![Latency::Equal { ms: 1 }, Latency::Zero, usual.latency];
    // A second for each call runs into timeouts; where calls took that long it is worth a try.
    let longest = match schedule.latency {
        Latency::Zero => 0,
        Latency::Equal { ms } => ms,
        Latency::Spread { max_ms, .. } => max_ms,
    };
    // A call that is held up takes several times as long: what some did, all of them may do.
    let longest = if schedule.stall_per_mille > 0 { longest.max(100).saturating_mul(10) } else { longest.max(100) };
    let powers = (1..=9).map(|power| 10_u32.pow(power)).take_while(|ms| *ms <= longest);
    latencies.extend(powers.map(|ms| Latency::Equal { ms }));
    match schedule.latency {
        Latency::Spread { min_ms, max_ms } => {
            let width = max_ms.saturating_sub(min_ms);
            latencies.extend([min_ms, min_ms + width / 2, max_ms].map(|ms| Latency::Equal { ms }));
            let shorter = smaller_numbers(u64::from(max_ms), u64::from(min_ms) + 1).into_iter();
            latencies.extend(shorter.map(|max_ms| Latency::Spread { min_ms, max_ms: max_ms as u32 }));
            let narrower = smaller_numbers(u64::from(width), 1).into_iter();
            latencies.extend(narrower.map(|width| Latency::Spread { min_ms: max_ms - width as u32, max_ms }));
        }
        Latency::Equal { ms } => {
            latencies.extend(smaller_numbers(u64::from(ms), 1).into_iter().map(|ms| Latency::Equal { ms: ms as u32 }));
        }
        Latency::Zero => {}
    }
    latencies.push(schedule.latency);
    let stalls = [0, usual.stall_per_mille, schedule.stall_per_mille / 2, schedule.stall_per_mille];
    let all =
        latencies.into_iter().flat_map(|latency| stalls.map(|stall_per_mille| Schedule { latency, stall_per_mille }));
    let mut simpler: Vec<Schedule> = all.filter(|one| rank(*one) < rank(schedule) && one.validate().is_ok()).collect();
    simpler.sort_by_key(|one| rank(*one));
    simpler.dedup();
    simpler
}

/// Orders schedules from simple to wild, so that shrinking them ends.
fn rank(schedule: Schedule) -> (u8, u16, u32, u32) {
    let (kind, longest, spread) = match schedule.latency {
        Latency::Equal { ms: 1 } => (0, 1, 0),
        Latency::Zero => (1, 0, 0),
        Latency::Equal { ms } if ms.checked_ilog10().is_some_and(|power| ms == 10_u32.pow(power)) => (2, ms, 0),
        Latency::Equal { ms } => (3, ms, 0),
        Latency::Spread { min_ms, max_ms } => (4, max_ms, max_ms.saturating_sub(min_ms)),
    };
    (kind, schedule.stall_per_mille, longest, spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCIES: [Latency; 8] = [
        Latency::Zero,
        Latency::Equal { ms: 1 },
        Latency::Equal { ms: 100 },
        Latency::Equal { ms: 300 },
        Latency::Spread { min_ms: 1, max_ms: 8 },
        Latency::Spread { min_ms: 8, max_ms: 8 },
        Latency::Spread { min_ms: 30, max_ms: 280 },
        Latency::Spread { min_ms: 1, max_ms: u32::MAX },
    ];

    #[test]
    fn a_schedule_has_simpler_ones_until_all_calls_take_a_millisecond() {
        for latency in LATENCIES {
            for stall_per_mille in [0, 1, 10, 400] {
                let schedule = Schedule { latency, stall_per_mille };
                let simpler = schedules(schedule);
                assert!(simpler.iter().all(|one| rank(*one) < rank(schedule) && one.validate().is_ok()), "{simpler:?}");
                let simplest = Schedule { latency: Latency::Equal { ms: 1 }, stall_per_mille: 0 };
                assert_eq!(simpler.first(), (schedule != simplest).then_some(&simplest), "{schedule:?}");
                assert!(simpler.len() < 120, "{} of {schedule:?}", simpler.len());
            }
        }
    }

    #[test]
    fn a_spread_is_tried_as_each_constant_and_as_narrower_spreads() {
        let tried = |latency| {
            let spread = Schedule { latency: Latency::Spread { min_ms: 30, max_ms: 280 }, stall_per_mille: 0 };
            schedules(spread).contains(&Schedule { latency, stall_per_mille: 0 })
        };
        for ms in [1, 10, 30, 100, 155, 280] {
            assert!(tried(Latency::Equal { ms }), "{ms} ms");
        }
        for (min_ms, max_ms) in [(30, 31), (30, 140), (155, 280), (279, 280)] {
            assert!(tried(Latency::Spread { min_ms, max_ms }), "{min_ms} to {max_ms} ms");
        }
        assert!(!tried(Latency::Equal { ms: 1_000 }), "no call took so long");
    }
}
