//! Each consumer of the log is where it is: one that is slow or gone holds up none of the others, and comes to the same in the
//! end. Judged by what was written when, and by nothing that ships.

use std::collections::BTreeMap;

use seaworthy_event_store::messages::{POST, SEARCH, STATEMENTS};
use seaworthy_scenarios::event_store::{Bookings, EventStore};
use seaworthy_sim::{
    generate::generate,
    plan::{Disturbance, Fault, Plan, Profile, TimedFault},
    trace::Effect,
    world::{RunOptions, RunReport, run},
};
use serde_json::Value;
use smol_str::SmolStr;

/// Time for which one consumer does nothing, in milliseconds: longer than everything else takes.
const GONE_MS: u64 = 60_000;

type Documents = BTreeMap<SmolStr, Value>;

/// A document without the order of what it lists: that is the order of the log, in which bookings of several accounts stand as they
/// came, and no consumer has a say in that.
fn contents(body: &[u8]) -> Value {
    let mut document: Value = serde_json::from_slice(body).expect("a document");
    for list in
        document.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()).filter_map(Value::as_array_mut)
    {
        list.sort_by_key(Value::to_string);
    }
    document
}

/// The last documents of each collection, and the time at which the last of them was written, in microseconds.
fn written(report: &RunReport) -> BTreeMap<SmolStr, (Documents, u64)> {
    let mut written = BTreeMap::<SmolStr, (Documents, u64)>::new();
    for event in report.trace.iter().flatten() {
        for effect in event.effects() {
            let Effect::Document { collection, id, body: Some(body), .. } = effect else { continue };
            let (documents, at) = written.entry(collection.clone()).or_default();
            documents.insert(id.clone(), contents(body));
            *at = event.at;
        }
    }
    written
}

fn traced(plan: &Plan<Bookings>) -> RunReport {
    let report = run(&EventStore::new(), plan, &RunOptions::default().keep_trace(true)).expect("a valid plan");
    assert!(report.held(), "seed {}: {:?}", plan.seed, report.violations);
    report
}

/// Processes with a consumer each, and the collections that these write.
const CONSUMERS: [(&str, &str); 3] = [("search-1", SEARCH), ("statements-1", STATEMENTS), ("post-1", POST)];

/// Runs calm plans as they are, and again with this happening to one process for a minute. `is_late` compares
/// what was written in both.
fn beside(
    seeds: u64,
    what: impl Fn(SmolStr) -> Disturbance,
    is_late: impl Fn(&(Documents, u64), &(Documents, u64)) -> bool,
) {
    for (process, collection) in CONSUMERS {
        let mut met = 0;
        for seed in 0..seeds {
            let calm = generate(&EventStore::new(), seed, Profile::Calm);
            let fault = Fault::Timed(TimedFault { from_ms: 0, to_ms: GONE_MS, what: what(process.into()) });
            let all = written(&traced(&calm));
            let with_fault = written(&traced(&Plan { faults: vec![fault], ..calm }));
            assert_eq!(all.keys().collect::<Vec<_>>(), with_fault.keys().collect::<Vec<_>>(), "seed {seed}");
            for (name, now) in &with_fault {
                let is_late = is_late(&all[name], now);
                assert_eq!(is_late, name == collection, "{name} was last written at {} us beside {process}", now.1);
                met += u32::from(is_late);
                assert_eq!(now.0, all[name].0, "{name} of seed {seed}");
            }
        }
        assert!(met > 3, "{process} had nothing to do in {met} runs");
    }
}

#[test]
fn seed_66_a_consumer_that_is_gone_holds_up_no_other_and_comes_to_the_same_in_the_end() {
    let gone = |process| Disturbance::Pause { process };
    beside(20, gone, |_, (_, at)| *at >= GONE_MS * 1_000);
}

#[test]
fn seed_66_a_consumer_that_is_slow_holds_up_no_other_and_comes_to_the_same_in_the_end() {
    // Each of its calls takes a second; the others take as long as ever, give or take what they draw.
    let slow = |process| Disturbance::SlowLink { process, extra_ms: 1_000 };
    beside(6, slow, |(_, calm), (_, at)| *at > calm + 2_000_000);
}
