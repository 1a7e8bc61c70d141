use std::{collections::BTreeSet, ops::Range};

use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::super::{CallFault, Calls, Fault, Plan, Point, Target, TimedFault, Verdict, smaller_numbers};
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

/// Variant `variant` of the fault `keep` striking a little earlier or later, or for longer. What was left out made calls of its
/// own or held some up: a fault that is counted by calls then strikes another one, and one that lasts for a while meets
/// others. So it does where calls take other times.
pub(super) fn shifted<W>(mut plan: Plan<W>, keep: usize, variant: usize) -> Option<Plan<W>> {
    match plan.faults.get_mut(keep)? {
        Fault::Call(call) => call.nth = other_calls(call.nth).nth(variant)?,
        Fault::Timed(timed) => {
            (timed.from_ms, timed.to_ms) = other_spans(timed.from_ms, timed.to_ms).nth(variant)?;
        }
    }
    Some(plan)
}

fn other_calls(nth: u32) -> impl Iterator<Item = u32> {
    const BY: [i32; 8] = [-1, 1, -2, 2, -3, 3, -4, 4];
    // Nothing strikes before the first call.
    BY.into_iter().filter_map(move |by| nth.checked_add_signed(by)).filter(|nth| *nth > 0)
}

fn other_spans(from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> {
    const BY_MS: [i64; 8] = [-1, 1, -10, 10, -100, 100, -1_000, 1_000];
    let length = to - from;
    let moved = move |by| {
        let from = from.checked_add_signed(by)?;
        Some((from, from.checked_add(length)?))
    };
    let longer = [2, 4].map(|times| Some((from, from.checked_add(length.checked_mul(times)?)?)));
    let sooner = [Some((from / 2, to)), Some((0, to))];
    let longer = longer.into_iter().chain(sooner).flatten();
    BY_MS.into_iter().filter_map(moved).chain(longer).filter(move |span| *span != (from, to))
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
    // As short, and over its last part: what matters may be when it ends.
    variants.extend(smaller_numbers(length, 1).into_iter().map(|length| TimedFault {
        from_ms: timed.to_ms - length,
        to_ms: timed.to_ms,
        what: timed.what.clone(),
    }));
    let what = timed.what.simpler();
    variants.extend(what.into_iter().map(|what| TimedFault { what, ..timed.clone() }));
    variants
}

#[cfg(test)]
mod tests {
    use super::{super::super::Restart, *};

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
