//! A panic is shrunk towards itself, and not towards one that only smaller workloads lead to.

use std::future::pending;

use bytes::Bytes;
use seaworthy_sim::{
    explore::{ShrinkOptions, Shrunk, shrink},
    plan::{FORMAT, Latency, Plan, Schedule},
    world::{RunOptions, run},
};

use super::{Asked, Probe};

/// Shrinks the plan of so many items, none of whose runs is disturbed, towards the first thing that it violates.
fn shrunk(probe: &Probe, items: u32) -> Shrunk<Asked> {
    let schedule = Schedule { latency: Latency::Equal { ms: 1 }, ..Schedule::default() };
    let (scenario, workload) = ("probe".into(), Asked(items));
    let plan = Plan { format: FORMAT.into(), scenario, seed: 1, schedule, workload, faults: Vec::new() };
    let found = run(probe, &plan, &RunOptions::default()).expect("valid").violations.remove(0);
    shrink(probe, &plan, &found, &ShrinkOptions::default(), &|_| {}).expect("it fails each time")
}

#[test]
fn a_clients_panic_is_not_shrunk_to_one_that_comes_of_the_shrinking() {
    let mut probe = Probe::new(|_| Box::pin(pending()));
    probe.drive = |_, items| {
        Box::pin(async move {
            let items = vec![(); items as usize];
            // No workload that is drawn is empty.
            let () = items[0];
            assert!(items.len() > 2 || items.len() == 1, "a pair");
        })
    };
    let pair = shrunk(&probe, 2);
    assert_eq!(pair.plan.workload, Asked(2));
    assert!(pair.violation.sentence.starts_with("the client panicked: a pair at "), "{}", pair.violation.sentence);
}

#[test]
fn nor_is_a_processs_panic() {
    let mut probe = Probe::new(|boot| {
        Box::pin(async move {
            while let Some(request) = boot.ports.ingress.next().await {
                let items = request.body.as_ref();
                let least = items.iter().min().expect("somebody asks for something");
                assert!(items.len() != 2, "a pair of at least {least}");
                request.response.accept(Bytes::new());
            }
        })
    });
    probe.drive = |client, items| {
        Box::pin(async move {
            let _ = client.ask("service", "count", Bytes::from(vec![7; items as usize])).await;
        })
    };
    let pair = shrunk(&probe, 2);
    assert_eq!(pair.plan.workload, Asked(2));
    assert!(pair.violation.sentence.starts_with("process one panicked: a pair of at least 7 at "), "it is told");
}
