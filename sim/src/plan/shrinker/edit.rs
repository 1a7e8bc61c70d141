use std::ops::Range;

use super::super::{Disturbance, Fault, Latency, Plan, Restart, Schedule, TimedFault, Verdict};
use crate::scenario::Workload;

pub(super) fn without_faults<W: Clone>(plan: &Plan<W>, range: Range<usize>) -> Plan<W> {
    let mut fewer = plan.clone();
    fewer.faults.drain(range);
    fewer
}

pub(super) fn without_items<W: Workload>(plan: &Plan<W>, range: Range<usize>) -> Plan<W> {
    Plan {
        format: plan.format.clone(),
        scenario: plan.scenario.clone(),
        seed: plan.seed,
        schedule: plan.schedule,
        // Not cloned whole first: a workload may be large.
        workload: plan.workload.without(range),
        faults: plan.faults.clone(),
    }
}

/// The faults, those at calls as much earlier as there are fewer items: `left` of `items`. `None` where that changes
/// nothing.
pub(super) fn earlier(faults: &[Fault], items: usize, left: usize) -> Option<Vec<Fault>> {
    let mut earlier = faults.to_vec();
    for fault in &mut earlier {
        if let Fault::Call(call) = fault {
            let nth = u64::from(call.nth).saturating_mul(left.max(1) as u64).div_ceil(items.max(1) as u64);
            call.nth = u32::try_from(nth).map_or(call.nth, |nth| nth.clamp(1, call.nth.max(1)));
        }
    }
    (earlier != faults).then_some(earlier)
}

/// Variant `variant` of the fault at `at`, simplest first; each is simpler than the fault, so that shrinking ends.
pub(super) fn simpler_fault<W: Clone>(plan: &Plan<W>, at: usize, variant: usize) -> Option<Plan<W>> {
    let fault = variants(plan.faults.get(at)?).into_iter().nth(variant)?;
    let mut simpler = plan.clone();
    simpler.faults[at] = fault;
    Some(simpler)
}

fn variants(fault: &Fault) -> Vec<Fault> {
    match fault {
        Fault::Call(call) => {
            let earlier = smaller(u64::from(call.nth), 1).into_iter().map(|nth| {
                let mut earlier = call.clone();
                earlier.nth = nth as u32;
                earlier
            });
            let milder = verdicts(call.verdict).into_iter().map(|verdict| {
                let mut milder = call.clone();
                milder.verdict = verdict;
                milder
            });
            milder.chain(earlier).map(Fault::Call).collect()
        }
        Fault::Timed(timed) => timed_variants(timed).into_iter().map(Fault::Timed).collect(),
    }
}

fn verdicts(verdict: Verdict) -> Vec<Verdict> {
    let restarts = |restart: Restart| {
        let release = restart.upgrade.then_some(Restart { upgrade: false, ..restart });
        let sooner = smaller(u64::from(restart.after_ms), 0)
            .into_iter()
            .map(move |after_ms| Restart { after_ms: after_ms as u32, ..restart });
        release.into_iter().chain(sooner).collect::<Vec<_>>()
    };
    match verdict {
        Verdict::Delay { ms } => {
            smaller(u64::from(ms), 1).into_iter().map(|ms| Verdict::Delay { ms: ms as u32 }).collect()
        }
        Verdict::Duplicate { after_ms } => smaller(u64::from(after_ms), 0)
            .into_iter()
            .map(|after_ms| Verdict::Duplicate { after_ms: after_ms as u32 })
            .collect(),
        Verdict::PartialBatch { accepted } => smaller(u64::from(accepted), 0)
            .into_iter()
            .map(|accepted| Verdict::PartialBatch { accepted: accepted as u32 })
            .collect(),
        Verdict::CrashBefore(restart) => restarts(restart).into_iter().map(Verdict::CrashBefore).collect(),
        Verdict::CrashAfter(restart) => restarts(restart).into_iter().map(Verdict::CrashAfter).collect(),
        Verdict::Conflict
        | Verdict::Unavailable
        | Verdict::Reject
        | Verdict::LoseReply
        | Verdict::LoseRequest
        | Verdict::DropAck => Vec::new(),
    }
}

