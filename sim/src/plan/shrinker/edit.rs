use std::{collections::BTreeSet, ops::Range};

use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::super::{
    CallFault, Calls, Fault, Latency, Plan, Point, Schedule, Target, TimedFault, Verdict, smaller_numbers,
};
use crate::plan::Workload;

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

/// Without the faults that strike one process, where others are left. Faults that strike no process in particular are
/// nobody's.
pub(super) fn without_process<W: Clone>(plan: &Plan<W>, which: usize) -> Option<Plan<W>> {
    let processes: BTreeSet<SmolStr> = plan.faults.iter().filter_map(process_of).collect();
    let process = processes.into_iter().nth(which)?;
    let mut fewer = plan.clone();
    fewer.faults.retain(|fault| process_of(fault).as_ref() != Some(&process));
    Some(fewer)
}

/// Counts the processes that are struck.
pub(super) fn processes(faults: &[Fault]) -> usize {
    faults.iter().filter_map(process_of).collect::<BTreeSet<_>>().len()
}

fn process_of(fault: &Fault) -> Option<SmolStr> {
    if let Target::Process(process) = fault.target() { Some(process) } else { None }
}

/// Variant `variant` of the fault `keep` striking a little earlier or later. What was left out made calls of its own or
/// held some up, and a fault that is counted by calls then strikes another one.
pub(super) fn shifted<W>(mut plan: Plan<W>, keep: usize, variant: usize) -> Option<Plan<W>> {
    const STEPS: [i64; 8] = [-1, 1, -2, 2, -3, 3, -4, 4];
    match plan.faults.get_mut(keep)? {
        Fault::Call(call) => {
            let nth = i64::from(call.nth).checked_add(*STEPS.get(variant)?)?;
            call.nth = u32::try_from(nth).ok()?;
            (call.nth > 0).then_some(plan)
        }
        Fault::Timed(_) => None,
    }
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
            let earlier = earlier_calls(call.nth).into_iter().map(|nth| {
                let mut earlier = call.clone();
                earlier.nth = nth;
                earlier
            });
            let milder = call.verdict.simpler().into_iter().map(|verdict| {
                let mut milder = call.clone();
                milder.verdict = verdict;
                milder
            });
            weaker(call).into_iter().chain(milder).chain(earlier).map(Fault::Call).collect()
        }
        Fault::Timed(timed) => timed_variants(timed).into_iter().map(Fault::Timed).collect(),
    }
}

/// Returns the same call struck in ways that are easier to think through.
fn weaker(call: &CallFault) -> Vec<CallFault> {
    let fits = |verdict: &&Verdict| verdict.fits(call.point) && !is_silent(**verdict, call.point);
    call.verdict.weaker().iter().filter(fits).map(|verdict| CallFault { verdict: *verdict, ..call.clone() }).collect()
}

/// A refused poll is asked again and says nothing.
fn is_silent(verdict: Verdict, point: Point) -> bool {
    let is_poll =
        |operation| operation == Operation::Subscribe || Calls::from_operation(operation) == Some(Calls::Upkeep);
    verdict == Verdict::Unavailable && point.operations().all(is_poll)
}

/// Earlier calls worth a try: each one where they are few.
fn earlier_calls(nth: u32) -> Vec<u32> {
    if nth <= 16 {
        (1..nth).collect()
    } else {
        smaller_numbers(u64::from(nth), 1).into_iter().map(|nth| nth as u32).collect()
    }
}

fn timed_variants(timed: &TimedFault) -> Vec<TimedFault> {
    let length = timed.to_ms - timed.from_ms;
    let mut variants: Vec<TimedFault> = smaller_numbers(timed.from_ms, 0)
        .into_iter()
        .map(|from_ms| TimedFault { from_ms, to_ms: from_ms + length, what: timed.what.clone() })
        .collect();
    variants.extend(smaller_numbers(length, 1).into_iter().map(|length| TimedFault {
        from_ms: timed.from_ms,
        to_ms: timed.from_ms + length,
        what: timed.what.clone(),
    }));
    let what = timed.what.simpler();
    variants.extend(what.into_iter().map(|what| TimedFault { what, ..timed.clone() }));
    variants
}

/// Simpler schedules, simplest first.
pub(super) fn simpler_schedule<W: Clone>(plan: &Plan<W>, variant: usize) -> Option<Plan<W>> {
    let schedule = schedules(plan.schedule).into_iter().nth(variant)?;
    Some(Plan { schedule, ..plan.clone() })
}

/// Schedules simpler than this one, simplest first: calls that take equally long before any that don't, and nobody held up
/// before somebody is. Equal latencies of a millisecond come before none at all, because in a story time then passes.
fn schedules(schedule: Schedule) -> Vec<Schedule> {
    let usual = Schedule::default();
    let mut latencies = vec![Latency::Equal { ms: 1 }, Latency::Zero, usual.latency];
    match schedule.latency {
        Latency::Spread { min_ms, max_ms } => {
            let shorter = smaller_numbers(u64::from(max_ms), u64::from(min_ms)).into_iter();
            latencies.extend(shorter.map(|max_ms| Latency::Spread { min_ms, max_ms: max_ms as u32 }));
            latencies.push(Latency::Spread { min_ms: 1, max_ms });
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
    let mut simpler: Vec<Schedule> = all.filter(|one| rank(*one) < rank(schedule)).collect();
    simpler.sort_by_key(|one| rank(*one));
    simpler.dedup();
    simpler
}

/// Orders schedules from simple to wild, so that shrinking them ends.
fn rank(schedule: Schedule) -> (u8, u16, u32, u32) {
    let (kind, longest, spread) = match schedule.latency {
        Latency::Equal { ms: 1 } => (0, 1, 0),
        Latency::Zero => (1, 0, 0),
        Latency::Equal { ms } => (2, ms, 0),
        Latency::Spread { min_ms, max_ms } => (3, max_ms, max_ms - min_ms.min(max_ms)),
    };
    (kind, schedule.stall_per_mille, longest, spread)
}

#[cfg(test)]
mod tests {
    use super::{super::super::Restart, *};

    #[test]
    fn a_schedule_has_simpler_ones_until_all_calls_take_a_millisecond() {
        let latencies = [
            Latency::Zero,
            Latency::Equal { ms: 1 },
            Latency::Equal { ms: 300 },
            Latency::Spread { min_ms: 1, max_ms: 8 },
            Latency::Spread { min_ms: 30, max_ms: 280 },
        ];
        for latency in latencies {
            for stall_per_mille in [0, 1, 10, 400] {
                let schedule = Schedule { latency, stall_per_mille };
                let simpler = schedules(schedule);
                assert!(simpler.iter().all(|one| rank(*one) < rank(schedule) && one.validate().is_ok()), "{simpler:?}");
                let simplest = Schedule { latency: Latency::Equal { ms: 1 }, stall_per_mille: 0 };
                assert_eq!(simpler.first(), (schedule != simplest).then_some(&simplest), "{schedule:?}");
            }
        }
    }

    #[test]
    fn what_is_weaker_fits_the_same_call() {
        let restart = Restart { after_ms: 0, upgrade: false };
        for operation in Operation::ALL {
            let point = Point::Only(*operation);
            for verdict in [Verdict::CrashBefore(restart), Verdict::CrashAfter(restart), Verdict::LoseRequest] {
                let call = CallFault { process: "orders-1".into(), point, nth: 1, verdict };
                assert!(weaker(&call).iter().all(|weaker| weaker.verdict.fits(point)), "{call:?}");
            }
        }
    }
}
