//! What a run costs that would never end: its budget, counted in port calls and polls. No clock on the wall is asked.

use std::{task::Poll, time::Duration};

use bytes::Bytes;
use seaworthy_core::ports::{Expected, Ports};
use seaworthy_sim::{
    invariants::Ending,
    world::{Budget, RunReport},
};

use super::{Probe, execute_within};

/// So many port calls, and of whatever else as many as usual.
fn budget(port_calls: u64) -> Budget {
    Budget::default().port_calls(port_calls).port_calls_per_item(0)
}

fn calls(report: &RunReport) -> u64 {
    report.calls.iter().sum()
}

async fn accept(ports: &Ports) {
    let request = ports.ingress.next().await.expect("nobody asks it to stop");
    request.response.accept(Bytes::new());
}

/// Two calls for each new document, without end.
fn moves() -> Probe {
    Probe::new(|boot| {
        Box::pin(async move {
            accept(&boot.ports).await;
            for job in 0_u64.. {
                let mut tx = boot.ports.store.begin().await.expect("calm");
                tx.put("jobs", &format!("job-{job}"), Expected::Absent, Bytes::new()).await.expect("calm");
                tx.commit().await.expect("calm");
            }
        })
    })
}

/// Reads without end and without a wait, and changes nothing.
fn reads() -> Probe {
    Probe::new(|boot| {
        Box::pin(async move {
            loop {
                let mut tx = boot.ports.store.begin().await.expect("calm");
                tx.get("jobs", "one").await.expect("calm");
            }
        })
    })
}

#[test]
fn what_moves_without_end_makes_as_many_port_calls_as_its_budget_allows() {
    // The request, its repetitions and what came before the first change are a few.
    const FEW: u64 = 20;
    for allowed in [2_000, 4_000, 20_000] {
        let report = execute_within(&moves(), budget(allowed));
        assert_eq!(report.ending, Ending::OutOfBudget);
        let made = calls(&report);
        assert!((allowed..=allowed + FEW).contains(&made), "{made} of {allowed}");
        assert!(report.events <= allowed + FEW, "{} events", report.events);
        assert!(report.effort.wakes <= allowed * budget(allowed).steps_per_port_call, "{:?}", report.effort);
    }
}

#[test]
fn what_reads_without_end_makes_five_times_as_many_and_no_more() {
    // What changes nothing is bounded by virtual time, an hour, in which it could make millions.
    for allowed in [20_000, 40_000] {
        let report = execute_within(&reads(), budget(allowed));
        assert_eq!(report.ending, Ending::OutOfBudget);
        let made = calls(&report);
        assert!(made > allowed && made <= 5 * allowed, "{made} of {allowed}");
    }
}

#[test]
fn what_polls_and_waits_in_vain_ends_by_virtual_time_long_before_its_budget_of_calls() {
    let probe = Probe::new(|boot| {
        Box::pin(async move {
            loop {
                boot.ports.clock.sleep(Duration::from_secs(1)).await;
                let mut tx = boot.ports.store.begin().await.expect("calm");
                tx.get("jobs", "one").await.expect("calm");
            }
        })
    });
    let report = execute_within(&probe, Budget::default());
    assert_eq!(report.ending, Ending::OutOfBudget);
    let (hours, made) = (report.virtual_time.as_secs_f64() / 3_600.0, calls(&report));
    assert!(hours < 2.0, "{hours} hours");
    // A begin, a read and an end for each second, and the request that the client repeats.
    assert!(made < 4 * 2 * 3_600, "{made} calls");
}

#[test]
fn what_gives_way_and_goes_on_at_once_is_polled_as_often_as_its_budget_allows() {
    let probe = Probe::new(|boot| {
        Box::pin(async move {
            accept(&boot.ports).await;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })
            .await;
        })
    });
    for allowed in [100, 1_000] {
        let budget = budget(allowed);
        let report = execute_within(&probe, budget);
        assert_eq!(report.ending, Ending::OutOfBudget);
        let (polled, steps) = (report.effort.wakes, allowed * budget.steps_per_port_call);
        // The world looks after it has been told; whoever spins is polled in between.
        assert!(polled > steps && polled < 2 * steps + 1_000, "{polled} of {steps}");
    }
}

/// One new document every five seconds, without end: nothing that a store would call pending.
fn moves_slowly() -> Probe {
    Probe::new(|boot| {
        Box::pin(async move {
            accept(&boot.ports).await;
            for beat in 0_u64.. {
                boot.ports.clock.sleep(Duration::from_secs(5)).await;
                let mut tx = boot.ports.store.begin().await.expect("calm");
                tx.put("beats", &format!("beat-{beat}"), Expected::Absent, Bytes::new()).await.expect("calm");
                tx.commit().await.expect("calm");
            }
        })
    })
}

#[test]
fn what_moves_slowly_without_end_is_given_up_after_the_time_to_settle() {
    for hours in [1, 6] {
        let settle = Duration::from_secs(hours * 3_600);
        let report = execute_within(&moves_slowly(), Budget::default().settle(settle));
        assert_eq!(report.ending, Ending::OutOfBudget);
        let took = report.virtual_time;
        assert!(took > settle && took < settle + Duration::from_secs(900), "{took:?}");
        let livelock = report.violations.iter().find(|violation| violation.invariant == "livelock");
        let sentence = &livelock.expect("it is told as what it is").sentence;
        assert!(sentence.contains("time to settle") && sentence.contains("over and over"), "{sentence}");
    }
}
