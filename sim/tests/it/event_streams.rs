//! Streams of events in the simulator: what is appended, read and kept stands in the trace, and faults strike there where the
//! topology says that there are streams.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Operation, Ports, StoreError};
use seaworthy_sim::{
    explore::{Seeds, SweepOptions, Until, sweep},
    generate::Generator,
    plan::{Fault, Point, Profile},
    scenario::{Topology, Workload},
    trace::{Effect, What},
    world::{RunOptions, run},
};

use crate::small_service::{
    Answer, Service,
    messaging::fronts,
    serve,
    streams::{FIGURES, append, keep, keeping, subscribe},
};

const RIGHT: Service = Service::wrong("keeps-events", topology).right();

fn topology(_: bool) -> Topology {
    let figures = keeping().process("figures-1", "figures", "front", |boot| subscribe(boot.ports));
    figures.process("figures-2", "figures", "front", |boot| subscribe(boot.ports)).subscriber("front", FIGURES)
}

#[test]
fn what_is_appended_and_how_far_it_was_read_stands_in_the_trace() {
    let plan = Generator::new(&RIGHT).plan(7, Profile::Calm);
    let report = run(&RIGHT, &plan, &RunOptions::default().keep_trace(true)).expect("the plan is valid");
    assert_eq!(report.violations, []);
    let trace = report.trace.as_deref().expect("kept");
    let (mut events, mut versions, mut read, mut last_read) = (BTreeMap::new(), BTreeMap::new(), Vec::new(), 0);
    for event in trace {
        for effect in event.effects() {
            match effect {
                Effect::Appended { stream, version, position, event } => {
                    let last: &mut u64 = versions.entry(stream.clone()).or_default();
                    *last += 1;
                    assert_eq!((*version, events.insert(event.id, *position)), (*last, None), "{stream}");
                }
                Effect::Checkpoint { consumer, position } => {
                    assert_eq!(consumer, FIGURES);
                    last_read = *position;
                }
                _ => {}
            }
        }
        if let What::StoreCall { operation: Operation::ReadEvents, count, messages, .. } = &event.what {
            assert_eq!(*count, messages.iter().count() as u64);
            read.extend(messages.iter());
        }
    }
    assert!(!versions.is_empty() && versions.values().all(|version| *version == 2), "{versions:?}");
    assert_eq!(events.values().max(), Some(&last_read));
    assert!(events.keys().all(|event| read.contains(event)), "each was shown to somebody");
}

/// Keeps a snapshot of each stream that it has appended to.
fn keep_with_snapshots(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let mut tx = ports.store.begin().await?;
        if append(&ports, &mut *tx, &name, 0).await?.is_some() {
            let state = Bytes::from_static(b"placed");
            tx.put_stream_snapshot(&format!("order-{name}"), 1, state).await?;
            tx.commit().await?;
        }
        keep(ports.clone(), name).await
    })
}

#[test]
fn a_snapshot_that_is_kept_stands_in_the_trace() {
    let topology = |_| fronts(|boot| serve(boot.ports, keep_with_snapshots)).events("front");
    let service = Service::wrong("keeps-snapshots", topology).right();
    let plan = Generator::new(&service).plan(7, Profile::Calm);
    let report = run(&service, &plan, &RunOptions::default().keep_trace(true)).expect("the plan is valid");
    let effects = report.trace.iter().flatten().flat_map(|event| event.effects());
    let kept = effects.filter(|effect| matches!(effect, Effect::Snapshot { version: 1, .. }));
    assert_eq!((kept.count(), report.violations), (plan.workload.len(), vec![]));
}

fn struck(service: &Service) -> BTreeMap<Operation, usize> {
    let (generator, mut struck) = (Generator::new(service), BTreeMap::new());
    for seed in 0..2_000 {
        for fault in generator.plan(seed, Profile::Everything).faults {
            if let Fault::Call(call) = fault {
                let Point::Only(operation) = call.point else { panic!("plans name operations: {call:?}") };
                *struck.entry(operation).or_default() += 1;
            }
        }
    }
    struck
}

/// Of streams, and of nothing else.
const STREAMS: [Operation; 5] = [
    Operation::AppendEvents,
    Operation::ReadEvents,
    Operation::ReadStream,
    Operation::StreamSnapshot,
    Operation::PutStreamSnapshot,
];

#[test]
fn calls_of_streams_are_struck_where_a_topology_declares_them_and_nowhere_else() {
    let with = struck(&RIGHT);
    assert!(STREAMS.iter().all(|operation| with.get(operation).is_some_and(|count| *count > 10)), "{with:?}");
    let undeclared = Service::wrong("keeps-none", |_| {
        let figures = fronts(|boot| serve(boot.ports, keep));
        figures.process("figures-1", "figures", "front", |boot| subscribe(boot.ports))
    });
    let without = struck(&undeclared.right());
    assert!(STREAMS.iter().all(|operation| !without.contains_key(operation)), "{without:?}");
}

/// Every profile, so that whatever fits strikes somewhere: core's subscriber holds.
#[test]
fn the_core_keeps_events_under_every_profile() {
    let mut options = SweepOptions::new(Seeds::Base(0x5ea_000a), Until::runs(1_000));
    options.profiles = Profile::ALL.to_vec();
    let campaign = sweep(&RIGHT, &options, &|_| {}).expect("the sweep has seeds");
    assert_eq!(campaign.failed, 0, "{:#?}", campaign.failures);
    for name in ["dense-streams", "gap-read-past", "checkpoint-beyond-effect", "event-once", "stands-still"] {
        assert!(campaign.invariants[name].times > 1_000, "{name}: {:?}", campaign.invariants[name]);
    }
}
