use std::{future::pending, time::Duration};

use bytes::Bytes;
use seaworthy_core::ports::Ports;
use seaworthy_sim::{invariants::Ending, scenario::Topology, trace::What};

use super::{Probe, execute, only};

async fn accept(ports: &Ports) {
    let request = ports.ingress.next().await.expect("nobody asks it to stop");
    request.response.accept(Bytes::new());
}

#[test]
fn the_first_panic_of_a_process_ends_the_run_and_says_where_it_was() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            let mut tx = boot.ports.store.begin().await.expect("calm");
            assert!(tx.get("count", "it").await.expect("calm").is_some(), "the count is missing");
        })
    }));
    let sentence = only(&report, "panic");
    assert!(sentence.starts_with("process one panicked: the count is missing at "), "{sentence}");
    assert!(sentence.contains("panics.rs:"), "{sentence}");
    assert_eq!(report.ending, Ending::CutShort);
    let panics = report.trace.iter().flatten().filter(|event| matches!(event.what, What::Panic { .. }));
    assert_eq!(panics.count(), 1);
}

#[test]
fn a_timer_or_a_task_of_tokio_is_told_with_what_to_use_instead() {
    let sleeps = execute(&Probe::new(|_| Box::pin(tokio::time::sleep(Duration::from_secs(1)))));
    let spawns = execute(&Probe::new(|_| {
        Box::pin(async {
            let _ = tokio::spawn(async {}).await;
        })
    }));
    let threads = execute(&Probe::new(|_| {
        Box::pin(async {
            let _ = std::thread::spawn(|| {}).join();
        })
    }));
    for report in [sleeps, spawns, threads] {
        let sentence = only(&report, "panic");
        assert!(sentence.contains("`ports.clock.sleep(..)`"), "{sentence}");
        assert!(sentence.contains("`ports.spawner.spawn(..)`"), "{sentence}");
    }
}

#[test]
fn a_supervised_process_that_dies_at_boot_for_a_while_is_right() {
    let mut probe = Probe::new(|boot| {
        Box::pin(async move {
            // Its dependency is down for the first five seconds.
            let up = seaworthy_core::ports::Timestamp::from_micros(1_704_067_200_000_000) + Duration::from_secs(5);
            assert!(boot.ports.clock.now() >= up, "the database is down");
            loop {
                accept(&boot.ports).await;
            }
        })
    });
    probe.topology = Topology::supervised;
    let report = execute(&probe);
    assert!(report.held(), "{:?}", report.violations);
    let panics = report.trace.iter().flatten().filter(|event| matches!(event.what, What::Panic { .. }));
    assert_eq!(panics.count(), 5);
}

#[test]
fn a_supervised_process_that_panics_for_ever_is_a_finding() {
    let mut probe = Probe::new(|_| Box::pin(async { panic!("never again") }));
    probe.topology = Topology::supervised;
    let sentence = only(&execute(&probe), "panic");
    assert!(sentence.starts_with("process one panics whenever it is started again: never again"), "{sentence}");
}

#[test]
fn a_panic_of_the_client_is_a_violation() {
    let mut probe = Probe::new(|_| Box::pin(pending()));
    probe.drive = |_, _| Box::pin(async { panic!("never refused") });
    let sentence = only(&execute(&probe), "client-panicked");
    assert!(sentence.starts_with("the client panicked: never refused at "), "{sentence}");
    probe.drive = |client, _| {
        Box::pin(async move {
            client.spawn(async { panic!("in a task") });
            pending::<()>().await;
        })
    };
    assert!(only(&execute(&probe), "client-panicked").contains("in a task"));
}

#[test]
fn a_client_that_asks_a_service_that_is_not_there_is_no_client_that_was_refused() {
    let mut probe = Probe::new(|_| Box::pin(pending()));
    probe.drive = |client, _| {
        Box::pin(async move {
            let _ = client.ask("servcie", "count", Bytes::new()).await;
        })
    };
    let sentence = only(&execute(&probe), "client-panicked");
    assert!(sentence.contains("service \"servcie\", which the client asks; it has service"), "{sentence}");

    probe.topology = |_| Topology::new();
    let sentence = only(&execute(&probe), "client-panicked");
    assert!(sentence.contains("which the client asks; it has no process at all: add one with "), "{sentence}");
}
