//! A service that waits for its relay to end, and gave it a stop that nobody sets: asked to stop, the process stays until it is killed.

use futures_util::future::join;
use seaworthy_core::{outbox::Relay, stop::Stop};
use seaworthy_sim::{
    generate::generate,
    plan::{Disturbance, Fault, Profile, TimedFault},
    scenario::{Boot, Topology, Workload as _},
    world::{RunOptions, run},
};

use crate::small_service::{
    Service,
    messaging::{fronts, listener, placing},
    serve,
};

pub(super) const WRONG: Service = Service::wrong("ignores-its-stop", topology);

fn topology(is_right: bool) -> Topology {
    listener(fronts(move |boot| front(boot, is_right)))
}

async fn front(boot: Boot, is_right: bool) {
    let relay = Relay::new(&boot.ports);
    let relay = if is_right { relay } else { relay.stop(Stop::new()) };
    join(relay.run(), serve(boot.ports, placing)).await;
}

/// A rollout alone, which asks one process twice: first for its next release, then for the one before.
#[test]
fn a_process_that_stays_when_its_next_release_comes_and_when_that_is_taken_back() {
    let wrong = Service::wrong("ignores-its-stop-in-a-rollout", |is_right| topology(is_right).next_release());
    // A request a minute, so that there is something to do for as long as it takes.
    let wrong = Service { gap_ms: 60_000, ..wrong.fails_for_good() };
    for (service, told) in [(wrong, 2), (wrong.right(), 0)] {
        let mut drawn = (0..).map(|seed| generate(&service, seed, Profile::Calm));
        let mut plan = drawn.find(|plan| plan.workload.len() == 3).expect("one in three is");
        let what = Disturbance::Rollout { process: "front-2".into() };
        plan.faults = vec![Fault::Timed(TimedFault { from_ms: 1_000, to_ms: 50_000, what })];
        let report = run(&service, &plan, &RunOptions::default()).expect("the plan is valid");
        let by = report.violations.iter().map(|violation| violation.invariant.as_str()).collect::<Vec<_>>();
        assert_eq!(by, vec!["stops-when-asked"; told], "{}", service.name);
        assert!(report.judged.iter().any(|judged| judged.invariant == "stops-when-asked" && judged.times == 2));
    }
}
