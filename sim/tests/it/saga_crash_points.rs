//! Every port call of a saga's process fails once in every way, and once each in pairs of crashes: the saga always
//! reaches the end that it reaches without failures, with every effect once.

use std::time::Duration;

use crate::saga_support::{
    Harbour,
    gate::{Disposition, Gate},
    simulate,
    steps::{self, Trip, effects},
};
use seaworthy_core::{
    ports::{SagaStatus, SagaStore},
    saga::{Definition, Registry, SagaError, Signal, saga_id},
};

struct Voyage {
    definition: fn() -> Definition<Trip>,
    trip: Trip,
    refusing: Option<&'static str>,
    /// Signals that the customer gives it: the first at once, each of the others after some seconds.
    signals: &'static [&'static str],
    end: SagaStatus,
}

fn voyages() -> Vec<Voyage> {
    let plain = Trip::default;
    let rejected = |step: &str| Trip { rejected: Some(step.to_owned()), insured: true };
    vec![
        Voyage {
            definition: steps::sequential,
            trip: plain(),
            refusing: None,
            signals: &[],
            end: SagaStatus::Completed,
        },
        Voyage {
            definition: steps::sequential,
            trip: rejected("pay"),
            refusing: None,
            signals: &[],
            end: SagaStatus::Compensated,
        },
        Voyage {
            definition: steps::sequential,
            trip: plain(),
            refusing: Some("hotel"),
            signals: &[],
            end: SagaStatus::Compensated,
        },
        Voyage { definition: steps::parallel, trip: plain(), refusing: None, signals: &[], end: SagaStatus::Completed },
        Voyage {
            definition: steps::parallel,
            trip: plain(),
            refusing: Some("car"),
            signals: &[],
            end: SagaStatus::Compensated,
        },
        Voyage {
            definition: steps::parallel,
            trip: plain(),
            refusing: Some("pay"),
            signals: &[],
            end: SagaStatus::Compensated,
        },
        Voyage {
            definition: steps::parallel,
            trip: rejected("guide"),
            refusing: None,
            signals: &[],
            end: SagaStatus::Compensated,
        },
        Voyage {
            definition: steps::overdue,
            trip: plain(),
            refusing: None,
            signals: &[],
            end: SagaStatus::Compensated,
        },
    ]
}

/// Voyages that wait for what the customer says: of so many calls that pairs of them would take long.
fn waits() -> Vec<Voyage> {
    let signals = &["approved", "paid"];
    let end = SagaStatus::Completed;
    vec![Voyage { definition: steps::waiting, trip: Trip::default(), refusing: None, signals, end }]
}

/// What can be seen of a voyage after it has come to rest.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: SagaStatus,
    effects: Vec<(String, u8, u8)>,
    booked: Vec<String>,
}

async fn status(harbour: &Harbour) -> Option<SagaStatus> {
    let saga = harbour.store.saga_by_key("trip", "t-1").await.expect("a store in memory never fails");
    saga.map(|saga| saga.status)
}

/// Runs a voyage whose processes are struck, one process after the other, and returns how many calls the first made until
/// the voyage had ended; later ones are recovery looking for work.
fn sail(voyage: &Voyage, gates: &[Vec<(usize, Disposition)>]) -> (usize, Seen) {
    simulate(async {
        let harbour = Harbour::new();
        if let Some(service) = voyage.refusing {
            harbour.outside.refuse(service);
        }
        let registry = || {
            let mut registry = Registry::new();
            registry.register((voyage.definition)()).expect("one definition");
            registry
        };
        let mut first = None;
        let mut left = gates.iter();
        // Each crash boots the next process; the last one is not struck. The customer asks until the answer is heard.
        loop {
            let strikes = left.next();
            let gate = Gate::striking(strikes.cloned().unwrap_or_default());
            let (orchestrator, stop) = harbour.boot(&gate, registry());
            let recovery = orchestrator.clone();
            // A crash drops what the process had open, so it is a node of its own.
            let node = madsim::runtime::Handle::current().create_node().build();
            node.spawn(async move { recovery.run_recovery(&stop).await });
            let (trip, signals) = (voyage.trip.clone(), voyage.signals);
            node.spawn(async move {
                while orchestrator.start("trip", "t-1", &trip).await.is_err() {
                    madsim::time::sleep(Duration::from_secs(1)).await;
                }
                for name in signals {
                    while let Err(error) = orchestrator.signal(saga_id("trip", "t-1"), &Signal::new(name, name)).await {
                        if matches!(error, SagaError::Ended { .. }) {
                            return;
                        }
                        madsim::time::sleep(Duration::from_secs(1)).await;
                    }
                    madsim::time::sleep(Duration::from_secs(5)).await;
                }
            });
            // Longer than a lease, the pauses after failures, and the rounds of recovery together.
            for _ in 0..600 {
                madsim::time::sleep(Duration::from_millis(100)).await;
                if first.is_none() && status(&harbour).await == Some(voyage.end) {
                    first = Some(gate.calls());
                }
            }
            gate.kill();
            madsim::runtime::Handle::current().kill(node.id());
            if strikes.is_none() {
                break;
            }
        }
        let seen = Seen {
            status: status(&harbour).await.expect("it was started"),
            effects: effects(&harbour.store).await,
            booked: harbour.outside.booked(),
        };
        (first.unwrap_or_default(), seen)
    })
}

