use std::{future::pending, time::Duration};

use bytes::Bytes;
use seaworthy_core::{
    message::{Message, MessageBuilder},
    ports::{Expected, Ports, SubscriptionSpec, Timestamp},
};

use super::{Probe, execute, only};

pub(super) fn message() -> Message {
    MessageBuilder::new("orders", "order.placed", "order-17").derive(
        uuid::Uuid::from_u128(7),
        &["it"],
        Timestamp::EPOCH,
    )
}

/// Answers one request and goes on with nothing else.
async fn accept(ports: &Ports) {
    let request = ports.ingress.next().await.expect("nobody asks it to stop");
    request.response.accept(Bytes::new());
}

#[test]
fn a_request_that_nobody_answers_is_told_with_who_took_it() {
    let probe = Probe::new(|boot| {
        Box::pin(async move {
            let mut forgotten = Vec::new();
            loop {
                forgotten.push(boot.ports.ingress.next().await);
            }
        })
    });
    let report = execute(&probe);
    let sentence = only(&report, "request-unanswered");
    assert!(sentence.contains("request 1 `count` of service service was never answered, asked "), "{sentence}");
    assert!(sentence.ends_with("one took it and did not answer"), "{sentence}");
    assert!(report.virtual_time < Duration::from_secs(3 * 3_600), "{:?}", report.virtual_time);
}

#[test]
fn a_request_that_nobody_takes_is_kept_once() {
    let report = execute(&Probe::new(|_| Box::pin(pending())));
    assert!(only(&report, "request-unanswered").ends_with("nobody took it"));
}

#[test]
fn a_main_function_that_returns_while_the_client_asks_is_told_as_what_it_is() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            boot.ports.clock.sleep(Duration::from_millis(1_500)).await;
        })
    }));
    let sentence = only(&report, "request-unanswered");
    assert!(sentence.contains("the main function of one returned at 1.50"), "{sentence}");
}

#[test]
fn a_request_goes_to_a_replica_whose_main_function_has_not_returned() {
    let mut probe = Probe::new(|boot| Box::pin(async move { drop(boot) }));
    probe.topology = |topology| {
        topology.process("two", "service", "store", |boot| async move {
            loop {
                accept(&boot.ports).await;
            }
        })
    };
    probe.drive = |client, _| Box::pin(super::ask(client, 50));
    let report = execute(&probe);
    assert!(report.held(), "{:?}", report.violations);
    assert!(report.virtual_time < Duration::from_secs(4), "it was not asked in vain: {:?}", report.virtual_time);
}

#[test]
fn a_task_that_a_main_function_leaves_behind_still_serves() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            let ports = boot.ports.clone();
            boot.ports.spawner.spawn(
                "serve",
                Box::pin(async move {
                    loop {
                        accept(&ports).await;
                    }
                }),
            );
        })
    }));
    assert!(report.held(), "{:?}", report.violations);
}

#[test]
fn a_row_that_no_relay_asks_for_is_told_by_its_kind_and_key() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            let mut tx = boot.ports.store.begin().await.expect("calm");
            tx.stage(&message()).await.expect("calm");
            tx.commit().await.expect("calm");
            accept(&boot.ports).await;
            pending::<()>().await;
        })
    }));
    let sentence = only(&report, "no-row-stuck");
    assert!(sentence.contains("`order.placed` of `order-17`, key `order-17`, was never claimed"), "{sentence}");
}

#[test]
fn a_message_without_a_consumer_is_told_with_its_group() {
    let mut probe = Probe::new(|boot| {
        Box::pin(async move {
            let published = boot.ports.broker.publish(&[message()]).await;
            assert!(published.is_ok_and(|results| results.iter().all(Result::is_ok)));
            accept(&boot.ports).await;
            pending::<()>().await;
        })
    });
    probe.topology = |topology| topology.group("shipping", &["orders"]);
    let report = execute(&probe);
    let sentence = only_of(&report, "message-unhandled");
    assert!(sentence.contains("`order.placed` of `order-17` waits in group shipping"), "{sentence}");
    assert!(sentence.contains("never delivered"), "{sentence}");
}

/// The violation of one invariant, whatever else is found.
fn only_of(report: &seaworthy_sim::world::RunReport, invariant: &str) -> String {
    let found: Vec<&str> = report
        .violations
        .iter()
        .filter(|violation| violation.invariant == invariant)
        .map(|violation| violation.sentence.as_str())
        .collect();
    assert_eq!(found.len(), 1, "{:?}", report.violations);
    assert!(report.violations.iter().all(|found| found.invariant != "livelock"), "{:?}", report.violations);
    found[0].to_owned()
}

#[test]
fn a_message_that_is_given_back_each_time_is_told_as_one_without_a_handler() {
    let mut probe = Probe::new(|boot| {
        Box::pin(async move {
            let published = boot.ports.broker.publish(&[message()]).await;
            assert!(published.is_ok_and(|results| results.iter().all(Result::is_ok)));
            accept(&boot.ports).await;
            let spec = SubscriptionSpec { group: "shipping".into(), topics: vec!["orders".into()] };
            let subscription = boot.ports.broker.subscribe(&spec).await.expect("calm");
            loop {
                for delivery in subscription.receive(10).await.expect("calm") {
                    subscription.nack(delivery.tag, Duration::from_secs(1)).await.expect("calm");
                }
            }
        })
    });
    probe.topology = |topology| topology.group("shipping", &["orders"]);
    let sentence = only_of(&execute(&probe), "message-unhandled");
    assert!(sentence.contains("given back each time: no handler takes it"), "{sentence}");
}

#[test]
fn a_lock_that_nobody_releases_is_told_by_its_name() {
    let mut probe = Probe::new(|boot| {
        Box::pin(async move {
            let mut tx = boot.ports.store.begin().await.expect("calm");
            tx.put("locks", "account-3", Expected::Absent, Bytes::new()).await.expect("calm");
            tx.commit().await.expect("calm");
            accept(&boot.ports).await;
            pending::<()>().await;
        })
    });
    probe.topology = |topology| topology.lock("locks");
    let sentence = only(&execute(&probe), "lock-stranded");
    assert_eq!(sentence, "lock `account-3` of `locks` was taken by one, and nobody has released it");
}

#[test]
fn the_commonest_error_of_what_is_stuck_is_told() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            let mut tx = boot.ports.store.begin().await.expect("calm");
            tx.stage(&message()).await.expect("calm");
            tx.commit().await.expect("calm");
            accept(&boot.ports).await;
            loop {
                boot.ports.clock.sleep(Duration::from_secs(1)).await;
                let mut tx = boot.ports.store.begin().await.expect("calm");
                // Swallowed, as it happens.
                let _ = tx.put("orders", "17", Expected::Version(3), Bytes::new()).await;
            }
        })
    }));
    let sentence = only(&report, "no-row-stuck");
    assert!(sentence.contains("; commonest error: "), "{sentence}");
    assert!(sentence.contains(" x put by one)"), "{sentence}");
}