fn timed_variants(timed: &TimedFault) -> Vec<TimedFault> {
    let length = timed.to_ms - timed.from_ms;
    let mut variants: Vec<TimedFault> = smaller(timed.from_ms, 0)
        .into_iter()
        .map(|from_ms| TimedFault { from_ms, to_ms: from_ms + length, what: timed.what.clone() })
        .collect();
    variants.extend(smaller(length, 1).into_iter().map(|length| TimedFault {
        from_ms: timed.from_ms,
        to_ms: timed.from_ms + length,
        what: timed.what.clone(),
    }));
    let what: Vec<Disturbance> = match &timed.what {
        Disturbance::SlowLink { process, extra_ms } => smaller(u64::from(*extra_ms), 1)
            .into_iter()
            .map(|extra_ms| Disturbance::SlowLink { process: process.clone(), extra_ms: extra_ms as u32 })
            .collect(),
        Disturbance::ClockSkew { process, offset_ms } => smaller(offset_ms.unsigned_abs(), 1)
            .into_iter()
            .map(|size| Disturbance::ClockSkew {
                process: process.clone(),
                offset_ms: i64::try_from(size).unwrap_or(i64::MAX) * offset_ms.signum(),
            })
            .collect(),
        Disturbance::BrokerOutage
        | Disturbance::StoreOutage { .. }
        | Disturbance::ExternalOutage { .. }
        | Disturbance::Partition { .. }
        | Disturbance::Pause { .. } => Vec::new(),
    };
    variants.extend(what.into_iter().map(|what| TimedFault { what, ..timed.clone() }));
    variants
}

/// Smaller numbers worth a try, from `least` upwards: the least, a half, the next round one, one less.
fn smaller(number: u64, least: u64) -> Vec<u64> {
    let mut digit = 1;
    while number / digit >= 10 {
        digit *= 10;
    }
    let mut smaller: Vec<u64> = [least, number / 2, number - number % digit, number.saturating_sub(1)]
        .into_iter()
        .filter(|one| (least..number).contains(one))
        .collect();
    // One less is only worth a run where numbers are counts; of long times it would take thousands.
    if number > 64 {
        smaller.retain(|one| *one != number - 1);
    }
    smaller.sort_unstable();
    smaller.dedup();
    smaller
}

/// Simpler schedules, simplest first: the default latency before any other, no stalls before some.
pub(super) fn simpler_schedule<W: Clone>(plan: &Plan<W>, variant: usize) -> Option<Plan<W>> {
    let usual = Schedule::default();
    let latencies: [Latency; 2] = [usual.latency, plan.schedule.latency];
    let candidates = latencies
        .into_iter()
        .flat_map(|latency| [0, usual.stall_per_mille].map(|stall_per_mille| Schedule { latency, stall_per_mille }));
    let rank = |schedule: Schedule| (schedule.latency != usual.latency, schedule.stall_per_mille);
    let mut simpler: Vec<Schedule> = candidates.filter(|one| rank(*one) < rank(plan.schedule)).collect();
    simpler.dedup();
    Some(Plan { schedule: *simpler.get(variant)?, ..plan.clone() })
}

#[cfg(test)]
mod tests {
    use super::smaller;

    #[test]
    fn smaller_numbers_are_smaller_and_end() {
        assert_eq!(smaller(37_412, 0), [0, 18_706, 30_000]);
        assert_eq!(smaller(7, 1), [1, 3, 6]);
        assert_eq!(smaller(1, 1), [] as [u64; 0]);
        assert_eq!(smaller(0, 0), [] as [u64; 0]);
        assert_eq!(smaller(1, 0), [0]);
    }
}