/// The end without failures, as far as failures may not change it. What a rejected trip had begun in parallel depends
/// on the moment, but it is undone as often as it was done.
fn check(voyage: &Voyage, calm: &Seen, seen: &Seen, strikes: &[Vec<(usize, Disposition)>]) {
    let says = || format!("{strikes:?}: {seen:?} instead of {calm:?}");
    assert_eq!(seen.status, voyage.end, "{}", says());
    if voyage.end == SagaStatus::Completed {
        assert_eq!(seen, calm, "{}", says());
    } else {
        assert!(seen.effects.iter().all(|(_, done, undone)| *done == 1 && *undone == 1), "{}", says());
        assert!(seen.booked.is_empty(), "{}", says());
    }
}

/// Calls that a run makes without failures, and its end.
fn calls_until_rest(voyage: &Voyage) -> (usize, Seen) {
    let (calls, seen) = sail(voyage, &[]);
    check(voyage, &seen, &seen, &[]);
    (calls, seen)
}

#[test]
fn seed_52_every_single_failure_of_every_port_call_leads_to_the_same_end() {
    let mut runs = 0;
    for voyage in voyages().into_iter().chain(waits()) {
        let (calls, calm) = calls_until_rest(&voyage);
        for call in 0..calls {
            for strike in Disposition::ALL {
                let strikes = [vec![(call, strike)]];
                check(&voyage, &calm, &sail(&voyage, &strikes).1, &strikes);
                runs += 1;
            }
        }
    }
    assert!(runs > 500, "only {runs} runs");
}

#[test]
fn seed_52_a_crash_in_the_recovery_from_a_crash_leads_to_the_same_end() {
    // Two fleets, since one core would be at it long after the other has nothing left to do.
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| crashed_twice(voyages().into_iter().skip(1).step_by(2)));
        (crashed_twice(voyages().into_iter().step_by(2)), other.join().expect("each leads to the same end"))
    });
    assert!(one + other > 1_500, "only {one} and {other} runs");
}

fn crashed_twice(voyages: impl Iterator<Item = Voyage>) -> u32 {
    let mut runs = 0;
    for voyage in voyages {
        let (calls, calm) = calls_until_rest(&voyage);
        // The second process has the first one's work before it, less what was done.
        for first in 0..calls {
            for second in 0..calls {
                let strikes = [vec![(first, Disposition::CrashAfter)], vec![(second, Disposition::CrashBefore)]];
                check(&voyage, &calm, &sail(&voyage, &strikes).1, &strikes);
                runs += 1;
            }
        }
    }
    runs
}

#[test]
fn two_lost_answers_in_one_run_lead_to_the_same_end() {
    let mut runs = 0;
    for voyage in voyages().into_iter().chain(waits()) {
        let (calls, calm) = calls_until_rest(&voyage);
        for first in 0..calls {
            for (second, strike) in [(first + 1, Disposition::RequestLost), (first + 2, Disposition::ReplyLost)] {
                let strikes = [vec![(first, Disposition::ReplyLost), (second, strike)]];
                check(&voyage, &calm, &sail(&voyage, &strikes).1, &strikes);
                runs += 1;
            }
        }
    }
    assert!(runs > 200, "only {runs} runs");
}
